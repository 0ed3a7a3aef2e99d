import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database, SeededImage, type SeededImageArgs } from "../../components";
import { command, container, inNetwork, known, run, runEnv } from "./harness";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seeded-image-"));
  mkdirSync(join(folder, "migrations"));
  writeFileSync(join(folder, "migrations/1.sql"), "create table t ();");
});

afterEach(() => rmSync(folder, { recursive: true }));

const migrate = { command: ["migrate", "it's"], environment: { URL: "db" } };

const args = (more: Partial<SeededImageArgs> = {}): SeededImageArgs => ({
  image: "pg:1",
  name: "shop-seeded",
  dataDirectory: "/data/",
  ready: ["pg_isready"],
  steps: [{ ...migrate, files: [{ source: join(folder, "migrations"), target: "/sql" }] }],
  ...more,
});

async function variables(given: SeededImageArgs, env: Record<string, string> = {}) {
  const { one } = await run(() => new SeededImage("seed", given), { env });
  return one(command, "seed").inputs.environment as Record<string, string>;
}

const digest = async (given: SeededImageArgs, env: Record<string, string> = {}) => (await variables(given, env)).DIGEST;

test("a seeded image is what its command prints", async () => {
  const { one, result, tree } = await run(() => new SeededImage("seed", args({ environment: { A: "1", B: "2" } })));

  expect(tree).toEqual([
    "seatrial:index:SeededImage seed",
    "seatrial:index:SeededImage seed > command:local:Command seed",
  ]);
  expect(await known(result.reference)).toEqual({ value: "made-by-seed", secret: false });
  const made = one(command, "seed");
  expect(made.customTimeouts).toEqual({ create: "11m0s", update: "11m0s" });
  expect(made.ignoreChanges).toEqual(["environment.COMMIT", "environment.LABELS"]);
  expect(made.inputs.environment).toMatchObject({
    IMAGE: "pg:1",
    NAME: "shop-seeded",
    DATA: "/data",
    COMMIT: "1a2b3c4d",
    ENVIRONMENT: "A=1\nB=2",
    READY: "'pg_isready'",
    STEPS: "1",
    STEP_1_NAME: "step 1",
    STEP_1_IMAGE: "",
    STEP_1_COMMAND: String.raw`'migrate' 'it'\''s'`,
    STEP_1_ENVIRONMENT: "URL=db",
    STEP_1_FILES: `${join(folder, "migrations")}\t/sql`,
    TIMEOUT: "600",
  });
  expect(made.inputs.environment.LABELS.split("\n")).toContain("dev.seatrial.run=run-1");
});

test("what decides what is in it changes its name, and nothing else does", async () => {
  const before = await digest(args());
  expect(before).toMatch(/^[0-9a-f]{20}$/);
  const step = { ...migrate, files: [{ source: join(folder, "migrations"), target: "/sql" }] };
  const changed = [
    await digest(args({ dataDirectory: "/other" })),
    await digest(args({ command: ["server"] })),
    await digest(args({ environment: { A: "1" } })),
    await digest(args({ ready: "true" })),
    await digest(args({ steps: [step, step] })),
    await digest(args({ steps: [{ ...step, command: ["migrate", "its"] }] })),
    await digest(args({ steps: [{ ...step, environment: { URL: "another" } }] })),
    await digest(args({ steps: [{ ...step, image: "tool:1" }] })),
    await digest(args({ steps: [{ ...step, files: [{ source: join(folder, "migrations"), target: "/sql2" }] }] })),
    await digest(args({ steps: [{ ...step, decidedBy: [join(folder, "migrations")] }] })),
  ];
  writeFileSync(join(folder, "migrations/1.sql"), "create table u ();");
  changed.push(await digest(args()));
  writeFileSync(join(folder, "migrations/1.sql"), "create table t ();", { mode: 0o644 });
  writeFileSync(join(folder, "migrations/2.sql"), "");
  changed.push(await digest(args()));
  expect(new Set([before, ...changed]).size).toBe(changed.length + 1);

  rmSync(join(folder, "migrations/2.sql"));
  const same = [
    await digest(args({ name: "another" })),
    await digest(args({ timeout: "1m" })),
    await digest(args(), { ...runEnv, SEATRIAL_COMMIT: "another", SEATRIAL_RUN: "another" }),
    await digest(args({ steps: [{ ...step, name: "migrations" }] })),
  ];
  expect(same).toEqual(same.map(() => before));
});

