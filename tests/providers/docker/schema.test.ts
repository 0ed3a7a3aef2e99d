import type { CheckFailure, DiffResponse } from "../../../engine/provider";
import { UNKNOWN, type PropertyMap } from "../../../engine/values";
import { checkInputs } from "../../../providers/docker/schema/check";
import { containerSchema } from "../../../providers/docker/schema/container";
import { differences, diffResponse } from "../../../providers/docker/schema/diff";
import { durationNanoseconds, formatDuration } from "../../../providers/docker/schema/duration";
import { importedInputs, refreshedInputs } from "../../../providers/docker/schema/extract-inputs";
import type { ResourceSchema } from "../../../providers/docker/schema/field";
import { registryImageSchema, remoteImageSchema } from "../../../providers/docker/schema/images";
import { networkSchema } from "../../../providers/docker/schema/network";
import { ordered, plannedOutputs, updatedOutputs } from "../../../providers/docker/schema/outputs";
import { configFailures, providerConfig } from "../../../providers/docker/schema/provider-config";
import { dockerProvider } from "../../../providers/docker";
import { testContext } from "./support";

const randomSeed = new Uint8Array(32);

const check = (schema: ResourceSchema, news: PropertyMap, olds: PropertyMap = {}) =>
  checkInputs(schema, { olds, news, name: "thing", randomSeed });

const reasons = (failures: CheckFailure[] | undefined) =>
  failures?.map(({ property, reason }) => `${property} ${reason}`);

const image = { name: "c", image: "i" };

describe("check", () => {
  test("puts in the defaults that aren't false, 0 or empty, and says which they are", () => {
    expect(check(containerSchema, { ...image, healthcheck: { tests: ["CMD", "true"], interval: "1s" } })).toEqual({
      inputs: {
        ...image,
        __defaults: [
          "containerReadRefreshTimeoutMilliseconds",
          "mustRun",
          "networkMode",
          "removeVolumes",
          "restart",
          "start",
          "waitTimeout",
        ],
        containerReadRefreshTimeoutMilliseconds: 15000,
        mustRun: true,
        networkMode: "bridge",
        removeVolumes: true,
        restart: "no",
        start: true,
        waitTimeout: 60,
        healthcheck: {
          __defaults: ["startInterval", "startPeriod", "timeout"],
          tests: ["CMD", "true"],
          interval: "1s",
          startInterval: "0s",
          startPeriod: "0s",
          timeout: "0s",
        },
      },
    });
  });

  test("marks the defaults of nested objects too, but not those of maps", () => {
    const { inputs } = check(containerSchema, {
      ...image,
      ports: [{ internal: 80 }],
      labels: [{ label: "a", value: "b" }],
      sysctls: { x: "1" },
    });
    expect(inputs).toMatchObject({
      ports: [{ internal: 80, ip: "0.0.0.0", protocol: "tcp", __defaults: ["ip", "protocol"] }],
      labels: [{ label: "a", value: "b", __defaults: [] }],
    });
    expect(inputs.sysctls).toEqual({ x: "1" });
  });

  test("keeps a default of an earlier version, and drops what is null", () => {
    const olds = { ...image, attach: false, __defaults: ["attach"] };
    const { inputs } = check(containerSchema, { ...image, user: null }, olds);
    expect(inputs.attach).toBe(false);
    expect(inputs.__defaults).toContain("attach");
    expect(inputs).not.toHaveProperty("user");
  });

  test("makes a name of its own, the same one as long as the resource lives", () => {
    const first = check(networkSchema, {});
    expect(first.inputs.name).toMatch(/^thing-[0-9a-f]{7}$/);
    expect(first.inputs.__defaults).toEqual(["ipamDriver", "name"]);
    expect(check(networkSchema, {}).inputs.name).toBe(first.inputs.name);
    const later = checkInputs(networkSchema, {
      olds: first.inputs,
      news: {},
      name: "thing",
      randomSeed: Buffer.alloc(32, 7),
    });
    expect(later.inputs).toEqual(first.inputs);
    expect(check(registryImageSchema, {}).inputs.name).toMatch(/^thing-/);
    expect(reasons(check(remoteImageSchema, {}).failures)).toEqual(["name is required"]);
  });

  test("refuses by name what it doesn't know", () => {
    const news = {
      ...image,
      comand: ["x"],
      healthcheck: { test: ["CMD"] },
      exitCode: 3,
      networksAdvanced: [{ name: "n", alias: "a" }],
    };
    expect(reasons(check(containerSchema, news).failures)).toEqual([
      "comand is not an input here; did you mean command?",
      "healthcheck.test is not an input here; did you mean tests?",
      "exitCode is an output, not an input",
      "networksAdvanced[0].alias is not an input here; did you mean aliases?",
    ]);
  });

  test("refuses what is missing, of another type, or not allowed", () => {
    const news = {
      command: "sleep 1",
      memory: "much",
      attach: "maybe",
      labels: [{ label: "a" }],
      restart: "sometimes",
      healthcheck: { interval: "soon", retries: -1 },
      gpus: "all",
      deviceRequests: [{}],
      logOpts: { a: ["x"] },
      dns: ["1.1.1.1", null],
    };
    expect(reasons(check(containerSchema, news).failures)).toEqual([
      'command must be an array, not the string "sleep 1"',
      'memory must be a whole number, not the string "much"',
      'attach must be true or false, not the string "maybe"',
      "labels[0].value is required",
      'restart must be one of no, on-failure, always, unless-stopped, not "sometimes"',
      'healthcheck.interval must be a duration such as 500ms, 10s or 1m30s, not "soon"',
      "healthcheck.retries must be at least 0, not -1",
      "deviceRequests can't be set together with gpus",
      "logOpts.a must be a string, not an array",
      "dns has no value at [1]",
      "image is required",
    ]);
  });

  test("takes numbers for strings and back, as the official provider does", () => {
    const { inputs, failures } = check(containerSchema, {
      ...image,
      memory: "64",
      attach: "true",
      logOpts: { n: 2 },
      user: 0,
    });
    expect(failures).toBeUndefined();
    expect(inputs).toMatchObject({ memory: 64, attach: true, logOpts: { n: "2" }, user: "0" });
  });

  test("takes what isn't known yet, wherever it is", () => {
    const news = {
      name: UNKNOWN,
      image: UNKNOWN,
      envs: ["A=1", UNKNOWN],
      networksAdvanced: UNKNOWN,
      healthcheck: { interval: UNKNOWN },
    };
    const { inputs, failures } = check(containerSchema, news);
    expect(failures).toBeUndefined();
    expect(inputs).toMatchObject({ ...news, healthcheck: { interval: UNKNOWN } });
  });
});

