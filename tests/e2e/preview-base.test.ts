/** Two commits of a program compared, through the command line. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Comparison, comparisonSchema } from "../../report/comparison/schema";
import { openBaseProgram } from "../../run/comparison/base-program";
import { start } from "./seatrial";

const root = join(__dirname, "../..");
let folder: string;
let git: (...args: string[]) => string;

/** A program that names things after the stack and the commit, as told and as it finds out itself. */
const program = (api: string, more = "") => `
const { execFileSync } = require("node:child_process");
const docker = require("@pulumi/docker");
const pulumi = require("@pulumi/pulumi");
const head = execFileSync("git", ["rev-parse", "--short=10", "HEAD"], { cwd: __dirname, encoding: "utf8" }).trim();
const name = (what) => pulumi.getProject() + "-" + pulumi.getStack() + "-" + what;
const network = new docker.Network("network", { name: name("network") });
const networksAdvanced = [{ name: network.name }];
new docker.Container("api", {
  name: name("api"), image: "api:" + process.env.SEATRIAL_COMMIT, networksAdvanced, labels: [{ label: "head", value: head }],
  volumes: [{ hostPath: __dirname + "/data", containerPath: "/data" }],
  ${api}
});
${more}
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "preview-base-"));
  git = (...args) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@t", ...args], { encoding: "utf8" });
  mkdirSync(join(folder, "stack"));
  symlinkSync(join(root, "node_modules"), join(folder, "stack/node_modules"));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write(".gitignore", "node_modules\nbuild\n.seatrial\n");
  write("README", "no program yet");
  git("init", "-q", "-b", "main");
  const commit = (tag: string) => {
    git("add", ".");
    git("commit", "-q", "-m", tag);
    git("tag", tag);
  };
  commit("empty");
  write("stack/Pulumi.yaml", "name: shop\nruntime: nodejs\n");
  write("stack/package-lock.json", "{}");
  write("stack/index.js", program(`envs: ["LOG=info", pulumi.secret("TOKEN=first-secret")]`));
  commit("base");
  write("stack/index.js", "throw new Error('::error::no good');");
  commit("broken");
  write("stack/package-lock.json", '{ "other": true }');
  commit("repacked");
  write("stack/package-lock.json", "{}");
  write(
    "stack/index.js",
    program(
      `envs: ["LOG=debug", pulumi.secret("TOKEN=second-secret")], memory: 64`,
      `new docker.Container("cache", { image: "redis:7", networksAdvanced });`,
    ),
  );
  commit("head");
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compare = (...args: string[]) => start(join(folder, "stack"), ["preview", "--base", ...args]).ended;
const trees = () => readdirSync(tmpdir()).filter((name) => name.startsWith("seatrial-base-"));

test("what has changed is told in the terminal, as data and as a note, and nothing else has", async () => {
  const before = trees();
  const { code, stdout, stderr } = await compare("base", "--json");
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringContaining("1 added, 0 removed, 1 changed, 1 the same"),
  });
  const comparison: Comparison = comparisonSchema.parse(JSON.parse(stdout));
  expect(comparison.resources.map(({ status, kind, name }) => `${status} ${kind} ${name}`)).toEqual([
    "changed service api",
    "added service cache",
  ]);
  expect(comparison.resources[0]!.changes).toEqual([
    { aspect: "environment", key: "LOG", kind: "changed", before: "info", after: "debug" },
    { aspect: "environment", key: "TOKEN", kind: "changed", secret: true },
    { aspect: "limit", key: "memory", kind: "added", after: "64" },
  ]);
  const files = join(folder, "stack/build/tests");
  const note = readFileSync(join(files, "note.md"), "utf8");
  expect(JSON.parse(readFileSync(join(files, "preview.json"), "utf8"))).toEqual(comparison);
  expect(note).toContain("environment `LOG`: `info` → `debug`");
  expect(stdout + stderr + note).not.toMatch(/first-secret|second-secret/);
  expect(trees()).toEqual(before);
  expect(git("worktree", "list").trim().split("\n")).toHaveLength(1);
}, 60_000);

test("the same program on another commit, in another folder, is the same stack", async () => {
  git("commit", "-q", "--allow-empty", "-m", "nothing");
  const { code, stdout } = await compare("head");
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining("The stack stays the same: 3 resources."),
  });
}, 60_000);

test.each([
  ["empty", 0, "empty has no program of this project: everything is new"],
  ["broken", 1, "error: the program of broken can't be previewed: Error: ::error::no good"],
  [
    "repacked",
    2,
    "error: repacked has other packages than those that are installed here: stack/package-lock.json differs.",
  ],
])(
  "--base %s exits with %d and leaves nothing",
  async (base, expected, says) => {
    const before = trees();
    const { code, stdout, stderr } = await compare(base);
    expect({ code, said: stdout + stderr }).toEqual({ code: expected, said: expect.stringContaining(says) });
    if (expected !== 0) expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(trees()).toEqual(before);
    expect(git("worktree", "list").trim().split("\n")).toHaveLength(1);
  },
  60_000,
);

test.each([
  ["nowhere", /^--base nowhere: git knows no such commit, tag or branch here; .* "git fetch --depth=1 origin nowhere"/],
  ["./nowhere", /there is no such folder$/],
  ["--output=x", /^--base --output=x: git knows no such commit/],
])("--base %s is refused before anything is made", async (base, says) => {
  const before = trees();
  await expect(openBaseProgram(base, join(folder, "stack"))).rejects.toThrow(says);
  expect(trees()).toEqual(before);
});
