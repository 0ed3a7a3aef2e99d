import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { container, known, run, type World } from "./harness";

const root = join(__dirname, "../..");

/** A settings file's values as Pulumi hands them to the program: text, or JSON. */
function settings(stack: string): Record<string, string> {
  const { config } = parse(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8"));
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/** As "seatrial up" and the plain CLI run the program. */
const noRun = { SEATRIAL_RUN: "" };

let checkout: string;

beforeEach(() => {
  checkout = realpathSync(mkdtempSync(join(tmpdir(), "checkout-")));
  mkdirSync(join(checkout, "example/tests/fixtures"), { recursive: true });
  mkdirSync(join(checkout, "node_modules"));
});

afterEach(() => {
  rmSync(checkout, { recursive: true });
});

/** Runs index.ts in the checkout, anew each time. */
async function program(stack: string, { config, env }: Pick<World, "config" | "env"> = {}) {
  jest.doMock("@pulumi/pulumi", () => pulumi);
  const index = () => {
    let outputs: Record<string, pulumi.Output<unknown>> = {};
    jest.isolateModules(() => (outputs = jest.requireActual("../../index")));
    return outputs;
  };
  // scripts/base-image.mjs prints a name for each of its arguments.
  const print = (name: string, command: string) =>
    name === "bases"
      ? command
          .split(" ")
          .slice(2)
          .map((kind) => `base-of-${kind}`)
          .join("\n")
      : undefined;
  const world = { project: "seatrial", stack, config: { ...settings(stack.split("-")[0]!), ...config }, env, print };
  process.chdir(checkout);
  try {
    return await run(index, world);
  } finally {
    process.chdir(root);
  }
}

test("in CI: all parts, the tests, nothing published, mounted or kept", async () => {
  const { resources, one, result } = await program("ci-1a2b3c4");
  const custom = resources
    .filter(({ type }) => !type.startsWith("seatrial:"))
    .map(({ type, name }) => `${type} ${name}`);

  expect(custom).toEqual([
    "command:local:Command bases",
    "command:local:Command worker-ready",
    "docker:index/container:Container api",
    "docker:index/container:Container api-probe",
    "docker:index/container:Container db",
    "docker:index/container:Container store",
    "docker:index/container:Container store-probe",
    "docker:index/container:Container tests",
    "docker:index/container:Container worker",
    "docker:index/image:Image app",
    "docker:index/image:Image database",
    "docker:index/network:Network network",
    "docker:index/volume:Volume tests-artifacts",
  ]);
  expect(one(container, "api").inputs).toMatchObject({
    image: "sha256:app",
    command: ["node", "/app/api.js"],
    envs: [
      "AWS_ACCESS_KEY_ID=for-tests-only",
      "AWS_REGION=us-east-1",
      "AWS_SECRET_ACCESS_KEY=for-tests-only-secret",
      "DATABASE_URL=postgres://seatrial:for-tests-only@db:5432/seatrial",
      "S3_BUCKET=documents",
      "S3_ENDPOINT=http://store:9000",
    ],
  });
  expect(one(container, "store").inputs.image).toBe("base-of-object-store");
  expect(one(container, "api-probe").inputs.image).toBe("base-of-probe");
  expect(one("docker:index/image:Image", "app").inputs.build.args).toEqual({ BASE_IMAGE: "base-of-node" });
  expect(one("docker:index/image:Image", "database").inputs.build.args).toEqual({ BASE_IMAGE: "base-of-postgres" });
  expect(one(container, "tests").inputs.envs).toContain("API_URL=http://api:8080");
  expect(resources.filter(({ inputs }) => inputs.ports).map(({ name }) => name)).toEqual([]);
  expect(resources.filter(({ inputs }) => inputs.volumes).map(({ name }) => name)).toEqual(["tests"]);
  expect(await known(result.exitCode)).toEqual({ value: 3, secret: false });
  expect((await known(result.logs)).secret).toBe(true);
  expect(result.artifacts).toBe("/artifacts");
  expect(Object.keys(result)).toEqual(["exitCode", "logs", "artifacts", "junit"]);
});

test("a run has the tests, whatever the settings say", async () => {
  const { one } = await program("dev");

  expect(one(container, "tests").inputs.envs).toContain("SEATRIAL_RUN=run-1");
});

test("who waits for whom", async () => {
  const { one } = await program("ci-1a2b3c4");
  const dependencies = Object.fromEntries(
    ["db", "store", "api", "worker", "tests"].map((name) => [name, one(container, name).dependsOn]),
  );

  const stores = ["seatrial:index:Database db", "seatrial:index:ObjectStore store"];
  expect(dependencies).toEqual({
    db: [],
    store: [],
    api: stores,
    worker: stores,
    tests: ["seatrial:index:Api api", "seatrial:index:Worker worker", ...stores],
  });
});

test("a developer's stack: published on the loopback, sources mounted, data kept, no tests", async () => {
  const { resources, one, result } = await program("dev", { env: noRun });

  expect(one(container, "api").inputs).toMatchObject({
    command: ["node", "/app/example/dev.mjs", "api"],
    ports: [{ internal: 8080, external: 18080, ip: "127.0.0.1" }],
    volumes: [
      { hostPath: join(checkout, "example"), containerPath: "/app/example", readOnly: true },
      { hostPath: join(checkout, "node_modules"), containerPath: "/app/node_modules", readOnly: true },
    ],
  });
  expect(one(container, "worker").inputs.command).toEqual(["node", "/app/example/dev.mjs", "worker"]);
  expect(resources.filter(({ type }) => type.includes("Volume")).map(({ name }) => name)).toEqual([
    "db-data",
    "store-data",
  ]);
  expect(await known(result.apiUrl)).toEqual({ value: "http://127.0.0.1:18080", secret: false });
  expect(Object.keys(result)).toEqual(["apiUrl"]);
});

test("a developer's tests can be added without touching anything else", async () => {
  const without = await program("dev", { env: noRun });
  const { resources } = await program("dev", { config: { "seatrial:tests.enabled": "true" }, env: noRun });
  const added = resources.filter(
    ({ type, name }) => !without.resources.some((other) => other.type === type && other.name === name),
  );

  expect(added.map(({ name }) => name)).toEqual(["tests-artifacts", "tests", "tests-artifacts", "tests"]);
  expect(resources.filter((resource) => !added.includes(resource))).toEqual(without.resources);
});

test.each([
  ["IMAGE", { env: { IMAGE: "shop:built" } }],
  ["images.app", { config: { "seatrial:images.app": "shop:built" } }],
])(
  "an image that %s names is used for api, worker and tests, and nothing is built or bundled",
  async (_name, world) => {
    const { invokes, one, resources } = await program("ci-1a2b3c4", world);

    expect(["api", "worker", "tests"].map((name) => one(container, name).inputs.image)).toEqual(
      Array(3).fill("shop:built"),
    );
    expect(one("command:local:Command", "bases").inputs.create).toBe(
      "node scripts/base-image.mjs probe object-store postgres",
    );
    expect(resources.map(({ type, name }) => `${type} ${name}`)).not.toContain("docker:index/image:Image app");
    expect(invokes).toEqual([]);
  },
);

test("images are named after the commit", async () => {
  const { resources } = await program("ci-1a2b3c4");

  expect(resources.filter(({ type }) => type.includes("Image")).map(({ inputs }) => inputs.imageName)).toEqual(
    expect.arrayContaining(["seatrial-example-api:1a2b3c4d", "seatrial-example-database:1a2b3c4d"]),
  );
});

test("a seeded database starts from its image; the application's image migrates it, told apart by the migrations", async () => {
  const config = { "seatrial:database.seeded": "true" };
  for (const folder of ["example/database", "example/shared"]) mkdirSync(join(checkout, folder), { recursive: true });
  writeFileSync(join(checkout, "package-lock.json"), "{}");
  const { one } = await program("ci-1a2b3c4", { config });

  expect(one(container, "db").inputs.image).toBe("made-by-db-seed");
  expect(one("command:local:Command", "db-seed").inputs.environment).toMatchObject({
    IMAGE: "sha256:database",
    STEP_1_NAME: "migrate",
    STEP_1_IMAGE: "sha256:app",
    STEP_1_COUNTED: "",
    STEP_1_COMMAND: "'node' '/app/migrate.js'",
  });
});

test("credentials are secret wherever they go", async () => {
  const config = { "seatrial:database.password": "s3cret", "seatrial:tests.passthrough": '{"secret":["TOKEN"]}' };
  const { resources } = await program("ci-1a2b3c4", { config, env: { TOKEN: "t0ken" } });
  const leaks = resources
    .filter(({ type }) => !type.startsWith("seatrial:"))
    .flatMap(({ name, inputs, secrets }) =>
      Object.entries(inputs)
        .filter(([key, value]) => /s3cret|t0ken/.test(JSON.stringify(value)) && !secrets.includes(key))
        .map(([key]) => `${name}.${key}`),
    );

  expect(JSON.stringify(resources)).toMatch(/TOKEN=t0ken/);
  expect(leaks).toEqual([]);
});

test.each([
  [
    "tests.timeout",
    "soon",
    'Setting seatrial:tests.timeout: expected a duration such as "500ms", "90s" or "10m", got "soon"',
  ],
  ["api.hostPort", "http", 'Setting seatrial:api.hostPort: expected a port, 1 to 65535, got "http"'],
  ["api.hostport", "1", "Setting seatrial:api.hostport: no such setting; there are api.hostPort, api.passthrough"],
])("%s: %s is refused", async (key, value, message) => {
  await expect(program("ci-1a2b3c4", { config: { [`seatrial:${key}`]: value } })).rejects.toThrow(message);
});
