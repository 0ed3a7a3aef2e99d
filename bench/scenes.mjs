// The stacks that are measured, as plain data: each arm makes the same containers of it.
//
// A service is ready when its health check succeeds; `tests` is the container whose exit code counts, and what it writes
// to /artifacts is copied out.

/** How long a service takes to be ready, in seconds: about what a small server needs. */
const STARTUP = 0.3;
const READY = "test -e /tmp/ready";

function service(name, dependsOn = []) {
  const command = [
    "sh",
    "-c",
    `echo ${name} begins; sleep ${STARTUP}; touch /tmp/ready; echo ${name} is ready; exec sleep 1000`,
  ];
  return { name, command, health: READY, dependsOn };
}

function tests(dependsOn, seconds) {
  const cases = Array.from({ length: 5 }, (_, n) => `<testcase name="case ${n + 1}"/>`).join("");
  const write = [
    `printf '%s' '<testsuite name="bench">${cases}</testsuite>' > /artifacts/junit.xml`,
    "head -c 1000000 /dev/zero > /artifacts/screenshot.png",
  ];
  const command = ["sh", "-c", ["echo trying", ...write, `sleep ${seconds}`, "echo tried"].join("; ")];
  return { name: "tests", command, dependsOn };
}

/** A database, an API and a worker that need it, and tests of one second. */
export const small = {
  services: [service("db"), service("api", ["db"]), service("worker", ["db"])],
  tests: tests(["api", "worker"], 1),
};

/** The same with nothing to wait for in the tests. */
export const brief = { ...small, tests: tests(["api", "worker"], 0) };

const CHAIN = 5;
const ABREAST = 6;

/** Thirty services, each behind one of the layer before: chains of five. */
export const thirty = {
  services: Array.from({ length: CHAIN * ABREAST }, (_, n) => service(`s${n}`, n < ABREAST ? [] : [`s${n - ABREAST}`])),
  tests: tests(
    Array.from({ length: ABREAST }, (_, n) => `s${(CHAIN - 1) * ABREAST + n}`),
    1,
  ),
};

/** The scene as Docker Compose reads it; JSON is YAML. */
export function composeFile({ services, tests: last }, image, healthcheck) {
  const common = { image, stop_grace_period: "0s" };
  const waits = (names) => Object.fromEntries(names.map((name) => [name, { condition: "service_healthy" }]));
  return {
    services: {
      ...Object.fromEntries(
        services.map(({ name, command, health, dependsOn }) => [
          name,
          {
            ...{ ...common, command, depends_on: waits(dependsOn) },
            healthcheck: { test: ["CMD-SHELL", health], ...healthcheck },
          },
        ]),
      ),
      [last.name]: {
        ...{ ...common, command: last.command, depends_on: waits(last.dependsOn) },
        ...{ environment: { ARTIFACTS_DIR: "/artifacts" }, volumes: ["artifacts:/artifacts"] },
      },
    },
    volumes: { artifacts: {} },
  };
}

/**
 * The example system for Docker Compose: the images, commands and variables of index.ts. The worker, which listens on no
 * port, counts as ready when it runs, to Compose's advantage.
 */
export function exampleComposeFile(images, fixtures, healthcheck) {
  const keys = ["for-tests-only", "for-tests-only-secret"];
  const client = {
    ...{ DATABASE_URL: "postgres://seatrial:for-tests-only@db:5432/seatrial", S3_BUCKET: "documents" },
    ...{ S3_ENDPOINT: "http://store:9000", AWS_REGION: "us-east-1" },
    ...{ AWS_ACCESS_KEY_ID: keys[0], AWS_SECRET_ACCESS_KEY: keys[1] },
  };
  // Containers have their image's labels too, and by these a run of Seatrial's would take them for what an earlier one left.
  const labels = Object.fromEntries(
    Object.entries({ project: "bench", stack: "", run: "", owner: "", expires: "2999-01-01T00:00:00.000Z" }).map(
      ([name, value]) => [`dev.seatrial.${name}`, value],
    ),
  );
  const common = { stop_grace_period: "0s", labels };
  const check = (...test) => ({ test, ...healthcheck });
  const after = (healthy, started = []) => ({
    ...Object.fromEntries(healthy.map((name) => [name, { condition: "service_healthy" }])),
    ...Object.fromEntries(started.map((name) => [name, { condition: "service_started" }])),
  });
  const fetchHealth =
    "fetch('http://127.0.0.1:8080/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))";
  const connect = "import socket; socket.create_connection(('127.0.0.1', 9000))";
  const unsafe = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"].flatMap((option) => ["-c", option]);
  return {
    services: {
      db: {
        ...{ ...common, image: images.database, command: ["postgres", ...unsafe] },
        environment: {
          ...{ POSTGRES_USER: "seatrial", POSTGRES_PASSWORD: keys[0], POSTGRES_DB: "seatrial" },
          PGDATA: "/var/lib/postgresql/memory/cluster",
        },
        tmpfs: ["/var/lib/postgresql/memory:rw,mode=1777"],
        healthcheck: check("CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "seatrial", "-d", "seatrial"),
      },
      store: {
        ...{ ...common, image: images.store, command: ["posix", "/tmp"] },
        environment: { ROOT_ACCESS_KEY: keys[0], ROOT_SECRET_KEY: keys[1], VGW_PORT: ":9000" },
        healthcheck: check("CMD", "python3", "-c", connect),
      },
      api: {
        ...{ ...common, image: images.app, command: ["node", "/app/api.js"], environment: client },
        ...{ depends_on: after(["db", "store"]), healthcheck: check("CMD", "node", "-e", fetchHealth) },
      },
      worker: {
        ...{ ...common, image: images.app, command: ["node", "/app/worker.js"], environment: client },
        depends_on: after(["db", "store"]),
      },
      tests: {
        ...{ ...common, image: images.app, command: ["node", "/app/tests.js"] },
        environment: { ...client, API_URL: "http://api:8080", ARTIFACTS_DIR: "/artifacts" },
        volumes: ["artifacts:/artifacts", `${fixtures}:/inputs:ro`],
        depends_on: after(["api"], ["worker"]),
      },
    },
    volumes: { artifacts: {} },
  };
}

/** The example system for the bare calls: the same containers, as the Compose file has them. */
export function exampleScene({ services }) {
  const quoted = (words) => words.map((word) => `'${word}'`).join(" ");
  const servers = { store: { port: 9000 }, api: { port: 8080, path: "/health" } };
  const of = ([name, { image, command, environment, depends_on = {}, tmpfs = [], volumes = [], healthcheck }]) => ({
    ...{ name, image, command, dependsOn: Object.keys(depends_on) },
    env: Object.entries(environment).map(([variable, value]) => `${variable}=${value}`),
    tmpfs: Object.fromEntries(tmpfs.map((folder) => folder.split(":"))),
    binds: volumes.filter((volume) => !volume.startsWith("artifacts:")),
    ...(servers[name] ?? (healthcheck ? { health: quoted(healthcheck.test.slice(1)) } : {})),
  });
  const all = Object.entries(services).map(of);
  return {
    services: all.filter(({ name }) => name !== "tests"),
    tests: all.find(({ name }) => name === "tests"),
  };
}
