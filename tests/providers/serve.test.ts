/** The providers as plugin processes: the files that the Pulumi CLI finds, driven by the engine's own client. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UNKNOWN, type ProviderContext } from "../../engine";
import { eventStream } from "../../engine/deployment/event-stream";
import { makeMasker } from "../../engine/deployment/masker";
import type { EngineEvent } from "../../engine/events";
import { connectPlugin, type PluginProvider } from "../../engine/plugins/client";
import { serveEngine, type EngineServer } from "../../engine/plugins/engine-service";
import { startPlugin, type PluginProcess } from "../../engine/plugins/process";
import { installPlugins, writePluginFolder } from "../../providers/serve";
import { readResponse } from "../../providers/serve/messages";

jest.setTimeout(60_000);

const URN = "urn:pulumi:s::p::command:local:Command::greet";
const identity = { urn: URN, name: "greet", type: "command:local:Command" };
const context: ProviderContext = { signal: new AbortController().signal, log: () => undefined };
const base = { ...identity, timeout: 0, preview: false };

let folder: string;
let engine: EngineServer;
const events: EngineEvent[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "seatrial-serve-"));
  writePluginFolder(join(folder, "plugins"));
  engine = await serveEngine(
    eventStream((event) => events.push(event), makeMasker()),
    false,
  );
});
afterAll(() => {
  engine.close();
  rmSync(folder, { recursive: true });
});

async function start(name: string, address = engine.address): Promise<PluginProcess> {
  const file = join(folder, "plugins", `pulumi-resource-${name}`);
  return startPlugin({ title: name, command: [file, address], cwd: folder, env: process.env }, () => undefined);
}

async function connect(name: string): Promise<PluginProvider> {
  const options = { pkg: name, title: name, engineAddress: engine.address, folder };
  return connectPlugin(await start(name), options);
}

describe("the command provider", () => {
  let command: PluginProvider;
  beforeAll(async () => {
    command = await connect("command");
    expect(await command.configure({})).toMatchObject({ acceptSecrets: true, supportsPreview: true });
  });
  afterAll(() => command.close());

  it("says which version it stands in for", () => expect(command.version).toBe("1.2.1"));

  it("checks, previews, creates, compares, updates, reads and deletes", async () => {
    const inputs = { create: "echo hello", delete: `echo gone > ${folder}/gone` };
    const checked = await command.check(
      { ...identity, olds: {}, news: inputs, randomSeed: new Uint8Array(32) },
      context,
    );
    expect(checked).toEqual({ inputs, failures: [] });
    const planned = await command.create({ ...base, properties: inputs, preview: true }, context);
    expect(planned.properties["stdout"]).toBe(UNKNOWN);
    const made = await command.create({ ...base, properties: inputs }, context);
    expect(made).toMatchObject({ id: expect.stringMatching(/^greet[0-9a-f]{8}$/), properties: { stdout: "hello" } });
    const news = { ...inputs, create: "echo goodbye" };
    const state = { ...identity, id: made.id, oldInputs: inputs, olds: made.properties };
    expect(await command.diff({ ...state, news: inputs, ignoreChanges: [] }, context)).toMatchObject({
      changes: "none",
    });
    expect(await command.diff({ ...state, news, ignoreChanges: [] }, context)).toMatchObject({
      changes: "some",
      diffs: ["create"],
      detailedDiff: { create: { kind: "update", inputDiff: false } },
    });
    const updated = await command.update({ ...base, ...state, news, ignoreChanges: [] }, context);
    expect(updated.properties["stdout"]).toBe("goodbye");
    const read = await command.read(
      { ...identity, id: made.id, inputs: news, properties: updated.properties },
      context,
    );
    expect(read).toMatchObject({ id: made.id, inputs: news, properties: updated.properties });
    await command.delete(
      { ...identity, id: made.id, oldInputs: news, properties: updated.properties, timeout: 0 },
      context,
    );
    expect(readFileSync(join(folder, "gone"), "utf8")).toBe("gone\n");
  });

  it("says of wrong inputs which and why, and shows what a command prints as the resource's", async () => {
    const news = { create: ["a"] };
    const { failures } = await command.check({ ...identity, olds: {}, news, randomSeed: new Uint8Array(32) }, context);
    expect(failures).toEqual([{ property: "create", reason: "must be a string" }]);
    await expect(command.create({ ...base, properties: { create: "echo why; exit 3" } }, context)).rejects.toThrow(
      /exit status 3.*why/s,
    );
    expect(events.map(({ diagnosticEvent }) => diagnosticEvent)).toContainEqual(
      expect.objectContaining({ urn: URN, message: "why\n", severity: "info" }),
    );
  });

  it("calls functions", async () => {
    const { result } = await command.invoke(
      { token: "command:local:run", args: { command: "echo hi" }, preview: false },
      context,
    );
    expect(result).toMatchObject({ stdout: "hi" });
  });
});

it("a command that runs is stopped when the operation is cancelled", async () => {
  const command = await connect("command");
  await command.configure({});
  const creating = command.create({ ...base, properties: { create: "sleep 600" } }, context);
  const told = expect(creating).rejects.toThrow("cancelled");
  await new Promise((done) => setTimeout(done, 300));
  await command.cancel();
  await told;
  await command.close();
});

it("the docker provider answers for its resources, and refuses what it doesn't do by name", async () => {
  const docker = await connect("docker");
  expect(docker.version).toBe("5.2.0");
  expect(await docker.configure({})).toMatchObject({ acceptSecrets: false, supportsPreview: true });
  const volume = {
    urn: "urn:pulumi:s::p::docker:index/volume:Volume::v",
    name: "v",
    type: "docker:index/volume:Volume",
  };
  const checked = await docker.check(
    { ...volume, olds: {}, news: { drive: 1 }, randomSeed: new Uint8Array(32) },
    context,
  );
  expect(checked.failures![0]).toMatchObject({ property: "drive" });
  await expect(
    docker.check(
      { ...volume, type: "docker:index/none:None", olds: {}, news: {}, randomSeed: new Uint8Array(32) },
      context,
    ),
  ).rejects.toThrow(/docker:index\/none:None/);
  await docker.close();
});

it("what isn't there is answered without properties, by which the CLI tells it from what is", () => {
  const gone = readResponse({ id: "", inputs: {}, properties: {} });
  expect([gone.getId(), gone.hasProperties(), gone.hasInputs()]).toEqual(["", false, false]);
  expect(readResponse({ id: "i", inputs: {}, properties: {} }).hasProperties()).toBe(true);
});

it("a plugin ends when its engine has gone", async () => {
  const gone = await serveEngine(
    eventStream(() => undefined, makeMasker()),
    false,
  );
  const plugin = await start("command", gone.address);
  const provider = await connectPlugin(plugin, {
    pkg: "command",
    title: "command",
    engineAddress: gone.address,
    folder,
  });
  await provider.configure({});
  gone.close();
  expect(await plugin.ended).toContain("exit code 0");
  await provider.close();
});

describe("the files", () => {
  it("are laid out as the CLI lays out its own, and executable", () => {
    const home = join(folder, "home");
    const folders = installPlugins(home);
    expect(folders).toEqual([
      join(home, "plugins", "resource-docker-v5.2.0"),
      join(home, "plugins", "resource-command-v1.2.1"),
    ]);
    expect(statSync(join(folders[0]!, "pulumi-resource-docker")).mode & 0o111).toBe(0o111);
    expect(installPlugins(home)).toEqual(folders);
  });

  it("never take the place of an official plugin", () => {
    const home = join(folder, "official");
    const file = join(home, "plugins", "resource-docker-v5.2.0", "pulumi-resource-docker");
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, "the real one");
    expect(() => installPlugins(home)).toThrow(`${file} is there already and isn't Seatrial's`);
    expect(readFileSync(file, "utf8")).toBe("the real one");
  });
});
