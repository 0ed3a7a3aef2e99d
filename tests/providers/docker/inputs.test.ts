/** Every input of a container, a network and a volume given to a real Docker Engine, and what the Engine made of it. */
import type { PropertyMap } from "../../../engine/values";
import { containerSchema } from "../../../providers/docker/schema/container";
import { networkSchema } from "../../../providers/docker/schema/network";
import { volumeSchema } from "../../../providers/docker/schema/volume";
import { Harness, PREFIX } from "./support";

const harness = new Harness();

beforeAll(() => harness.open());
afterAll(() => harness.close());
jest.setTimeout(60_000);

/** What this machine may not have; the other tests of containers look at what is done with some of it. */
const ELSEWHERE: Record<string, string> = {
  attach: "container.test.ts",
  logs: "container.test.ts",
  rm: "container.test.ts",
  wait: "container.test.ts",
  waitTimeout: "container.test.ts",
  cluster: "needs a swarm",
  deviceRequests: "needs a device",
  gpus: "needs a device",
  ingress: "needs a swarm",
  privileged: "is not allowed everywhere",
  storageOpts: "needs a storage driver that takes them",
};

const container: PropertyMap = {
  name: `${PREFIX}-inputs`,
  command: ["exec sleep 1000"],
  entrypoints: ["sh", "-c"],
  capabilities: { adds: ["CAP_SYS_TIME"], drops: ["CAP_CHOWN"] },
  cgroupParent: `/${PREFIX}`,
  cgroupnsMode: "host",
  containerReadRefreshTimeoutMilliseconds: 5000,
  cpuPeriod: 100000,
  cpuQuota: 50000,
  cpuSet: "0",
  cpuShares: 512,
  destroyGraceSeconds: 0,
  deviceCgroupRules: ["c 1:3 rwm"],
  devices: [{ hostPath: "/dev/zero", containerPath: "/dev/nought", permissions: "r" }],
  dns: ["10.0.0.3"],
  dnsOpts: ["ndots:2"],
  dnsSearches: ["example.test"],
  domainname: "example.test",
  envs: ["A=1"],
  groupAdds: ["5"],
  healthcheck: { tests: ["CMD", "true"], interval: "1m30s", timeout: "2s", startPeriod: "3s", retries: 4 },
  hostname: "box",
  hosts: [{ host: "elsewhere", ip: "10.0.0.8" }],
  init: true,
  ipcMode: "shareable",
  labels: [{ label: "role", value: "box" }],
  logDriver: "json-file",
  logOpts: { "max-size": "1m" },
  maxRetryCount: 2,
  memory: 64,
  memoryReservation: 32,
  memorySwap: 128,
  mounts: [{ target: "/mounted", type: "tmpfs", tmpfsOptions: { sizeBytes: 1048576, mode: 448 } }],
  mustRun: true,
  networkMode: "bridge",
  pidMode: "host",
  ports: [{ internal: 80, ip: "127.0.0.1", protocol: "udp" }],
  publishAllPorts: true,
  readOnly: true,
  removeVolumes: true,
  restart: "on-failure",
  runtime: "runc",
  securityOpts: ["no-new-privileges=true"],
  shmSize: 16,
  stdinOpen: true,
  stopSignal: "SIGINT",
  stopTimeout: 3,
  sysctls: { "net.ipv4.ip_forward": "1" },
  tmpfs: { "/scratch": "size=1m" },
  tty: true,
  ulimits: [{ name: "nofile", soft: 100, hard: 200 }],
  user: "1:2",
  usernsMode: "host",
  volumes: [{ containerPath: "/named", volumeName: `${PREFIX}-inputs`, readOnly: true }],
  workingDir: "/scratch",
};

/** These don't go together with some of the others. It isn't started, since its limits are for no device that is there. */
const alone: PropertyMap = {
  name: `${PREFIX}-alone`,
  command: ["sleep", "1000"],
  cpus: "0.5",
  deviceReadBps: [{ path: "/dev/null", rate: 1000 }],
  deviceReadIops: [{ path: "/dev/null", rate: 1001 }],
  deviceWriteBps: [{ path: "/dev/null", rate: 1002 }],
  deviceWriteIops: [{ path: "/dev/null", rate: 1003 }],
  networksAdvanced: [{ name: `${PREFIX}-inputs`, aliases: ["other"], ipv4Address: "10.219.77.9" }],
  platform: "linux",
  start: false,
  uploads: [{ file: "/etc/given", content: "given\n" }],
};

const network: PropertyMap = {
  name: `${PREFIX}-inputs`,
  attachable: true,
  driver: "bridge",
  internal: true,
  ipamConfigs: [
    {
      subnet: "10.219.77.0/24",
      gateway: "10.219.77.1",
      ipRange: "10.219.77.0/25",
      auxAddress: { host: "10.219.77.5" },
    },
    { subnet: "fd00:219:77::/64" },
  ],
  ipamDriver: "default",
  ipamOptions: { note: "kept" },
  ipv6: true,
  labels: [{ label: "role", value: "test" }],
  options: { "com.docker.network.bridge.enable_icc": "false" },
};

const volume: PropertyMap = {
  name: `${PREFIX}-inputs`,
  driver: "local",
  driverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m" },
  labels: [{ label: "role", value: "test" }],
};

test.each([
  ["Container", containerSchema, { image: "", ...container, ...alone }],
  ["Network", networkSchema, network],
  ["Volume", volumeSchema, volume],
] as const)("%s: no input is left out", (_, schema, given) => {
  const inputs = Object.entries(schema.fields).filter(([, field]) => !field.output);
  const expected = inputs.map(([name]) => name).filter((name) => !(name in ELSEWHERE));
  expect(Object.keys(given).sort()).toEqual(expected.sort());
});

