import { Api, AppImage, BaseImages, Database, Network, ObjectStore, Worker } from "../../components";
import { namesIn } from "../../components/base-images";
import { command, container, expectedLabels, inNetwork, known, run, withoutNetwork } from "./harness";

const volume = "docker:index/volume:Volume";

test("a network has the stack's name and labels", async () => {
  const { one, result } = await run(() => new Network("network"));

  expect(one("docker:index/network:Network", "network")).toMatchObject({
    parent: "seatrial:index:Network network",
    ignoreChanges: ["labels"],
    inputs: { name: "shop-ci-1a2b3c4-network", labels: expectedLabels() },
  });
  expect(await known(result.networkName)).toEqual({ value: "shop-ci-1a2b3c4-network", secret: false });
});

describe("a database", () => {
  const database = (args: object = {}) =>
    inNetwork((network) => new Database("db", { image: "pg:1", network, user: "me", password: "p@ss/word", ...args }));

  test("is in memory and fast; its password is secret", async () => {
    const { one, result, tree } = await run(database());

    expect(withoutNetwork(tree)).toEqual([
      "seatrial:index:Database db",
      "seatrial:index:Database db > seatrial:index:Service db",
      "seatrial:index:Service db > docker:index/container:Container db",
    ]);
    expect(one(container, "db")).toMatchObject({
      secrets: ["envs"],
      inputs: {
        command: ["postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"],
        envs: [
          "PGDATA=/var/lib/postgresql/memory/cluster",
          "POSTGRES_DB=me",
          "POSTGRES_PASSWORD=p@ss/word",
          "POSTGRES_USER=me",
        ],
        tmpfs: { "/var/lib/postgresql/memory": "rw,mode=1777" },
        healthcheck: { tests: ["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "me", "-d", "me"] },
        wait: true,
        destroyGraceSeconds: 0,
      },
    });
    expect(one(container, "db").inputs).not.toHaveProperty("volumes");
    expect(await known(result.url)).toEqual({ value: "postgres://me:p%40ss%2Fword@db:5432/me", secret: true });
  });

  test("that keeps its data has a volume, writes safely and is stopped gently", async () => {
    const { one, tree } = await run(database({ database: "shop", keepData: true, readyTimeout: "5s" }));

    expect(tree).toContain("seatrial:index:Database db > docker:index/volume:Volume db-data");
    expect(one(volume, "db-data")).toMatchObject({
      ignoreChanges: ["labels"],
      inputs: { name: "shop-ci-1a2b3c4-db-data", labels: expectedLabels() },
    });
    const { inputs } = one(container, "db");
    expect(inputs).toMatchObject({
      command: ["postgres"],
      volumes: [{ volumeName: "shop-ci-1a2b3c4-db-data", containerPath: "/var/lib/postgresql/data" }],
      destroyGraceSeconds: 10,
      waitTimeout: 5,
    });
    expect(inputs).not.toHaveProperty("tmpfs");
  });

  test("without a password is refused", async () => {
    await expect(run(database({ password: undefined }))).rejects.toThrow(
      'Database "db": password: expected text, got nothing',
    );
  });
});

describe("an object store", () => {
  const store = (args: object = {}) =>
    inNetwork(
      (network) => new ObjectStore("store", { image: "s3:1", network, accessKey: "a", secretKey: "k", ...args }),
    );

  test("is ready when its port is; what clients need is secret where it should be", async () => {
    const { one, result, tree } = await run(store());

    expect(withoutNetwork(tree)).toEqual([
      "seatrial:index:ObjectStore store",
      "seatrial:index:ObjectStore store > seatrial:index:Service store",
      "seatrial:index:Service store > docker:index/container:Container store",
      "seatrial:index:Service store > docker:index/container:Container store-probe",
    ]);
    expect(one(container, "store")).toMatchObject({
      secrets: ["envs"],
      inputs: { command: ["posix", "/tmp"], envs: ["ROOT_ACCESS_KEY=a", "ROOT_SECRET_KEY=k", "VGW_PORT=:9000"] },
    });
    expect(one(container, "store-probe").inputs.healthcheck.tests[1]).toContain(" 9000 ");
    const { S3_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = result.clientEnvironment;
    expect([S3_ENDPOINT, AWS_REGION]).toEqual(["http://store:9000", "us-east-1"]);
    expect(await known(AWS_ACCESS_KEY_ID as never)).toEqual({ value: "a", secret: true });
    expect(await known(AWS_SECRET_ACCESS_KEY as never)).toEqual({ value: "k", secret: true });
  });

  test("that keeps its data has a volume", async () => {
    const { one } = await run(store({ keepData: true }));

    expect(one(volume, "store-data").inputs.name).toBe("shop-ci-1a2b3c4-store-data");
    expect(one(container, "store").inputs.volumes).toEqual([
      { volumeName: "shop-ci-1a2b3c4-store-data", containerPath: "/tmp" },
    ]);
  });
});

describe("an API", () => {
  test("is ready when it says so, and isn't published", async () => {
    const { one, result, tree } = await run(inNetwork((network) => new Api("api", { image: "shop:1", network })));

    expect(withoutNetwork(tree)).toEqual([
      "seatrial:index:Api api",
      "seatrial:index:Api api > seatrial:index:Service api",
      "seatrial:index:Service api > docker:index/container:Container api",
      "seatrial:index:Service api > docker:index/container:Container api-probe",
    ]);
    expect(one(container, "api").inputs).not.toHaveProperty("ports");
    expect(one(container, "api-probe").inputs.healthcheck.tests[1]).toMatch(/127\.0\.0\.1:8080\/health' .* "200\*\)/);
    expect(result.url).toBe("http://api:8080");
    expect(result.publishedUrl).toBeUndefined();
  });

  test("can be published, on the loopback alone", async () => {
    const { one, result } = await run(
      inNetwork((network) => new Api("api", { image: "shop:1", network, port: 80, hostPort: 18080 })),
    );

    expect(one(container, "api").inputs.ports).toEqual([{ internal: 80, external: 18080, ip: "127.0.0.1" }]);
    expect(await known(result.publishedUrl)).toEqual({ value: "http://127.0.0.1:18080", secret: false });
  });
});

test("a worker is ready when its log says so", async () => {
  const { one, tree } = await run(
    inNetwork((network) => new Worker("worker", { image: "shop:1", network, readyLine: "ready", readyTimeout: "5s" })),
  );

  expect(withoutNetwork(tree)).toEqual([
    "seatrial:index:Service worker > command:local:Command worker-ready",
    "seatrial:index:Service worker > docker:index/container:Container worker",
    "seatrial:index:Worker worker",
    "seatrial:index:Worker worker > seatrial:index:Service worker",
  ]);
  expect(one(command, "worker-ready").inputs.environment).toEqual({
    CONTAINER: "worker-id",
    MODE: "-F",
    PATTERN: "ready",
    TIMEOUT: "5",
  });
});

describe("base images", () => {
  test("are what one command prints for all that aren't named", async () => {
    const images = { node: undefined, probe: "busybox:1", store: undefined };
    const { one, result, tree } = await run(() => new BaseImages("bases", { command: "print-them", images }), {
      print: () => "node:20\n store:2 \n",
    });

    expect(tree).toEqual([
      "seatrial:index:BaseImages bases",
      "seatrial:index:BaseImages bases > command:local:Command bases",
    ]);
    expect(one(command, "bases").inputs).toMatchObject({ create: "print-them node store" });
    const references = await Promise.all(Object.values(result.references).map((reference) => known(reference)));
    expect(references.map(({ value }) => value)).toEqual(["node:20", "busybox:1", "store:2"]);
  });

  test("that are all named run no command", async () => {
    const { result, tree } = await run(
      () => new BaseImages("bases", { command: "print-them", images: { node: "node:20" } }),
    );

    expect(tree).toEqual(["seatrial:index:BaseImages bases"]);
    expect(await known(result.references.node)).toEqual({ value: "node:20", secret: false });
  });

  test("are refused where the command has not printed one for each", () => {
    expect(() => namesIn("node:20\n", ["node", "probe"], 'BaseImages "bases"')).toThrow(
      'BaseImages "bases": its command has to print a line for each of node, probe, and printed "node:20"',
    );
    expect(() => namesIn("\n", ["node"], 'BaseImages "bases"')).toThrow(/line for each of node, and printed nothing$/);
  });

  test("have names that a shell takes for words", async () => {
    const images = { "a; rm -rf /": undefined };
    await expect(run(() => new BaseImages("bases", { command: "print-them", images }))).rejects.toThrow(
      /^BaseImages "bases": images.a; rm -rf \/: /,
    );
  });
});

describe("an app's image", () => {
  const args = {
    name: "shop-api:1",
    context: "example",
    base: "node:20",
    args: { A: "b" },
    prepare: "bundle it",
  };

  test("is built from its base, once its context is prepared", async () => {
    const { invokes, one, result, tree } = await run(() => new AppImage("app", args));

    expect(tree).toEqual(["seatrial:index:AppImage app", "seatrial:index:AppImage app > docker:index/image:Image app"]);
    expect(invokes).toEqual([
      { token: "command:local:run", inputs: expect.objectContaining({ command: "bundle it" }) },
    ]);
    expect(one("docker:index/image:Image", "app").inputs).toEqual({
      imageName: "shop-api:1",
      build: {
        context: "example",
        dockerfile: "example/Dockerfile",
        args: { A: "b", BASE_IMAGE: "node:20" },
        builderVersion: "BuilderV1",
      },
      skipPush: true,
      buildOnPreview: false,
    });
    expect(await known(result.reference)).toEqual({ value: "sha256:app", secret: false });
  });

  test("that is built already is neither built nor prepared", async () => {
    const { invokes, result, tree } = await run(() => new AppImage("app", { ...args, image: "shop-api:2" }));

    expect(tree).toEqual(["seatrial:index:AppImage app"]);
    expect(invokes).toEqual([]);
    expect(await known(result.reference)).toEqual({ value: "shop-api:2", secret: false });
  });
});