describe("container checks of more than one property", () => {
  test.each([
    [{ uploads: [{ file: "/x" }] }, "uploads[0] needs one of content, contentBase64 and source"],
    [
      { uploads: [{ file: "/x", content: "a", source: "b" }] },
      "uploads[0] can have only one of content, contentBase64 and source",
    ],
    [{ volumes: [{ volumeName: "v" }] }, "volumes[0] needs a containerPath, or fromContainer"],
    [{ gpus: "some" }, 'gpus gpus can\'t be "some": expected all, a number or device=<id[,id…]>'],
  ])("%j", async (more, reason) => {
    const request = {
      urn: "",
      name: "c",
      type: containerSchema.token,
      olds: {},
      news: { ...image, ...more },
      randomSeed,
    };
    expect(reasons((await dockerProvider().check(request, testContext())).failures)).toEqual([reason]);
  });
});

describe("diff", () => {
  /** The difference between a resource as it was made and new inputs. */
  function diff(
    schema: ResourceSchema,
    before: PropertyMap,
    after: PropertyMap,
    found: PropertyMap = {},
  ): DiffResponse {
    const oldInputs = check(schema, before).inputs;
    const news = check(schema, after, oldInputs).inputs;
    const olds = { ...plannedOutputs(schema, oldInputs, null), ...found };
    return diffResponse(schema, news, differences(schema, { oldInputs, olds, news, ignoreChanges: [] }));
  }
  const kinds = ({ detailedDiff = {} }: DiffResponse) =>
    Object.fromEntries(Object.entries(detailedDiff).map(([path, { kind }]) => [path, kind]));
  const of = (before: PropertyMap, after: PropertyMap, found?: PropertyMap) =>
    diff(containerSchema, { ...image, ...before }, { ...image, ...after }, found);

  test("sets in another order are no difference, lists are one", () => {
    expect(of({ envs: ["A=1", "B=2"] }, { envs: ["B=2", "A=1"] }).changes).toBe("none");
    expect(
      of(
        { networksAdvanced: [{ name: "a" }, { name: "b", aliases: ["x", "y"] }] },
        { networksAdvanced: [{ name: "b", aliases: ["y", "x"] }, { name: "a" }] },
      ).changes,
    ).toBe("none");
    expect(kinds(of({ command: ["a", "b"] }, { command: ["b", "a"] }))).toEqual({
      "command[0]": "delete-replace",
      "command[1]": "add-replace",
    });
  });

  test("elements of sets by their places in the state and in the program", () => {
    const response = of({ envs: ["G=1", "D=2"] }, { envs: ["G=3", "D=2"] });
    expect(kinds(response)).toEqual({ "envs[0]": "add-replace", "envs[1]": "delete-replace" });
    expect(response).toMatchObject({
      changes: "some",
      replaces: ["envs", "envs"],
      diffs: ["envs"],
      deleteBeforeReplace: true,
    });
  });

  test("what is replaced, what is updated, and what is both", () => {
    expect(of({}, { memory: 64 })).toMatchObject({ replaces: [], diffs: ["memory"], deleteBeforeReplace: false });
    expect(of({ restart: "no" }, { restart: "always", image: "j" })).toMatchObject({
      replaces: ["image"],
      diffs: ["image", "restart"],
    });
    expect(kinds(of({ healthcheck: { interval: "1s" } }, { healthcheck: { interval: "2s" } }))).toEqual({
      "healthcheck.interval": "update-replace",
    });
    expect(
      kinds(
        of(
          { ports: [{ internal: 80 }] },
          { ports: [{ internal: 80, external: 8080 }] },
          { ports: [{ internal: 80, external: 32768, ip: "0.0.0.0", protocol: "tcp" }] },
        ),
      ),
    ).toEqual({ "ports[0].external": "update-replace" });
    expect(kinds(of({ logOpts: { a: "1", b: "2" } }, { logOpts: { a: "2", "c.d": "3" } }))).toEqual({
      "logOpts.a": "update-replace",
      "logOpts.b": "delete-replace",
      'logOpts["c.d"]': "add-replace",
    });
  });

  test("what the Engine spells otherwise or fills in is no difference", () => {
    expect(of({ cpus: "2" }, { cpus: "2" }, { cpus: "2.0" }).changes).toBe("none");
    expect(of({ healthcheck: { interval: "60s" } }, { healthcheck: { interval: "1m" } }).changes).toBe("none");
    expect(of({}, {}, { entrypoints: ["/init"], ipcMode: "private", user: "postgres", memorySwap: 128 }).changes).toBe(
      "none",
    );
    expect(of({ hostname: "h" }, {}, { hostname: "h" }).changes).toBe("none");
    expect(of({}, { hostname: "h" }, { hostname: "h" }).changes).toBe("none");
  });

  test("what the Engine derived is shown beside a real difference only", () => {
    expect(kinds(of({ memory: 64 }, { memory: 64, restart: "always" }, { memorySwap: 128 }))).toEqual({
      restart: "update",
      memorySwap: "delete",
    });
    expect(kinds(of({ memory: 64, memorySwap: 100 }, { memory: 64 }))).toEqual({ memorySwap: "delete" });
  });

  test("what is left out again", () => {
    expect(kinds(of({ restart: "always" }, {}))).toEqual({ restart: "update" });
    expect(kinds(of({ dns: ["1.1.1.1"] }, {}))).toEqual({ dns: "delete-replace" });
    expect(kinds(of({ hosts: [{ host: "a", ip: "1.1.1.1" }] }, {}))).toEqual({ hosts: "delete-replace" });
    expect(kinds(of({ logOpts: { "max-size": "1m" } }, {}))).toEqual({ 'logOpts["max-size"]': "delete-replace" });
    expect(kinds(of({ envs: ["A=1"], dns: ["1.1.1.1"] }, { envs: [], dns: [] }))).toEqual({
      envs: "delete-replace",
      dns: "delete-replace",
    });
    expect(of({ labels: [{ label: "a", value: "1" }] }, { labels: [] }).changes).toBe("none");
    expect(of({ user: "1000", workingDir: "/a" }, { user: "" }).changes).toBe("none");
  });

  // As the official provider words each of these.
  test("an element of a set by its place where it is as the program writes it, else the set as a whole", () => {
    const hosts = (ip: string) => ({ hosts: [{ host: "a", ip }] });
    expect(kinds(of(hosts("10.0.0.1"), hosts("10.0.0.2")))).toEqual({ "hosts[0].ip": "update-replace" });
    const networks = (...names: string[]) => ({ networksAdvanced: names.map((name) => ({ name })) });
    expect(kinds(of(networks("a"), networks("b")))).toEqual({ networksAdvanced: "update-replace" });
    expect(kinds(of(networks("a"), networks("a", "b")))).toEqual({ networksAdvanced: "update-replace" });
    expect(kinds(of({}, networks("a")))).toEqual({ networksAdvanced: "add-replace" });
  });

  test("ports in another order are the same ports", () => {
    const [web, admin] = [
      { internal: 80, external: 8080 },
      { internal: 90, external: 9090 },
    ];
    const state = { ports: [web, admin].map((port) => ({ ...port, ip: "0.0.0.0", protocol: "tcp" })) };
    expect(of({ ports: [admin, web] }, { ports: [web, admin] }, state).changes).toBe("none");
    expect(of({ ports: [web, admin] }, { ports: [admin, web] }, state).changes).toBe("none");
    expect(kinds(of({ ports: [web, admin] }, { ports: [admin] }, state))).toEqual({
      "ports[0].external": "update-replace",
      "ports[0].internal": "update-replace",
      "ports[1]": "delete-replace",
    });
  });

  test("mounts come and go with the container; what is in one changes without it", () => {
    const mounts = (...targets: string[]) => ({ mounts: targets.map((target) => ({ target, type: "tmpfs" })) });
    expect(kinds(of(mounts("/a"), mounts("/b")))).toEqual({ mounts: "update" });
    expect(kinds(of(mounts("/a"), { ...mounts("/b"), user: "1" }))).toEqual({
      mounts: "update-replace",
      user: "add-replace",
    });
    expect(kinds(of(mounts("/a"), mounts("/a", "/b")))).toEqual({ mounts: "update-replace" });
    expect(kinds(of(mounts("/a"), {}))).toEqual({ mounts: "delete-replace" });
    const sized = { mounts: [{ target: "/a", type: "tmpfs", tmpfsOptions: { sizeBytes: 1 } }] };
    expect(kinds(of(mounts("/a"), sized))).toEqual({ mounts: "update-replace" });
  });

  test("what isn't known", () => {
    expect(kinds(of({ networksAdvanced: [{ name: "n" }] }, { networksAdvanced: UNKNOWN }))).toEqual({
      networksAdvanced: "update-replace",
    });
    expect(kinds(of({ memory: 64 }, { memory: UNKNOWN }))).toEqual({ memory: "update" });
    expect(of({ envs: ["A=1"] }, { envs: [UNKNOWN] })).toMatchObject({ changes: "some", diffs: ["envs"] });
  });

  test("a stopped container is to run again", () => {
    expect(kinds(of({}, {}, { mustRun: false }))).toEqual({ mustRun: "update" });
  });

  test("a name of one's own is deleted first, another isn't", () => {
    expect(diff(networkSchema, { name: "n" }, { name: "m" }).deleteBeforeReplace).toBe(true);
    expect(diff(networkSchema, {}, { internal: true }).deleteBeforeReplace).toBe(false);
  });

  test("a build replaces its image", () => {
    const before = { name: "i", build: { context: "." } };
    expect(
      kinds(diff(remoteImageSchema, before, { name: "i", build: { context: ".", buildArgs: { A: "1" } } })),
    ).toEqual({ "build.buildArgs": "add-replace" });
    expect(kinds(diff(remoteImageSchema, { name: "i" }, before))).toEqual({ build: "add-replace" });
    expect(kinds(diff(remoteImageSchema, before, { ...before, keepLocally: true }))).toEqual({ keepLocally: "add" });
  });

  test("ignored properties are no difference", () => {
    const oldInputs = check(containerSchema, image).inputs;
    const request = {
      oldInputs,
      olds: { ...plannedOutputs(containerSchema, oldInputs, null), mustRun: false },
      news: oldInputs,
    };
    expect(differences(containerSchema, { ...request, ignoreChanges: ["mustRun"] })).toEqual({});
  });
});

