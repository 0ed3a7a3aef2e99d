import { setTimeout as delay } from "node:timers/promises";
import { InitializationError } from "../../../engine/provider";
import type { PropertyMap } from "../../../engine/values";
import { Harness, PREFIX, testContext } from "./support";

const harness = new Harness({ labels: { "dev.seatrial.run": "test" } });
const sleeping = { command: ["sleep", "1000"] };
let count = 0;

beforeAll(() => harness.open());
afterAll(() => harness.close());
jest.setTimeout(60_000);

/** Inputs of a container with a name of its own. */
const inputs = (more: PropertyMap = {}): PropertyMap => ({
  name: `${PREFIX}-${++count}`,
  image: harness.image,
  ...sleeping,
  ...more,
});

const script = (text: string): PropertyMap => ({ command: ["sh", "-c", text] });

const attached = { attach: true, logs: true, mustRun: false };

const failureOf = async (promise: Promise<unknown>): Promise<InitializationError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as InitializationError;
};

const inspect = (id: string) => harness.engine.getContainer(id).inspect();

describe("the life of a container", () => {
  test("is created, unchanged, refreshed, deleted", async () => {
    const given = inputs({ envs: ["B=2", "A=1"], labels: [{ label: "role", value: "test" }] });
    const made = await harness.create("Container", "box", given);
    expect(made.outputs).toMatchObject({
      name: given.name,
      envs: ["A=1", "B=2"],
      networkMode: "bridge",
      exitCode: null,
    });
    expect((await inspect(made.id)).Config.Labels).toMatchObject({ role: "test", "dev.seatrial.run": "test" });
    expect((await harness.diff(made, given)).changes).toBe("none");
    const refreshed = (await harness.refresh(made))!;
    expect(refreshed.outputs.labels).toEqual([{ label: "role", value: "test" }]);
    expect((await harness.diff(refreshed, given)).changes).toBe("none");
    await harness.delete(made);
    expect(await harness.refresh(made)).toBeUndefined();
    await harness.delete(made);
  });

  test("is on its networks from the start and on no other", async () => {
    const [front, back] = await Promise.all(
      ["front", "back"].map((name) => harness.create("Network", name, { name: `${PREFIX}-${name}` })),
    );
    const given = inputs({
      networksAdvanced: [{ name: front!.outputs.name!, aliases: ["a", "b"] }, { name: back!.id }],
    });
    const made = await harness.create("Container", "box", given);
    const { Networks: networks } = (await inspect(made.id)).NetworkSettings;
    expect(Object.keys(networks).sort()).toEqual([back!.outputs.name, front!.outputs.name].sort());
    expect(networks[front!.outputs.name as string]!.Aliases).toEqual(expect.arrayContaining(["a", "b"]));
    expect(made.outputs.networkMode).toBe("bridge");
    expect((await harness.diff((await harness.refresh(made))!, given)).changes).toBe("none");
    await harness.delete(made);
    await Promise.all([harness.delete(front!), harness.delete(back!)]);
  });

  test("takes new limits while it runs", async () => {
    const given = inputs({ memory: 64 });
    const made = await harness.create("Container", "box", given);
    expect((await harness.diff(made, given)).changes).toBe("none");
    const changed = { ...given, memory: 96, memorySwap: 200, cpuShares: 512, restart: "always" };
    const diff = await harness.diff(made, changed);
    expect(diff).toMatchObject({ changes: "some", replaces: [], deleteBeforeReplace: false });
    const updated = await harness.update(made, changed);
    expect(updated.outputs).toMatchObject({ memory: 96, memorySwap: 200, cpuShares: 512, restart: "always" });
    const { HostConfig: host } = await inspect(made.id);
    expect(host).toMatchObject({ Memory: 96 << 20, MemorySwap: 200 << 20, CpuShares: 512 });
    expect(host.RestartPolicy?.Name).toBe("always");
    expect((await harness.diff(updated, changed)).changes).toBe("none");
    await harness.delete(updated);
  });

  test("keeps no limit in its outputs that the program has taken back, and says what waits for its next making", async () => {
    const given = inputs({ cpuShares: 512, memory: 64 });
    const made = await harness.create("Container", "box", given);
    const less = inputs({ name: given.name!, tmpfs: { "/scratch": "size=1m" } });
    const context = testContext();
    const updated = await harness.update(made, less, context);
    expect(updated.outputs).toMatchObject({ cpuShares: 0, memory: 0, tmpfs: { "/scratch": "size=1m" } });
    expect(context.lines.map(({ message }) => message)).toEqual([
      `tmpfs of container ${String(given.name)} takes effect when the container is next made; --replace makes it now`,
    ]);
    expect((await harness.diff(updated, less)).changes).toBe("none");
    await harness.delete(updated);
  });

  test("is started again where it should run and doesn't", async () => {
    const given = inputs();
    const made = await harness.create("Container", "box", given);
    await harness.engine.getContainer(made.id).kill();
    expect((await harness.diff(made, given)).changes).toBe("none");
    const stopped = (await harness.refresh(made))!;
    expect(stopped.outputs).toMatchObject({ mustRun: false, exitCode: 137 });
    const diff = await harness.diff(stopped, given);
    expect(diff).toMatchObject({ changes: "some", diffs: ["mustRun"], replaces: [] });
    const started = await harness.update(stopped, given);
    expect(started.outputs).toMatchObject({ mustRun: true });
    expect((await inspect(made.id)).State.Running).toBe(true);
    await harness.delete(started);
  });

  test("is not started where it isn't to be", async () => {
    const given = inputs({ start: false });
    const made = await harness.create("Container", "box", given);
    expect((await inspect(made.id)).State.Status).toBe("created");
    expect((await harness.diff(made, given)).changes).toBe("none");
    await harness.delete(made);
  });

  test("gets files before it starts", async () => {
    const given = inputs({
      ...attached,
      ...script("cat /etc/a/text /etc/data; stat -c '%a %u' /etc/run"),
      uploads: [
        { file: "/etc/a/text", content: "text\n" },
        { file: "/etc/data", contentBase64: Buffer.from("data\n").toString("base64") },
        { file: "/etc/run", source: __filename, permissions: "0751", owner: "12" },
      ],
    });
    const made = await harness.create("Container", "box", given);
    expect(made.outputs).toMatchObject({ exitCode: 0, containerLogs: "text\ndata\n751 12\n" });
    await harness.delete(made);
  });

  test("stays clean with every spelling that the Engine changes", async () => {
    const given = inputs({
      cpus: "1",
      healthcheck: { tests: ["CMD", "true"], interval: "90s", timeout: "1500ms" },
      capabilities: { adds: ["sys_time"], drops: ["CAP_CHOWN"] },
      ports: [{ internal: 80 }, { internal: 7, protocol: "udp", ip: "127.0.0.1" }],
      tmpfs: { "/scratch": "size=1m" },
      ulimits: [{ name: "nofile", soft: 100, hard: 200 }],
      dns: ["10.0.0.2", "10.0.0.1"],
      stopTimeout: 3,
    });
    const made = await harness.create("Container", "box", given);
    expect(made.outputs).toMatchObject({
      cpus: "1.0",
      healthcheck: { interval: "1m30s", timeout: "1.5s" },
      ports: [
        { internal: 7, protocol: "udp", ip: "127.0.0.1" },
        { internal: 80, ip: "0.0.0.0", external: expect.any(Number) },
      ],
    });
    expect((await harness.diff(made, given)).changes).toBe("none");
    const refreshed = (await harness.refresh(made))!;
    expect((await harness.diff(refreshed, given)).changes).toBe("none");
    await harness.delete(made);
  });

  test("is imported by its name", async () => {
    const given = inputs({ user: "1", workingDir: "/tmp", memory: 64, memorySwap: 128 });
    const made = await harness.create("Container", "box", given);
    const imported = await harness.importAs("Container", "box", given.name as string);
    expect(imported.id).toBe(made.id);
    expect(imported.inputs).toMatchObject({ ...given });
    expect((await harness.diff(imported, given)).changes).toBe("none");
    await harness.delete(imported);
  });
});

