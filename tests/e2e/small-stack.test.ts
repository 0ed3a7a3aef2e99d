import { execFileSync } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  killWatchdog,
  killWithWatchdog,
  labelled,
  probeImage,
  seatrial,
  start,
  statesOf,
  within,
  workplace,
  type Workplace,
} from "./seatrial";
import type { Report } from "../../report/model";
import { resultSchema } from "../../run/result";

jest.setTimeout(120_000);

let image: string;
let place: Workplace;
const settings = (...more: string[]) => ["-c", `image=${image}`, ...more.flatMap((setting) => ["-c", setting])];
const run = (scenario: string, ...args: string[]) =>
  seatrial(place.folder, "test", ...settings(`scenario=${scenario}`), ...args);
const states = () => statesOf(place);

beforeAll(() => {
  image = probeImage();
});
beforeEach(() => {
  place = workplace("small");
});
afterEach(() => {
  const left = labelled(place.project);
  place.remove();
  expect(left).toEqual([]);
});

test("passes, shows the tests' output, saves what they leave, and leaves nothing else", async () => {
  const { code, stdout, result } = await run("ok");
  expect(stdout).toMatch(/✓ api +ready/);
  expect(stdout).toContain("\ntrying\ntried\n");
  expect(code).toBe(0);
  expect(result).toMatchObject({
    ...{ verdict: "passed", exitCode: 0, kept: false, notes: [], cleanup: { clean: true, left: [] } },
    tests: { total: 2, passed: 2, failed: 0, skipped: 0, exitCode: 0 },
  });
  const results = join(place.folder, "build/tests");
  expect(readdirSync(results).sort()).toEqual([
    ".seatrial-artifacts",
    "events.jsonl",
    "junit.xml",
    "logs",
    "report",
    "result.json",
    "stack.json",
  ]);
  expect(readFileSync(join(results, "logs/api.log"), "utf8")).toMatch(/^\d{4}-.*Z listening\n$/);
  expect(stdout).toContain("report     build/tests/report/index.html");
  expect(states()).toEqual([]);
});

test("leaves a report of what was made, ready, tested and destroyed, which can be made again", async () => {
  const { code } = await run("ok");
  expect(code).toBe(0);
  const results = join(place.folder, "build/tests");
  const report = () => JSON.parse(readFileSync(join(results, "report/report.json"), "utf8")) as Report;
  const { steps, criticalPath, exactTimes, ...first } = report();
  expect(first).toMatchObject({ verdict: "passed", counts: { total: 2, passed: 2 }, cleanup: { clean: true } });
  expect(first.logs.find(({ service }) => service === "api")).toMatchObject({ lines: 1, leftOut: 0 });
  const tests = steps.find(({ role }) => role === "tests")!;
  const { made, created, started, destroyed } = tests;
  expect(exactTimes).toBe(true);
  expect(criticalPath.at(-1)).toBe(tests.urn);
  const times = [made!.from, created!, started!, made!.to, destroyed!.from, destroyed!.to, first.seconds];
  expect([...times].sort((a, b) => a - b)).toEqual(times);
  const page = readFileSync(join(results, "report/index.html"), "utf8");
  expect(page).toContain("<title>passed");

  const again = await seatrial(place.folder, "report");
  expect(again).toMatchObject({ code: 0, stdout: `${join(results, "report/index.html")}\n` });
  expect(report().steps).toEqual(steps);
  const refused = await seatrial(place.folder, "report", "src");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/^error: .*src holds no result\.json: name the folder .*\n$/);
});

test.each([
  ["sh -c exit 7", ["sh", "-c", "exit 7"], 7, "failed"],
  ["sh -c exit 125", ["sh", "-c", "exit 125"], 125, "failed"],
  ["true", ["true"], 0, "passed"],
])("-- %s", async (_, command, exitCode, verdict) => {
  const { code, result } = await run("ok", "--", ...command);
  expect(code).toBe(exitCode);
  expect(result).toMatchObject({ verdict, exitCode, tests: { total: 0, exitCode } });
});

test.each([
  ["fails", 4, "failed", undefined],
  ["empty", 125, "undetermined", /no test at all/],
  ["lies", 125, "undetermined", /JUnit counts 1 failed/],
])("tests that do as in %s exit %d", async (scenario, exitCode, verdict, message) => {
  const { code, stdout, result } = await run(scenario);
  expect(code).toBe(exitCode);
  expect(result).toMatchObject({ verdict, exitCode });
  if (message) expect(result!.failure!.message).toMatch(message);
  expect(stdout).toContain("── log of api");
});

