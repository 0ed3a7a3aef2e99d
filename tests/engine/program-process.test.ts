/** Programs in a process of their own, through the SDK's own `cmd/run`; and what a program may do to its process. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Act, Played } from "./play-program";
import { errorsOf, play, stateOf } from "./player";

jest.setTimeout(120_000);

const isolated = { options: { isolated: true } };
const update: Act = { kind: "update", ...isolated };
const preview: Act = { kind: "preview", ...isolated };

const scratch = mkdtempSync(join(tmpdir(), "seatrial-process-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const written = ({ messages }: Played, severity: string): string[] =>
  messages.filter((message) => message.severity === severity).map(({ text }) => text.trimEnd());

const how = (played: Played): string => written(played, "debug").join();

/** Whether the processes of which the program wrote the ids are there. */
function alive(file: string): boolean[] {
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((pid) => {
      try {
        process.kill(Number(pid), 0);
        return true;
      } catch {
        return false;
      }
    });
}

async function untilDead(file: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (alive(file).some(Boolean) && Date.now() < deadline) await sleep(50);
  expect(alive(file)).toEqual(alive(file).map(() => false));
}

test("TypeScript: preview, update, nothing to do, destroy", async () => {
  const program = `
    import * as pulumi from "@pulumi/pulumi";
    class Thing extends pulumi.CustomResource {
      public readonly ref!: pulumi.Output<string>;
      constructor(name: string, args: Record<string, unknown>, options?: pulumi.CustomResourceOptions) {
        super("fake:index:Thing", name, { ref: undefined, ...args }, options);
      }
    }
    class Group extends pulumi.ComponentResource {
      public readonly ref: pulumi.Output<string>;
      constructor(name: string) {
        super("test:index:Group", name);
        this.ref = new Thing("a", { size: 1 }, { parent: this }).ref;
        this.registerOutputs({ ref: this.ref });
      }
    }
    const group = new Group("group");
    new Thing("b", { from: group.ref, password: new pulumi.Config().requireSecret("password") });
    console.log("to stdout\\n\\n", "and indented");
    console.error("to stderr");
    export const ref = group.ref;
    export const who = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack(), pulumi.runtime.isDryRun()];
    export const where = process.cwd() === __dirname;
    export const doubled = pulumi.runtime.invoke("fake:index:double", { n: 2 });`;
  const config = { password: "hush" };
  const files = {
    "index.ts": program,
    "Pulumi.yaml":
      "name: trial\nruntime: nodejs\nconfig:\n  password: {type: string, secret: true, default: hush}\n  other: {default: 1}\n",
  };
  const [plan, up, again, down] = await play(
    "",
    [{ ...preview, config }, { ...update, config }, { ...update, config }, { kind: "destroy" }],
    files,
  );
  expect(how(up!)).toMatch(/in a process of its own, as was asked for, with @pulumi\/pulumi 3\./);
  expect(plan).toMatchObject({ result: "succeeded", changes: { create: 4 }, log: [] });
  expect(plan!.outputs["who"]).toEqual(["organization", "trial", "test", true]);
  expect(up).toMatchObject({ result: "succeeded", changes: { create: 4 }, log: ["create a", "create b"], errors: [] });
  expect(up!.outputs).toEqual({
    ref: stateOf(up!, "a")["id"],
    who: ["organization", "trial", "test", false],
    where: true,
    doubled: { doubled: 4 },
  });
  expect(stateOf(up!, "b")["inputs"]).toMatchObject({ password: { ciphertext: expect.stringMatching(/^v1:/) } });
  expect(stateOf(up!, "a")).toMatchObject({ parent: stateOf(up!, "group")["urn"] });
  expect(written(up!, "info")).toEqual(["to stdout", " and indented"]);
  expect(written(up!, "info#err")).toEqual(["to stderr"]);
  expect(again).toMatchObject({ result: "succeeded", changes: { same: 4 }, log: [], outputs: up!.outputs });
  expect(down).toMatchObject({ result: "succeeded", changes: { delete: 4 }, names: [] });
});

test("transforms and hooks are called in the program's process", async () => {
  const program = `
    const hook = new pulumi.ResourceHook("note", async ({ urn }) => console.log("hook of", urn.split("::").pop()));
    pulumi.runtime.registerResourceTransform(({ props, opts, type }) =>
      type === "fake:index:Thing" ? { props: { ...props, by: String(process.pid) }, opts } : undefined);
    const gone = new pulumi.Config().get("gone");
    const options = { hooks: { afterCreate: [hook], beforeDelete: [hook] } };
    new Thing("a", {}, options);
    if (!gone) new Thing("b", {}, options);
    exports.pid = String(process.pid);`;
  const [up, less] = await play(program, [update, { ...update, config: { gone: "yes" } }]);
  expect(up).toMatchObject({ result: "succeeded", changes: { create: 3 } });
  expect(up!.inputs["a"]).toEqual({ by: up!.outputs["pid"] });
  expect(written(up!, "info").sort()).toEqual(["hook of a", "hook of b"]);
  expect(less).toMatchObject({ result: "succeeded", log: ["update a", "delete b"] });
  expect(written(less!, "info")).toEqual(["hook of b"]);
});