describe("wait", () => {
  const healthcheck = (command: string, more: PropertyMap = {}): PropertyMap => ({
    wait: true,
    healthcheck: { tests: ["CMD-SHELL", command], interval: "30s", timeout: "5s", retries: 3, ...more },
  });

  test("is over long before the Engine's first check", async () => {
    const started = Date.now();
    const made = await harness.create(
      "Container",
      "box",
      inputs({ ...script("sleep 0.4; touch /ready; sleep 1000"), ...healthcheck("test -f /ready") }),
    );
    expect(Date.now() - started).toBeLessThan(10_000);
    await harness.delete(made);
  });

  test("asks an image without a shell one try at a time", async () => {
    const noShell = { tests: ["CMD", "test", "-f", "/ready"], interval: "30s", timeout: "5s", retries: 3 };
    const text = "rm /bin/sh; sleep 0.4; touch /ready; sleep 1000";
    const began = Date.now();
    const made = await harness.create(
      "Container",
      "box",
      inputs({ ...script(text), wait: true, healthcheck: noShell }),
    );
    expect(Date.now() - began).toBeLessThan(20_000);
    await harness.delete(made);
  });

  test("goes by the Engine's own check where asked to", async () => {
    const slow = new Harness({ quickReadiness: false });
    await slow.open();
    const made = await slow.create("Container", "box", inputs(healthcheck("true", { interval: "1s" })));
    expect((await inspect(made.id)).State.Health?.Status).toBe("healthy");
    await slow.delete(made);
  });

  test("fails at once when the container ends, and says what it logged", async () => {
    const given = inputs({ ...script("echo starting; echo no database >&2; exit 3"), ...healthcheck("false") });
    const started = Date.now();
    const error = await failureOf(harness.create("Container", "box", given));
    expect(Date.now() - started).toBeLessThan(5_000);
    expect(error).toBeInstanceOf(InitializationError);
    const [headline, ...lines] = error.reasons[0]!.split("\n");
    expect(headline).toBe(
      `container ${String(given.name)} exited with code 3 before it was healthy; its last log lines:`,
    );
    expect(lines.sort()).toEqual(["  no database", "  starting"]);
    const made = { kind: "Container" as const, name: "box", id: error.id, inputs: given, outputs: error.properties };
    expect(error.properties).toMatchObject({ name: given.name, networkDatas: null });
    expect((await harness.diff(made, given)).replaces).toEqual(["entrypoints"]);
    await harness.delete(made);
    expect(await harness.refresh(made)).toBeUndefined();
  });

  test("fails when the container turns unhealthy", async () => {
    const given = inputs(healthcheck("echo refused; exit 1", { interval: "1s", retries: 1 }));
    const error = await failureOf(harness.create("Container", "box", given));
    expect(error.reasons[0]).toMatch(
      `container ${String(given.name)} is unhealthy: its health check exited with 1 and said "refused"`,
    );
  });

  test("fails when time runs out", async () => {
    const given = inputs({ ...healthcheck("false"), waitTimeout: 1 });
    const error = await failureOf(harness.create("Container", "box", given));
    expect(error.reasons[0]).toMatch(/was not healthy after 1 s/);
  });

  test("needs a health check", async () => {
    const error = await failureOf(harness.create("Container", "box", inputs({ wait: true })));
    expect(error.reasons[0]).toMatch(/has no health check to wait for/);
  });

  test("goes on where the restart policy starts the container again", async () => {
    const text = "test -f /seen && { touch /ready; sleep 1000; }; touch /seen; exit 1";
    const given = inputs({ ...script(text), ...healthcheck("test -f /ready"), restart: "on-failure" });
    const made = await harness.create("Container", "box", given);
    await harness.delete(made);
  });

  test("ends when the operation is cancelled, and the container can be destroyed", async () => {
    const context = testContext();
    const promise = failureOf(harness.create("Container", "box", inputs(healthcheck("false")), context));
    await delay(1_000);
    const cancelled = Date.now();
    context.abort();
    const error = await promise;
    expect(Date.now() - cancelled).toBeLessThan(2_000);
    expect(error).toBeInstanceOf(InitializationError);
    expect(error.message).toMatch(/was cancelled/);
    await harness.engine.getContainer(error.id).remove({ force: true });
  });
});