test.each([
  ["no-image", /no image small-no-such-image:nowhere/, undefined],
  ["api-exits", /exited with code 9/, "api: no such database"],
  ["never-ready", /not healthy after 4 s/, "still loading"],
  ["crash", /api exited with code 3/, "api: out of luck"],
])("a stack that fails as in %s names the resource, soon", async (scenario, message, lastWords) => {
  const { code, stdout, result, seconds } = await run(scenario);
  expect(code).toBe(125);
  expect(result).toMatchObject({ verdict: "stack-failed", failure: { resource: "api" } });
  expect(result!.failure!.message).toMatch(message);
  if (lastWords) expect(result!.failure!.lastLines).toContain(lastWords);
  if (lastWords) expect(stdout).toContain(lastWords);
  expect(seconds).toBeLessThan(scenario === "never-ready" ? 14 : 11);
});

test("a port that is taken is named", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const { code, result } = await seatrial(place.folder, "test", ...settings(`port=${port}`));
    expect(code).toBe(125);
    expect(result).toMatchObject({ verdict: "stack-failed", failure: { resource: "api" } });
    expect(result!.failure!.message).toContain(`port ${port}`);
  } finally {
    server.close();
  }
});

test("settings that the program refuses are wrong usage", async () => {
  const { code, stdout } = await seatrial(place.folder, "test", ...settings("refuse=true"));
  expect(code).toBe(2);
  expect(stdout).toContain(`error ${place.project}:refuse: expected false`);
});

test("time runs out", async () => {
  const { code, result, stdout } = await run("hangs", "--timeout", "10s");
  expect(code).toBe(124);
  expect(stdout).toContain("hanging");
  expect(result).toMatchObject({ verdict: "timed-out", exitCode: 124 });
});

test("the tests' own time runs out", async () => {
  const { code, result } = await seatrial(place.folder, "test", ...settings("scenario=hangs", "limit=3s"));
  expect(code).toBe(124);
  expect(result).toMatchObject({ verdict: "timed-out", failure: { message: "the tests took longer than 3 s" } });
});

test("hostile output and artifacts do no harm", async () => {
  const { code, stdout, result } = await run("hostile");
  expect(code).toBe(0);
  expect(stdout).toContain("redcolour");
  expect(stdout).not.toMatch(/[\x07\x1b]/);
  expect(result!.artifacts.files.map(({ path }) => path)).toEqual(["tests-result.json"]);
  expect(result!.artifacts.skipped).toEqual([{ path: "link", reason: "a symbolic link" }]);
});

test("a secret that programs print is masked wherever it comes up", async () => {
  const { code, stdout, stderr, result } = await run("leaks");
  expect(code).toBe(3);
  expect(result!.tests.failures).toEqual([{ name: "a", message: "[secret]" }]);
  const results = join(place.folder, "build/tests");
  const written = ["result.json", "events.jsonl", "logs/api.log", "logs/tests.log"].map((file) =>
    readFileSync(join(results, file), "utf8"),
  );
  for (const text of [stdout, stderr, ...written]) {
    expect(text.match(/.{0,40}(hunter2-s3cr3t|aHVudGVyMi1zM2NyM3).{0,40}/)).toBeNull();
  }
  expect(stdout.split("\n").filter((line) => line === "[secret]")).toHaveLength(3);
  expect(written[3]!.match(/\[secret\]/g)).toHaveLength(3);
});

test.each([
  ["SIGINT", "setting up", 130],
  ["SIGTERM", "api", 143],
  ["SIGINT", "hanging", 130],
  ["SIGTERM", "hanging", 143],
  ["SIGHUP", "hanging", 143],
  ["SIGINT", "taking the stack down", 130],
] as const)("%s at %j cleans up and exits %d", async (signal, moment, exitCode) => {
  const running = start(place.folder, ["test", ...settings(`scenario=${moment === "hanging" ? "hangs" : "ok"}`)]);
  if (moment === "setting up") await new Promise((resolve) => setTimeout(resolve, 200));
  else await running.shows(moment);
  running.process.kill(signal);
  const { code, result } = await running.ended;
  expect(code).toBe(exitCode);
  if (moment !== "setting up") expect(result).toMatchObject({ verdict: "interrupted", exitCode });
  expect(labelled(place.project)).toEqual([]);
  expect(states()).toEqual([]);
});

test("an impatient second signal doesn't keep it from cleaning up", async () => {
  const running = start(place.folder, ["test", ...settings("scenario=hangs")]);
  await running.shows("hanging");
  running.process.kill("SIGINT");
  setTimeout(() => running.process.kill("SIGTERM"), 100);
  expect((await running.ended).code).toBe(130);
});

test("a reader that goes away doesn't keep it from cleaning up", async () => {
  const running = start(place.folder, ["test", ...settings()]);
  await running.shows("api");
  running.process.stdout!.destroy();
  expect((await running.ended).code).toBe(0);
});

