/** Seeded databases on a real Engine: made once, found again, invalidated, made by two at once, and failing. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { baseImage, labelled, start, within, workplace, type Ended, type Workplace } from "../e2e/seatrial";

const components = join(__dirname, "../../components");

let place: Workplace;
let seed: string;

beforeEach(() => {
  place = withComponents(workplace("seeded"));
  seed = `${place.project}-image`;
});
afterEach(() => {
  const left = labelled(place.project);
  place.remove();
  const names = docker("images", "--format", "{{.Repository}}:{{.Tag}}", seed).split("\n").filter(Boolean);
  for (const name of [...names, `${place.project}-volume`]) spawnSync("docker", ["rmi", "-f", name]);
  expect(left).toEqual([]);
});

function withComponents(made: Workplace): Workplace {
  symlinkSync(components, join(made.folder, "components"));
  return made;
}

const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8" });
/** The seeded images by their names, but for those that commits have. */
const images = () =>
  docker("images", "--format", "{{.Repository}}:{{.Tag}}", seed)
    .split("\n")
    .filter((name) => /-[0-9a-f]{12}$/.test(name));

const begin = (kind: string, image: string, more: Record<string, string> = {}, { folder } = place) => {
  const settings = Object.entries({ kind, image, seed, ...more });
  const log = ["--event-log", join(folder, "events.jsonl")];
  return start(folder, ["test", ...log, ...settings.flatMap(([key, value]) => ["-c", `${key}=${value}`])]);
};
/** What the seed's command has said is in the events: the terminal shows its last line, and only while it takes long. */
const run = async (...args: Parameters<typeof begin>): Promise<Ended & { events: string }> => {
  const ended = await begin(...args).ended;
  return { ...ended, events: readFileSync(join((args[3] ?? place).folder, "events.jsonl"), "utf8") };
};
const seeds = ({ events }: { events: string }) => events.includes(`seeding ${seed}`);

test("PostgreSQL: seeded once, found again, and again when a migration changes, but not when its time does", async () => {
  const image = baseImage("postgres");
  const step = { step: 'test "$TOKEN" = s3cret-token' };
  const first = await run("postgres", image, step);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining("Aden\nBari\n") });
  expect(seeds(first)).toBe(true);
  const [made, ...others] = images();
  expect(others).toEqual([]);
  // Neither what the server nor what a step was told is in the image, beside the data themselves.
  const told = docker("inspect", made!) + docker("history", "--no-trunc", made!);
  expect(told).not.toMatch(/s3cret/);
  const variables = (name: string) => docker("inspect", "--format", "{{.Config.Env}} {{.Config.Cmd}}", name);
  expect(variables(made!)).toBe(variables(image));
  expect(docker("inspect", "--format", "{{len .RootFS.Layers}}", made!).trim()).toBe(
    String(Number(docker("inspect", "--format", "{{len .RootFS.Layers}}", image)) + 1),
  );

  utimesSync(join(place.folder, "migrations/001-ports.sql"), 1, 1);
  const again = await run("postgres", image, step);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("Aden\nBari\n") });
  expect(seeds(again)).toBe(false);
  expect(images()).toEqual([made]);

  writeFileSync(join(place.folder, "migrations/003-more.sql"), "INSERT INTO ports VALUES ('Cadiz');\n");
  const changed = await run("postgres", image, step);
  expect(changed).toMatchObject({ code: 0, stdout: expect.stringContaining("Aden\nBari\nCadiz\n") });
  expect(images().length).toBe(2);
});

test("MariaDB", async () => {
  const image = baseImage("mariadb");
  for (const isFirst of [true, false]) {
    const ended = await run("mariadb", image);
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining("Aden\nBari\n") });
    expect(seeds(ended)).toBe(isFirst);
  }
});

test("any server, by commands of its own; two runs at once make one image", async () => {
  const image = baseImage("probe");
  const other = withComponents(workplace("seeded"));
  try {
    const both = await Promise.all([
      run("own", image, { step: "sleep 2" }),
      run("own", image, { step: "sleep 2" }, other),
    ]);
    for (const ended of both) {
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining("CREATE TABLE ports") });
    }
    expect(both.filter(seeds).length).toBe(1);
    expect(both.filter(({ events }) => events.includes(`waiting for another run, which seeds ${seed}`)).length).toBe(1);
    expect(images().length).toBe(1);
  } finally {
    expect(labelled(other.project)).toEqual([]);
    other.remove();
  }
});

test("a seed that fails fails the stack with its last lines, and leaves no image", async () => {
  writeFileSync(join(place.folder, "migrations/003-wrong.sql"), "INSERT INTO harbours VALUES (1);\n");
  const { code, result, stdout } = await run("postgres", baseImage("postgres"));
  expect(code).toBe(125);
  expect(result?.verdict).toBe("stack-failed");
  expect(stdout).toMatch(/can't seed .*: the SQL of migrations exited with 3/);
  expect(stdout).toContain('003-wrong.sql:1: ERROR:  relation "harbours" does not exist');
  expect(images()).toEqual([]);
});

test("a folder in a volume of the image is refused with the volume's name", async () => {
  const name = `${place.project}-volume`;
  execFileSync("docker", ["build", "-q", "-t", name, "-"], {
    input: `FROM ${baseImage("probe")}\nVOLUME /data\n`,
    env: { ...process.env, DOCKER_BUILDKIT: "0" },
    stdio: ["pipe", "ignore", "ignore"],
  });
  const { code, stdout } = await run("own", name);
  expect(code).toBe(125);
  expect(stdout).toContain("its data would be in /data, and the image's volume /data is not kept with the image");
});

test("a run that is told to stop while it seeds leaves nothing, and the next one seeds", async () => {
  const image = baseImage("probe");
  const running = begin("own", image, { step: "sleep 2" });
  await within(30, () => expect(docker("ps", "-q", "--filter", `name=seatrial-seed-${seed}`)).not.toBe(""));
  running.process.kill("SIGTERM");
  expect((await running.ended).code).toBe(143);
  expect([images(), labelled(place.project)]).toEqual([[], []]);
  expect(docker("ps", "-aq", "--filter", `name=seatrial-seed-${seed}`)).toBe("");
  const next = await run("own", image, { step: "sleep 2" });
  expect(next.code).toBe(0);
  expect(seeds(next)).toBe(true);
});
