import { detectJob } from "../../ci/detect";
import { describeEnd, serviceName } from "../../run/containers";
import { formatSeconds, parseDuration } from "../../run/duration";
import { programEnvironment, newRunId, runLabels, stackName } from "../../run/identity";
import { brief } from "../../run/messages";
import { phaseClock } from "../../run/phases";

test.each([
  ["90", 90],
  ["90s", 90],
  ["5m", 300],
  ["1h30m", 5400],
  ["1.5h", 5400],
  ["250ms", 0.25],
  ["0", 0],
])("%s is %d seconds", (text, seconds) => expect(parseDuration(text, "x")).toBe(seconds));

test.each(["", "soon", "5x", "m5", "5m x", "-5s", "1m-2s"])("%j is no duration", (text) => {
  expect(() => parseDuration(text, "--timeout")).toThrow(/^--timeout: expected a duration such as/);
});

test.each([
  [0.04, "0.0s"],
  [9.94, "9.9s"],
  [9.97, "10s"],
  [59.4, "59s"],
  [65, "1m05s"],
  [3725, "1h02m"],
])("%d seconds read %s", (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

test("a stack's name holds the commit and is the run's own; what is before the dash chooses the settings", () => {
  const commit = { sha: "1a2b3c4d5e6f", dirty: false };
  expect(stackName(commit, "abcdefghijkl")).toBe("ci-1a2b3c4-abcd");
  expect(stackName(undefined, "abcdefghijkl")).toBe("ci-local-abcd");
  const ids = new Set(Array.from({ length: 1000 }, newRunId));
  expect(ids.size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[a-z2-7]{12}$/);
});

test("the program and the labels are told the same", () => {
  const owner = { host: "h", pid: 1 };
  const identity = {
    ...{ run: "abcdefghijkl", project: "p", stack: "s", commit: { sha: "abc", dirty: true }, owner },
    expires: new Date("2026-01-01T00:00:00Z"),
  };
  expect(programEnvironment(identity, { ownProviders: true, testsCommand: ["a", "b c"] })).toEqual({
    SEATRIAL_RUN: "abcdefghijkl",
    SEATRIAL_COMMIT: "abc",
    SEATRIAL_OWNER: JSON.stringify(owner),
    SEATRIAL_EXPIRES: "2026-01-01T00:00:00.000Z",
    SEATRIAL_OWN_PROVIDERS: "yes",
    SEATRIAL_TESTS_COMMAND: '["a","b c"]',
  });
  expect(runLabels(identity)).toEqual({
    "dev.seatrial.project": "p",
    "dev.seatrial.stack": "s",
    "dev.seatrial.commit": "abc",
    "dev.seatrial.run": "abcdefghijkl",
    "dev.seatrial.owner": JSON.stringify(owner),
    "dev.seatrial.expires": "2026-01-01T00:00:00.000Z",
  });
  expect(runLabels({ project: "p", stack: "s", expires: identity.expires })).not.toHaveProperty(["dev.seatrial.owner"]);
});

test("services are known by their label, else by what is their own in Docker's name", () => {
  const of = { "dev.seatrial.project": "small", "dev.seatrial.stack": "ci" };
  expect(serviceName({ ...of, "dev.seatrial.service": "api" }, "x")).toBe("api");
  expect(serviceName({ ...of, "dev.seatrial.service": "api", "dev.seatrial.role": "probe" }, "x")).toBe("api-probe");
  expect(serviceName(of, "small-ci-db")).toBe("db");
  expect(serviceName(of, "ci-db")).toBe("db");
  expect(serviceName({}, "lonely")).toBe("lonely");
});

test("a failed script is quoted by its first line", () => {
  const script = JSON.stringify(`scratch=$(mktemp -d)\necho "${"x".repeat(200)}"`);
  expect(brief(`exit status 1: running ${script}:\nno such file`)).toBe(
    'exit status 1: running "scratch=$(mktemp -d) …":\nno such file',
  );
  expect(brief('exit status 1: running "false":\n')).toBe('exit status 1: running "false":\n');
});

test("ends are told apart", () => {
  expect(describeEnd({ exitCode: 1, oomKilled: false })).toBe("exited with code 1");
  expect(describeEnd({ exitCode: 137, oomKilled: false })).toBe("exited with code 137 (SIGKILL)");
  expect(describeEnd({ exitCode: 137, oomKilled: true })).toMatch(/ran out of memory/);
});

test("knows the CI job", () => {
  expect(detectJob({})).toBeUndefined();
  expect(detectJob({ CI: "false" })).toBeUndefined();
  expect(detectJob({ CI: "true" })).toEqual({ system: "other" });
  expect(detectJob({ GITLAB_CI: "true", CI_JOB_ID: "7", CI_JOB_URL: "https://ci/7", CI_COMMIT_SHA: "abc" })).toEqual({
    ...{ system: "gitlab", id: "7", url: "https://ci/7", commit: "abc" },
    artifactsUrl: "https://ci/7/artifacts/browse",
  });
  const github = { GITHUB_ACTIONS: "true", GITHUB_RUN_ID: "9", GITHUB_RUN_ATTEMPT: "1", GITHUB_JOB: "test" };
  const one = detectJob({ ...github, RUNNER_NAME: "a", GITHUB_SERVER_URL: "https://hub", GITHUB_REPOSITORY: "o/r" })!;
  expect(one.url).toBe("https://hub/o/r/actions/runs/9");
  expect(one.id).not.toBe(detectJob({ ...github, RUNNER_NAME: "b" })!.id);
});

test("phases follow one another, and entering the present one is nothing new", () => {
  let now = 0;
  const entered: string[] = [];
  const clock = phaseClock(
    (phase) => entered.push(phase),
    undefined,
    () => now,
  );
  clock.enter("set-up");
  now = 100;
  clock.enter("up");
  clock.enter("up");
  now = 1600;
  expect(clock.finish()).toEqual([
    { name: "set-up", seconds: 0.1, at: 0 },
    { name: "up", seconds: 1.5, at: 0.1 },
  ]);
  expect(entered).toEqual(["set-up", "up"]);
});