test("a kept stack's tests run again beside the same services, and nothing else is made", async () => {
  const first = await run("ok", "--keep");
  expect(first.result).toMatchObject({ verdict: "passed", kept: true });
  const ids = (service: string) =>
    execFileSync("docker", ["ps", "-aq", "--filter", `name=${place.project}-${first.result!.stack}-${service}`], {
      encoding: "utf8",
    });
  const [api, tests] = [ids("api"), ids("tests")];
  const again = await seatrial(place.folder, "rerun", ...settings());
  expect(again.code).toBe(0);
  expect(first.stdout).toMatch(/✓ network .*\n.*✓ data |✓ data .*\n.*✓ network /);
  expect(again.stdout).not.toMatch(/✓ (?:network|data|api)/);
  expect(again.result).toMatchObject({ verdict: "passed", stack: first.result!.stack, tests: { total: 2 } });
  expect(again.result!.run).not.toBe(first.result!.run);
  expect(ids("api")).toBe(api);
  expect(ids("tests")).not.toBe(tests);
  const failing = await seatrial(place.folder, "rerun", ...settings(), "--", "sh", "-c", "exit 9");
  expect(failing.result).toMatchObject({ verdict: "failed", exitCode: 9, kept: true });

  expect((await seatrial(place.folder, "logs", "api")).stdout).toBe("api │ listening\n");
  expect((await seatrial(place.folder, "gc", "--yes")).stdout).not.toContain(first.result!.stack);
  const destroyed = await seatrial(place.folder, "destroy", "--yes", "--stack", first.result!.stack);
  expect(destroyed.code).toBe(0);
  expect(labelled(place.project)).toEqual([]);
  expect(states()).toEqual([]);
});

test("what a killed run leaves is gone 10 s later, its state and half-made results too", async () => {
  const running = start(place.folder, ["test", ...settings("scenario=hangs")]);
  await running.shows("hanging");
  expect(labelled(place.project).length).toBeGreaterThan(0);
  running.process.kill("SIGKILL");
  await running.ended;
  await within(10, () => expect([...labelled(place.project), ...states()]).toEqual([]));
  expect(readdirSync(join(place.folder, "build"))).toEqual([]);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`seatrial-engine-${running.process.pid}-`))).toEqual(
    [],
  );
  expect(readFileSync(join(place.folder, ".seatrial/watchdog.log"), "utf8")).toContain("removed container");
});

test("a watchdog that is killed is replaced, and the other cleans up just as well", async () => {
  const running = start(place.folder, ["test", ...settings("scenario=hangs")]);
  await running.shows("hanging");
  expect(killWatchdog(running)).toBe(true);
  await running.shows("is gone (it ended with SIGKILL); another has taken its place");
  running.process.kill("SIGKILL");
  await running.ended;
  await within(10, () => expect([...labelled(place.project), ...states()]).toEqual([]));
});

test("what a killed run and its watchdog leave, the next run removes beside its own work, and says so", async () => {
  const running = start(place.folder, ["test", ...settings("scenario=hangs")]);
  await running.shows("hanging");
  killWithWatchdog(running);
  await running.ended;
  const [left] = states();
  const next = await run("ok");
  expect(next.code).toBe(0);
  const stack = left!.replace(".json", "");
  expect(next.stdout).toContain(
    `removed what runs that were killed have left: ${stack} (4 of its containers, networks and volumes)`,
  );
  expect([...labelled(place.project), ...states()]).toEqual([]);
  expect(readdirSync(join(place.folder, ".seatrial/runs"))).toEqual([]);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`seatrial-engine-${running.process.pid}-`))).toEqual(
    [],
  );
});

test("where no watchdog can be had nothing is made", async () => {
  const { code, stderr } = await start(place.folder, ["test", ...settings()], {
    NODE_OPTIONS: "--require ./no-watchdog.js",
  }).ended;
  expect(stderr).toContain(
    "error: the watchdog, which cleans up where this process is killed, can't be started: no threads left",
  );
  expect(code).toBe(125);
  expect([...labelled(place.project), ...states()]).toEqual([]);
});

test("a run that is interrupted while it writes down that it has passed says that it was", async () => {
  const { code, stdout } = await start(place.folder, ["test", ...settings("scenario=ok")], {
    NODE_OPTIONS: "--require ./interrupt-late.js",
  }).ended;
  expect(stdout).toContain("SIGINT: stopping and cleaning up");
  expect(code).toBe(130);
  const result = JSON.parse(readFileSync(join(place.folder, "build/tests/result.json"), "utf8")) as unknown;
  expect(result).toMatchObject({ verdict: "interrupted", exitCode: 130, cleanup: { clean: true, left: [] } });
  expect([...labelled(place.project), ...states()]).toEqual([]);
});

