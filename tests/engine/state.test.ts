/** The checkpoint's format, the backend's files, and what makes a snapshot sound. */
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { listStacks, openStack, type UntypedDeployment } from "../../engine";
import { openKeyedManager } from "../../engine/secrets/passphrase";
import {
  deserializeDeployment,
  serializeDeployment,
  type SerializedResource,
  type Snapshot,
} from "../../engine/state/checkpoint";
import { backendFolder, FileBackend } from "../../engine/state/file-backend";
import { integrityProblem } from "../../engine/state/integrity";
import { empty, PROJECT, STACK, type Program, urnOf, using, World } from "./world";

const secrets = openKeyedManager({ salt: "v1:c2FsdA==:v1:x:y", key: Buffer.alloc(32, 1) });
const provider = "urn:pulumi:test::trial::pulumi:providers:fake::default";

const thing = (name: string, more: Record<string, unknown> = {}): SerializedResource => ({
  urn: urnOf(name),
  custom: true,
  id: `${name}-1`,
  type: "fake:index:Thing",
  ...more,
});
const providerResource: SerializedResource = {
  urn: provider,
  custom: true,
  id: "p-1",
  type: "pulumi:providers:fake",
};
const read = (resources: SerializedResource[]): Snapshot =>
  deserializeDeployment({ version: 3, deployment: { resources } }, secrets);

describe("the checkpoint", () => {
  const whole: SerializedResource = thing("a", {
    delete: true,
    inputs: { text: "x", none: null, list: [1, { a: true }] },
    outputs: { ref: "r" },
    parent: "urn:pulumi:test::trial::pulumi:pulumi:Stack::trial-test",
    protect: true,
    external: true,
    dependencies: [urnOf("b")],
    initErrors: ["not ready"],
    provider: `${provider}::p-1`,
    propertyDependencies: { text: [urnOf("b")], none: [] },
    pendingReplacement: true,
    additionalSecretOutputs: ["token"],
    aliases: [urnOf("old")],
    customTimeouts: { create: 90, delete: 5 },
    importID: "i-1",
    retainOnDelete: true,
    deletedWith: urnOf("b"),
    replaceWith: [urnOf("b")],
    replacementTrigger: "t",
    created: "2026-11-22T16:59:28.686650943Z",
    modified: "2026-11-22T16:59:29Z",
    sourcePosition: "project:///index.ts#11,13",
    ignoreChanges: ["text"],
    hideDiff: ["list"],
    replaceOnChanges: ["none"],
    resourceHooks: { BeforeCreate: ["h"], AfterDelete: ["h"] },
    // Written by the CLI; this engine has no use for them.
    stackTrace: [{ sourcePosition: "project:///index.ts#11,13" }, {}],
    refreshBeforeUpdate: true,
    somethingOfTomorrow: { deep: [1] },
  });

  test("keeps every field through a round trip, also those it doesn't know", () => {
    const { resources } = serializeDeployment(read([whole]), secrets);
    expect(resources).toEqual([whole]);
  });

  test("keeps secrets, in the clear too if they came so", () => {
    const sealed = (text: string): unknown => ({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      ...(text.startsWith("v1:") ? { ciphertext: text } : { plaintext: text }),
    });
    const snapshot = read([thing("a", { inputs: { a: sealed(secrets.encrypt('{"p":1}')), b: sealed('"x"') } })]);
    const again = deserializeDeployment({ version: 3, deployment: serializeDeployment(snapshot, secrets) }, secrets);
    expect(again).toEqual(snapshot);
    expect(again.resources[0]!.inputs).toMatchObject({ a: { element: { p: 1 } }, b: { element: "x" } });
  });

  test("keeps pending operations", () => {
    const deployment = { resources: [], pending_operations: [{ type: "creating", resource: thing("a") }] };
    const snapshot = deserializeDeployment({ version: 3, deployment }, secrets);
    expect(serializeDeployment(snapshot, secrets).pending_operations).toEqual(deployment.pending_operations);
  });

  test("says how its secrets are encrypted only where it has any", () => {
    expect(serializeDeployment(read([thing("a")]), secrets)).not.toHaveProperty("secrets_providers");
  });

  test.each([1, 2, 5])("of version %d is refused by its number", (version) => {
    expect(() => deserializeDeployment({ version, deployment: {} }, secrets)).toThrow(
      `the state has version ${version}`,
    );
  });

  test("with features that nobody knows is refused by their names", () => {
    expect(() => deserializeDeployment({ version: 4, deployment: {}, features: ["time-travel"] }, secrets)).toThrow(
      "the state uses time-travel, which this engine doesn't know",
    );
  });
});

