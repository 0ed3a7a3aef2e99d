/** `--engine pulumi` with the real CLI: from PATH, else the one that tools/pulumi builds. */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { labelled, probeImage, start, statesOf, workplace, type Workplace } from "../e2e/seatrial";

jest.setTimeout(600_000);

const has = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const builder = join(__dirname, "../../tools/pulumi/build.mjs");
const isBuilt = spawnSync(process.execPath, [builder, "--cached"]).status === 0;
const canRun = has("pulumi") || isBuilt || has("go");
if (!canRun) console.log("skipped: --engine pulumi can't be tried, there is no pulumi on PATH and no Go to build it");
const ifThere = canRun ? test : test.skip;

let image: string;
let place: Workplace;
let path = process.env.PATH;
beforeAll(() => {
  if (!canRun) return;
  image = probeImage();
  if (has("pulumi")) return;
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const folder = execFileSync(process.execPath, [builder], { encoding: "utf8", stdio: [...stdio] }).trim();
  path = [join(folder, "bin"), process.env.PATH].join(delimiter);
}, 3_600_000);
beforeEach(() => {
  place = workplace("small");
});
afterEach(() => {
  const left = labelled(place.project);
  place.remove();
  expect(left).toEqual([]);
});

const seatrial = (...args: string[]) => start(place.folder, [...args, "-c", `image=${image}`], { PATH: path }).ended;
const pulumi = (...args: string[]) => seatrial(...args, "--engine", "pulumi");
const states = () => statesOf(place);

ifThere.each([
  ["ok", 0, { verdict: "passed", tests: { total: 2, passed: 2, exitCode: 0 } }],
  ["fails", 4, { verdict: "failed", tests: { total: 2, failed: 1, exitCode: 4 } }],
  ["crash", 125, { verdict: "stack-failed", failure: { resource: "api" } }],
] as const)(
  "tests that do as in %s exit %d, leave their results and nothing else",
  async (scenario, code, expected) => {
    const ended = await pulumi("test", "-c", `scenario=${scenario}`);
    expect(ended.code).toBe(code);
    expect(ended.result).toMatchObject({ ...expected, exitCode: code, cleanup: { clean: true, left: [] } });
    if (scenario === "ok") expect(ended.stdout).toContain("\ntrying\ntried\n");
    if (scenario !== "crash") expect(readdirSync(join(place.folder, "build/tests"))).toContain("junit.xml");
    expect(readdirSync(join(place.folder, "build/tests/logs"))).toContain("api.log");
    expect(states()).toEqual([]);
  },
);

ifThere.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s stops it, cleans up and exits %d", async (signal, exitCode) => {
  const args = ["test", "--engine", "pulumi", "-c", `image=${image}`, "-c", "scenario=hangs"];
  const running = start(place.folder, args, { PATH: path });
  await running.shows("hanging");
  running.process.kill(signal);
  const { code, result } = await running.ended;
  expect(code).toBe(exitCode);
  expect(result).toMatchObject({ verdict: "interrupted", exitCode, cleanup: { clean: true } });
  expect(states()).toEqual([]);
});

ifThere("settings that the program refuses are wrong usage; that policies are not looked at is said", async () => {
  const { code, stdout } = await pulumi("test", "-c", "refuse=true", "-c", "run:policy.devices=error");
  expect(code).toBe(2);
  expect(stdout).toContain("with --engine pulumi no policy is looked at: run:policy.devices changes nothing");
  expect(stdout).toContain(`error ${place.project}:refuse: expected false`);
});

ifThere("a kept stack is tested again, as often as one likes, and destroyed", async () => {
  const kept = await pulumi("test", "--keep", "--stack", "kept", "-c", "scenario=ok");
  expect(kept).toMatchObject({ code: 0, result: { kept: true, tests: { passed: 2 } } });
  const again = await pulumi("rerun", "--stack", "kept", "-c", "scenario=fails");
  expect(again).toMatchObject({ code: 4, result: { kept: true, tests: { total: 2, failed: 1 } } });
  expect(again.result!.run).not.toBe(kept.result!.run);
  // The service that they run against was left alone.
  expect(again.stdout).not.toMatch(/api +ready/);
  expect((await pulumi("destroy", "--stack", "kept", "--yes")).code).toBe(0);
  expect(states()).toEqual([]);
});

const dev = ["--stack", "dev", "--yes"];

ifThere.each([
  ["the CLI", pulumi, seatrial],
  ["the embedded engine", seatrial, pulumi],
] as const)(
  "a stack that %s has made: no changes for the other, which updates and destroys it",
  async (_, one, other) => {
    expect((await pulumi("preview", ...dev)).stdout).toContain("+ 5 to create");
    const up = await one("up", ...dev);
    expect(up.code).toBe(0);
    expect(up.stdout).toContain("+ 5 created");
    expect((await one("up", ...dev)).stdout).toMatch(/ 5 unchanged/);
    const preview = await other("preview", ...dev, "--expect-no-changes");
    expect(preview.code).toBe(0);
    expect(preview.stdout).toMatch(/ 5 unchanged/);
    // Other tests in the container: that is another one.
    const changed = await other("up", ...dev, "-c", "scenario=hostile");
    expect(changed.code).toBe(0);
    expect(changed.stdout).toContain("1 replaced");
    expect((await one("preview", ...dev, "-c", "scenario=hostile")).stdout).toMatch(/ 5 unchanged/);
    const outputs = await one("stack", "output", "secret", "--show-secrets", "--stack", "dev");
    expect(outputs.stdout).toBe("for nobody\n");
    expect((await other("destroy", ...dev)).code).toBe(0);
    expect(labelled(place.project)).toEqual([]);
  },
);

