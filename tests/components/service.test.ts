import * as pulumi from "@pulumi/pulumi";
import { Service, type Readiness, type ServiceArgs } from "../../components";
import { command, container, expectedLabels, inNetwork, known, run } from "./harness";

const service = (args: Partial<ServiceArgs> = {}, options?: pulumi.ComponentResourceOptions) =>
  inNetwork((network) => new Service("api", { image: "shop:1", network, ...args }, options));

test("is one container, and only what it is told to be", async () => {
  const { one, tree } = await run(service());

  expect(tree).toEqual([
    "seatrial:index:Network network",
    "seatrial:index:Network network > docker:index/network:Network network",
    "seatrial:index:Service api",
    "seatrial:index:Service api > docker:index/container:Container api",
  ]);
  expect(one(container, "api")).toEqual({
    type: container,
    name: "api",
    parent: "seatrial:index:Service api",
    dependsOn: [],
    ignoreChanges: ["labels"],
    secrets: [],
    inputs: {
      name: "shop-ci-1a2b3c4-api",
      image: "shop:1",
      envs: [],
      networksAdvanced: [{ name: "shop-ci-1a2b3c4-network", aliases: ["api"] }],
      restart: "no",
      mustRun: true,
      destroyGraceSeconds: 0,
      labels: expectedLabels({ role: "service", service: "api" }),
    },
  });
});

test("takes all that can be said of a container", async () => {
  const { one } = await run(
    service({
      command: ["serve", pulumi.output("--all")],
      user: "1000",
      memory: "1.5g",
      cpus: 1.5,
      cpuShares: 512,
      tmpfs: ["/scratch"],
      volumes: [
        { volume: "data", target: "/data" },
        { source: "components", target: "/src", readOnly: true },
      ],
      publish: [{ port: 8080, hostPort: 18080 }, { port: 9229 }],
      stopTimeout: "1500ms",
    }),
  );

  expect(one(container, "api").inputs).toMatchObject({
    command: ["serve", "--all"],
    user: "1000",
    memory: 1536,
    cpus: "1.5",
    cpuShares: 512,
    tmpfs: { "/scratch": "rw,mode=1777" },
    volumes: [
      { volumeName: "data", containerPath: "/data" },
      { hostPath: `${process.cwd()}/components`, containerPath: "/src", readOnly: true },
    ],
    ports: [
      { internal: 8080, external: 18080, ip: "127.0.0.1" },
      { internal: 9229, ip: "127.0.0.1" },
    ],
    destroyGraceSeconds: 2,
  });
});

test("says where it is reached, with a free port where none was asked for", async () => {
  const { result } = await run(service({ publish: [{ port: 8080, hostPort: 18080 }, { port: 9229 }] }));

  expect(result.host).toBe("api");
  expect(await known(result.containerName)).toEqual({ value: "shop-ci-1a2b3c4-api", secret: false });
  expect(await known(result.addresses)).toEqual({
    value: { 8080: "127.0.0.1:18080", 9229: "127.0.0.1:49153" },
    secret: false,
  });
});

test("its container, not the component, depends on what it is said to depend on", async () => {
  const { resources } = await run(
    inNetwork((network) => {
      const db = new Service("db", { image: "db:1", network });
      return new Service("api", { image: "shop:1", network }, { dependsOn: [db] });
    }),
  );
  const dependencies = Object.fromEntries(
    resources.filter(({ name }) => name === "api").map(({ type, dependsOn }) => [type, dependsOn]),
  );

  expect(dependencies).toEqual({ [container]: ["seatrial:index:Service db"], "seatrial:index:Service": [] });
});