describe("outputs", () => {
  test("of an update: what is given, what is kept because the Engine decides it, and zeros for what is left out", () => {
    const olds = { ...plannedOutputs(containerSchema, image, null), cpuShares: 512, hostname: "h", user: "1000" };
    expect(updatedOutputs(containerSchema, olds, { ...image, memory: 64 })).toEqual({
      ...olds,
      memory: 64,
      cpuShares: 0,
    });
  });

  test("of a preview: what is given, what isn't, and what the Engine decides", () => {
    const { inputs } = check(networkSchema, { name: "n", ipamConfigs: [{ subnet: "10.0.0.0/24" }] });
    expect(plannedOutputs(networkSchema, inputs, UNKNOWN)).toEqual({
      name: "n",
      attachable: null,
      driver: UNKNOWN,
      ingress: null,
      internal: UNKNOWN,
      ipamConfigs: [{ subnet: "10.0.0.0/24", ipRange: "", gateway: "", auxAddress: null }],
      ipamDriver: "default",
      ipamOptions: null,
      ipv6: null,
      labels: [],
      options: UNKNOWN,
      scope: UNKNOWN,
    });
  });

  test("sets are sorted, each element once", () => {
    expect(ordered(["b", "a", "b"])).toEqual(["a", "b"]);
    expect(
      ordered([
        { label: "b", value: "1" },
        { label: "a", value: "2" },
      ]),
    ).toEqual([
      { label: "a", value: "2" },
      { label: "b", value: "1" },
    ]);
  });
});

