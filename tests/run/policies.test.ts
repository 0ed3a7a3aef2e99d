import { UNKNOWN, type PropertyMap } from "../../engine/values";
import { type Levels, policies, type PolicyName, uncheckedPolicies, violations } from "../../run/policies";

const container = "docker:index/container:Container";
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
const all = (level: "off" | "warning" | "error") =>
  Object.fromEntries(Object.keys(policies).map((name) => [name, level])) as Levels;
const find = (policy: PolicyName, inputs: PropertyMap, type = container, builtImages: string[] = []) =>
  violations({ ...all("off"), [policy]: "error" }, { type, inputs, builtImages: new Set(builtImages) }).map(
    ({ line }) => line,
  );

/** A service as it should be: nothing speaks against it. */
const good: PropertyMap = {
  ...{ name: "db", image: `registry.example:5000/db@${digest}`, memory: 512, restart: "no" },
  healthcheck: { tests: ["CMD", "pg_isready"] },
  networkMode: "bridge",
  networksAdvanced: [{ name: "ci-1a2b3c4", aliases: ["db"] }],
  ipcMode: "private",
  pidMode: "container:0123",
  volumes: [{ volumeName: "data", containerPath: "/data" }],
  mounts: [
    { type: "volume", source: "more", target: "/more" },
    { type: "tmpfs", target: "/tmp" },
  ],
  securityOpts: ["no-new-privileges"],
  capabilities: { drops: ["ALL"], adds: [] },
  ports: [],
  privileged: false,
};

test("nothing speaks against a service as it should be, nor against what only the update will tell", () => {
  expect(violations(all("error"), { type: container, inputs: good, builtImages: new Set() })).toEqual([]);
  const inputs = { image: UNKNOWN, memory: UNKNOWN, healthcheck: UNKNOWN, ports: UNKNOWN, volumes: [UNKNOWN] };
  expect(violations(all("error"), { type: container, inputs, builtImages: new Set() })).toEqual([]);
});

