/** A Docker Engine that loses or holds connections while the tests run never makes a run green, nor hang. */
import { join } from "node:path";
import { engineProxy, type EngineProxy } from "../e2e/engine-proxy";
import { labelled, probeImage, start, workplace, type Ended, type Workplace } from "../e2e/seatrial";

jest.setTimeout(200_000);

let place: Workplace;
let proxy: EngineProxy;
beforeEach(async () => {
  place = workplace("small");
  proxy = await engineProxy(join(place.folder, "engine.sock"));
});
afterEach(() => {
  proxy.close();
  place.remove();
});

/** A run behind the proxy, to which `trouble` happens as soon as its tests run. */
async function run(trouble: () => void, ...args: string[]): Promise<Ended> {
  const settings = ["-c", `image=${probeImage()}`, "-c", "scenario=hangs"];
  const env = { DOCKER_HOST: `unix://${join(place.folder, "engine.sock")}` };
  const running = start(place.folder, ["test", ...settings, ...args], env);
  await running.shows("hanging");
  trouble();
  return await running.ended;
}

test.each([
  [0, "undetermined", 125],
  [7, "failed", 7],
  [137, "undetermined", 125],
])("the wait for the tests' end breaks, and they exit with %d", async (code, verdict, exitCode) => {
  const command = ["--", "sh", "-c", `echo hanging; sleep 3; exit ${code}`];
  const ended = await run(() => proxy.cut("/wait?"), ...command);
  expect(ended.result).toMatchObject({ verdict, exitCode, cleanup: { clean: true } });
  expect(ended.stdout).toContain("warning tests: the connection to the Docker Engine broke while it ran");
});

test("the tests have ended, and their step doesn't notice", async () => {
  const ended = await run(() => proxy.freeze("/wait?"), "--", "sh", "-c", "echo hanging; sleep 2");
  expect(ended.result).toMatchObject({ verdict: "stack-failed", exitCode: 125, cleanup: { clean: true } });
  expect(ended.result!.failure!.message).toBe("its step has not ended within 60 s of the container's end");
  expect(ended.seconds).toBeLessThan(100);
});

test("nothing gets through any more", async () => {
  const deadlines = ["tests=3s", "collect=2s", "destroy=3s"].flatMap((deadline) => ["-c", `run:deadline.${deadline}`]);
  const ended = await run(() => proxy.freeze(), ...deadlines);
  expect(ended.result).toMatchObject({ verdict: "timed-out", exitCode: 124, cleanup: { clean: false } });
  expect(ended.result!.notes).toContain("destroy: it took longer than 3 s");
  expect(ended.seconds).toBeLessThan(150);
  expect(labelled(place.project)).not.toEqual([]);
});
