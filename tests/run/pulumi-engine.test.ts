/** Finding the Pulumi CLI, with stand-ins for it on PATH; the real one is run in tests/long/pulumi-cli.test.ts. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parse } from "yaml";
import { version as sdkVersion } from "@pulumi/pulumi/package.json";
import type { EngineEvent } from "../../engine";
import { makeMasker } from "../../engine/deployment/masker";
import { Secret } from "../../engine/values";
import { inOwnGroup } from "../../run/pulumi/command";
import { eventReader } from "../../run/pulumi/events";
import { findPulumi } from "../../run/pulumi/find-cli";
import { makeWorkspace } from "../../run/pulumi/workspace";

let folder: string;
const said: string[] = [];
const before = { PATH: process.env.PATH, HOME: process.env.HOME, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulumi-engine-"));
  said.length = 0;
  // The stand-ins are scripts of the shell, which has to be found; a CLI or Go of this machine must not.
  Object.assign(process.env, { PATH: join(folder, "bin"), HOME: folder, XDG_CACHE_HOME: join(folder, "cache") });
  // Nothing is to be downloaded here.
  jest.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("fetch failed", { cause: { code: "ENOTFOUND" } }));
});
afterEach(() => {
  Object.assign(process.env, before);
  if (before.XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
  rmSync(folder, { recursive: true, force: true });
  jest.restoreAllMocks();
});

function script(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}
/** A builder that has built nothing and can't. */
function builder(text = "process.exit(1)"): string {
  const file = join(folder, "build.mjs");
  writeFileSync(file, text);
  return file;
}
const find = (build = builder()) => findPulumi({ builder: build, say: (line) => said.push(line) });

test("the CLI on PATH is taken", async () => {
  script("bin/pulumi", "echo v3.999.0");
  expect((await find()).version?.format()).toBe("3.999.0");
  expect(said).toEqual([]);
});

test.each([
  ["echo v3.100.0", "is 3.100.0, older than the SDK"],
  ["echo error: broken >&2; exit 1", "doesn't tell its version"],
  ["echo nonsense", "doesn't tell its version"],
])("one on PATH that says %j is refused in one line", async (text, why) => {
  const file = script("bin/pulumi", text);
  const refused = find();
  await expect(refused).rejects.toMatchObject({ name: "UserError" });
  await expect(refused).rejects.toThrow(`the Pulumi CLI on PATH (${file}) ${why}`);
  await expect(refused).rejects.not.toThrow(/\n/);
});

test("one that was installed before is taken, else one that was built", async () => {
  const built = dirname(dirname(script("built/bin/pulumi", "echo v3.998.0")));
  const finder = builder(`console.log(${JSON.stringify(built)})`);
  expect((await find(finder)).version?.format()).toBe("3.998.0");
  script(`.pulumi/versions/${sdkVersion}/bin/pulumi`, "echo v3.997.0");
  expect((await find(finder)).version?.format()).toBe("3.997.0");
});

test("without any there is one line that says what was tried", async () => {
  await expect(find()).rejects.toMatchObject({
    name: "UserError",
    message:
      `no Pulumi CLI for --engine pulumi: there is none on PATH, ${sdkVersion} can't be downloaded (fetch failed: ENOTFOUND), ` +
      "there is no Go to build it with; install it (https://www.pulumi.com/docs/install/) or leave out --engine pulumi",
  });
});

test("where Go is there it is built, which is said; a build that fails says why", async () => {
  script("bin/go", "exit 1");
  const failing = builder(`if (process.argv[2]) process.exit(1); console.error("error: no disk"); process.exit(1);`);
  jest.spyOn(process.stderr, "write").mockReturnValue(true);
  await expect(find(failing)).rejects.toThrow("it can't be built (no disk); install it");
  expect(said).toEqual([expect.stringMatching(/^no Pulumi CLI: there is none on PATH, /)]);
});

test("the CLI runs in a process group of its own, and is told once to stop; its error line is the error", async () => {
  process.env.PATH = [join(folder, "bin"), before.PATH].join(delimiter);
  script(
    "bin/pulumi",
    `[ "$1" = version ] && echo v3.999.0 && exit
     trap 'echo interrupted >> told; echo "error: update canceled" >&2; exit 3' INT
     echo $$ $(ps -o pgid= -p $$) > group
     while :; do sleep 0.05; done`,
  );
  const command = inOwnGroup(await find());
  const controller = new AbortController();
  const run = command.run(["up"], folder, {}, undefined, undefined, controller.signal);
  while (!existsSync(join(folder, "group"))) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 100));
  controller.abort();
  await expect(run).rejects.toMatchObject({ code: 3, message: "update canceled" });
  const [pid, group] = readFileSync(join(folder, "group"), "utf8").trim().split(/\s+/);
  expect(group).toBe(pid);
  expect(readFileSync(join(folder, "told"), "utf8")).toBe("interrupted\n");
});

