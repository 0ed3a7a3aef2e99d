import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeHistory } from "../../cli/display/history";
import { makeStyle } from "../../cli/display/style";
import { compareWithHistory } from "../../run/history/compare";
import { historyFolder, outcomes, readHistory, writeHistory, type HistoryRecord } from "../../run/history/store";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "seatrial-history-"))));
afterEach(() => rmSync(folder, { recursive: true }));

let runs = 0;
const record = (tests: Partial<HistoryRecord["tests"]>, more: Partial<HistoryRecord> = {}): HistoryRecord => ({
  ...{ version: 1, project: "shop", run: `run${"abcdefgh"[runs % 8]}${"abcdefgh"[(runs >> 3) % 8]}${"ab"[runs >> 6]}` },
  finishedAt: new Date(Date.UTC(2026, 0, 1) + 1000 * runs++).toISOString(),
  tests: { passed: [], failed: [], skipped: [], ...tests },
  ...more,
});
const [good, bad] = [{ passed: ["a", "b"] }, { passed: ["a"], failed: ["b"] }];

describe("a run", () => {
  test.each<[string, Partial<HistoryRecord>, Partial<HistoryRecord>, string[]]>([
    ["with both results on one commit", { commit: "1" }, { commit: "1" }, ["b"]],
    ["with another commit", { commit: "1" }, { commit: "2" }, []],
    ["with no commit known", {}, {}, []],
    ["with local changes, which may be others", { commit: "1", dirty: true }, { commit: "1", dirty: true }, []],
    ["with the same local changes", { commit: "1", dirty: true, inputs: "x" }, { commit: "1", dirty: true, inputs: "x" }, ["b"]], // prettier-ignore
    [
      "with other local changes",
      { commit: "1", dirty: true, inputs: "x" },
      { commit: "1", dirty: true, inputs: "y" },
      [],
    ],
    ["and local changes since the other", { commit: "1" }, { commit: "1", dirty: true, inputs: "x" }, []],
    ["whose first attempt failed", { flaky: ["b"] }, {}, ["b"]],
  ])("%s: flaky tests", (_, before, now, flaky) => {
    expect(compareWithHistory(record(bad, now), [record(good, before)]).flaky).toEqual(flaky);
  });

  test("tells of flaky tests that it has itself, and of no others", () => {
    const past = [record(good, { commit: "1" }), record(bad, { commit: "1" })];
    expect(compareWithHistory(record(good, { commit: "2" }), past).flaky).toEqual(["b"]);
    expect(compareWithHistory(record({ passed: ["c"] }), past).flaky).toEqual([]);
  });

  test("is held against the last run, or the last of the branch that it is to go into", () => {
    const past = [record(bad, { branch: "topic" }), record(good, { branch: "main" }), record(bad)];
    expect(compareWithHistory(record(bad), past)).toMatchObject({ runs: 3, newlyFailing: [], newlyPassing: [] });
    expect(compareWithHistory(record(good), past)).toMatchObject({ newlyFailing: [], newlyPassing: ["b"] });
    expect(compareWithHistory(record(bad), past, "main")).toMatchObject({ newlyFailing: ["b"] });
    expect(compareWithHistory(record(good), past, "unknown")).toMatchObject({ newlyPassing: ["b"] });
    expect(compareWithHistory(record(bad), [])).toEqual({ runs: 0, flaky: [], newlyFailing: [], newlyPassing: [] });
    const fresh = record({ failed: ["new"] });
    expect(compareWithHistory(fresh, past)).toMatchObject({ newlyFailing: [] });
  });
});

test("of a name that occurs twice the worse outcome counts", () => {
  const cases = ["passed", "failed", "passed"].map((outcome) => ({ name: "a", outcome: outcome as never }));
  expect(outcomes([...cases, { name: "b", outcome: "skipped" }, { name: "b", outcome: "passed" }])).toEqual({
    ...{ passed: ["b"], failed: ["a"], skipped: [] },
  });
});

test("the folder keeps the newest runs, of this project", async () => {
  const all = Array.from({ length: 103 }, () => record(good));
  for (const each of all) await writeHistory(folder, each);
  await writeHistory(folder, record(good, { project: "other" }));
  writeFileSync(join(folder, "notes.json"), "not ours");
  expect(readdirSync(folder)).toHaveLength(101);
  const read = await readHistory(folder, "shop");
  expect(read).toHaveLength(98);
  expect(read[0]).toEqual(all.at(-1));
  expect(await readHistory(join(folder, "none"), "shop")).toEqual([]);
});

test("what is broken or hostile counts for nothing", async () => {
  const name = (n: number) => join(folder, `20260101T00000${n}000Z-abc.json`);
  writeFileSync(name(1), "{");
  writeFileSync(name(2), JSON.stringify({ ...record(good), tests: { passed: [7], failed: [], skipped: [] } }));
  writeFileSync(name(3), " ".repeat(10_000_001));
  symlinkSync("/dev/zero", join(folder, "zero.json"));
  mkdirSync(join(folder, "not-a-run"));
  expect(await readHistory(folder, "shop")).toEqual([]);
});

test("past runs' artifacts are a history too", async () => {
  const xml = '<testsuite><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>';
  const result = {
    ...{ project: "shop", run: "abc", commit: "1", dirty: false, finishedAt: "2026-01-02T03:04:05.678Z" },
    artifacts: { files: ["junit.xml", "attempts/1/junit.xml", "../outside.xml", "linked.xml"].map((path) => ({ path, size: 9 })) }, // prettier-ignore
  };
  mkdirSync(join(folder, "job-17/attempts/1"), { recursive: true });
  writeFileSync(join(folder, "job-17/result.json"), JSON.stringify(result));
  writeFileSync(join(folder, "job-17/junit.xml"), xml);
  for (const file of ["job-17/attempts/1/junit.xml", "outside.xml"]) {
    writeFileSync(join(folder, file), xml.replaceAll("name=", "name='x' id="));
  }
  symlinkSync(join(folder, "outside.xml"), join(folder, "job-17/linked.xml"));
  expect(await readHistory(folder, "shop")).toEqual([
    {
      ...{ version: 1, project: "shop", run: "abc", commit: "1", dirty: false, finishedAt: "2026-01-02T03:04:05.678Z" },
      tests: { passed: ["a"], failed: ["b"], skipped: [] },
    },
  ]);
});

test("the folder is the one that is asked for, else the environment's, else the project's", () => {
  const env = { SEATRIAL_HISTORY: "/cache" };
  expect(historyFolder({ history: "/mine", env, projectRoot: "/p" })).toBe("/mine");
  expect(historyFolder({ env, projectRoot: "/p" })).toBe("/cache");
  expect(historyFolder({ env: {}, projectRoot: "/p" })).toBe("/p/.seatrial/history");
});

test("the summary tells of attempts and of what is new, without control codes", () => {
  const names = ["a\x1b[2J", "b", "c", "d", "e", "f"];
  const history = { runs: 3, flaky: names, newlyFailing: ["x"], newlyPassing: ["y\ny"] };
  const retries = [{ attempt: 1, exitCode: 4, failed: ["b"] }];
  expect(describeHistory({ verdict: "passed", history, retries }, makeStyle(false))).toEqual([
    "  retried    attempt 1 exited with 4: b",
    "  flaky      passed only at attempt 2, in the same stack",
    "  flaky      passed and failed with one commit: a, b, c, d, e and 1 more",
    "  new        failing since the last run: x",
    "  new        passing since the last run: y y",
  ]);
  expect(describeHistory({ verdict: "passed" }, makeStyle(false))).toEqual([]);
});
