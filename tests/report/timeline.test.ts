import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEvents } from "../../report/events-file";
import type { Run, StackFile } from "../../report/input";
import { makeTimeline } from "../../report/timeline";
import { begun, idOf, records, stack, type MadeResource } from "./results-folder";

const run: Run = {
  verdict: "passed",
  exitCode: 0,
  tests: { total: 1, passed: 1, failed: 0, skipped: 0 },
  project: "project",
  stack: "ci-1",
  run: "abcdefghijkl",
  startedAt: new Date(begun).toISOString(),
  finishedAt: new Date(begun + 10_000).toISOString(),
  phases: [],
  containers: [],
  artifacts: { files: [] },
  notes: [],
  kept: false,
  cleanup: { clean: true, left: [] },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "timeline-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function timelineOf(resources: MadeResource[], options: { lines?: string[]; withoutStack?: boolean } = {}) {
  const { events, stackFile } = records(resources);
  const file = join(folder, "events.jsonl");
  writeFileSync(file, [...events.map((event) => JSON.stringify(event)), ...(options.lines ?? [])].join("\n"));
  return makeTimeline(run, await readEvents(file), options.withoutStack ? undefined : (stackFile as StackFile));
}

const names = (urns: string[]) => urns.map((urn) => urn.slice(urn.lastIndexOf("::") + 2));

test("tells when each resource was made, started, ready and destroyed", async () => {
  const { steps } = await timelineOf(stack);
  expect(steps.find(({ name }) => name === "db")).toMatchObject({
    kind: "container",
    state: "done",
    made: { from: 0.7, to: 2 },
    created: 0.8,
    started: 0.9,
    destroyed: { from: 9.3, to: 9.5 },
    inputs: { image: "postgres:15" },
  });
  expect(steps.map(({ kind }) => kind)).toEqual([
    "network",
    "command",
    "container",
    "container",
    "container",
    "container",
  ]);
});

test("the critical path goes back from the tests over what was ready last, and only over dependencies", async () => {
  const { criticalPath, steps } = await timelineOf(stack);
  // slow-unused ended last before the tests began, but they don't depend on it.
  expect(names(criticalPath)).toEqual(["network", "db", "api", "tests"]);
  expect(steps.filter(({ critical }) => critical)).toHaveLength(4);
});

test("where nobody knows the dependencies, it goes back over what was ready last", async () => {
  const { criticalPath } = await timelineOf(stack, { withoutStack: true });
  expect(names(criticalPath)).toEqual(["slow-unused", "tests"]);
});

test("the tests of a program that labels nothing are what is attached last", async () => {
  const { criticalPath } = await timelineOf([
    { name: "db", made: [1, 2] },
    { name: "migration", made: [2, 3], dependencies: ["db"], inputs: { attach: true } },
    { name: "check", made: [3, 4], dependencies: ["migration"], inputs: { attach: true } },
    { name: "slow", made: [1, 9] },
  ]);
  expect(names(criticalPath)).toEqual(["db", "migration", "check"]);
});

test("without tests it ends with what failed", async () => {
  const failing: MadeResource[] = [
    { name: "db", made: [1, 2] },
    { name: "api", made: [2, 3], dependencies: ["db"], failed: true },
    { name: "other", made: [1, 5] },
  ];
  const { criticalPath, steps } = await timelineOf(failing);
  expect(names(criticalPath)).toEqual(["db", "api"]);
  expect(steps.find(({ name }) => name === "api")).toMatchObject({ state: "failed" });
});

test("an update that was given up leaves steps unfinished", async () => {
  const { events } = records([{ name: "db", made: [1, 2] }]);
  const file = join(folder, "events.jsonl");
  writeFileSync(file, JSON.stringify(events[0]));
  const { steps } = makeTimeline(run, await readEvents(file));
  expect(steps).toMatchObject([{ name: "db", state: "unfinished" }]);
});

test("what the stack is called, its commit and ids of what it made are no inputs of its own", async () => {
  const id = idOf("network");
  const inputs = {
    name: "project-ci-1-db",
    networkMode: `container:${id}`,
    envs: ["A=1"],
    labels: [],
    password: { "4dabf18193072939515e22adb298388d": "x", ciphertext: "[secret]" },
  };
  const { steps } = await timelineOf([
    { name: "network", type: "docker:index/network:Network", made: [0, 1] },
    { name: "db", made: [1, 2], inputs },
  ]);
  expect(steps[1]!.inputs).toEqual({
    name: "project-<stack>-db",
    networkMode: "container:<network>",
    "envs[0]": "A=1",
    password: "[secret]",
  });
});

test("events of tests are passed over, broken and huge lines left out, and whole seconds told", async () => {
  const output = { diagnosticEvent: { urn: "x", message: "hello", severity: "info", streamID: 1 } };
  const lines = [
    JSON.stringify({ sequence: 1, timestamp: 1, ...output }),
    "{half a li",
    "null",
    "[]",
    "3",
    "x".repeat(100),
  ];
  const { steps } = await timelineOf(stack, { lines });
  expect(steps).toHaveLength(stack.length);
  const file = join(folder, "plain.jsonl");
  const { events } = records(stack);
  writeFileSync(file, events.map((event) => JSON.stringify({ ...event, time: undefined })).join("\n"));
  expect((await readEvents(file)).exact).toBe(false);
  expect((await readEvents(join(folder, "none.jsonl"))).steps).toEqual([]);
});
