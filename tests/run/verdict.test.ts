import { judge, type Evidence, type Failure } from "../../run/verdict";

const apiDied: Failure = { resource: "api", message: "api exited with code 3", lastLines: [] };
const ended = (code: number) => ({ ended: true, waited: code, output: code, inspected: code, event: code });
const noJunit = { expected: false, problems: [] };
const counts = (failed: number, total: number) => ({ total, failed, passed: total - failed, skipped: 0 });
const well: Evidence = { update: { succeeded: true }, tests: ended(0), junit: noJunit, clean: true };

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
    { tests: { ended: false, inspected: 137 }, stop: { kind: "failure", failure: apiDied } },
    "stack-failed",
    125,
  ],
  [
    "the time is over",
    { tests: { ended: false, inspected: 137 }, stop: { kind: "deadline", what: "the run", seconds: 5 } },
    "timed-out",
    124,
  ],
  [
    "the time is over as the tests fail",
    { tests: ended(2), stop: { kind: "deadline", what: "the run", seconds: 5 } },
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
  ["witnesses disagree", { tests: { ended: true, waited: 0, inspected: 1 } }, "undetermined", 125],
  ["the program's output disagrees", { tests: { ended: true, output: 0, waited: 3 } }, "undetermined", 125],
  ["nobody saw the end", { tests: { ended: false } }, "undetermined", 125],
  ["no tests at all", { tests: undefined }, "undetermined", 125],
  ["no test in the JUnit file", { junit: { ...noJunit, counts: counts(0, 0) } }, "undetermined", 125],
  ["failures in the JUnit file, but 0", { junit: { ...noJunit, counts: counts(2, 5) } }, "undetermined", 125],
  ["no JUnit file where one is expected", { junit: { expected: true, problems: [] } }, "undetermined", 125],
  ["only an output of the program's own", { tests: { ended: true, output: 0 } }, "passed", 0],
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
  const { failure } = judge({ ...well, tests: { ended: true, waited: 0, inspected: 137 } });
  expect(failure!.message).toBe("the tests' exit code is not certain: 0 by the wait call, 137 by inspection");
});