describe("inputs from outputs", () => {
  test("a refresh brings those up to date that are there", () => {
    const { inputs } = check(containerSchema, {
      ...image,
      envs: ["B=1", "A=2"],
      memory: 64,
      networksAdvanced: [{ name: "n", aliases: ["y", "x"] }],
    });
    const outputs = { ...plannedOutputs(containerSchema, inputs, null), memory: 128, mustRun: false, cpuShares: 3 };
    const refreshed = refreshedInputs(containerSchema.fields, inputs, outputs);
    expect(refreshed).toMatchObject({ envs: ["A=2", "B=1"], memory: 128, mustRun: false, restart: "no" });
    expect(refreshed.networksAdvanced).toEqual([{ name: "n", aliases: ["x", "y"], __defaults: [] }]);
    expect(refreshed).not.toHaveProperty("cpuShares");
    expect(refreshed.__defaults).not.toContain("mustRun");
    expect(refreshed.__defaults).toContain("restart");
  });

  test("an import takes what isn't empty or a default", () => {
    const outputs = {
      ...plannedOutputs(containerSchema, check(containerSchema, image).inputs, null),
      exitCode: 3,
      user: "",
    };
    expect(importedInputs(containerSchema.fields, outputs)).toEqual({ ...image, __defaults: [] });
  });
});