/** What goes wrong by the setting \`how\`; at first nothing does. */
const ENDINGS = `
  const how = new pulumi.Config().get("how");
  const a = new Thing("a", how ? { size: 2 } : { size: 1 });
  if (!how) new Thing("b");
  exports.ref = a.ref;
  const endings = {
    throw: () => { throw new Error("thrown at once"); },
    reject: () => void Promise.reject(new Error("rejected")),
    late: () => {
      setTimeout(() => { throw new Error("thrown later"); }, 10);
      exports.later = new Promise((resolve) => setTimeout(resolve, 100));
    },
    exit: () => a.ref.apply(() => process.exit(3)),
    "exit 0": () => { process.exit(0); },
    code: () => { process.exitCode = 4; },
    signal: () => process.kill(process.pid, "SIGKILL"),
    memory: () => { const all = []; for (;;) all.push(new Array(1e6).fill({})); },
    run: () => { throw new pulumi.RunError("in one line"); },
    "after all": () => { setTimeout(() => process.exit(0), 1500); },
  };
  endings[how]?.();`;

/** Each ending after a good update: the error, and that nothing is deleted of a program that wasn't heard to its end. */
async function endings(names: string[], act: Act, files: Record<string, string> = {}): Promise<Record<string, string>> {
  const acts = names.map((name) => ({ ...act, config: { how: name } }));
  const [first, ...played] = await play(ENDINGS, [act, ...acts], files);
  expect(first).toMatchObject({ result: "succeeded", changes: { create: 3 } });
  for (const { names: things, result } of played)
    expect({ things, result }).toEqual({ things: ["a", "b"], result: "failed" });
  return Object.fromEntries(
    played.map((one, index) => [names[index], one.errors.map(({ message }) => message).join("\n")]),
  );
}

test("a program that doesn't end well is told as one error, and nothing is deleted", async () => {
  const errors = await endings(
    ["throw", "reject", "late", "exit", "exit 0", "code", "signal", "memory", "run"],
    update,
    {
      "Pulumi.yaml":
        "name: trial\nruntime: {name: nodejs, options: {typescript: false, nodeargs: --max-old-space-size=64}}\n",
    },
  );
  const unhandled = (text: string): unknown =>
    expect.stringMatching(
      new RegExp(`^Running program '.*' failed with an unhandled exception:\nError: ${text}\n +at `),
    );
  expect(errors).toEqual({
    throw: unhandled("thrown at once"),
    reject: unhandled("rejected"),
    late: unhandled("thrown later"),
    exit: "the program exited with code 3",
    "exit 0": "the program exited with code 1",
    code: "the program exited with code 4",
    signal: "the program was killed by SIGKILL",
    memory: expect.stringMatching(/^the program (was killed by SIG|exited with code ).*: it ran out of memory/),
    run: "in one line",
  });
  expect(errors["throw"]).not.toContain("\u001b");
});

test("an inline program that ends its process ends itself alone; what it changed of the process is put back", async () => {
  const errors = await endings(["throw", "late", "exit", "exit 0", "code"], { kind: "update" });
  expect(errors).toEqual({
    throw: expect.stringMatching(/unhandled exception:\nError: thrown at once\n/),
    late: expect.stringMatching(/unhandled exception:\nError: thrown later\n/),
    exit: "the program called process.exit(3) before it had come to its end",
    "exit 0": "the program called process.exit(0) before it had come to its end",
    code: "the program set its exit code to 4",
  });
  const program = `
    exports.before = [process.cwd() === __dirname, process.env.LEFT_BEHIND ?? "", process.exitCode ?? 0];
    process.chdir("/");
    process.env.LEFT_BEHIND = "yes";
    delete process.env.PATH;
    console.log("said");
    console.error("complained");
    setTimeout(() => process.exit(0), 300);`;
  const [up, again] = await play(program, [{ kind: "update" }, { kind: "update" }]);
  expect(up).toMatchObject({ result: "succeeded", outputs: { before: [true, "", 0] } });
  expect(written(up!, "info")).toEqual(["said"]);
  expect(written(up!, "info#err")).toEqual(["complained"]);
  expect(again).toMatchObject({ result: "succeeded", outputs: up!.outputs });
});

test("a failed resource ends the program; one that is done may call process.exit(0)", async () => {
  const program = `
    new Thing("a");
    new Thing("b").ref.apply(() => new Thing("c"));
    process.on("exit", () => console.error("promises are left"));`;
  const [failed] = await play(program, [{ ...update, faults: { "create b": "fail" } }]);
  expect(failed).toMatchObject({ result: "failed", names: ["a"] });
  expect(failed!.errors).toEqual([{ urn: expect.stringMatching(/::b$/), message: expect.any(String) }]);
  expect(written(failed!, "info#err")).toEqual([]);
  const [done] = await play(ENDINGS, [{ ...update, config: { how: "after all" } }]);
  expect(done).toMatchObject({ result: "succeeded", changes: { create: 2 }, errors: [] });
});

