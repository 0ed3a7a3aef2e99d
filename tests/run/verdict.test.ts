import {
  disagreement,
  judge,
  testsEnd,
  type Evidence,
  type Failure,
  type StopReason,
  type TestsEnd,
  type TestsEvidence,
} from "../../run/verdict";

const apiDied: Failure = { resource: "api", message: "api exited with code 3", lastLines: [] };
const ended = (code: number) => ({
  began: true,
  ended: true,
  waited: code,
  output: code,
  inspected: code,
  event: code,
});
const noJunit = { expected: false, stale: [], problems: [] };
const counts = (failed: number, total: number) => ({ total, failed, passed: total - failed, skipped: 0 });
const well: Evidence = { update: { succeeded: true }, tests: ended(0), junit: noJunit, clean: true };

const late = { what: "collect" as const, seconds: 5 };

const table: [what: string, evidence: Partial<Evidence>, verdict: string, exitCode: number][] = [
  ["all is well", {}, "passed", 0],
  ["with a JUnit file", { junit: { ...noJunit, counts: counts(0, 3) } }, "passed", 0],
  ["the tests fail", { tests: ended(7) }, "failed", 7],
  ["the tests end with our own code", { tests: ended(125) }, "failed", 125],
  ["the tests fail, and a service died", { tests: ended(1), stop: { kind: "failure", failure: apiDied } }, "failed", 1],
  ["the tests fail, and the update too", { tests: ended(1), update: { succeeded: false } }, "failed", 1],
  ["the tests fail, and something is left", { tests: ended(1), clean: false }, "failed", 1],
  ["the tests pass, and something is left", { clean: false }, "passed", 125],
  ["the tests pass, but a service died", { stop: { kind: "failure", failure: apiDied } }, "stack-failed", 125],
  ["the tests pass, but the program fails", { update: { succeeded: false, failure: apiDied } }, "stack-failed", 125],
  ["the stack fails before the tests", { update: { succeeded: false }, tests: undefined }, "stack-failed", 125],
  [
    "the program refuses its settings",
    { update: { succeeded: false, refused: true }, tests: undefined },
    "stack-failed",
    2,
  ],
  [
    "a killed tests container is not the tests' word",
    { tests: { began: true, ended: false, inspected: 137 }, stop: { kind: "failure", failure: apiDied } },
    "stack-failed",
    125,
  ],
  [
    "the time is over",
    { tests: { began: true, ended: false, inspected: 137 }, stop: { kind: "deadline", what: "run", seconds: 5 } },
    "timed-out",
    124,
  ],
  [
    "the time is over as the tests fail",
    { tests: ended(2), stop: { kind: "deadline", what: "run", seconds: 5 } },
    "failed",
    2,
  ],
  ["interrupted", { stop: { kind: "signal", signal: "SIGINT" } }, "interrupted", 130],
  [
    "interrupted by SIGTERM after the end",
    { tests: ended(1), stop: { kind: "signal", signal: "SIGTERM" } },
    "interrupted",
    143,
  ],
  [
    "the wait call's failing code wins over a later 0",
    { tests: { ...ended(3), output: 0, inspected: 0 } },
    "failed",
    3,
  ],
  ["the event's failing code wins over a later 0", { tests: { ...ended(0), event: 4 } }, "failed", 4],
  ["inspection disagrees with a 0", { tests: { ...ended(0), inspected: 1 } }, "undetermined", 125],
  ["the program's output disagrees with a 0", { tests: { ...ended(0), output: 3 } }, "undetermined", 125],
  ["two failing codes", { tests: { ...ended(1), inspected: 137 } }, "failed", 1],
  ["the wait call broke, and 0 is found", { tests: { ...ended(0), waitBroke: true } }, "undetermined", 125],
  ["the wait call broke, and a failing code is found", { tests: { ...ended(2), waitBroke: true } }, "failed", 2],
  [
    "the wait call broke, and a signal's code is found",
    { tests: { ...ended(137), waitBroke: true } },
    "undetermined",
    125,
  ],
  [
    "the wait call broke, and nothing is found",
    { tests: { began: true, ended: false, waitBroke: true }, update: { succeeded: false, failure: apiDied } },
    "undetermined",
    125,
  ],
  ["nobody waited for the end", { tests: { began: true, ended: true, event: 0, inspected: 0 } }, "undetermined", 125],
  ["nobody could look afterwards", { tests: { ...ended(0), notInspected: "it is gone" } }, "undetermined", 125],
  ["0 after a SIGTERM from outside", { tests: { ...ended(0), signals: [15] } }, "undetermined", 125],
  ["0 after a SIGQUIT, for a thread dump, from outside", { tests: { ...ended(0), signals: [3] } }, "passed", 0],
  ["killed from outside", { tests: { ...ended(137), signals: [15, 9] } }, "undetermined", 125],
  ["a failing code of their own after a SIGTERM", { tests: { ...ended(3), signals: [15] } }, "failed", 3],
  ["killed as memory ran out", { tests: { ...ended(137), oomKilled: true } }, "failed", 137],
  ["nobody saw the end", { tests: { began: true, ended: false } }, "undetermined", 125],
  ["no tests at all", { tests: undefined }, "undetermined", 125],
  ["no test in the JUnit file", { junit: { ...noJunit, counts: counts(0, 0) } }, "undetermined", 125],
  ["failures in the JUnit file, but 0", { junit: { ...noJunit, counts: counts(2, 5) } }, "undetermined", 125],
  ["no JUnit file where one is expected", { junit: { ...noJunit, expected: true } }, "undetermined", 125],
  ["only an earlier run's JUnit file", { junit: { ...noJunit, stale: ["old.xml"] } }, "undetermined", 125],
  [
    "an earlier run's beside this one's",
    { junit: { ...noJunit, stale: ["a.xml"], counts: counts(0, 3) } },
    "passed",
    0,
  ],
  ["a JUnit file is cut", { junit: { ...noJunit, problems: ["it"], counts: counts(0, 3) } }, "undetermined", 125],
  ["the artifacts could not be had in time", { junit: { ...noJunit, expected: true }, late }, "timed-out", 124],
  ["the logs could not be had in time", { late }, "timed-out", 124],
  [
    "JUnit counts failures, and the logs came late",
    { junit: { ...noJunit, counts: counts(1, 3) }, late },
    "undetermined",
    125,
  ],
  ["the tests fail, and the logs came late", { tests: ended(1), late }, "failed", 1],
  ["only an output of the program's own", { tests: { began: true, ended: true, output: 0 } }, "passed", 0],
];

