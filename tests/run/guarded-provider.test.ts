import { createServer, type AddressInfo, type Server } from "node:net";
import type Docker from "dockerode";
import { Secret, type PropertyMap, type Provider } from "../../engine";
import { guardedProvider } from "../../run/guards/guarded-provider";
import { type Levels, policies } from "../../run/policies";

const container = "docker:index/container:Container";
const off = Object.fromEntries(Object.keys(policies).map((name) => [name, "off"])) as Levels;

/** A provider that makes everything, behind the guards; `said` is what they warn of. */
function setUp({ levels = {}, held = [] }: { levels?: Partial<Levels>; held?: number[] } = {}) {
  const made: string[] = [];
  const said: string[] = [];
  const plainProvider = {
    pkg: "docker",
    version: "1.0.0",
    check: ({ news }: { news: PropertyMap }) =>
      Promise.resolve(
        news.bad === true ? { inputs: news, failures: [{ property: "bad", reason: "is" }] } : { inputs: news },
      ),
    configure: () => Promise.resolve({ acceptSecrets: false, acceptResources: false, supportsPreview: true }),
    diff: () => Promise.resolve({ changes: "some", replaces: ["image"] }),
    create({ name }: { name: string }) {
      made.push(name);
      return Promise.resolve({ id: name, properties: {} });
    },
  } as unknown as Provider;
  const notFound = Object.assign(new Error("no such image"), { statusCode: 404 });
  const engine = {
    modem: { dial: (_: object, done: (error: Error) => void) => done(notFound) },
    listNetworks: () => Promise.resolve([]),
    listContainers: () =>
      Promise.resolve([
        { Id: "old", Names: ["/old"], Ports: held.map((PublicPort) => ({ PublicPort, Type: "tcp", IP: "0.0.0.0" })) },
      ]),
  } as unknown as Docker;
  const provider = guardedProvider(() => plainProvider, {
    levels: { ...off, ...levels },
    connect: () => Promise.resolve(engine),
    env: {},
  })();
  const context = {
    signal: new AbortController().signal,
    log: (severity: string, message: string) => void said.push(`${severity}: ${message}`),
  };
  const identity = (name: string, type: string) => ({ urn: `urn:pulumi:ci::small::${type}::${name}`, name, type });
  const check = async (name: string, inputs: PropertyMap, type = container) =>
    (await provider.check({ ...identity(name, type), olds: {}, news: inputs, randomSeed: new Uint8Array(32) }, context))
      .failures;
  const create = (name: string, inputs: PropertyMap, preview = false) =>
    provider.create({ ...identity(name, container), properties: inputs, timeout: 0, preview }, context);
  const diff = (name: string, id: string) =>
    provider.diff({ ...identity(name, container), id, oldInputs: {}, olds: {}, news: {}, ignoreChanges: [] }, context);
  return { provider, made, said, check, create, diff };
}

test("a policy's warning is told once, its error fails the check, and what is off says nothing", async () => {
  const levels = { privileged: "warning", memoryLimits: "error" } as const;
  const { said, check } = setUp({ levels });
  const failures = await check("api", { image: "x", privileged: true, publishAllPorts: true });
  expect(failures).toEqual([
    { property: "", reason: "it may use all of the host's memory; set memory (policy memoryLimits)" },
  ]);
  expect(await check("api", { image: "x", privileged: true, memory: 64 })).toBeUndefined();
  expect(said).toEqual([expect.stringMatching(/^warning: it is privileged: .* \(policy privileged\)$/)]);
});

test("a secret hides nothing from a policy", async () => {
  const { check } = setUp({ levels: { privileged: "error" } });
  expect(await check("api", { privileged: new Secret(true) })).toHaveLength(1);
});

test("what the provider itself refuses is not judged besides", async () => {
  const { check } = setUp({ levels: { privileged: "error" } });
  expect(await check("api", { bad: true, privileged: true })).toEqual([{ property: "bad", reason: "is" }]);
});

test("an image that the program builds needs no digest", async () => {
  const { check } = setUp({ levels: { imageDigests: "error" } });
  expect(await check("api", { image: "app:1" })).toHaveLength(1);
  await check("app", { imageName: "app:1" }, "docker:index/image:Image");
  expect(await check("api", { image: "app:1" })).toBeUndefined();
});

describe("a port that is taken", () => {
  const ports = [{ internal: 80, external: 8080, ip: "0.0.0.0", protocol: "tcp" }];

  test("fails its container before it is made, but not the one that takes its place", async () => {
    const { made, create, diff } = setUp({ held: [8080] });
    await expect(create("api", { image: "x", ports })).rejects.toThrow(
      "port 8080 of the host is taken by the container old; stop it, or publish another port",
    );
    expect(made).toEqual([]);
    await create("free", { image: "x", ports: [{ internal: 80, external: 8081 }, { internal: 81 }] });
    await diff("api", "old");
    await create("api", { image: "x", ports });
    expect(made).toEqual(["free", "api"]);
  });

  test("is a warning in a preview, as is an image that can't be had", async () => {
    const { made, said, create } = setUp({ held: [8080] });
    await create("api", { image: `sha256:${"0".repeat(64)}`, ports }, true);
    expect(made).toEqual(["api"]);
    expect(said).toEqual([
      expect.stringMatching(/^warning: port 8080 of the host is taken/),
      expect.stringMatching(/^warning: there is no image sha256:0+ on the Docker Engine, and an id can't be pulled/),
    ]);
  });

  test("on the Engine of the run is not one on the Engine that a provider names", async () => {
    const { provider, made, create } = setUp({ held: [8080] });
    await provider.configure({ host: "unix:///nowhere/engine.sock" });
    await create("api", { image: "x", ports });
    expect(made).toEqual(["api"]);
  });

  test("by a process says nothing where its host may not be the Engine's", async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const external = (server.address() as AddressInfo).port;
    const { made, create } = setUp();
    await create("api", { image: "x", ports: [{ internal: 80, external }] });
    expect(made).toEqual(["api"]);
    server.close();
  });
});

test("images that the program builds or pulls are not asked for", async () => {
  const { said, check, create } = setUp();
  await check("app", { imageName: `sha256:${"1".repeat(64)}` }, "docker:index/image:Image");
  await check("redis", { name: `sha256:${"2".repeat(64)}` }, "docker:index/remoteImage:RemoteImage");
  await create("one", { image: `sha256:${"1".repeat(64)}` }, true);
  await create("two", { image: `sha256:${"2".repeat(64)}` }, true);
  expect(said).toEqual([]);
  await create("three", { image: `sha256:${"3".repeat(64)}` }, true);
  expect(said).toHaveLength(1);
});