describe("a snapshot that isn't sound is told by", () => {
  const a = thing("a");
  const cases: [string, SerializedResource[], string | undefined][] = [
    ["nothing, when it is", [providerResource, thing("a", { provider: `${provider}::p-1` })], undefined],
    ["no URN", [thing("a", { urn: "" })], "a resource has no URN"],
    ["no type", [thing("a", { type: "" })], "has no type"],
    ["no id", [thing("a", { id: "" })], `${urnOf("a")} has no id`],
    ["a component with an id", [thing("a", { custom: false })], "is a component, yet it has the id a-1"],
    ["twins", [a, a], `${urnOf("a")} is there twice`],
    ["nothing, with a condemned twin", [a, thing("a", { delete: true })], undefined],
    ["nothing, with two condemned", [a, thing("a", { delete: true }), thing("a", { delete: true })], undefined],
    ["twins behind a condemned one", [a, thing("a", { delete: true }), a], `${urnOf("a")} is there twice`],
    ["a dependency behind it", [thing("b", { dependencies: [a.urn] }), a], `refers to ${a.urn}`],
    ["a parent that is missing", [thing("b", { parent: a.urn })], `refers to ${a.urn}`],
    ["a property's dependency", [thing("b", { propertyDependencies: { x: [a.urn] } })], `refers to ${a.urn}`],
    ["deletedWith", [thing("b", { deletedWith: a.urn })], `refers to ${a.urn}`],
    [
      "another provider's id",
      [providerResource, thing("a", { provider: `${provider}::p-2` })],
      "refers to the provider",
    ],
  ];
  test.each(cases)("%s", (_, resources, problem) => {
    const found = integrityProblem(read(resources));
    if (problem) expect(found).toContain(problem);
    else expect(found).toBeUndefined();
  });

  test("an operation, which doesn't begin", async () => {
    const world = new World();
    await world.open();
    const backend = new FileBackend(world.folder, PROJECT);
    backend.save(STACK, { manifest: { time: "", magic: "", version: "" }, resources: [thing("b", { parent: a.urn })] });
    await expect(world.update(empty)).rejects.toThrow(/the state of test is not sound: .* refers to/);
    expect(world.cloud.log).toEqual([]);
  });

  test("an import, which changes nothing", async () => {
    const world = new World();
    const stack = await world.open();
    const before = await stack.export();
    const wrong = { version: 3, deployment: { resources: [thing("b", { parent: a.urn })] } };
    await expect(stack.import(wrong)).rejects.toThrow("the state can't be imported");
    expect(await stack.export()).toEqual(before);
  });
});