test.each(table)("%s", (_, evidence, verdict, exitCode) => {
  expect(judge({ ...well, ...evidence })).toMatchObject({ verdict, exitCode });
});

test("a verdict that isn't the tests' says why", () => {
  for (const [, evidence, verdict] of table) {
    const { failure } = judge({ ...well, ...evidence });
    expect(failure === undefined).toBe(verdict === "passed" || verdict === "failed");
  }
});

test("disagreement names who said what", () => {
  const evidence = { began: true, ended: true, waited: 0, inspected: 137 };
  const message = "the tests' exit code is not certain: 0 by the wait call, 137 by inspection";
  expect(judge({ ...well, tests: evidence }).failure!.message).toBe(message);
  expect(disagreement(evidence)).toBe(message);
  expect(disagreement(ended(7))).toBeUndefined();
});

test("time that ran out is named, in words and as data", () => {
  const stop = { kind: "deadline" as const, what: "build" as const, seconds: 90 };
  expect(judge({ ...well, tests: undefined, stop })).toMatchObject({
    failure: { message: "building images took longer than 90 s" },
    timedOut: { what: "build", seconds: 90 },
  });
});

const deadline: StopReason = { kind: "deadline", what: "tests", seconds: 1 };
const stopped = { began: true, ended: false, inspected: 137 };

test.each<[string, TestsEvidence, StopReason | undefined, TestsEnd]>([
  ["by itself", ended(0), undefined, { how: "exited", code: 0 }],
  ["by itself with 137", ended(137), undefined, { how: "exited", code: 137 }],
  ["by itself with our own code of a timeout", ended(124), undefined, { how: "exited", code: 124 }],
  ["by the kernel", { ...ended(137), oomKilled: true }, undefined, { how: "out-of-memory", code: 137 }],
  [
    "by itself, after a child ran out of memory",
    { ...ended(1), oomKilled: true },
    undefined,
    { how: "exited", code: 1 },
  ],
  ["by SIGKILL", { ...ended(137), signals: [9] }, undefined, { how: "killed", code: 137, signal: "SIGKILL" }],
  ["by docker stop", { ...ended(137), signals: [15, 9] }, undefined, { how: "killed", code: 137, signal: "SIGKILL" }],
  ["by itself, when told to by SIGTERM", { ...ended(3), signals: [15] }, undefined, { how: "exited", code: 3 }],
  ["by the run, at a deadline", stopped, deadline, { how: "timed-out" }],
  ["by the run", stopped, { kind: "failure", failure: apiDied }, { how: "stopped" }],
  ["with the engine", { ...ended(137), waitBroke: true }, undefined, { how: "unknown" }],
])("tests that ended %s", (_, evidence, stop, end) => {
  expect(testsEnd(evidence, stop)).toEqual(end);
});
