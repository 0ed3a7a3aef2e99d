import { createServer as createHttpServer, type Server } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, release, tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { countPools, poolsFault, takenRanges } from "../../run/guards/address-pools";
import { diskFaults } from "../../run/guards/disk";
import { settingsImageFaults } from "../../run/guards/images";
import { parsePrefix } from "../../run/guards/ipv4";
import { type EngineNetwork, readNameServers, readRoutes, sharesFiles, sharesNetwork } from "../../run/guards/locality";
import { portFaults } from "../../run/guards/ports";

const scratch = mkdtempSync(join(tmpdir(), "guards-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** As Docker Engine 20.10 answers `GET /networks`, the first three of a fresh one. */
const network = (Name: string, Subnet: string | undefined, more: Partial<EngineNetwork> = {}): EngineNetwork => ({
  ...{ Id: `${Name}0123456789abcdef`, Name, Driver: "bridge", Scope: "local", Labels: {}, Options: {} },
  IPAM: { Config: Subnet === undefined ? [] : [{ Subnet }] },
  ...more,
});
const fresh = [
  network("bridge", "172.17.0.0/16", { Options: { "com.docker.network.bridge.name": "docker0" } }),
  network("host", undefined, { Driver: "host" }),
  network("none", undefined, { Driver: "null", IPAM: { Config: null } }),
];

/** The kernel's table of a host with a VPN that takes 172.16.0.0/12 through a gateway. */
const routeTable = [
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
  "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
  "tun0\t000010AC\t0100080A\t0003\t0\t0\t0\t0000F0FF\t0\t0\t0",
  "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
  "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
].join("\n");
const file = (name: string, text: string) => {
  writeFileSync(join(scratch, name), `${text}\n`);
  return join(scratch, name);
};

describe("address pools", () => {
  const routes = readRoutes(file("route", routeTable));
  const nameServers = readNameServers(file("resolv.conf", "search lan\nnameserver 192.168.200.1\nnameserver fe80::1"));

  test("of an Engine without settings there are 31; its own network takes one", () => {
    expect(countPools({}, takenRanges(fresh, undefined, true))).toEqual({ total: 31, free: 30 });
    expect(countPools({ DefaultAddressPools: null }, [])).toEqual({ total: 31, free: 31 });
  });

  test("are those that the Engine tells of, those of IPv6 left out", () => {
    const DefaultAddressPools = [
      { Base: "10.201.0.0/16", Size: 24 },
      { Base: "10.9.0.0/24", Size: 25 },
      { Base: "fd00::/48", Size: 64 },
    ];
    expect(countPools({ DefaultAddressPools }, [])).toEqual({ total: 258, free: 258 });
    const taken = [
      "10.201.0.0/24",
      "10.201.4.0/22",
      "10.201.5.0/24",
      "10.201.6.0/24",
      "10.201.255.128/25",
      "10.9.0.0/25",
      "9.0.0.0/8",
    ];
    expect(
      countPools(
        { DefaultAddressPools },
        taken.map((text) => parsePrefix(text)!),
      ).free,
    ).toBe(251);
  });

  test("a huge pool is counted at once, and a network around it takes all of it", () => {
    const DefaultAddressPools = [{ Base: "10.0.0.0/8", Size: 30 }];
    expect(countPools({ DefaultAddressPools }, [])).toEqual({ total: 4_194_304, free: 4_194_304 });
    expect(countPools({ DefaultAddressPools }, [parsePrefix("0.0.0.0/0")!]).free).toBe(0);
  });

  test("networks of a swarm have pools of their own", () => {
    const swarm = network("ingress", "172.18.0.0/16", { Driver: "overlay", Scope: "swarm" });
    expect(countPools({}, takenRanges([...fresh, swarm], undefined, true)).free).toBe(30);
  });

  test("what the host's routes and name servers lie in is taken; since version 23 a gateway's route isn't", () => {
    const free = (before23: boolean) => countPools({}, takenRanges(fresh, { routes, nameServers }, before23)).free;
    // All of 172.17 to 172.31 is the VPN's; of 192.168 one range is the network's and one the name server's.
    expect(free(true)).toBe(14);
    expect(free(false)).toBe(28);
  });

  test("too few are told in one line with the remedies, enough are not", () => {
    const ours = network("ci-1a2b3c4", "172.18.0.0/16", { Labels: { "dev.seatrial.project": "seatrial" } });
    const fault = poolsFault({ total: 31, free: 0 }, [...fresh, ours], 1);
    expect(fault).toMatch(/^the Docker Engine has 0 of 31 address ranges left for networks, a run wants 1; .*$/);
    expect(fault).toContain("networks, of which it has 2, 1 of them from runs");
    expect(fault).toMatch(/seatrial gc.*docker network prune.*default-address-pools/);
    expect(poolsFault({ total: 31, free: 1 }, fresh, 1)).toBeUndefined();
    expect(poolsFault({ total: 31, free: 0 }, fresh, 0)).toBeUndefined();
  });
});

test("whether the Engine's disks and ports are ours too", () => {
  const info = { Name: hostname(), KernelVersion: release(), DockerRootDir: "/var/lib/docker" };
  expect(sharesFiles(info, "/var/run/docker.sock")).toBe(true);
  expect(sharesFiles(info, undefined)).toBe(false);
  expect(sharesFiles({ ...info, Name: "docker-desktop" }, "/var/run/docker.sock")).toBe(false);
  const routes = readRoutes(file("route", routeTable));
  expect(sharesNetwork(fresh, routes)).toBe(true);
  // As in a container beside the Engine: its route to the bridge's network goes over a device of its own.
  expect(sharesNetwork(fresh, [{ ...routes[1]!, device: "eth0" }])).toBe(false);
  expect(sharesNetwork([network("a1b2c3d4e5f6", "10.0.0.0/24")], [{ ...routes[1]!, device: "br-a1b2c3d4e5f6" }])).toBe(
    true,
  );
  expect(readRoutes(join(scratch, "none"))).toEqual([]);
});

test("a disk with less than is wanted is told once, with all that is to be written there", async () => {
  const places = [
    { what: "the results", path: join(scratch, "not/made/yet"), remedy: "go elsewhere" },
    { what: "the state", path: scratch, remedy: "go away" },
  ];
  expect(statSync(scratch).isDirectory()).toBe(true);
  expect(await diskFaults(places, 1)).toEqual([]);
  const faults = await diskFaults(places, 2 ** 60);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(
    /^the disk of the results \(.*yet\), the state \(.*\) has [\d.]+ [MG]iB left, a run wants /,
  );
  expect(faults[0]).toMatch(/: go elsewhere, or go away; the setting run:guard\.freeDisk says how much must be left$/);
});

describe("ports", () => {
  const engine = (...Ports: Partial<Docker.Port>[]) =>
    ({ listContainers: () => Promise.resolve([{ Id: "c1", Names: ["/db-of-dev"], Ports }]) }) as unknown as Docker;
  const shared = { sharesNetwork: true };
  const tcp = (port: number, ip = "0.0.0.0") => [{ ip, port, protocol: "tcp" }];

  test("that a container has are its, wherever the Engine is", async () => {
    const docker = engine({ IP: "127.0.0.1", PublicPort: 5432, PrivatePort: 5432, Type: "tcp" });
    const taken = ["port 5432 of the host is taken by the container db-of-dev; stop it, or publish another port"];
    expect(await portFaults(docker, tcp(5432), { sharesNetwork: false })).toEqual(taken);
    expect(await portFaults(docker, tcp(5432, "10.0.0.1"), { sharesNetwork: false })).toEqual([]);
    expect(await portFaults(docker, [{ ...tcp(5432)[0]!, protocol: "udp" }], { sharesNetwork: false })).toEqual([]);
    // It makes room for the one that replaces it.
    expect(await portFaults(docker, tcp(5432), { ...shared, except: "c1" })).toEqual([]);
  });

  test("that a process has are told where its host is the Engine's", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const taken = [
      `port ${port} of the host on 127.0.0.1 is taken by a process of the host; stop it, or publish another port`,
    ];
    expect(await portFaults(engine(), tcp(port, "127.0.0.1"), shared)).toEqual(taken);
    expect(await portFaults(engine(), tcp(port), shared)).toHaveLength(1);
    expect(await portFaults(engine(), tcp(port, "127.0.0.1"), { sharesNetwork: false })).toEqual([]);
    await new Promise((resolve) => server.close(resolve));
    expect(await portFaults(engine(), tcp(port, "127.0.0.1"), shared)).toEqual([]);
    expect(await portFaults(engine(), [{ ip: "127.0.0.1", port, protocol: "udp" }], shared)).toEqual([]);
    // An address that isn't this machine's: the Engine will say.
    expect(await portFaults(engine(), tcp(port, "203.0.113.1"), shared)).toEqual([]);
  });
});

describe("images that the settings name", () => {
  /** Answers of Docker Engine 20.10 to `GET /distribution/<name>/json`. */
  const answers: Record<string, [number, string]> = {
    "/distribution/there:1/json": [200, "{}"],
    "/distribution/registry.example/gone:1/json": [404, "manifest unknown: manifest unknown"],
    "/distribution/registry.example/private/json": [
      500,
      'Head "https://registry.example/v2/private/manifests/latest": no basic auth credentials',
    ],
    "/distribution/far.example/x/json": [
      500,
      'Get "https://far.example/v2/": dial tcp: lookup far.example on 10.0.0.53:53: no such host',
    ],
    "/distribution/odd/json": [404, "page not found"],
  };
  let server: Server;
  let docker: Docker;
  beforeAll(async () => {
    server = createHttpServer(({ url = "" }, response) => {
      const path = decodeURIComponent(url.replace(/\?.*$/, ""));
      const [status, text] = path === "/images/here:1/json" ? [200, "{}"] : (answers[path] ?? [404, "No such image"]);
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(status === 200 ? text : JSON.stringify({ message: text }));
    });
    const socketPath = join(scratch, "engine.sock");
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    docker = new Docker({ socketPath });
  });
  afterAll(() => server.close());

  const ask = (values: Record<string, string>) =>
    settingsImageFaults(
      docker,
      "small",
      new Map(Object.entries(values).map(([key, value]) => [key, { value, secret: false }])),
      { DOCKER_CONFIG: scratch },
    );

  test("are here, or their registry has them; what isn't an image's setting isn't asked for", async () => {
    expect(await ask({ "small:images.a": "here:1", "small:images.b": "there:1" })).toEqual([]);
    expect(
      await ask({ "small:image": "registry.example/gone:1", "other:images.x": "registry.example/gone:1" }),
    ).toEqual([]);
  });

  test.each([
    ["registry.example/gone:1", "name", "registry.example has no such tag; check the name and the tag"],
    ["registry.example/private", "name", /doesn't have it or wants a login; .*docker login registry\.example$/],
    ["far.example/x", "registry", /the Docker Engine doesn't reach far\.example \(.*no such host\); check its network/],
    [`sha256:${"0".repeat(64)}`, "name", "an id can't be pulled; build or load the image, or name it"],
  ])("%s: %s", async (image, fault, why) => {
    const [found, ...more] = await ask({ "small:images.app": image });
    expect(more).toEqual([]);
    expect(found!.fault).toBe(fault);
    expect(found!.message).toMatch(why);
    expect(found!.message).toContain(
      `the setting small:images.app can't be used: there is no image ${image} on the Docker Engine, and `,
    );
  });

  test("are left to the pull where the Engine can't say", async () => {
    expect(await ask({ "small:images.app": "odd" })).toEqual([]);
  });
});