describe("attach", () => {
  test("gives the output as it comes, and the exit code", async () => {
    const context = testContext();
    const text = "printf one; sleep 0.3; echo two >&2; sleep 0.3; printf 'drei €\\n'; exit 7";
    const made = await harness.create("Container", "box", inputs({ ...attached, ...script(text) }), context);
    expect(made.outputs.exitCode).toBe(7);
    expect(made.outputs.containerLogs).toBe("onetwo\ndrei €\n");
    const of = (id: number) => context.lines.filter((line) => line.streamId === id).map((line) => line.message);
    expect(of(1)).toEqual(["one", "drei €\n"]);
    expect(of(2)).toEqual(["two\n"]);
    await harness.delete(made);
  });

  test("loses nothing of containers that end at once", async () => {
    const runs = Array.from({ length: 12 }, () => inputs({ ...attached, ...script("printf abc; exit 1") }));
    const made = await Promise.all(runs.map((given) => harness.create("Container", "box", given)));
    expect(made.map(({ outputs }) => [outputs.containerLogs, outputs.exitCode])).toEqual(runs.map(() => ["abc", 1]));
    await Promise.all(made.map((one) => harness.delete(one)));
  });

  test("takes a lot of output and characters that are cut", async () => {
    const text = "i=0; while [ $i -lt 20000 ]; do echo 'zeile ü€𝄞'; i=$((i+1)); done";
    const made = await harness.create("Container", "box", inputs({ ...attached, ...script(text) }));
    expect(made.outputs.containerLogs).toBe("zeile ü€𝄞\n".repeat(20_000));
    await harness.delete(made);
  });

  test("follows a terminal", async () => {
    const made = await harness.create("Container", "box", inputs({ ...attached, ...script("echo hi"), tty: true }));
    expect(made.outputs).toMatchObject({ containerLogs: "hi\r\n", exitCode: 0 });
    await harness.delete(made);
  });

  test("keeps the exit code of a container that removes itself", async () => {
    const given = inputs({ ...attached, ...script("echo gone; exit 4"), rm: true });
    const made = await harness.create("Container", "box", given);
    expect(made.outputs).toMatchObject({ exitCode: 4, containerLogs: "gone\n" });
    await harness.delete(made);
  });

  test("ends when the operation is cancelled", async () => {
    const context = testContext();
    const promise = failureOf(harness.create("Container", "box", inputs({ ...attached }), context));
    await delay(1_000);
    context.abort();
    const error = await promise;
    expect(error).toBeInstanceOf(InitializationError);
    await harness.engine.getContainer(error.id).remove({ force: true });
  });
});