describe("the backend's files", () => {
  const two: Program = async (stack) => using(stack, "b", [await stack.add("a")]);

  test("lie where the CLI's file backend has them, for their owner only", async () => {
    const world = new World();
    await world.up(two);
    const at = (path: string): string => join(world.folder, ".pulumi", path);
    expect(readFileSync(at("meta.yaml"), "utf8")).toBe("version: 1\n");
    const checkpoint = JSON.parse(readFileSync(at("stacks/trial/test.json"), "utf8")) as Record<string, unknown>;
    expect(checkpoint).toMatchObject({ version: 3, checkpoint: { stack: "organization/trial/test" } });
    expect(statSync(at("stacks/trial/test.json")).mode & 0o777).toBe(0o600);
    expect(existsSync(at("stacks/trial/test.json.bak"))).toBe(true);
    expect(readdirSync(at("locks/organization/trial/test"))).toEqual([]);
    expect(readdirSync(at("history/trial/test"))).toEqual([
      expect.stringMatching(/^test-\d{19}\.checkpoint\.json$/),
      expect.stringMatching(/^test-\d{19}\.history\.json$/),
    ]);
    expect(existsSync(at("seatrial/trial/test.jsonl"))).toBe(false);
  });

  test("are listed, and removed with the stack", async () => {
    const world = new World();
    await world.up(two);
    await openStack({ project: world.project, name: "other", create: true, env: world.env });
    expect(await listStacks(world.project, world.env)).toMatchObject([
      { name: "other", resourceCount: 0 },
      { name: "test", resourceCount: 4 },
    ]);
    const stack = await world.open();
    await expect(stack.remove()).rejects.toThrow("the stack test still has 4 resources");
    await world.destroy();
    await stack.remove();
    expect((await listStacks(world.project, world.env)).map(({ name }) => name)).toEqual(["other"]);
    await expect(openStack({ project: world.project, name: STACK, env: world.env })).rejects.toThrow(
      'there is no stack "test" of trial',
    );
  });

  test("may be compressed, as the CLI does on request", async () => {
    const world = new World();
    await world.up(two);
    const file = join(world.folder, ".pulumi/stacks/trial/test.json");
    const text = readFileSync(file);
    writeFileSync(`${file}.gz`, gzipSync(text));
    rmSync(file);
    await world.up(two);
    expect(world.cloud.log).toEqual([]);
    expect(existsSync(`${file}.gz`)).toBe(false);
  });

  test("that can't be read are named, with what to do", async () => {
    const world = new World();
    await world.open();
    writeFileSync(join(world.folder, ".pulumi/stacks/trial/test.json"), "{");
    await expect(world.open()).rejects.toThrow(/the state of trial\/test can't be read .*\.bak/);
  });

  test("are found by PULUMI_BACKEND_URL, backend.url, or in the project", () => {
    const world = new World();
    const { project } = world;
    expect(backendFolder(project, {})).toBe(join(world.folder, ".seatrial"));
    expect(backendFolder({ ...project, backendUrl: "file://./state" }, {})).toBe(join(world.folder, "state"));
    expect(backendFolder(project, { PULUMI_BACKEND_URL: "file:///a%20b" })).toBe("/a b");
    expect(backendFolder(project, { PULUMI_BACKEND_URL: "file://~/x", HOME: "/h" })).toBe("/h/x");
    expect(() => backendFolder(project, { PULUMI_BACKEND_URL: "s3://bucket" })).toThrow(
      "use the Pulumi CLI for others",
    );
  });

  test("export and import carry a stack over, to the last field", async () => {
    const world = new World();
    await world.up(two);
    const exported: UntypedDeployment = await (await world.open()).export();
    const other = new World(world.cloud);
    await (await other.open()).import(JSON.parse(JSON.stringify(exported)) as UntypedDeployment);
    expect((await (await other.open()).export()).deployment!["resources"]).toEqual(exported.deployment!["resources"]);
    await other.up(two);
    expect(world.cloud.log).toEqual([]);
  });
});

test("a project's own folder is its owner's only and no commit takes it in, another backend's is as it was", () => {
  const root = mkdtempSync(join(tmpdir(), "backend-"));
  try {
    execFileSync("git", ["init", "-q", root]);
    for (const folder of ["project/.seatrial", "states"]) {
      new FileBackend(join(root, folder), "trial").save("test", { manifest: { time: "", magic: "", version: "" } });
    }
    expect(statSync(join(root, "project/.seatrial")).mode & 0o777).toBe(0o700);
    const added = execFileSync("git", ["-C", root, "status", "--porcelain", "-uall"], { encoding: "utf8" });
    expect(added).toBe("?? states/.pulumi/meta.yaml\n?? states/.pulumi/stacks/trial/test.json\n");
  } finally {
    rmSync(root, { recursive: true });
  }
});

describe("locks", () => {
  const place = (world: World, content: object): string => {
    const file = join(world.folder, ".pulumi/locks/organization/trial/test/0b0e.json");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ username: "someone", timestamp: "2026-11-22T10:00:00Z", ...content }));
    return file;
  };

  test("of a process that is gone are broken, with a warning", async () => {
    const world = new World();
    const child = spawn("true");
    await new Promise((done) => child.on("exit", done));
    const file = place(world, { pid: child.pid, hostname: hostname() });
    await world.up(empty);
    expect(existsSync(file)).toBe(false);
    expect(world.messages("warning")).toEqual([
      `broke the lock of someone@${hostname()} (pid ${child.pid}) on test: that process is gone`,
    ]);
  });

  test("of a process that has ended are broken, though its parent hasn't taken notice", async () => {
    const world = new World();
    // `sleep` takes the shell's place and never asks after the shell's child.
    const parent = spawn("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"]);
    try {
      const pid = Number(await new Promise((done) => parent.stdout.once("data", (text: Buffer) => done(`${text}`))));
      while (!/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) await sleep(10);
      const file = place(world, { pid, hostname: hostname() });
      await world.up(empty);
      expect(existsSync(file)).toBe(false);
    } finally {
      parent.kill();
    }
  });

  test.each([
    ["a live process", { pid: process.pid, hostname: hostname() }],
    ["another machine", { pid: 1, hostname: "elsewhere" }],
  ])("of %s are named and never broken", async (_, content) => {
    const world = new World();
    const file = place(world, content);
    await expect(world.up(empty)).rejects.toThrow(
      `the stack test is locked by someone@${content.hostname} (pid ${content.pid}) since 2026-11-22T10:00:00Z`,
    );
    expect(readdirSync(dirname(file))).toEqual(["0b0e.json"]);
    expect((await world.preview(empty)).result).toBe("succeeded");
  });

  test("are held while an operation runs, so that a second one doesn't begin", async () => {
    const world = new World();
    let refused = "";
    world.cloud.faults.set("create a", async () => {
      const second = new World(world.cloud);
      second.folder = world.folder;
      refused = await second.update(empty).then(
        () => "",
        (error: Error) => error.message,
      );
    });
    await world.up((stack) => stack.add("a"));
    expect(refused).toContain(`is locked by`);
    expect(world.cloud.names()).toEqual(["a"]);
  });
});
