import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../cli/main";
import { detectJob } from "../../ci/detect";
import { label, runLabels } from "../../run/identity";
import { currentOwner } from "../../run/owner";
import { findInScope } from "../../run/scope";
import { fakeEngine, type FakeEngine, type FakeThing } from "./fake-engine";

const [one, two] = ["1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d", "1a2b3c4ffffff0000000000000000000000000aa"];
const elsewhere = { ...currentOwner({}), boot: "another", host: "another", job: "https://ci/jobs/1" };

/** A stack of two things; its labels are those of a run in a CI job. */
const stack = (name: string, labels: Record<string, string>): FakeThing[] =>
  (["container", "network"] as const).map((kind) => ({
    kind,
    name: `${name}-${kind}`,
    labels: { [label.project]: "p", [label.stack]: name, ...labels },
  }));
const image = (name: string, labels: Record<string, string>): FakeThing => ({
  kind: "image",
  name,
  labels: { [label.project]: "p", ...labels },
  more: { Size: 1, Created: 0 },
});
const of = (commit: string, branch: string, pipeline: string) => ({
  [label.commit]: commit,
  [label.branch]: branch,
  [label.pipeline]: pipeline,
});

let engine: FakeEngine;
let said: { out: string; error: string };
const [env, cwd] = [{ ...process.env }, process.cwd()];
const nowhere = mkdtempSync(join(tmpdir(), "nowhere-"));

beforeEach(async () => {
  engine = await fakeEngine([
    ...stack("a", of(one, "feature", "1")),
    ...stack("b", of(one, "main", "2")),
    ...stack("c", of(two, "feature", "3")),
    ...stack("other", { ...of(one, "feature", "1"), [label.project]: "q" }),
    { kind: "container", name: "nobody", labels: { [label.commit]: one } },
    image("one", of(one, "feature", "1")),
    image("two", of(two, "feature", "3")),
  ]);
  process.env = { ...env, DOCKER_HOST: engine.host, NO_COLOR: "1", GITLAB_CI: "", GITHUB_ACTIONS: "" };
  process.chdir(nowhere);
  said = { out: "", error: "" };
  jest.spyOn(process.stdout, "write").mockImplementation((text) => ((said.out += String(text)), true));
  jest.spyOn(process.stderr, "write").mockImplementation((text) => ((said.error += String(text)), true));
});
afterEach(async () => {
  jest.restoreAllMocks();
  process.env = env;
  process.chdir(cwd);
  await engine.close();
});
afterAll(() => rmSync(nowhere, { recursive: true }));

const gc = (...args: string[]) => main(["gc", "--yes", ...args]);
const there = () => engine.things.map(({ name }) => name.replace(/-.*/, "")).filter((n, i, all) => all[i - 1] !== n);

test.each<[string[], string[]]>([
  [
    ["--commit", one],
    ["c", "nobody", "two"],
  ],
  [
    ["--commit", one.slice(0, 8)],
    ["c", "nobody", "two"],
  ],
  [
    ["--commit", one.toUpperCase(), "--project", "p"],
    ["c", "other", "nobody", "two"],
  ],
  [
    ["--branch", "feature", "--project", "p"],
    ["b", "other", "nobody"],
  ],
  [
    ["--pipeline", "1", "--project", "p"],
    ["b", "c", "other", "nobody", "two"],
  ],
  [
    ["--branch", "feature", "--pipeline", "3", "--project", "p"],
    ["a", "b", "other", "nobody", "one"],
  ],
  [
    ["--branch", "feat", "--project", "p"],
    ["a", "b", "c", "other", "nobody", "one", "two"],
  ],
])("gc %j leaves %j, with no project at hand", async (args, left) => {
  expect(await gc(...args)).toBe(0);
  expect(there()).toEqual(left);
  expect(said.error).toBe("");
});

test("the project at hand is the one that is meant", async () => {
  writeFileSync(join(nowhere, "Pulumi.yaml"), "name: q\nruntime: nodejs\n");
  writeFileSync(join(nowhere, "index.js"), "");
  expect(await gc("--branch", "feature")).toBe(0);
  rmSync(join(nowhere, "Pulumi.yaml"));
  expect(there()).toEqual(["a", "b", "c", "nobody", "one", "two"]);
  expect(said.out).toContain(
    "removed the stack other of q: it is of the branch feature\n  container other-container\n",
  );
});

test.each<[string[], RegExp]>([
  [["--branch", "feature"], /one project: name it with --project/],
  [["--pipeline", "1"], /one project: name it with --project/],
  [["--commit", "1a2b3c"], /expected a commit's hash, seven digits or more/],
  [["--commit", "HEAD"], /expected a commit's hash/],
  [["--commit", ""], /--commit: the value is empty/],
  [["--branch", "", "--project", "p"], /--branch: the value is empty/],
  [["--commit", one, "--keep-images-for", "1h"], /not for --commit/],
])("gc %j is refused, and nothing is removed", async (args, why) => {
  expect(await gc(...args)).toBe(2);
  expect(said.error).toMatch(why);
  expect(engine.log).toEqual([]);
});

test("--dry-run only tells", async () => {
  expect(await gc("--commit", one, "--dry-run")).toBe(0);
  expect(said.out).toContain("would remove the stack a of p: it is of the commit 1a2b3c4\n");
  expect(said.out).toContain("would remove the image one: ");
  expect(engine.log).toEqual([]);
});

test("what somebody is still at stays, and that is said; so does an image that another container uses", async () => {
  engine.things.push(...stack("mine", { ...of(one, "x", "9"), [label.owner]: JSON.stringify(currentOwner({})) }));
  engine.things.push({ kind: "container", name: "user", labels: {}, more: { ImageID: "one" } });
  expect(await gc("--commit", one)).toBe(0);
  expect(there()).toEqual(["c", "nobody", "one", "two", "mine", "user"]);
  expect(said.out).toMatch(/^left the stack mine of p alone: the process \d+ on \S+, which owns it, is there$/m);
});

test("an image goes whose only containers go", async () => {
  engine.things[0]!.more = { ImageID: "one" };
  expect(await gc("--commit", one)).toBe(0);
  expect(there()).not.toContain("one");
});

test.each(["alive", "gone", "unknown"] as const)("a CI job that is %s", async (state) => {
  engine.things = stack("a", { ...of(one, "x", "1"), [label.owner]: JSON.stringify(elsewhere) });
  const found = await findInScope(engine.docker, { commit: one }, { jobState: async () => state });
  expect(found.busy).toHaveLength(state === "alive" ? 1 : 0);
  expect(found.garbage).toHaveLength(state === "alive" ? 0 : 1);
});

test("what a run in a CI job makes can be found so", () => {
  const gitlab = { GITLAB_CI: "true", CI_COMMIT_REF_NAME: "a/b", CI_PIPELINE_ID: "7" };
  const github = { GITHUB_ACTIONS: "true", GITHUB_REF_NAME: "5/merge", GITHUB_HEAD_REF: "a/b", GITHUB_RUN_ID: "7" };
  const other = { CI: "true", SEATRIAL_BRANCH: "a/b", SEATRIAL_PIPELINE: "7" };
  for (const job of [gitlab, github, other].map((env) => detectJob(env))) {
    const labels = runLabels({ project: "p", stack: "s", expires: new Date(0), ...(job ? { job } : {}) });
    expect(labels).toMatchObject({ "dev.seatrial.branch": "a/b", "dev.seatrial.pipeline": "7" });
  }
  expect(detectJob({ GITHUB_ACTIONS: "true", GITHUB_REF_NAME: "main" })?.branch).toBe("main");
});