describe("what can't be", () => {
  test("an image that isn't there and can't be pulled", async () => {
    const error = await failureOf(harness.create("Container", "box", inputs({ image: "localhost:1/nothing:here" })));
    expect(error.message).toMatch(
      /^there is no image localhost:1\/nothing:here on the Docker Engine, and it can't be pulled: /,
    );
    expect(error.message).not.toMatch(/\n/);
  });

  test("a name that is taken", async () => {
    const given = inputs();
    const made = await harness.create("Container", "box", given);
    const error = await failureOf(harness.create("Container", "box", given));
    expect(error.message).toMatch(
      new RegExp(
        `^can't create container ${String(given.name)}: the name ${String(given.name)} is taken by container ${made.id.slice(0, 12)}`,
      ),
    );
    await harness.delete(made);
  });

  test("a port that is taken: the container stays, to be replaced or destroyed", async () => {
    const first = await harness.create("Container", "box", inputs({ ports: [{ internal: 80, ip: "127.0.0.1" }] }));
    const [{ external }] = first.outputs.ports as [{ external: number }];
    const given = inputs({ ports: [{ internal: 80, external, ip: "127.0.0.1" }] });
    const error = await failureOf(harness.create("Container", "box", given));
    expect(error.message).toMatch(`port ${external} on 127.0.0.1 is taken by another container`);
    expect(error).toBeInstanceOf(InitializationError);
    const half = { ...first, id: error.id, inputs: given, outputs: error.properties };
    expect((await harness.diff(half, given)).replaces).toContain("entrypoints");
    await harness.delete(half);
    expect(await harness.engine.listContainers({ all: true, filters: { name: [given.name as string] } })).toEqual([]);
    await harness.delete(first);
  });

  test("a network that isn't there", async () => {
    const error = await failureOf(
      harness.create("Container", "box", inputs({ networksAdvanced: [{ name: `${PREFIX}-none` }] })),
    );
    expect(error.message).toMatch(`there is no network ${PREFIX}-none`);
    expect(error).toBeInstanceOf(InitializationError);
    await harness.engine.getContainer(error.id).remove({ force: true });
  });

  test("a command that isn't there", async () => {
    const given = inputs({ command: ["/no/such/command"] });
    const error = await failureOf(harness.create("Container", "box", given));
    expect(error.message).toMatch(/the image has no command \/no\/such\/command/);
  });
});
