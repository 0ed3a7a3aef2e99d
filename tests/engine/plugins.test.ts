/** Plugins: real processes over gRPC, with programs of the unmodified SDK. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findPlugin } from "../../engine/plugins/find";
import { startPlugin } from "../../engine/plugins/process";
import { destroy, errorsOf, play, preview, refresh, stateOf, update } from "./player";

jest.setTimeout(120_000);

const PLUGINS = join(__dirname, "fixtures", "plugins");
let cloud: string;

beforeEach(() => {
  cloud = mkdtempSync(join(tmpdir(), "seatrial-plugins-"));
  process.env["TRIAL_CLOUD"] = cloud;
  process.env["PULUMI_HOME"] = join(cloud, "home");
  process.env["PATH"] = [PLUGINS, ...process.env["PATH"]!.split(delimiter).filter((dir) => dir !== PLUGINS)].join(
    delimiter,
  );
});
afterEach(async () => {
  await allGone();
  rmSync(cloud, { recursive: true });
});

/** What the plugin wrote down; how often it was started counts, not under which number. */
const log = (): string[] => readFileSync(join(cloud, "log"), "utf8").trimEnd().split("\n");
const calls = (): string[] => log().filter((line) => !line.startsWith("start "));
const processes = (): number[] =>
  existsSync(join(cloud, "log"))
    ? log().flatMap((line) => (line.startsWith("start ") ? [Number(line.slice("start ".length))] : []))
    : [];

