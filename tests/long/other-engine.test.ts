/** Docker-in-Docker, as a job sees it: an Engine with a socket, a data folder and a network of its own, by DOCKER_HOST. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { labelled, start, workplace, type Workplace } from "../e2e/seatrial";
import { ownEngine, type OwnEngine } from "../faults/engine";

let engine: OwnEngine;
let place: Workplace;

beforeAll(async () => {
  engine = await ownEngine();
  place = workplace("small");
});

afterAll(async () => {
  place?.remove();
  await engine?.remove();
});

const run = (scenario: string) =>
  start(
    place.folder,
    ["test", "--junit", "junit.xml", "-c", `image=${engine.image}`, "-c", `scenario=${scenario}`],
    engine.env,
  ).ended;

test.each([
  ["ok", 0, "passed"],
  ["fails", 4, "failed"],
  ["api-exits", 125, "stack-failed"],
])(
  "%s: exit code %d, %s; artifacts come out, and nothing is left on either Engine",
  async (scenario, code, verdict) => {
    const ended = await run(scenario);
    expect(ended.result).toMatchObject({ verdict, exitCode: code });
    expect(ended.code).toBe(code);
    const results = join(place.folder, "build/tests");
    if (code !== 125) expect(readFileSync(join(results, "junit.xml"), "utf8")).toContain("<testsuite");
    expect(existsSync(join(results, "logs/api.log"))).toBe(true);
    expect(await engine.everything()).toEqual([]);
    expect(labelled(place.project)).toEqual([]);
  },
);

test("a stack that is there is seen by its own Engine alone", async () => {
  const kept = await start(place.folder, ["test", "--keep", "-c", `image=${engine.image}`], engine.env).ended;
  expect(kept.code).toBe(0);
  expect((await engine.everything()).length).toBeGreaterThan(2);
  expect(labelled(place.project)).toEqual([]);
  const gc = await start(place.folder, ["gc", "--yes", "--commit", "3".repeat(40)], engine.env).ended;
  expect(gc.stdout).toBe("Nothing to remove.\n");
  const destroyed = await start(place.folder, ["destroy", "--yes", "--stack", kept.result!.stack], engine.env).ended;
  expect(destroyed.code).toBe(0);
  expect(await engine.everything()).toEqual([]);
});
