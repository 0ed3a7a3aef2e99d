import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { apiVersion, connectEngine, EngineUnavailableError } from "../../../providers/docker";
import { brokenWait } from "../../../providers/docker/container/attach";
import { compareVersions, contextAddress, engineAddress } from "../../../providers/docker/engine/connect";
import { explained } from "../../../providers/docker/engine/errors";
import { Harness, PREFIX, testContext } from "./support";

const scratch = mkdtempSync(join(tmpdir(), "seatrial-connect-"));
const socket = (name: string) => ({ path: join(scratch, name), host: `unix://${join(scratch, name)}` });

afterAll(() => rmSync(scratch, { recursive: true }));
jest.setTimeout(60_000);

describe("an Engine that can't be used", () => {
  const servers: (Server | HttpServer)[] = [];
  afterAll(() => servers.forEach((server) => server.close()));

  /** Something that answers as an Engine of these versions. */
  async function engineOf(name: string, ApiVersion: string, MinAPIVersion: string): Promise<string> {
    const server = createHttpServer((_, response) => response.end(JSON.stringify({ ApiVersion, MinAPIVersion })));
    servers.push(server);
    const { path, host } = socket(name);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return host;
  }

  const failure = async (DOCKER_HOST: string): Promise<string> => {
    const error: unknown = await connectEngine({ DOCKER_HOST }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EngineUnavailableError);
    expect((error as Error).message).not.toMatch(/\n/);
    return (error as Error).message;
  };

  test("isn't there", async () => {
    const { host } = socket("none.sock");
    expect(await failure(host)).toBe(
      `no Docker Engine at ${host} (from DOCKER_HOST): there is no such socket; start Docker, or set DOCKER_HOST`,
    );
  });

  test("doesn't run", async () => {
    expect(await failure("tcp://127.0.0.1:1")).toMatch(/^nothing answers at tcp:\/\/127\.0\.0\.1:1/);
  });

  test("is too old", async () => {
    expect(await failure(await engineOf("old.sock", "1.40", "1.12"))).toMatch(/is too old: it speaks API 1\.40/);
  });

  test("is too new", async () => {
    expect(await failure(await engineOf("new.sock", "2.0", "1.90"))).toMatch(/is too new: it needs API 1\.90/);
  });

  test("has no address", async () => {
    expect(await failure("tcp://")).toMatch(/is not an address/);
  });

  test("of a context that isn't known", () => {
    expect(() => contextAddress("nowhere", { DOCKER_CONFIG: scratch })).toThrow(
      'the Docker context "nowhere" is not known',
    );
  });

  test("speaks the newest version that both know", async () => {
    expect(apiVersion(await connectEngine({ DOCKER_HOST: await engineOf("29.sock", "1.52", "1.44") }))).toBe("1.51");
    expect(apiVersion(await connectEngine({ DOCKER_HOST: await engineOf("28.sock", "1.47", "1.24") }))).toBe("1.47");
  });
});

test("addresses come from the environment", () => {
  expect(engineAddress({ DOCKER_HOST: "tcp://h:1" })).toEqual({
    host: "tcp://h:1",
    tls: undefined,
    source: "DOCKER_HOST",
  });
  expect(engineAddress({ DOCKER_CONFIG: scratch, HOME: scratch }).host).toMatch(/^unix:\/\//);
  expect(
    engineAddress({ DOCKER_HOST: "tcp://h:1", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: scratch }).tls,
  ).toMatchObject({ verify: true });
});

test("versions are compared by their numbers", () => {
  expect(compareVersions("1.41", "1.5")).toBeGreaterThan(0);
  expect(compareVersions("1.41", "1.41")).toBe(0);
});

test.each([
  ["all predefined address pools have been fully subnetted", /no address range left.*docker network prune/],
  ["write /var/x: no space left on device", /disk of the Docker Engine is full.*docker system prune/],
  ["Bind for 0.0.0.0:80 failed: port is already allocated", /port 80 on 0\.0\.0\.0 is taken by another container/],
  ["listen tcp4 0.0.0.0:81: bind: address already in use", /port 81 on 0\.0\.0\.0 is taken by a process of the host/],
  ["something else", /^can't do it: something else$/],
])("%s", (message, expected) => {
  expect(explained("do it", Object.assign(new Error("x"), { statusCode: 500, json: { message } })).message).toMatch(
    expected,
  );
});

describe("a connection that breaks while a container runs", () => {
  const real = engineAddress(process.env).host.replace(/^unix:\/\//, "");
  const proxied = socket("proxy.sock");
  let sockets: Socket[] = [];
  let proxy: Server;

  const open = () =>
    new Promise<void>((resolve) => {
      proxy = createServer((client) => {
        const engine = connect(real);
        sockets.push(client, engine);
        client.on("error", () => engine.destroy()).pipe(engine);
        engine.on("error", () => client.destroy()).pipe(client);
      }).listen(proxied.path, resolve);
    });
  const cut = () => {
    proxy.close();
    sockets.forEach((one) => one.destroy());
    sockets = [];
  };

  const direct = new Harness();
  beforeAll(() => direct.open());
  afterAll(() => direct.close());

  /** The outputs to come, in an array, since a promise of a promise would be waited for. */
  async function run(
    name: string,
    command: string,
    context = testContext(),
  ): Promise<Promise<Record<string, unknown>>[]> {
    await open();
    const harness = new Harness({ engine: await connectEngine({ DOCKER_HOST: proxied.host }) });
    const given = { name: `${PREFIX}-${name}`, image: direct.image, command: ["sh", "-c", command] };
    const creation = harness.create(
      "Container",
      "box",
      { ...given, attach: true, logs: true, mustRun: false },
      context,
    );
    return [creation.then(({ outputs }) => outputs)];
  }

  test("is taken up again, nothing is lost, and a warning says that the exit code was only found", async () => {
    const context = testContext();
    const [outputs] = await run("again", "echo one; sleep 2; echo two; exit 3", context);
    outputs!.catch(() => undefined);
    await delay(1_200);
    cut();
    await delay(200);
    await open();
    expect(await outputs).toMatchObject({ exitCode: 3, containerLogs: "one\ntwo\n" });
    expect(context.lines.filter(({ severity }) => severity === "warning")).toEqual([
      { severity: "warning", message: `${brokenWait}: the exit code 3 is what the Engine says of it now` },
    ]);
    cut();
  });

  test("is an error where it stays broken, never an exit code", async () => {
    const [outputs] = await run("lost", "sleep 100");
    outputs!.catch(() => undefined);
    await delay(1_200);
    cut();
    await expect(outputs).rejects.toThrow(/connection to the Docker Engine broke .* so that its exit code isn't known/);
  });
});
