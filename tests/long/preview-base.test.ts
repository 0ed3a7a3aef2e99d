/** A comparison that is interrupted or killed leaves nothing for long. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start, within } from "../e2e/seatrial";

const root = join(__dirname, "../..");
let folder: string;
const git = (...args: string[]) =>
  execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@t", ...args], { encoding: "utf8" });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "preview-killed-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write(".gitignore", "node_modules\nbuild\n.seatrial\n");
  write("Pulumi.yaml", "name: shop\nruntime: nodejs\n");
  // It tells that it runs by a file, and goes on for long.
  write("index.js", `require("node:fs").writeFileSync(process.env.RUNS, ""); setTimeout(() => {}, 100_000);`);
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-q", "-m", "slow");
  git("tag", "slow");
  write("index.js", "");
  git("commit", "-qam", "quick");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const trees = () => readdirSync(tmpdir()).filter((name) => /^seatrial-(?:base|state)-/.test(name));
const worktrees = () => git("worktree", "list").trim().split("\n").length;

async function running(): Promise<ReturnType<typeof start>> {
  const runs = join(folder, "build-runs");
  rmSync(runs, { force: true });
  const started = start(folder, ["preview", "--base", "slow"], { RUNS: runs });
  await within(30, () => expect(existsSync(runs)).toBe(true));
  return started;
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("after %s it exits with %d, and nothing is left", async (signal, code) => {
  const before = trees();
  const compared = await running();
  expect(worktrees()).toBe(2);
  compared.process.kill(signal);
  expect(await compared.ended).toMatchObject({
    code,
    stdout: expect.stringContaining(`${signal}: nothing was compared`) as string,
  });
  expect({ trees: trees(), worktrees: worktrees() }).toEqual({ trees: before, worktrees: 1 });
  expect(existsSync(join(folder, "build/tests/preview.json"))).toBe(false);
});

test("what a killed one has left goes with the next", async () => {
  const before = trees();
  const compared = await running();
  compared.process.kill("SIGKILL");
  await compared.ended;
  expect(worktrees()).toBe(2);
  const next = await start(folder, ["preview", "--base", "HEAD"]).ended;
  expect(next).toMatchObject({ code: 0, stdout: expect.stringContaining("The stack stays the same") as string });
  expect(worktrees()).toBe(1);
  expect(trees()).toEqual(before);
});