describe("environment", () => {
  test("is what is declared and passed through, sorted; secret if any of it is", async () => {
    const { one } = await run(
      service({
        environment: { PORT: "8080", EMPTY: "", URL: pulumi.output("http://db") },
        passthrough: { secret: ["TOKEN", "ABSENT?"], public: ["CI"] },
      }),
      { env: { TOKEN: "t0ps3cret", CI: "true", OTHER: "not declared" } },
    );

    expect(one(container, "api").inputs.envs).toEqual([
      "CI=true",
      "EMPTY=",
      "PORT=8080",
      "TOKEN=t0ps3cret",
      "URL=http://db",
    ]);
    expect(one(container, "api").secrets).toEqual(["envs"]);
  });

  test("isn't secret when all of it is public", async () => {
    const { one } = await run(service({ passthrough: { public: ["CI"] } }), { env: { CI: "true" } });

    expect(one(container, "api").secrets).toEqual([]);
  });

  test.each<[Partial<ServiceArgs>, string]>([
    [
      { passthrough: { secret: ["TOKEN"] } },
      'Service "api": TOKEN is to be passed through but isn\'t set; set it, or allow that with "TOKEN?"',
    ],
    [
      { environment: { CI: "1" }, passthrough: { public: ["CI?"] } },
      'Service "api": CI is declared twice; keep either its value or its passing through',
    ],
    [
      { passthrough: { public: ["NOT A NAME"] } },
      'Service "api": passthrough.public.0: expected the name of a variable, with a "?" after it if it may be missing, got "NOT A NAME"',
    ],
  ])("%j is refused", async (args, message) => {
    await expect(run(service(args))).rejects.toThrow(message);
  });
});

describe("readiness", () => {
  const probe = (tests: string[]) => ({
    name: "shop-ci-1a2b3c4-api-probe",
    image: "busybox:1.36-musl",
    command: ["sleep", "2147483647"],
    networkMode: "container:api-id",
    healthcheck: { tests, interval: "1s", timeout: "5s", retries: 60 },
    wait: true,
    waitTimeout: 60,
    restart: "no",
    mustRun: true,
    destroyGraceSeconds: 0,
    labels: expectedLabels({ role: "probe", service: "api" }),
  });

  test("of a port is a probe beside the container, a part of the service", async () => {
    const { one, tree } = await run(service({ readiness: { kind: "tcp", port: 5432 } }));

    expect(tree).toContain("seatrial:index:Service api > docker:index/container:Container api-probe");
    expect(one(container, "api-probe").inputs).toEqual(
      probe(["CMD-SHELL", "nc -z 127.0.0.1 5432 2>/dev/null || nc 127.0.0.1 5432 -e true"]),
    );
    expect(one(container, "api-probe").ignoreChanges).toEqual(["labels"]);
    expect(one(container, "api").inputs).not.toHaveProperty("healthcheck");
  });

  test("of an HTTP status is a probe too, of any 2xx and 3xx unless said", async () => {
    const any = await run(service({ readiness: { kind: "http", port: 8080, path: "/health" } }));
    const some = await run(
      service({ probeImage: "probe:1", readiness: { kind: "http", port: 8080, path: "/health", status: [200, 404] } }),
    );

    expect(any.one(container, "api-probe").inputs).toEqual(
      probe([
        "CMD-SHELL",
        "wget -S -O /dev/null 'http://127.0.0.1:8080/health' 2>&1 | { while read -r line; do " +
          'case "$line" in *"HTTP/1."?" "2??*|*"HTTP/1."?" "3??*) exit 0;; esac; echo "$line"; done; exit 1; }',
      ]),
    );
    expect(some.one(container, "api-probe").inputs).toMatchObject({
      image: "probe:1",
      healthcheck: { tests: ["CMD-SHELL", expect.stringContaining('in *"HTTP/1."?" "200*|*"HTTP/1."?" "404*)')] },
    });
  });

  test("of a port is the container's own health check where its image has the tools", async () => {
    const { one, tree } = await run(service({ readiness: { kind: "tcp", port: 5432, probe: "inside" } }));

    expect(tree.filter((line) => line.includes("probe"))).toEqual([]);
    expect(one(container, "api").inputs).toMatchObject({
      healthcheck: {
        tests: ["CMD-SHELL", "nc -z 127.0.0.1 5432 2>/dev/null || nc 127.0.0.1 5432 -e true"],
        interval: "1s",
        timeout: "5s",
        retries: 60,
      },
      wait: true,
      waitTimeout: 60,
    });
  });

  test.each([
    [undefined, { interval: "10s", retries: 6 }],
    ["12s", { interval: "2s", retries: 6 }],
    ["3s", { interval: "1s", retries: 3 }],
  ])("within %s is checked by Docker less often where our own provider waits for it", async (timeout, seldom) => {
    const env = { SEATRIAL_OWN_PROVIDERS: "yes" };
    const readiness: Readiness = { kind: "command", command: "true", ...(timeout ? { timeout } : {}) };
    const { one } = await run(service({ readiness }), { env });
    expect(one(container, "api").inputs).toMatchObject({ healthcheck: seldom });
    const asked = await run(service({ readiness: { ...readiness, interval: "500ms" } }), { env });
    expect(asked.one(container, "api").inputs).toMatchObject({ healthcheck: { interval: "500ms" } });
  });

  test.each([
    [
      ["pg_isready", "-q"],
      ["CMD", "pg_isready", "-q"],
    ],
    ["test -e /ready", ["CMD-SHELL", "test -e /ready"]],
  ])("of the command %j is the container's own health check", async (given, tests) => {
    const { one } = await run(
      service({ readiness: { kind: "command", command: given, timeout: "1m30s", interval: "500ms" } }),
    );

    expect(one(container, "api").inputs).toMatchObject({
      healthcheck: { tests, interval: "500ms", timeout: "5s", retries: 180 },
      wait: true,
      waitTimeout: 90,
    });
  });

  test.each([
    [{ kind: "log", line: "ready to [serve]" } as const, { MODE: "-F", PATTERN: "ready to [serve]" }],
    [{ kind: "log-pattern", pattern: "ready in [0-9]+" } as const, { MODE: "-E", PATTERN: "ready in [0-9]+" }],
  ])("%j is a command over the docker client", async (given, environment) => {
    const { one, tree } = await run(service({ readiness: { ...given, timeout: "10s" } }));

    expect(tree).toContain("seatrial:index:Service api > command:local:Command api-ready");
    expect(one(command, "api-ready").inputs).toEqual({
      create: expect.stringContaining("docker logs --follow"),
      environment: { CONTAINER: "api-id", TIMEOUT: "10", ...environment },
    });
    expect(one(container, "api").inputs).not.toHaveProperty("wait");
  });
});