ifThere(
  "refresh and destroy run the program where that is asked for; what the CLI can't do is refused by name",
  async () => {
    expect((await pulumi("up", ...dev)).code).toBe(0);
    // The program says so where its settings are wrong, so it has been run; else they don't matter.
    const refused = `${place.project}:refuse: expected false`;
    for (const command of ["refresh", "destroy"]) {
      const { code, stdout } = await pulumi(command, ...dev, "--run-program", "-c", "refuse=true");
      expect({ command, code: code !== 0, told: stdout.includes(refused) }).toEqual({
        command,
        code: true,
        told: true,
      });
    }
    const { code, stderr } = await pulumi("up", "--isolated", ...dev);
    expect(code).not.toBe(0);
    expect(stderr).toContain("--isolated is not done with --engine pulumi");
    expect((await pulumi("destroy", ...dev, "-c", "refuse=true")).code).toBe(0);
  },
);

interface PreviewDigest {
  steps: { op: string; urn: string; newState: { inputs?: object } }[];
  changeSummary: object;
}

ifThere("preview --json says the same with either", async () => {
  const [one, other] = [await pulumi("preview", "--json", ...dev), await seatrial("preview", "--json", ...dev)].map(
    ({ stdout }) => JSON.parse(stdout) as PreviewDigest,
  );
  const told = ({ steps, changeSummary }: PreviewDigest) => ({
    // Those that don't need each other come in any order.
    steps: steps
      .map(({ op, urn, newState }) => ({ op, urn, inputs: newState.inputs }))
      .sort((a, b) => (a.urn < b.urn ? -1 : 1)),
    changeSummary,
  });
  expect(one!.steps).toHaveLength(5);
  expect(told(one!)).toEqual(told(other!));
});

ifThere("what exists is imported, what doesn't isn't, and the history tells of it", async () => {
  const name = `${place.project}-imported`;
  const id = execFileSync("docker", ["network", "create", name], { encoding: "utf8" }).trim();
  try {
    const take = (...args: string[]) => pulumi("import", "docker:index/network:Network", ...args, ...dev);
    const preview = await take("n", id, "--preview-only");
    expect(preview.code).toBe(0);
    expect(preview.stdout).toContain("1 to import");
    const missing = await take("n", "0".repeat(64));
    expect(missing.code).toBe(1);
    expect(missing.stdout).toMatch(/resource '0+' does not exist/);
    const taken = await take("n", id);
    expect(taken.code).toBe(0);
    expect(taken.stdout).toContain("1 imported");
    expect((await seatrial("stack", "--show-ids", "--stack", "dev")).stdout).toContain(id);
    const history = await pulumi("stack", "history", "--stack", "dev");
    expect(history.stdout).toMatch(/resource-import +succeeded[^]*resource-import +failed/);
    // It is protected, as an import makes it.
    expect((await pulumi("stack", "rm", "dev", "--force")).code).toBe(0);
  } finally {
    execFileSync("docker", ["network", "rm", name]);
  }
});

ifThere("settings, secret ones too, a stack's name and its lock are seen to by either", async () => {
  const either = (engine: typeof pulumi) => ({
    set: (...args: string[]) => engine("config", "set", ...args, "--stack", "one"),
    get: async (key: string) => (await engine("config", "get", key, "--stack", "one")).stdout.trim(),
  });
  process.env.PULUMI_CONFIG_PASSPHRASE = "a passphrase";
  try {
    expect((await pulumi("stack", "init", "one")).code).toBe(0);
    expect((await either(pulumi).set("a:plain", "1")).code).toBe(0);
    expect((await either(pulumi).set("a:secret", "of the CLI", "--secret")).code).toBe(0);
    expect((await either(seatrial).set("a:other", "of the engine", "--secret")).code).toBe(0);
    for (const { get } of [either(pulumi), either(seatrial)]) {
      expect([await get("a:plain"), await get("a:secret"), await get("a:other")]).toEqual([
        ...["1", "of the CLI", "of the engine"],
      ]);
    }
    const file = readFileSync(join(place.folder, "Pulumi.one.yaml"), "utf8");
    expect(file).not.toMatch(/of the/);
    expect((await pulumi("stack", "rename", "two", "--stack", "one")).code).toBe(0);
    expect(readFileSync(join(place.folder, "Pulumi.two.yaml"), "utf8")).toBe(file);
    expect(states()).toEqual(["two.json"]);
    expect((await pulumi("cancel", "two")).code).toBe(0);
    expect((await pulumi("stack", "rm", "two")).code).toBe(0);
  } finally {
    delete process.env.PULUMI_CONFIG_PASSPHRASE;
  }
});