test.each<[PolicyName, PropertyMap, RegExp]>([
  ["imageDigests", { image: "postgres:15" }, /^the image postgres:15 is not named by its digest; name it as /],
  ["imageDigests", { image: "postgres@sha256:12" }, /is not named by its digest/],
  ["memoryLimits", { memory: 0 }, /^it may use all of the host's memory; set memory \(policy memoryLimits\)$/],
  ["hostPorts", { ports: [{ internal: 80, external: 8080 }] }, /^its port 80 is published on the host's port 8080; /],
  ["hostPorts", { ports: [{ internal: 80 }] }, /^its port 80 is published on a port of the host; /],
  ["hostPorts", { publishAllPorts: true }, /^all of its image's ports are published; /],
  ["privileged", { privileged: true }, /^it is privileged: root in it is root on the host; /],
  ["privileged", { securityOpts: ["seccomp=unconfined"] }, /^it runs with securityOpts seccomp=unconfined; /],
  ["privileged", { securityOpts: ["label:disable"] }, /^it runs with securityOpts label:disable; /],
  ["hostPaths", { volumes: [{ hostPath: "/srv", containerPath: "/srv" }] }, /^\/srv of the host is mounted; /],
  ["hostPaths", { mounts: [{ type: "bind", source: "/srv/../etc", target: "/x" }] }, /^\/etc of the host is mounted; /],
  [
    "hostPaths",
    { mounts: [{ type: "volume", volumeOptions: { driverOptions: { type: "none", o: "bind", device: "/srv" } } }] },
    /^\/srv of the host is mounted; /,
  ],
  ["hostNamespaces", { networkMode: "host" }, /^its networkMode is host; take it out \(policy hostNamespaces\)$/],
  ["hostNamespaces", { pidMode: "host" }, /^its pidMode is host; /],
  ["hostNamespaces", { ipcMode: "host" }, /^its ipcMode is host; /],
  ["hostNamespaces", { usernsMode: "host" }, /^its usernsMode is host; /],
  ["hostNamespaces", { cgroupnsMode: "host" }, /^its cgroupnsMode is host; /],
  ["hostNamespaces", { networksAdvanced: [{ name: "host" }] }, /^it is in the network host; /],
  [
    "capabilities",
    { capabilities: { adds: ["NET_ADMIN", "SYS_TIME"] } },
    /^it gets the capabilities NET_ADMIN, SYS_TIME; /,
  ],
  ["devices", { devices: [{ hostPath: "/dev/kvm" }] }, /^it gets the device \/dev\/kvm; /],
  ["devices", { gpus: "all" }, /^it gets the GPUs all; /],
  ["devices", { deviceCgroupRules: ["c 42:* rmw"] }, /^it gets devices by the rule c 42:\* rmw; /],
  ["devices", { deviceRequests: [{ driver: "cdi", deviceIds: ["x"] }] }, /^it gets devices by deviceRequests; /],
  ["healthChecks", { healthcheck: { tests: ["NONE"] } }, /^nothing tells whether it is well; give it a healthcheck /],
  ["healthChecks", { healthcheck: {} }, /^nothing tells whether it is well; /],
])("%s: %j", (policy, inputs, line) => {
  const found = find(policy, { ...good, ...inputs });
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(line);
  expect(found[0]).toMatch(new RegExp(`\\(policy ${policy}\\)$`));
});

test.each([
  ...[
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/user/1000/podman/podman.sock",
    "/home/me/.docker/run/docker.sock",
  ],
  ...[
    "/",
    "/run",
    "/run/",
    "/var/run",
    "/var//run/",
    "/run/containerd",
    "/srv/../run",
    "/run/containerd/containerd.sock",
  ],
])("the engine's socket comes with %s", (hostPath) => {
  expect(find("engineSocket", { volumes: [{ hostPath, containerPath: "/x" }] })[0]).toMatch(
    /of the host is mounted, and with it the engine's socket; .* \(policy engineSocket\)$/,
  );
});

test.each(["/runner", "/run/lock", "/srv", "/var/lib", "/tmp/docker.sock.d"])(
  "no engine's socket comes with %s",
  (hostPath) => {
    expect(find("engineSocket", { volumes: [{ hostPath, containerPath: "/x" }] })).toEqual([]);
  },
);

test("a volume that stands for a path of the host is one", () => {
  const volume = "docker:index/volume:Volume";
  const driverOpts = (device: string, o = "bind", type = "none") => ({ driverOpts: { type, o, device } });
  expect(find("hostPaths", driverOpts("/srv"), volume)).toEqual([
    expect.stringMatching(/^\/srv of the host is mounted/),
  ]);
  expect(find("hostPaths", driverOpts("/srv", "ro,bind", "ext4"), volume)).toHaveLength(1);
  expect(find("engineSocket", driverOpts("/var/run"), volume)).toHaveLength(1);
  expect(find("hostPaths", driverOpts("/dev/sdb1", "", "ext4"), volume)).toEqual([]);
  expect(find("hostPaths", driverOpts("tmpfs", "size=1m", "tmpfs"), volume)).toEqual([]);
});

test("images: an id, and what the program builds, are as good as a digest; a pulled one is held to it itself", () => {
  expect(find("imageDigests", { image: digest })).toEqual([]);
  expect(find("imageDigests", { image: "app:1a2b3c4" }, container, ["app:1a2b3c4"])).toEqual([]);
  expect(find("imageDigests", { name: "redis:7" }, "docker:index/remoteImage:RemoteImage")).toHaveLength(1);
  expect(find("imageDigests", { name: "net" }, "docker:index/network:Network")).toEqual([]);
});

test("only what is to keep running needs a health check", () => {
  const bare = { image: "x" };
  expect(find("healthChecks", bare)).toHaveLength(1);
  const ends: PropertyMap[] = [{ attach: true }, { mustRun: false }, { start: false }];
  for (const inputs of ends) {
    expect(find("healthChecks", { ...bare, ...inputs })).toEqual([]);
  }
});

test("without settings what opens the host is a warning, and the rest is off", () => {
  const on = Object.entries(policies).filter(([, policy]) => policy.default !== "off");
  expect(on.map(([name, policy]) => [name, policy.default])).toEqual(
    ["privileged", "engineSocket", "hostNamespaces", "capabilities", "devices"].map((name) => [name, "warning"]),
  );
});

test("with the Pulumi CLI it is said that nothing is looked at, where something was asked for", () => {
  const config = (...keys: string[]) => new Map(keys.map((key) => [key, { value: "error", secret: false }]));
  expect(uncheckedPolicies(config("run:deadline", "small:policy.x"))).toBeUndefined();
  expect(uncheckedPolicies(config("run:policy.devices"))).toBe(
    "with --engine pulumi no policy is looked at: run:policy.devices changes nothing",
  );
});
