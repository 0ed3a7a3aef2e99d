/** How runs end that don't simply pass or fail: what is said of it, with which exit code, and that nothing is left. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { labelled, probeImage, start, workplace, type Ended, type Workplace } from "../e2e/seatrial";

jest.setTimeout(120_000);

let image: string;
const places: Workplace[] = [];
const servers: Server[] = [];

beforeAll(() => {
  image = probeImage();
});
afterEach(() => {
  const used = places.splice(0);
  const left = used.flatMap(({ project }) => labelled(project));
  for (const place of used) place.remove();
  for (const server of servers.splice(0)) server.close();
  expect(left).toEqual([]);
});

/** A run in a folder of its own, so that several can go at once. */
function begin(settings: Record<string, string>, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const place = workplace("small");
  places.push(place);
  const given = Object.entries({ image, ...settings }).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  return { place, running: start(place.folder, ["test", ...given, ...args], env) };
}

async function run(settings: Record<string, string>, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return await begin(settings, args, env).running.ended;
}

/** Something that takes connections and never says anything. */
async function silentServer(at: string | number): Promise<Server> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(at, resolve));
  return server;
}

test("an exit with 137, a kill and a lack of memory are told apart", async () => {
  // By itself: Engine 20.10 misses it now and then where containers start and end beside it.
  const starved = await run({ scenario: "greedy" });
  const killed = begin({ scenario: "hangs" });
  const [exited] = await Promise.all([
    run({}, ["--", "sh", "-c", "exit 137"]),
    killed.running.shows("hanging").then(() => {
      const filter = `name=${killed.place.project}-ci-.*-tests`;
      const id = execFileSync("docker", ["ps", "-q", "--filter", filter], { encoding: "utf8" }).trim();
      execFileSync("docker", ["kill", id]);
    }),
  ]);
  expect(exited).toMatchObject({ code: 137, result: { verdict: "failed", tests: { end: "exited", exitCode: 137 } } });
  expect(exited.stdout).toContain("the tests exited with 137 by themselves");
  expect(starved).toMatchObject({
    code: 137,
    result: { verdict: "failed", tests: { end: "out-of-memory", exitCode: 137 } },
  });
  expect(starved.stdout).toContain("the tests were killed, since they ran out of memory");
  expect(await killed.running.ended).toMatchObject({
    code: 125,
    result: {
      verdict: "undetermined",
      failure: { message: "the tests were ended by SIGKILL, which was sent from outside" },
      tests: { end: "killed", exitCode: 137, signal: "SIGKILL" },
    },
  });
});

test("each phase has its deadline, and the one that ran out is named", async () => {
  const socket = join(workplaceFolder(), "silent.sock");
  const registry = await silentServer(0);
  await silentServer(socket);
  const { port } = registry.address() as { port: number };
  const [setUp, build, up, tests, collect] = await Promise.all([
    run({ "run:deadline.setUp": "1s" }, [], { DOCKER_HOST: `unix://${socket}` }),
    run({ "run:deadline.build": "2s", scenario: "slow-pull", registry: String(port) }),
    run({ "run:deadline.up": "3s", scenario: "never-ready" }),
    run({ "run:deadline.tests": "2s", scenario: "jvm" }),
    run({ "run:deadline.collect": "1ms" }),
  ]);
  const expected = { "set-up": setUp, build, up, tests, collect };
  for (const [what, { code, result }] of Object.entries(expected)) {
    expect(result).toMatchObject({ verdict: "timed-out", exitCode: 124, timedOut: { what }, cleanup: { clean: true } });
    expect(code).toBe(124);
  }
  expect(setUp.stdout).toContain("the set-up took longer than 1 s");
  expect(tests.result!.tests).toMatchObject({ end: "timed-out" });
  const log = readFileSync(join(places.at(-2)!.folder, "build/tests/logs/tests.log"), "utf8");
  expect(log).toMatch(/hanging\n.*stacks of all threads\n$/);
});

test("a destruction that is late is given up, and the run says what is left, for its watchdog", async () => {
  const { place, running } = begin({ "run:deadline.destroy": "1ms" });
  const { code, result, stdout } = await running.ended;
  expect(code).toBe(125);
  expect(result).toMatchObject({ verdict: "passed", exitCode: 125, cleanup: { clean: false } });
  expect(result!.notes).toContain("destroy: it took longer than 0.001 s");
  expect(stdout).toMatch(/left +\w+ \?: looking for what is left took longer than 0.001 s/);
  for (let i = 0; i < 100 && labelled(place.project).length > 0; i++) await new Promise((r) => setTimeout(r, 100));
});

test("a run that can't begin leaves its result all the same", async () => {
  const broken = workplace("small");
  places.push(broken);
  writeFileSync(join(broken.folder, "Pulumi.yaml"), "name: [\n");
  const [noEngine, badKey, badProject] = await Promise.all([
    run({}, ["--json"], { DOCKER_HOST: "unix:///nowhere.sock" }),
    run({ "run:deadline.sup": "5m" }),
    start(broken.folder, ["test"]).ended,
  ]);
  const message = "no Docker Engine at unix:///nowhere.sock (from DOCKER_HOST)";
  expect(noEngine.code).toBe(125);
  expect(noEngine.stderr).toContain(`error: ${message}`);
  expect(noEngine.result).toMatchObject({ verdict: "stack-failed", exitCode: 125 });
  expect(noEngine.result!.failure!.message).toContain(message);
  expect(JSON.parse(noEngine.stdout)).toEqual(noEngine.result);
  expect(badKey.code).toBe(2);
  expect(badKey.stderr).toMatch(/^error: run:deadline\.sup: no such setting; under run: there are deadline, [^\n]+\n$/);
  expect(badKey.result).toMatchObject({ verdict: "stack-failed", exitCode: 2 });
  expect(badProject.code).toBe(2);
  expect(badProject.result).toMatchObject({ verdict: "stack-failed", exitCode: 2, project: "", stack: "" });
  const states = (place: Workplace) => join(place.folder, ".seatrial/.pulumi/stacks", place.project);
  for (const place of places.filter(({ folder }) => existsSync(join(folder, ".seatrial")))) {
    expect(existsSync(states(place)) ? execFileSync("ls", [states(place)], { encoding: "utf8" }) : "").toBe("");
  }
});

function workplaceFolder(): string {
  const place = workplace("small");
  places.unshift(place);
  return place.folder;
}
