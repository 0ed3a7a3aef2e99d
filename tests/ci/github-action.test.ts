import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

const action = join(__dirname, "../../ci/github");
const { bundle } = jest.requireActual<{ bundle(): { name: string; text: string }[] }>(join(action, "build.cjs"));

/** Stands for Seatrial: writes down how it was called, and does as the file `fake.json` says of the command. */
const fake = `
const { appendFileSync, mkdirSync, readFileSync, writeFileSync } = require("node:fs");
const [command, ...args] = process.argv.slice(2);
const secrets = Object.keys(process.env).filter((name) => /TOKEN/.test(name));
appendFileSync(__dirname + "/../../../calls", JSON.stringify([command, args, secrets, process.cwd()]) + "\\n");
const { exit = 0, result, wait } = JSON.parse(readFileSync(__dirname + "/../../../fake.json"))[command] ?? {};
if (result) {
  const folder = args[args.indexOf("--artifacts") + 1];
  mkdirSync(folder, { recursive: true });
  writeFileSync(folder + "/result.json", result);
}
process.on("SIGINT", () => process.exit(130));
setTimeout(() => process.exit(exit), wait ?? 0);
`;

let workspace: string;
beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), "action-")));
  mkdirSync(join(workspace, "node_modules/seatrial/bin"), { recursive: true });
  mkdirSync(join(workspace, "shop"));
  writeFileSync(join(workspace, "node_modules/seatrial/bin/seatrial"), fake);
});
afterEach(() => rmSync(workspace, { recursive: true }));

type Fake = Record<string, { exit?: number; result?: string; wait?: number }>;

/** Starts a script of the action as GitHub's runner does; the inputs that aren't given have their defaults. */
function start(
  script: string,
  {
    inputs = {},
    env = {},
    does = {},
  }: {
    inputs?: Record<string, string>;
    env?: Record<string, string>;
    does?: Fake;
  } = {},
) {
  writeFileSync(join(workspace, "fake.json"), JSON.stringify(does));
  const declared = parse(readFileSync(join(action, "action.yml"), "utf8")) as {
    inputs: Record<string, { default: string }>;
  };
  const given = Object.entries(declared.inputs).map(([name, input]) => [
    `INPUT_${name.toUpperCase()}`,
    inputs[name] ?? input.default,
  ]);
  const child = spawn(process.execPath, [join(action, "dist", script)], {
    env: {
      ...{ PATH: process.env.PATH, GITHUB_ACTIONS: "true", GITHUB_WORKSPACE: workspace, RUNNER_TEMP: workspace },
      ...{ GITHUB_OUTPUT: join(workspace, "output"), GITHUB_STATE: join(workspace, "state") },
      ...(Object.fromEntries(given) as Record<string, string>),
      ...env,
    },
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.stderr.on("data", (chunk) => (output += String(chunk)));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, output })),
  );
  return { child, ended };
}

type Call = [command: string, args: string[], secrets: string[], cwd: string];
const calls = (): Call[] =>
  existsSync(join(workspace, "calls"))
    ? readFileSync(join(workspace, "calls"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Call)
    : [];

/** What the runner reads in one of its files. */
const values = (file: string) =>
  Object.fromEntries(
    [...readFileSync(join(workspace, file), "utf8").matchAll(/^(\S+)<<(.*)\n([\s\S]*?)\n\2$/gm)].map(
      ([, name, , value]) => [name, value],
    ),
  );

test("the bundle is made from the sources that are here: node ci/github/build.cjs", () => {
  for (const { name, text } of bundle()) expect(readFileSync(join(action, "dist", name), "utf8")).toBe(text);
});

test("runs the tests with the arguments, a line each, and has their exit code and verdict", async () => {
  const inputs = { "working-directory": "shop", arguments: "--junit\nout/my results.xml\n\n", token: "t0k3n" };
  const does = { test: { exit: 4, result: '{"verdict":"failed"}' } };
  const { code } = await start("main.js", { inputs, does }).ended;
  expect(code).toBe(4);
  const artifacts = join(workspace, "shop/build/tests");
  const folder = join(workspace, "shop");
  expect(calls()).toEqual([
    ["test", ["--non-interactive", "--artifacts", artifacts, "--junit", "out/my results.xml"], [], folder],
    ["note", [artifacts], ["GITHUB_TOKEN"], folder],
  ]);
  expect(values("output")).toEqual({ "exit-code": "4", verdict: "failed" });
});

test.each([
  ["there is none", undefined],
  ["it is none", '{"verdict":"x\\ny=z"}'],
])("the verdict is empty where %s", async (_, result) => {
  await start("main.js", { does: { test: { exit: 125, ...(result ? { result } : {}) } } }).ended;
  expect(values("output")).toEqual({ "exit-code": "125", verdict: "" });
});

test("a comparison that fails, here for want of a repository, is a warning", async () => {
  writeFileSync(join(workspace, "event.json"), JSON.stringify({ pull_request: { base: { sha: "a".repeat(40) } } }));
  const env = { GITHUB_EVENT_PATH: join(workspace, "event.json") };
  const { code, output } = await start("main.js", { env }).ended;
  expect(code).toBe(0);
  expect(output).toMatch(/^::warning::the stack could not be compared/m);
  expect(calls().map(([command]) => command)).toEqual(["test"]);
});

test("a cancelled job's signal reaches Seatrial; no comment is written then", async () => {
  const { child, ended } = start("main.js", { inputs: { token: "t" }, does: { test: { wait: 20_000 } } });
  for (const by = Date.now() + 10_000; calls().length === 0 && Date.now() < by;)
    await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 100));
  child.kill("SIGINT");
  expect((await ended).code).toBe(130);
  expect(calls().map(([command]) => command)).toEqual(["test"]);
});

test("afterwards what is left is destroyed; nothing where nothing had begun", async () => {
  expect((await start("post.js").ended).code).toBe(0);
  expect(calls()).toEqual([]);
  await start("main.js", { inputs: { "working-directory": "shop" } }).ended;
  const { seatrial, folder } = values("state") as { seatrial: string; folder: string };
  const env = { STATE_seatrial: seatrial, STATE_folder: folder };
  const { output } = await start("post.js", { env, does: { destroy: { exit: 1 } } }).ended;
  expect(calls().at(-1)).toEqual(["destroy", ["--yes"], [], join(workspace, "shop")]);
  expect(output).toMatch(/^::warning::not everything could be removed/m);
});

test("a working directory that isn't there is told in a line", async () => {
  const { code, output } = await start("main.js", { inputs: { "working-directory": "nowhere" } }).ended;
  expect(code).toBe(2);
  expect(output).toBe("::error::working-directory: there is no nowhere; check the repository out first\n");
});
