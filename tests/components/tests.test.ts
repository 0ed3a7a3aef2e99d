import * as pulumi from "@pulumi/pulumi";
import { Api, Database, ObjectStore, Service, Tests, type TestsArgs, Worker } from "../../components";
import { command, container, expectedLabels, inNetwork, known, run, withoutNetwork } from "./harness";

const tests = (args: Partial<TestsArgs> = {}, options?: pulumi.ComponentResourceOptions) =>
  inNetwork((network) => new Tests("tests", { image: "shop:1", network, ...args }, options));

test("are an attached container that runs once, and a volume for what it leaves", async () => {
  const { one, tree } = await run(tests());

  expect(withoutNetwork(tree)).toEqual([
    "seatrial:index:Tests tests",
    "seatrial:index:Tests tests > docker:index/container:Container tests",
    "seatrial:index:Tests tests > docker:index/volume:Volume tests-artifacts",
  ]);
  expect(one(container, "tests")).toEqual({
    type: container,
    name: "tests",
    parent: "seatrial:index:Tests tests",
    dependsOn: [],
    secrets: [],
    ignoreChanges: undefined,
    additionalSecretOutputs: ["containerLogs"],
    customTimeouts: { create: "20m0s" },
    inputs: {
      name: "shop-ci-1a2b3c4-tests",
      image: "shop:1",
      envs: ["ARTIFACTS_DIR=/artifacts", "SEATRIAL_RUN=run-1"],
      networksAdvanced: [{ name: "shop-ci-1a2b3c4-network", aliases: ["tests"] }],
      volumes: [{ volumeName: "shop-ci-1a2b3c4-tests-artifacts", containerPath: "/artifacts" }],
      attach: true,
      logs: true,
      mustRun: false,
      restart: "no",
      labels: expectedLabels({ role: "tests", service: "tests" }),
    },
  });
  expect(one("docker:index/volume:Volume", "tests-artifacts")).toMatchObject({
    inputs: { name: "shop-ci-1a2b3c4-tests-artifacts", labels: expectedLabels() },
    ignoreChanges: ["labels"],
  });
});

test("give their exit code, their log as a secret, and where the artifacts are", async () => {
  const { result } = await run(tests({ artifactsDirectory: "/out" }));

  expect(await known(result.exitCode)).toEqual({ value: 3, secret: false });
  expect(await known(result.logs)).toEqual({ value: "a line\n", secret: true });
  expect(await known(result.containerName)).toEqual({ value: "shop-ci-1a2b3c4-tests", secret: false });
  expect(result.artifacts).toBe("/out");
});

test("take their environment, more volumes, another folder for artifacts and a time-out", async () => {
  const { one } = await run(
    tests({
      environment: { API_URL: "http://api", TOKEN: pulumi.secret("s3cret") },
      volumes: [{ volume: "cache", target: "/cache" }],
      artifactsDirectory: "/out",
      timeout: "90s",
    }),
  );

  expect(one(container, "tests")).toMatchObject({
    secrets: ["envs"],
    customTimeouts: { create: "1m30s" },
    inputs: {
      envs: ["API_URL=http://api", "ARTIFACTS_DIR=/out", "SEATRIAL_RUN=run-1", "TOKEN=s3cret"],
      volumes: [
        { volumeName: "cache", containerPath: "/cache" },
        { volumeName: "shop-ci-1a2b3c4-tests-artifacts", containerPath: "/out" },
      ],
    },
  });
});

test("get their inputs as uploads", async () => {
  const { one } = await run(tests({ inputs: [{ source: "tests/components/harness.ts", target: "/inputs/" }] }));

  expect(one(container, "tests").inputs.uploads).toEqual([
    { file: "/inputs/harness.ts", content: expect.stringContaining("as the engine would be asked for it") },
  ]);
});

describe("where nobody runs the run", () => {
  const env = { SEATRIAL_RUN: "" };

  test("are new each time all the same", async () => {
    const [first, second] = [await run(tests(), { env }), await run(tests(), { env })];
    const id = /^SEATRIAL_RUN=([0-9a-f-]{36})$/;
    const ids = [first, second].map(({ one }) => id.exec(one(container, "tests").inputs.envs[1])?.[1]);

    expect(ids[0]).toBeDefined();
    expect(ids[1]).toBeDefined();
    expect(ids[0]).not.toBe(ids[1]);
    expect(first.one(container, "tests").inputs.labels).toContainEqual({ label: "dev.seatrial.run", value: ids[0] });
  });

  test.each([
    [{}, "build/tests"],
    [{ ARTIFACTS_DIR: "out" }, "out"],
  ])("have their artifacts copied out: %j", async (more, to) => {
    const { one, tree } = await run(tests(), { env: { ...env, ...more } });

    expect(tree).toContain("seatrial:index:Tests tests > command:local:Command tests-artifacts");
    expect(one(command, "tests-artifacts").inputs).toEqual({
      create: 'mkdir -p "$TO" && docker cp "$CONTAINER:$FROM/." "$TO"',
      environment: { CONTAINER: "tests-id", FROM: "/artifacts", TO: to },
    });
  });
});