test("what a killed run of a CI job leaves, the job's next step destroys", async () => {
  const env = { GITLAB_CI: "true", CI_JOB_ID: "4711" };
  const running = start(place.folder, ["test", ...settings("scenario=hangs")], env);
  await running.shows("hanging");
  killWithWatchdog(running);
  await running.ended;
  expect(labelled(place.project).length).toBeGreaterThan(0);
  const destroyed = await start(place.folder, ["destroy", "--yes"], env).ended;
  expect(destroyed.code).toBe(0);
  expect(labelled(place.project)).toEqual([]);
  expect((await start(place.folder, ["destroy", "--yes"], env).ended).code).toBe(0);
});

test("what only the state knows and can't be destroyed is told, kept in the state, and destroyed later", async () => {
  const { code, result } = await run("stuck");
  expect(code).toBe(125);
  expect(result).toMatchObject({
    verdict: "passed",
    cleanup: { clean: false, left: [{ kind: "resource", name: "stuck" }] },
  });
  expect(states()).toHaveLength(1);
  writeFileSync(join(place.folder, "let-go"), "");
  expect((await seatrial(place.folder, "destroy", "--stack", result!.stack)).code).toBe(0);
  expect(states()).toEqual([]);
});

test("a run whose state somebody breaks meanwhile cleans up all the same", async () => {
  const running = start(place.folder, ["test", ...settings("scenario=hangs")]);
  await running.shows("hanging");
  const stacks = join(place.folder, ".seatrial/.pulumi/stacks", place.project);
  for (const name of states()) writeFileSync(join(stacks, name), '{"version":3,');
  running.process.kill("SIGTERM");
  const { code, result } = await running.ended;
  expect([code, result!.cleanup.left]).toEqual([143, []]);
  expect(readdirSync(stacks)).toEqual([]);
});

test("two runs of one commit at the same time don't meet", async () => {
  const env = { SEATRIAL_COMMIT: "0123456789abcdef0123456789abcdef01234567" };
  const both = ["one", "two"].map((name) =>
    start(place.folder, ["test", ...settings("scenario=ok"), "--artifacts", name, "--json"], env),
  );
  const ended = await Promise.all(both.map((running) => running.ended));
  const results = ended.map(({ stdout }) => resultSchema.parse(JSON.parse(stdout)));
  for (const result of results) {
    expect(result).toMatchObject({ verdict: "passed", commit: env.SEATRIAL_COMMIT, notes: [], tests: { total: 2 } });
    expect(result.containers.map(({ name }) => name)).toEqual([
      `${place.project}-${result.stack}-api`,
      `${place.project}-${result.stack}-tests`,
    ]);
  }
  expect(new Set(results.map(({ stack }) => stack)).size).toBe(2);
});

test("up, output, export, import, refresh, destroy", async () => {
  const dev = ["--stack", "dev"];
  const up = await seatrial(place.folder, "up", ...dev, ...settings(), "--event-log", "events.jsonl");
  expect(up.code).toBe(0);
  expect(up.stdout).toContain("    exitCode : 0\n");
  const events = readFileSync(join(place.folder, "events.jsonl"), "utf8").trim().split("\n");
  expect(events.map((line) => JSON.parse(line) as object).some((event) => "summaryEvent" in event)).toBe(true);

  const outputs = await seatrial(place.folder, "stack", "output", ...dev, "--json");
  expect(JSON.parse(outputs.stdout)).toEqual({ exitCode: 0, artifacts: "/artifacts", secret: "[secret]" });
  expect((await seatrial(place.folder, "stack", "output", "secret", ...dev, "--show-secrets")).stdout).toBe(
    "for nobody\n",
  );
  expect(await seatrial(place.folder, "stack", "output", "nothing", ...dev)).toMatchObject({ code: 2 });
  const exported = await seatrial(place.folder, "stack", "export", ...dev);
  expect(exported.stdout).not.toContain("for nobody");
  writeFileSync(join(place.folder, "state.json"), exported.stdout);
  expect((await seatrial(place.folder, "stack", "import", ...dev, "--file", "state.json")).code).toBe(0);
  expect(JSON.parse((await seatrial(place.folder, "stack", "ls", "--json")).stdout)).toMatchObject([
    { name: "dev", resourceCount: 6 },
  ]);

  expect((await seatrial(place.folder, "refresh", ...dev, "--yes")).stdout).toContain("5 unchanged");
  const refused = await seatrial(place.folder, "test", ...dev, ...settings());
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain("seatrial rerun --stack dev");
  expect((await seatrial(place.folder, "destroy", ...dev)).code).toBe(0);
  expect((await seatrial(place.folder, "stack", "rm", "dev")).code).toBe(0);
  expect((await seatrial(place.folder, "destroy", ...dev)).stdout).toContain("nothing to destroy");
});