test("the CLI gets copies of the project and of the settings that the stack's name chooses", () => {
  mkdirSync(join(folder, "project"));
  const root = join(folder, "project");
  const settings = "config:\n  image: there\n  a:b: 1\nencryptionsalt: v1:another\n";
  writeFileSync(join(root, "Pulumi.ci.yaml"), settings);
  const project = {
    name: "p",
    root,
    main: root,
    runtime: "nodejs",
    config: new Map([["p:d", { value: "x", secret: false }]]),
  };
  const workspace = makeWorkspace({ project, name: "ci-1a2b3c4", env: { HOME: folder }, config: { image: "other" } });
  expect(parse(readFileSync(join(workspace.folder, "Pulumi.yaml"), "utf8"))).toEqual({
    ...{ name: "p", runtime: "nodejs", main: root },
  });
  const copy = parse(readFileSync(join(workspace.folder, "Pulumi.ci-1a2b3c4.yaml"), "utf8")) as Record<string, unknown>;
  expect(copy.config).toEqual({ "p:d": "x", "p:image": "other", "a:b": 1 });
  // That salt is of a passphrase that isn't there, and nothing is encrypted with it.
  expect(copy.encryptionsalt).not.toBe("v1:another");
  expect(workspace.env.PULUMI_CONFIG_PASSPHRASE).toHaveLength(44);
  expect(workspace.env.PULUMI_BACKEND_URL).toBe(`file://${root}/.seatrial`);
  expect(readFileSync(join(root, "Pulumi.ci.yaml"), "utf8")).toBe(settings);

  const env = { HOME: folder, PULUMI_BACKEND_URL: "s3://states", PULUMI_CONFIG_PASSPHRASE: "mine" };
  const given = makeWorkspace({ project, name: "ci-1a2b3c4", env });
  expect(given.env).toEqual({ PULUMI_BACKEND_URL: "s3://states" });
  // They go with the process, which here goes on.
  for (const made of [workspace, given]) rmSync(made.folder, { recursive: true });
});

test("the CLI's events become those of the embedded engine", async () => {
  const events: EngineEvent[] = [];
  const masker = makeMasker();
  masker.learn(new Secret("hunter-two"));
  let show: (stream: 1 | 2, text: string) => void = () => undefined;
  const reader = eventReader({
    onEvent: (event) => events.push(event),
    masker,
    follow(name, onText) {
      expect(name).toBe("p-tests");
      show = onText;
      return { ended: () => Promise.resolve(show(1, "the end\n")), kill: () => undefined };
    },
    debug: false,
  });
  const urn = "urn:pulumi:s::p::docker:index/container:Container::tests";
  const step = { op: "create", urn, type: "docker:index/container:Container", old: null, provider: "" };
  const made = { ...step, new: { inputs: { name: "p-tests", attach: true } } };
  const stack = { ...step, urn: "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", type: "pulumi:pulumi:Stack" };
  const problem = { prefix: "error: ", color: "raw", severity: "error" };
  reader.take({ sequence: 7, diagnosticEvent: { ...problem, severity: "debug", message: "RPC finished" } });
  reader.take({ resOutputsEvent: { metadata: { ...stack, new: { outputs: {} } } } });
  reader.take({ resourcePreEvent: { metadata: made } });
  reader.take({ resOutputsEvent: { metadata: made } });
  reader.take({
    diagnosticEvent: { ...problem, urn, message: "<{%reset%}>1 error occurred:\n\t* no hunter-two\n\n<{%reset%}>\n" },
  });
  reader.take({ diagnosticEvent: { ...problem, message: "update failed\n" } });
  reader.take({ resOutputsEvent: { metadata: { ...stack, new: { outputs: { exitCode: 0 } } } } });
  reader.take({ summaryEvent: { resourceChanges: { create: 2 } } });
  const { errors, stackOutputs, summary } = await reader.end();

  expect(errors).toEqual([{ urn, message: "no [secret]" }]);
  expect(stackOutputs).toEqual({ exitCode: 0 });
  expect(summary?.resourceChanges).toEqual({ create: 2 });
  expect(events.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(events.slice(0, 3)).toMatchObject([
    { resourcePreEvent: { metadata: { urn } } },
    { diagnosticEvent: { urn, streamID: 1, message: "the end\n" } },
    { resOutputsEvent: { metadata: { urn } } },
  ]);
  expect(events[5]).toMatchObject({ resOutputsEvent: { metadata: { type: "pulumi:pulumi:Stack" } } });
});