test("images are told apart by their ids when it is made, unless files decide in the place of one", async () => {
  const step = { ...migrate, image: "tool:1" };
  const steps = [step, { ...step, decidedBy: [join(folder, "migrations")] }];

  expect(await variables(args({ steps }))).toMatchObject({
    STEP_1_IMAGE: "tool:1",
    STEP_1_COUNTED: "yes",
    STEP_2_IMAGE: "tool:1",
    STEP_2_COUNTED: "",
  });
});

test.each<[string, () => Partial<SeededImageArgs>, RegExp]>([
  ["a name with a tag", () => ({ name: "a:1" }), /SeededImage "seed": name: expected an image's name .* got "a:1"/],
  ["no steps", () => ({ steps: [] }), /SeededImage "seed": steps: /],
  [
    "a file that isn't there",
    () => ({ steps: [{ ...migrate, files: [{ source: "nowhere", target: "/x" }] }] }),
    /SeededImage "seed": input "nowhere" doesn't exist/,
  ],
  [
    "a link that leads out",
    () => {
      symlinkSync("/etc/hostname", join(folder, "migrations/link"));
      return {};
    },
    /input ".*link" is a link that leaves its folder/,
  ],
  [
    "a file with a line break in its name",
    () => {
      writeFileSync(join(folder, "migrations/a\nb"), "");
      return {};
    },
    /input ".*a\\nb" has a tab or a line break in its name/,
  ],
])("%s is refused", async (_what, more, message) => {
  await expect(run(() => new SeededImage("seed", args(more())))).rejects.toThrow(message);
});

test("a variable with a line break is refused", async () => {
  await expect(variables(args({ environment: { KEY: "a\nb" } }))).rejects.toThrow(/KEY has a line break in it/);
});

describe("a seeded database", () => {
  const database = (more: object = {}) =>
    inNetwork(
      (network) =>
        new Database("db", {
          ...{ image: "pg:1", network, user: "me", password: "p@ss" },
          seed: { name: "shop-seeded", sql: [join(folder, "migrations")], steps: [migrate] },
          ...more,
        }),
    );

  test("starts from the seeded image, with nothing over its data; its password is secret", async () => {
    const { one } = await run(database());

    const server = one(container, "db");
    expect(server.inputs).toMatchObject({
      image: "made-by-db-seed",
      command: ["postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"],
    });
    expect(server.inputs.envs).toContain("PGDATA=/var/lib/postgresql/seeded/cluster");
    expect(server.inputs).not.toHaveProperty("tmpfs");
    expect(server.inputs).not.toHaveProperty("volumes");
    const seed = one(command, "db-seed");
    expect(seed.parent).toBe("seatrial:index:SeededImage db-seed");
    expect(seed.inputs.environment).toMatchObject({
      IMAGE: "pg:1",
      DATA: "/var/lib/postgresql/seeded",
      STEPS: "2",
      STEP_1_COMMAND: String.raw`'migrate' 'it'\''s'`,
      STEP_2_FILES: `${join(folder, "migrations")}\t/seed-sql/1`,
    });
    expect(seed.secrets).toEqual(["environment"]);
  });

  test("that keeps its data has its volume where the image has them", async () => {
    const { one } = await run(database({ keepData: true }));

    expect(one(container, "db").inputs.volumes).toEqual([
      { volumeName: "shop-ci-1a2b3c4-db-data", containerPath: "/var/lib/postgresql/seeded" },
    ]);
  });

  test("can be MariaDB", async () => {
    const { one, result } = await run(database({ engine: "mariadb", database: "shop" }));

    expect(one(container, "db").inputs).toMatchObject({
      command: expect.arrayContaining(["mariadbd", "--datadir=/var/lib/mysql-seeded/cluster"]),
      envs: ["MARIADB_DATABASE=shop", "MARIADB_PASSWORD=p@ss", "MARIADB_ROOT_PASSWORD=p@ss", "MARIADB_USER=me"],
    });
    expect(await known(result.url)).toEqual({ value: "mysql://me:p%40ss@db:3306/shop", secret: true });
  });

  test("of an unknown engine, or with a seed of nothing, is refused", async () => {
    await expect(run(database({ engine: "oracle" }))).rejects.toThrow(
      'Database "db": engine: expected one of postgres, mysql, mariadb',
    );
    await expect(run(database({ seed: { name: "shop-seeded" } }))).rejects.toThrow(
      'Database "db": seed: expected sql, or steps',
    );
  });
});