test.each<[object, string]>([
  [{ image: "" }, 'Service "api": image: expected text, got an empty text'],
  [{ image: 7 }, 'Service "api": image: expected text, got number'],
  [{ network: "net" }, 'Service "api": network: expected a Network'],
  [{ prot: 1 }, 'Service "api": Unrecognized key: "prot"'],
  [{ command: "serve" }, 'Service "api": command: expected array, received string'],
  [{ memory: "1k" }, 'Service "api": memory: expected at least 6 megabytes, as "256m" or "1g", got "1k"'],
  [{ publish: [{ port: 70000 }] }, 'Service "api": publish.0.port: Too big: expected number to be <=65535'],
  [{ volumes: [{ volume: "data", target: "data" }] }, 'Service "api": volumes.0'],
  [
    { volumes: [{ source: "no/such", target: "/x" }] },
    'Service "api": nothing is at "no/such", which is to be mounted at /x',
  ],
  [
    { readiness: { kind: "port", port: 1 } },
    'Service "api": readiness.kind: expected a kind: "tcp", "http", "command", "log" or "log-pattern"',
  ],
  [{ readiness: { kind: "tcp" } }, 'Service "api": readiness.port: expected number, received undefined'],
  [
    { readiness: { kind: "tcp", port: 1, timeout: "soon" } },
    'Service "api": readiness.timeout: expected a duration such as "500ms", "90s" or "10m", got "soon"',
  ],
  [
    { readiness: { kind: "http", port: 1, path: "/'; rm" } },
    'Service "api": readiness.path: expected a path such as "/health"',
  ],
])("%j is refused", async (args, message) => {
  await expect(run(service(args))).rejects.toThrow(message);
});