test.each([
  ["1m30s", 90e9, "1m30s"],
  ["90s", 90e9, "1m30s"],
  ["0", 0, "0s"],
  ["1.5s", 1.5e9, "1.5s"],
  ["250ms", 250e6, "250ms"],
  ["2h", 7200e9, "2h0m0s"],
  ["100us", 100e3, "100µs"],
  ["-1s", -1e9, "-1s"],
])("duration %s", (text, nanoseconds, printed) => {
  expect(durationNanoseconds(text)).toBe(nanoseconds);
  expect(formatDuration(nanoseconds)).toBe(printed);
});

test.each(["", "1", "s", "1 s", "1d", "1s2"])("%j is no duration", (text) => {
  expect(durationNanoseconds(text)).toBeUndefined();
});

describe("the provider's configuration", () => {
  test("is checked", () => {
    expect(reasons(configFailures({ version: "5.2.0", hosts: "x", sshOpts: '["-v"]', caMaterial: "a" }))).toEqual([
      "hosts is not an input here; did you mean host?",
      "sshOpts is not supported by Seatrial's docker provider; put the options into ~/.ssh/config, or use --engine pulumi",
      "caMaterial needs caMaterial, certMaterial and keyMaterial, all of them",
    ]);
  });

  test("says where the Engine is and who one is at a registry", () => {
    const registryAuth = JSON.stringify([{ address: "registry.test", username: "u", password: "p" }]);
    expect(providerConfig({ host: "tcp://engine:2375", registryAuth }, {})).toMatchObject({
      address: { host: "tcp://engine:2375", source: "docker:host" },
      registryAuth: [{ address: "registry.test", username: "u", password: "p" }],
    });
  });
});

test.each(["docker:index/service:Service", "docker:index/secret:Secret", "docker:index/buildxBuilder:BuildxBuilder"])(
  "%s is refused by name",
  async (type) => {
    const request = { urn: "", name: "x", type, olds: {}, news: {}, randomSeed };
    await expect(dockerProvider().check(request, testContext())).rejects.toThrow(
      `${type} is not supported by Seatrial's docker provider; use --engine pulumi`,
    );
  },
);