describe("their command", () => {
  test("is the run's before the program's before the image's", async () => {
    const env = { SEATRIAL_TESTS_COMMAND: '["sh","-c","exit 7"]' };
    const commands = [
      await run(tests()),
      await run(tests({ command: ["npm", "test"] })),
      await run(tests({ command: ["npm", "test"] }), { env }),
    ].map(({ one }) => one(container, "tests").inputs.command);

    expect(commands).toEqual([undefined, ["npm", "test"], ["sh", "-c", "exit 7"]]);
  });

  test.each(["sh", '"sh"', "[]", '["sh", 7]', "{"])("%s is refused", async (given) => {
    await expect(run(tests(), { env: { SEATRIAL_TESTS_COMMAND: given } })).rejects.toThrow(
      `SEATRIAL_TESTS_COMMAND: expected a JSON list of words, got ${given}`,
    );
  });
});

test.each<[object, string]>([
  [{ artifactsDirectory: "out" }, 'Tests "tests": artifactsDirectory: expected an absolute path, got "out"'],
  [{ timeout: "0s" }, 'Tests "tests": timeout: expected a duration such as "500ms", "90s" or "10m", got "0s"'],
  [{ publish: [] }, 'Tests "tests": Unrecognized key: "publish"'],
  [{ inputs: [{ source: "no/such", target: "/x" }] }, 'Tests "tests": input "no/such" doesn\'t exist'],
])("%j is refused", async (args, message) => {
  await expect(run(tests(args))).rejects.toThrow(message);
});

test("are labelled with where their inputs come from, for whoever accepts new ones", async () => {
  const inputs = [
    { source: "tests/components/", target: "/inputs/" },
    { source: "./package.json", target: "/inputs/" },
  ];
  const { one } = await run(tests({ inputs }));
  const told = JSON.stringify([
    { source: "tests/components/", target: "/inputs" },
    { source: "./package.json", target: "/inputs/package.json" },
  ]);
  expect(one(container, "tests").inputs.labels).toContainEqual({ label: "dev.seatrial.inputs", value: told });
});

describe("what they depend on", () => {
  const dependent = (args: Partial<TestsArgs> = {}) =>
    inNetwork((network) => {
      const common = { image: "shop:1", network };
      const db = new Database("db", { ...common, user: "shop", password: "hunter2-hunter2" });
      const api = new Api("shop-api", { ...common, port: 3000 });
      const cache = new Service("cache", { ...common, readiness: { kind: "tcp", port: 6379 } });
      const mail = new Service("mail", { ...common, publish: [{ port: 25 }] });
      const quiet = new Service("quiet", common);
      const worker = new Worker("worker", { ...common, readyLine: "ready" });
      const store = new ObjectStore("store", { ...common, accessKey: "key-key-key", secretKey: "secret-secret" });
      const all = [db, api, cache, mail, quiet, worker, store];
      return new Tests("tests", { ...common, ...args }, { dependsOn: all });
    });

  test("they get as variables, passwords as secrets, and as a file without passwords", async () => {
    const { one } = await run(dependent());
    const { inputs, secrets } = one(container, "tests");
    expect(secrets).toEqual(["envs"]);
    expect(inputs.envs).toEqual([
      "ARTIFACTS_DIR=/artifacts",
      "CACHE_HOST=cache",
      "CACHE_PORT=6379",
      "DB_HOST=db",
      "DB_PORT=5432",
      "DB_URL=postgres://shop:hunter2-hunter2@db:5432/shop",
      "MAIL_HOST=mail",
      "MAIL_PORT=25",
      "QUIET_HOST=quiet",
      "SEATRIAL_CONNECTIONS=/seatrial/connections.json",
      "SEATRIAL_RUN=run-1",
      "SHOP_API_HOST=shop-api",
      "SHOP_API_PORT=3000",
      "SHOP_API_URL=http://shop-api:3000",
      "STORE_HOST=store",
      "STORE_PORT=9000",
      "STORE_URL=http://store:9000",
    ]);
    expect(inputs.uploads).toHaveLength(1);
    expect(inputs.uploads[0].file).toBe("/seatrial/connections.json");
    expect(JSON.parse(inputs.uploads[0].content)).toEqual({
      version: 1,
      services: {
        db: { host: "db", port: 5432, url: "postgres://shop@db:5432/shop" },
        "shop-api": { host: "shop-api", port: 3000, url: "http://shop-api:3000" },
        cache: { host: "cache", port: 6379 },
        mail: { host: "mail", port: 25 },
        quiet: { host: "quiet" },
        store: { host: "store", port: 9000, url: "http://store:9000" },
      },
    });
  });

  test("doesn't take the place of what is declared or passed through", async () => {
    const environment = { DB_URL: "mine" };
    const passthrough = { public: ["CACHE_HOST", "CACHE_PORT?"] };
    const { one } = await run(dependent({ environment, passthrough }), { env: { CACHE_HOST: "theirs" } });
    const { envs } = one(container, "tests").inputs;
    expect(envs).toEqual(expect.arrayContaining(["DB_URL=mine", "CACHE_HOST=theirs", "DB_HOST=db"]));
    expect(envs.filter((variable: string) => /^(DB_URL|CACHE_)/.test(variable))).toHaveLength(2);
  });

  test("is refused where two would have the same variables", async () => {
    const program = inNetwork((network) => {
      const services = ["my-api", "my.api"].map((name) => new Service(name, { image: "shop:1", network }));
      return new Tests("tests", { image: "shop:1", network }, { dependsOn: services });
    });
    await expect(run(program)).rejects.toThrow('would be MY_API_HOST: rename "my.api"');
  });
});