test("cancelling ends the program and what it has started, though it won't", async () => {
  const pids = join(scratch, "cancelled");
  const program = `
    const { spawn } = require("node:child_process");
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    require("node:fs").writeFileSync(${JSON.stringify(pids)}, process.pid + "\\n" + child.pid + "\\n");
    process.on("SIGINT", () => console.log("no"));
    setInterval(() => undefined, 1000);
    new Thing("a").ref.apply(() => console.log("ready"));`;
  const [cancelled] = await play(program, [{ ...update, cancelAt: "ready" }]);
  expect(cancelled).toMatchObject({ result: "failed", names: ["a"] });
  expect(errorsOf(cancelled!)).toBe("update cancelled\n");
  await untilDead(pids);
});

test("nothing of a program outlives an engine that is killed, however busy it is", async () => {
  const pids = join(scratch, "orphans");
  const program = `
    const { spawn } = require("node:child_process");
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    require("node:fs").writeFileSync(${JSON.stringify(pids)}, process.pid + "\\n" + child.pid + "\\n");
    new Thing("a").ref.apply(() => {
      process.kill(process.ppid, "SIGKILL");
      for (;;);
    });`;
  await expect(play(program, [update])).rejects.toMatchObject({ signal: "SIGKILL" });
  expect(existsSync(pids)).toBe(true);
  await untilDead(pids);
});

test("arguments for node, and TypeScript as an ES module, take a process of their own", async () => {
  const yaml = (options: string): string => `name: trial\nruntime: {name: nodejs, options: {${options}}}\n`;
  const [args] = await play(
    `exports.limit = Error.stackTraceLimit; exports.word = process.execArgv[1];`,
    [{ kind: "update" }],
    {
      "Pulumi.yaml": yaml(`nodeargs: "--stack-trace-limit=7 '--title=sea trial'"`),
    },
  );
  expect(args).toMatchObject({ result: "succeeded", outputs: { limit: 7, word: "--title=sea trial" } });
  expect(how(args!)).toMatch(/in a process of its own, since Pulumi.yaml has arguments for node/);

  const esm = {
    "index.ts": `export const answer: number = await Promise.resolve(42);`,
    "package.json": `{"type": "module"}`,
  };
  const [refused] = await play("", [{ kind: "update" }], esm);
  expect(refused!.thrown).toMatch(/index.ts is TypeScript as an ES module.*install ts-node and typescript, or tsx/);
  const esbuild = JSON.stringify(require.resolve("esbuild"));
  const loader = `
    import { readFileSync } from "node:fs";
    import { register } from "node:module";
    import esbuild from ${esbuild};
    export async function load(url, context, next) {
      if (!url.endsWith(".ts")) return next(url, context);
      const { code } = esbuild.transformSync(readFileSync(new URL(url)), { loader: "ts" });
      return { format: "module", source: code, shortCircuit: true };
    }
    if (process.argv[1]) try { register(import.meta.url); } catch {}`;
  const [loaded] = await play("", [{ kind: "update" }], {
    ...esm,
    "loader.mjs": loader,
    "Pulumi.yaml": yaml("nodeargs: --import ./loader.mjs"),
  });
  expect(loaded).toMatchObject({ result: "succeeded", outputs: { answer: 42 } });
});

test("options of the runtime that aren't what they should be are refused by name", async () => {
  const [refused] = await play("", [update], {
    "Pulumi.yaml": "name: trial\nruntime: {name: nodejs, options: {typescript: sometimes}}\n",
  }).catch((error: Error & { stderr?: string }) => [{ thrown: error.stderr ?? error.message }]);
  expect(refused!.thrown).toMatch(/Pulumi.yaml: runtime.options.typescript must be a boolean/);
});

test("the program is the file that Node takes: package.json's, else index.js before index.ts", async () => {
  const says = (name: string): string => `exports.is = "${name}";`;
  const files = { "index.js": says("index.js"), "index.ts": says("index.ts"), "app.js": says("app.js") };
  const taken = async (manifest: object, options = {}): Promise<{ is: unknown; warnings: string }> => {
    const all = { ...files, "package.json": JSON.stringify(manifest) };
    const [played] = await play("", [{ kind: "update", ...options }], all);
    return { is: played!.outputs["is"], warnings: written(played!, "warning").join() };
  };
  const exported = { main: "index.ts", exports: { ".": { default: "./app.js" } } };
  for (const options of [{}, isolated]) {
    expect(await taken({}, options)).toEqual({ is: "index.js", warnings: expect.stringContaining("index.js") });
    expect(await taken(exported, options)).toEqual({ is: "app.js", warnings: "" });
  }
  expect(await taken({ main: "app.js" })).toEqual({ is: "app.js", warnings: "" });
  expect(await taken({ main: "no.js" })).toEqual({ is: "index.js", warnings: expect.stringContaining("no.js") });
});