async function allGone(): Promise<void> {
  for (const pid of processes()) {
    for (let tries = 0; isAlive(pid); tries++) {
      if (tries > 100) throw new Error(`the plugin process ${pid} is still there`);
      await sleep(50);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie is gone; in a container there may be nobody to take it away.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const TRIAL = `
  class Trial extends pulumi.CustomResource {
    constructor(name, args = {}, opts) { super("trial:index:Thing", name, { ref: undefined, ...args }, opts); }
  }
  class Pair extends pulumi.ComponentResource {
    constructor(name, args, opts) { super("trial:index:Pair", name, { refs: undefined, sealed: undefined, first: undefined, ...args }, opts, true); }
    describe(greeting) { return pulumi.runtime.call("trial:index:Pair/describe", { __self__: this, greeting }, this); }
  }
  const config = new pulumi.Config();
`;

describe("a plugin on PATH", () => {
  test("makes, changes, replaces, reads and removes resources", async () => {
    const program = `${TRIAL}
      const thing = new Trial("one", { size: config.getNumber("size") ?? 1, color: config.get("color"), secret: pulumi.secret("hush") });
      exports.ref = thing.ref;
      exports.loud = pulumi.runtime.invoke("trial:index:shout", { text: "hey" }).then(({ text }) => text);`;
    const [plan, up, again, bigger, red, refused, seen, down] = await play(program, [
      preview,
      update,
      update,
      { ...update, config: { size: "2" } },
      { ...update, config: { size: "2", color: "red" } },
      { ...update, config: { size: "200" } },
      refresh,
      destroy,
    ]);
    expect(plan).toMatchObject({ result: "succeeded", changes: { create: 2 }, states: [] });
    expect(up).toMatchObject({ result: "succeeded", outputs: { ref: "ref-one", loud: "HEY" } });
    expect(stateOf(up!, "one")).toMatchObject({
      id: "thing-one",
      inputs: { size: 1, color: "blue" },
      outputs: { size: 1, color: "blue", ref: "ref-one" },
    });
    expect(JSON.stringify(up!.states)).not.toContain("hush");
    expect(again).toMatchObject({ result: "succeeded", changes: { same: 2 } });
    expect(bigger).toMatchObject({ result: "succeeded", changes: { same: 1, update: 1 } });
    expect(red).toMatchObject({ result: "succeeded", changes: { same: 1, replace: 1 } });
    expect(refused!.result).toBe("failed");
    expect(errorsOf(refused!)).toContain("property size is too large");
    expect(seen).toMatchObject({ result: "succeeded", changes: { same: 2 } });
    expect(down).toMatchObject({ result: "succeeded", states: [] });
    expect(calls()).toEqual(["create one", "update one", "delete one", "create one", "delete one"]);
    // One process for each operation: there is one configuration.
    expect(processes()).toHaveLength(8);
  });

  test("serves each explicit provider by a process of its own", async () => {
    const program = `${TRIAL}
      class TrialProvider extends pulumi.ProviderResource {
        constructor(name, args, opts) { super("trial", name, args, { version: "1.2.3", ...opts }); }
      }
      const [east, west] = ["east", "west"].map((name) => new TrialProvider(name, { region: name }));
      new Trial("a", {}, { provider: east });
      new Trial("b", {}, { provider: west });`;
    const [up, down] = await play(program, [update, destroy]);
    expect(up).toMatchObject({ result: "succeeded" });
    expect(stateOf(up!, "east")).toMatchObject({
      type: "pulumi:providers:trial",
      inputs: { region: "east", version: "1.2.3", __internal: {} },
    });
    expect(stateOf(up!, "a")["provider"]).toContain("::east::");
    expect(down).toMatchObject({ result: "succeeded", states: [] });
    expect(processes()).toHaveLength(4);
  });

  test("keeps a resource that is there but not in order", async () => {
    const [up, down] = await play(`${TRIAL} new Trial("one", { unready: true });`, [update, destroy]);
    expect(up!.result).toBe("failed");
    expect(errorsOf(up!)).toContain("it never got ready");
    expect(stateOf(up!, "one")).toMatchObject({ id: "thing-one", initErrors: ["it never got ready"] });
    expect(down).toMatchObject({ result: "succeeded", states: [] });
    expect(calls()).toEqual(["create one", "delete one"]);
  });

  test("that dies is one error, with what it printed last", async () => {
    const [up] = await play(`${TRIAL} new Trial("one", { death: true });`, [update]);
    expect(up!.result).toBe("failed");
    const told = up!.messages.filter(({ severity, text }) => severity === "error" && !text.includes("update failed"));
    expect(told).toHaveLength(1);
    expect(told[0]!.text).toContain("the plugin pulumi-resource-trial has ended with exit code 3");
    expect(told[0]!.text).toContain("the ground opens");
  });
});

describe("a component of a plugin", () => {
  test("is made of the plugin's own resources, with the program's options", async () => {
    const program = `${TRIAL}
      const before = new Thing("before");
      const pair = new Pair("pair", { size: before.ref.apply(() => 3), sealed: pulumi.secret("hush") }, { retainOnDelete: true });
      new Thing("after", { from: pair.refs });
      module.exports = { refs: pair.refs, sealed: pair.sealed, text: pair.describe("Hello").text };`;
    const [plan, up, again, down] = await play(program, [preview, update, update, destroy]);
    expect(plan).toMatchObject({ result: "succeeded", changes: { create: 6 }, states: [] });
    expect(up).toMatchObject({
      result: "succeeded",
      outputs: { refs: "ref-pair-first+ref-pair-second", sealed: "hush", text: "Hello, pair" },
      shown: { sealed: "[secret]" },
    });
    const urn = stateOf(up!, "pair")["urn"];
    expect(stateOf(up!, "pair-first")).toMatchObject({ parent: urn, outputs: { size: 3 } });
    expect(stateOf(up!, "pair-second")).toMatchObject({
      inputs: { from: "ref-pair-first" },
      propertyDependencies: { from: [stateOf(up!, "pair-first")["urn"]] },
    });
    expect(stateOf(up!, "pair")["outputs"]).toMatchObject({ refs: "ref-pair-first+ref-pair-second" });
    expect(up!.inputs["after"]).toMatchObject({ from: "ref-pair-first+ref-pair-second" });
    expect(up!.messages).toContainEqual(expect.objectContaining({ text: "constructing pair\n" }));
    expect(again).toMatchObject({ result: "succeeded", changes: { same: 6 } });
    expect(stateOf(up!, "pair-first")).toMatchObject({ retainOnDelete: true });
    expect(down).toMatchObject({ result: "succeeded", states: [], names: [] });
    expect(calls()).toEqual(["create pair-first", "create pair-second"]);
  });

  test("that refuses its inputs says which", async () => {
    const [up] = await play(`${TRIAL} new Pair("pair", { refused: 1 });`, [update]);
    expect(up!.result).toBe("failed");
    expect(errorsOf(up!)).toContain("property refused must not be set");
  });
});

test("a parameter makes another package of a plugin", async () => {
  const program = `
    const made = pulumi.runtime.registerPackage({
      baseProviderName: "trial",
      baseProviderVersion: "1.2.3",
      baseProviderDownloadUrl: "",
      packageName: "made",
      packageVersion: "4.5.6",
      base64Parameter: Buffer.from("sesame").toString("base64"),
    });
    class MadeProvider extends pulumi.ProviderResource {
      constructor(name, args, opts) { super("made", name, args, opts, false, made); }
    }
    class Made extends pulumi.CustomResource {
      constructor(name, args, opts) { super("made:index:Thing", name, { ref: undefined, ...args }, opts, false, made); }
    }
    new Made("one");
    new Made("two", {}, { provider: new MadeProvider("own", { region: "east" }) });`;
  const [up, again, down] = await play(program, [update, update, destroy]);
  expect(up).toMatchObject({ result: "succeeded", changes: { create: 4 } });
  const plugin = { name: "trial", version: "1.2.3", parameterization: Buffer.from("sesame").toString("base64") };
  for (const name of ["default_4_5_6", "own"]) {
    expect(stateOf(up!, name)).toMatchObject({
      type: "pulumi:providers:made",
      inputs: { version: "4.5.6", __internal: plugin },
    });
  }
  expect(stateOf(up!, "one")).toMatchObject({ id: "thing-one", outputs: { ref: "ref-one" } });
  expect(again).toMatchObject({ result: "succeeded", changes: { same: 4 } });
  expect(down).toMatchObject({ result: "succeeded", states: [] });
  expect(new Set(calls())).toContain("parameter sesame makes made 4.5.6");
});

describe("dynamic providers", () => {
  const program = `
    const { randomInt } = require("node:crypto");
    const config = new pulumi.Config();
    const suffix = "-" + randomInt(1e9);
    const provider = {
      async check(olds, news) {
        if (news.size > 100) return { inputs: news, failures: [{ property: "size", reason: "is too large" }] };
        return { inputs: { color: "blue", ...news } };
      },
      async diff(id, olds, news) {
        return { changes: olds.size !== news.size || olds.color !== news.color, replaces: olds.color !== news.color ? ["color"] : [] };
      },
      async create(inputs) {
        console.log("creating " + inputs.color);
        return { id: "made" + suffix, outs: { ...inputs, token: "open sesame" } };
      },
      async update(id, olds, news) { return { outs: { ...news, token: olds.token } }; },
      async delete(id, { color }) { console.log("deleting " + color); },
      async read(id, props) { return { id, props: { ...props, found: true } }; },
    };
    class Dynamic extends pulumi.dynamic.Resource {
      constructor(name, args) { super(provider, name, { token: undefined, ...args }, { additionalSecretOutputs: ["token"] }); }
    }
    const one = new Dynamic("one", { size: config.getNumber("size") ?? 1, color: config.get("color"), key: pulumi.secret("hush") });
    exports.token = one.token;`;

  test("are run from what the program says of them", async () => {
    const [plan, up, bigger, red, refused, seen, down] = await play(program, [
      preview,
      update,
      { ...update, config: { size: "2" } },
      { ...update, config: { size: "2", color: "red" } },
      { ...update, config: { size: "200" } },
      refresh,
      destroy,
    ]);
    expect(plan).toMatchObject({ result: "succeeded", changes: { create: 2 }, states: [] });
    expect(up).toMatchObject({ result: "succeeded", outputs: { token: "open sesame" }, shown: { token: "[secret]" } });
    expect(up!.messages).toContainEqual(expect.objectContaining({ severity: "info", text: "creating blue\n" }));
    expect(stateOf(up!, "one")).toMatchObject({
      type: "pulumi-nodejs:dynamic:Resource",
      id: expect.stringMatching(/^made-\d+$/),
      inputs: { color: "blue", size: 1 },
    });
    expect(JSON.stringify(up!.states)).not.toMatch(/hush|"open sesame"/);
    expect(bigger).toMatchObject({ result: "succeeded", changes: { update: 1 } });
    expect(red).toMatchObject({ result: "succeeded", changes: { replace: 1 } });
    expect(errorsOf(refused!)).toContain("property size is too large");
    expect(stateOf(seen!, "one")["outputs"]).toMatchObject({ found: true, color: "red" });
    expect(down!.messages).toContainEqual(expect.objectContaining({ text: "deleting red\n" }));
    expect(down).toMatchObject({ result: "succeeded", states: [] });
  });
});

describe("which provider serves a package", () => {
  const asking = (version: string) => ({ ...update, config: { version } });

  test("one in this process, where its version will do; else a plugin", async () => {
    const [near, far] = await play(`new Thing("a", {}, { version: new pulumi.Config().require("version") });`, [
      asking("1.7.0"),
      asking("2.0.0"),
    ]);
    expect(near).toMatchObject({ result: "succeeded", names: ["a"] });
    expect(far!.result).toBe("failed");
    expect(errorsOf(far!)).toContain(
      `there is no provider for the package fake 2.0.0: pulumi-resource-fake was looked for on PATH and in ${cloud}/home/plugins; "pulumi plugin install resource fake 2.0.0" installs it`,
    );
  });

  test("before both, the plugin that Pulumi.yaml names", async () => {
    const folder = join(cloud, "own");
    mkdirSync(folder);
    writeFileSync(join(folder, "pulumi-resource-fake"), "#!/bin/sh\necho nothing to serve >&2; exit 7\n");
    chmodSync(join(folder, "pulumi-resource-fake"), 0o755);
    const project = `name: trial\nruntime: nodejs\nplugins:\n  providers:\n    - name: fake\n      path: ${folder}\n`;
    const [up] = await play(`new Thing("a");`, [update], { "Pulumi.yaml": project });
    expect(up!.result).toBe("failed");
    expect(errorsOf(up!)).toContain("pulumi-resource-fake has ended with exit code 7");
    expect(errorsOf(up!)).toContain("nothing to serve");
  });

  test("before all, one that runs already and that PULUMI_DEBUG_PROVIDERS names", async () => {
    const plugin = await startPlugin(
      { title: "p", command: [join(PLUGINS, "pulumi-resource-trial")], cwd: cloud, env: process.env },
      () => undefined,
    );
    process.env["PULUMI_DEBUG_PROVIDERS"] = `trial:${plugin.port}`;
    try {
      const [up] = await play(`${TRIAL} new Trial("one");`, [update]);
      expect(up).toMatchObject({ result: "succeeded" });
      expect(log()).toEqual([expect.stringMatching(/^start /), "create one"]);
    } finally {
      delete process.env["PULUMI_DEBUG_PROVIDERS"];
      await plugin.close();
    }
  });

  test("of those installed, the one of the version asked for, else the newest release", () => {
    const env = { PULUMI_HOME: join(cloud, "home"), PATH: "" };
    for (const version of ["1.0.0", "1.9.0", "1.10.0", "2.0.0-beta.1"]) {
      const folder = join(cloud, "home", "plugins", `resource-some-v${version}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "pulumi-resource-some"), "");
    }
    writeFileSync(join(cloud, "home", "plugins", "resource-some-v1.10.0.partial"), "");
    const find = (version?: string): string =>
      findPlugin({ name: "some", projectPlugins: [], env, ...(version ? { version } : {}) });
    expect(find()).toContain("/resource-some-v1.9.0/");
    expect(find("1.0.0")).toContain("/resource-some-v1.0.0/");
    expect(find("2.0.0-beta.1")).toContain("/resource-some-v2.0.0-beta.1/");
    expect(() => find("1.10.0")).toThrow('"pulumi plugin install resource some 1.10.0" installs it');
  });

  test("PULUMI_IGNORE_AMBIENT_PLUGINS hides those on PATH", () => {
    const search = { name: "trial", projectPlugins: [], env: { PATH: PLUGINS, PULUMI_HOME: cloud } };
    expect(findPlugin(search)).toBe(join(PLUGINS, "pulumi-resource-trial"));
    const hidden = { ...search, env: { ...search.env, PULUMI_IGNORE_AMBIENT_PLUGINS: "true" } };
    expect(() => findPlugin(hidden)).toThrow(`looked for in ${cloud}/plugins;`);
  });
});

describe("a plugin's process", () => {
  const command = (script: string) => ({
    title: "p",
    command: ["/bin/sh", "-c", script],
    cwd: cloud,
    env: process.env,
  });

  test("ends with all that it has started, even where it doesn't want to", async () => {
    const script = `trap "" TERM; sleep 1000 & echo $! > child; echo $$ > self; echo 4711; wait; wait`;
    const plugin = await startPlugin(command(script), () => undefined);
    expect(plugin.port).toBe(4711);
    const pids = ["child", "self"].map((name) => Number(readFileSync(join(cloud, name), "utf8")));
    expect(pids.map(isAlive)).toEqual([true, true]);
    await plugin.close();
    expect(pids.map(isAlive)).toEqual([false, false]);
  });

  test("ends when the engine is killed", async () => {
    const script = `
      const { startPlugin } = require("./process.js");
      startPlugin({ title: "p", command: ["/bin/sh", "-c", "echo $$ > self; echo 4711; exec sleep 1000"], cwd: ".", env: process.env }, () => undefined)
        .then(() => console.log("up"));`;
    const { build } = await import("esbuild");
    await build({
      entryPoints: [join(__dirname, "../../engine/plugins/process.ts")],
      outfile: join(cloud, "process.js"),
      bundle: true,
      platform: "node",
      logLevel: "error",
    });
    const engine = spawn(process.execPath, ["-e", script], { cwd: cloud, stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => engine.stdout.once("data", resolve));
    const pid = Number(readFileSync(join(cloud, "self"), "utf8"));
    expect(isAlive(pid)).toBe(true);
    engine.kill("SIGKILL");
    for (let tries = 0; isAlive(pid) && tries < 60; tries++) await sleep(50);
    expect(isAlive(pid)).toBe(false);
  });

  test("that prints no port is refused", async () => {
    await expect(startPlugin(command("echo hello; exec sleep 1000"), () => undefined)).rejects.toThrow(
      'the plugin p printed "hello" where its port was expected',
    );
  });
});
