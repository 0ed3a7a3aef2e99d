import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { labelled, probeImage, seatrial, start, workplace, type Workplace } from "./seatrial";

jest.setTimeout(60_000);

let image: string;
let place: Workplace;
const settings = (...more: string[]) => [`image=${image}`, ...more].flatMap((setting) => ["-c", setting]);
const states = () => {
  const stacks = join(place.folder, ".seatrial/.pulumi/stacks", place.project);
  return existsSync(stacks) ? readdirSync(stacks).filter((name) => name.endsWith(".json")) : [];
};

beforeAll(() => {
  image = probeImage();
});
beforeEach(() => {
  place = workplace("small");
});
afterEach(() => {
  const left = [...labelled(place.project), ...states()];
  place.remove();
  expect(left).toEqual([]);
});

test("what the machine lacks is told before anything is made, a line each, with what to do", async () => {
  const missing = ["run:guard.freeDisk=900t", "run:guard.freeNetworks=999999"];
  const { code, stdout, stderr, result, seconds } = await seatrial(place.folder, "test", ...settings(...missing));
  expect(code).toBe(125);
  expect(result).toMatchObject({ verdict: "stack-failed", exitCode: 125, containers: [] });
  const said = `${stdout}${stderr}`;
  expect(said).toMatch(
    /the disk of the results \(.*\).* has [\d.]+ [MG]iB left, a run wants 921600\.0 GiB: .*--artifacts/,
  );
  expect(said).toMatch(/the Docker Engine has \d+ of \d+ address ranges left .* seatrial gc .* default-address-pools/);
  expect(said).not.toContain("✓");
  expect(seconds).toBeLessThan(8);
});

test("up is held to them too, when it comes to the first Docker resource; a stack that has a network needs no range", async () => {
  const up = (...more: string[]) => seatrial(place.folder, "up", "--yes", "--stack", "dev", ...settings(...more));
  const refused = await up("run:guard.freeDisk=900t", "run:guard.freeNetworks=999999");
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/the disk of the state .* a run wants 921600\.0 GiB/);
  expect(refused.stdout).toMatch(/the Docker Engine has \d+ of \d+ address ranges left .* default-address-pools/);
  expect(labelled(place.project)).toEqual([]);
  expect((await up()).code).toBe(0);
  const again = await seatrial(
    place.folder,
    "up",
    "--yes",
    ...["--stack", "dev"],
    ...settings("run:guard.freeNetworks=999999", "scenario=other"),
  );
  expect(again.code).toBe(0);
  expect((await seatrial(place.folder, "destroy", "--yes", "--stack", "dev", "--remove")).code).toBe(0);
});

test("an Engine that isn't there is told in one line; one that doesn't answer, after a second", async () => {
  const env = { DOCKER_HOST: `unix://${join(place.folder, "none.sock")}` };
  const none = await start(place.folder, ["test", ...settings()], env).ended;
  expect(none.code).toBe(125);
  expect(none.stderr).toMatch(
    /^error: no Docker Engine at unix:.*none\.sock .*: there is no such socket; start Docker.*\n$/,
  );

  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(join(place.folder, "silent.sock"), resolve));
  const waiting = start(place.folder, ["test", ...settings()], { DOCKER_HOST: `unix://${place.folder}/silent.sock` });
  await waiting.shows("waiting for the Docker Engine to answer");
  waiting.process.kill("SIGINT");
  expect((await waiting.ended).code).toBe(130);
  silent.close();
});

test("an image that the settings name and that can't be had is wrong usage", async () => {
  const id = `sha256:${"0".repeat(64)}`;
  const { code, stdout, stderr } = await seatrial(place.folder, "test", ...settings(`images.app=${id}`));
  expect(code).toBe(2);
  expect(`${stdout}${stderr}`).toContain(
    `the setting ${place.project}:images.app can't be used: there is no image ${id} on the Docker Engine, and an id can't be pulled`,
  );
});

test("a policy that is an error refuses the container before it is made; a preview tells of warnings too", async () => {
  const policies = ["run:policy.memoryLimits=error", "run:policy.imageDigests=warning"];
  const { code, result, stdout } = await seatrial(place.folder, "test", ...settings(...policies));
  expect(code).toBe(125);
  expect(result).toMatchObject({ verdict: "stack-failed", failure: { resource: "api" }, containers: [] });
  expect(result!.failure!.message).toContain("it may use all of the host's memory; set memory (policy memoryLimits)");
  const warning = `api: the image ${image} is not named by its digest; name it as repository@sha256:… (policy imageDigests)`;
  expect(stdout).toContain(`warning ${warning}`);

  const dev = ["preview", "--stack", "dev"];
  const preview = await seatrial(place.folder, ...dev, ...settings("run:policy.imageDigests=warning"));
  expect(preview.code).toBe(0);
  expect(preview.stdout.match(/warning: the image .* \(policy imageDigests\)/g)).toHaveLength(2);
  expect((await seatrial(place.folder, ...dev, ...settings(...policies))).code).toBe(1);
  const quiet = await seatrial(place.folder, ...dev, ...settings());
  expect(quiet.code).toBe(0);
  expect(quiet.stdout).not.toContain("warning");
  expect((await seatrial(place.folder, "stack", "rm", "dev")).code).toBe(0);
});