test("a network and a volume are as they are asked for", async () => {
  const made = await harness.create("Network", "inputs", network);
  expect(made.outputs).toMatchObject({ ...network, ipamConfigs: expect.any(Array) });
  expect(await harness.engine.getNetwork(made.id).inspect()).toMatchObject({
    Driver: "bridge",
    Attachable: true,
    Internal: true,
    EnableIPv6: true,
    Labels: { role: "test" },
    Options: network.options,
    IPAM: {
      Driver: "default",
      Options: network.ipamOptions,
      Config: expect.arrayContaining([
        {
          Subnet: "10.219.77.0/24",
          Gateway: "10.219.77.1",
          IPRange: "10.219.77.0/25",
          AuxiliaryAddresses: { host: "10.219.77.5" },
        },
        expect.objectContaining({ Subnet: "fd00:219:77::/64" }),
      ]),
    },
  });
  expect((await harness.diff((await harness.refresh(made))!, network)).changes).toBe("none");

  const stored = await harness.create("Volume", "inputs", volume);
  expect(stored.outputs).toMatchObject(volume);
  const found = await harness.engine.getVolume(stored.id).inspect();
  expect(found).toMatchObject({ Driver: "local", Options: volume.driverOpts, Labels: { role: "test" } });
  expect((await harness.diff((await harness.refresh(stored))!, volume)).changes).toBe("none");

  const given = { image: harness.image, ...alone };
  const box = await harness.create("Container", "alone", given);
  expect(box.outputs).toMatchObject({
    ...given,
    networksAdvanced: [expect.objectContaining({ aliases: ["other"] })],
    uploads: [expect.objectContaining({ file: "/etc/given" })],
  });
  const { HostConfig: host, NetworkSettings: networks } = await harness.engine.getContainer(box.id).inspect();
  expect(host).toMatchObject({
    NanoCpus: 5e8,
    BlkioDeviceReadBps: [{ Path: "/dev/null", Rate: 1000 }],
    BlkioDeviceReadIOps: [{ Path: "/dev/null", Rate: 1001 }],
    BlkioDeviceWriteBps: [{ Path: "/dev/null", Rate: 1002 }],
    BlkioDeviceWriteIOps: [{ Path: "/dev/null", Rate: 1003 }],
  });
  expect(networks.Networks[network.name as string]).toMatchObject({
    Aliases: expect.arrayContaining(["other"]),
    IPAMConfig: { IPv4Address: "10.219.77.9" },
  });
  expect((await harness.diff((await harness.refresh(box))!, given)).changes).toBe("none");
  await harness.delete(box);
  await Promise.all([harness.delete(made), harness.delete(stored)]);
});

test("a container is as it is asked for", async () => {
  const given = { image: harness.image, ...container };
  const made = await harness.create("Container", "inputs", given);
  const { ports, mounts, volumes, healthcheck, ...same } = given as PropertyMap;
  expect(made.outputs).toMatchObject(same);
  expect(made.outputs.healthcheck).toMatchObject(healthcheck as PropertyMap);
  for (const [name, value] of Object.entries({ ports, mounts, volumes })) {
    expect(made.outputs[name]).toEqual([expect.objectContaining((value as PropertyMap[])[0]!)]);
  }
  const { Config: config, HostConfig: host } = await harness.engine.getContainer(made.id).inspect();
  expect(config).toMatchObject({
    Cmd: container.command,
    Entrypoint: container.entrypoints,
    Env: expect.arrayContaining(["A=1"]),
    Hostname: "box",
    Domainname: "example.test",
    User: "1:2",
    WorkingDir: "/scratch",
    Tty: true,
    OpenStdin: true,
    StopSignal: "SIGINT",
    StopTimeout: 3,
    Labels: { role: "box" },
    Healthcheck: { Test: ["CMD", "true"], Interval: 90e9, Timeout: 2e9, StartPeriod: 3e9, Retries: 4 },
  });
  expect(host).toMatchObject({
    CapAdd: ["CAP_SYS_TIME"],
    CapDrop: ["CAP_CHOWN"],
    CgroupParent: container.cgroupParent,
    CgroupnsMode: "host",
    CpuPeriod: 100000,
    CpuQuota: 50000,
    CpusetCpus: "0",
    CpuShares: 512,
    DeviceCgroupRules: ["c 1:3 rwm"],
    Devices: [{ PathOnHost: "/dev/zero", PathInContainer: "/dev/nought", CgroupPermissions: "r" }],
    Dns: ["10.0.0.3"],
    DnsOptions: ["ndots:2"],
    DnsSearch: ["example.test"],
    GroupAdd: ["5"],
    ExtraHosts: ["elsewhere:10.0.0.8"],
    Init: true,
    IpcMode: "shareable",
    LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 },
    Memory: 64 << 20,
    MemoryReservation: 32 << 20,
    MemorySwap: 128 << 20,
    Mounts: [{ Type: "tmpfs", Target: "/mounted", TmpfsOptions: { SizeBytes: 1048576, Mode: 448 } }],
    NetworkMode: "bridge",
    PidMode: "host",
    PortBindings: { "80/udp": [{ HostIp: "127.0.0.1" }] },
    PublishAllPorts: true,
    ReadonlyRootfs: true,
    Runtime: "runc",
    // The Engine adds one of its own for the host's processes.
    SecurityOpt: expect.arrayContaining(["no-new-privileges=true"]),
    ShmSize: 16 << 20,
    Sysctls: { "net.ipv4.ip_forward": "1" },
    Tmpfs: { "/scratch": "size=1m" },
    Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
    UsernsMode: "host",
    Binds: [`${PREFIX}-inputs:/named:ro`],
  });
  expect((await harness.diff((await harness.refresh(made))!, given)).changes).toBe("none");
  await harness.delete(made);
});
