/** Programs with the unmodified SDK, from `new Resource` to the state. */
import type { Act } from "./play-program";
import { destroy, errorsOf, play, preview, stateOf, update } from "./player";

jest.setTimeout(60_000);

test("preview, update, nothing to do, destroy, in one process", async () => {
  const program = `
    const a = new Thing("a", { size: 1 });
    const b = new Thing("b", { from: a.ref, twice: a.ref.apply((ref) => ref + ref) });
    exports.ref = b.ref;
    exports.nested = { list: [a.id, null, 1] };`;
  const [plan, up, again, down] = await play(program, [preview, update, update, destroy]);
  expect(plan).toMatchObject({ result: "succeeded", changes: { create: 3 }, log: [], states: [] });
  expect(up).toMatchObject({ result: "succeeded", changes: { create: 3 }, log: ["create a", "create b"] });
  const id = stateOf(up!, "a")["id"] as string;
  expect(up!.inputs["b"]).toEqual({ from: id, twice: id + id });
  expect(up!.outputs).toEqual({ ref: stateOf(up!, "b")["id"], nested: { list: [id, null, 1] } });
  expect(up!.shown).toEqual(up!.outputs);
  expect(stateOf(up!, "b")).toMatchObject({
    dependencies: [stateOf(up!, "a")["urn"]],
    propertyDependencies: { from: [stateOf(up!, "a")["urn"]], twice: [stateOf(up!, "a")["urn"]] },
  });
  expect(again).toMatchObject({ result: "succeeded", changes: { same: 3 }, log: [], outputs: up!.outputs });
  expect(again!.states).toEqual(up!.states);
  expect(down).toMatchObject({ result: "succeeded", changes: { delete: 3 }, names: [], states: [] });
});

test("components: children, outputs, inherited options, and waiting for a whole one", async () => {
  const program = `
    class Pair extends pulumi.ComponentResource {
      constructor(name, args, opts) {
        super("test:index:Pair", name, args, opts);
        this.one = new Thing(name + "-one", {}, { parent: this });
        this.two = new Thing(name + "-two", {}, { parent: this, protect: false });
        this.both = pulumi.all([this.one.ref, this.two.ref]).apply((refs) => refs.join());
        this.registerOutputs({ both: this.both });
      }
    }
    const pair = new Pair("pair", {}, { protect: true, retainOnDelete: true });
    const after = new Thing("after", {}, { dependsOn: pair });
    exports.both = pair.both;`;
  const [up] = await play(program, [update]);
  expect(up!.log.indexOf("create after")).toBe(2);
  const [one, two, pair] = ["pair-one", "pair-two", "pair"].map((name) => stateOf(up!, name));
  expect(one!["urn"]).toBe("urn:pulumi:test::trial::test:index:Pair$fake:index:Thing::pair-one");
  expect(one).toMatchObject({ parent: pair!["urn"], protect: true, retainOnDelete: true });
  expect(two).not.toHaveProperty("protect");
  expect(pair!["outputs"]).toEqual({ both: `${one!["id"]},${two!["id"]}` });
  expect(up!.outputs).toEqual(pair!["outputs"]);
  expect(new Set(stateOf(up!, "after")["dependencies"] as string[])).toEqual(new Set([one!["urn"], two!["urn"]]));
});

test("secrets of the config and of the program stay secret, in the state, the messages and the outputs", async () => {
  const program = `
    const key = new pulumi.Config().requireSecret("key");
    const a = new Thing("a", { key, plain: "x" }, { additionalSecretOutputs: ["token"] });
    exports.key = a.key;
    exports.joined = pulumi.interpolate\`<\${a.key}>\`;
    exports.token = a.token;
    exports.own = pulumi.secret({ deep: "swordfish" });
    exports.plain = "visible";
    key.apply((k) => pulumi.log.warn("the key is " + k));`;
  const salt = {
    "Pulumi.yaml": "name: trial\nruntime: nodejs\nconfig:\n  key:\n    value: open-sesame\n    secret: true\n",
  };
  const [up, again] = await play(program, [update, update], salt);
  const id = stateOf(up!, "a")["id"] as string;
  expect(up!.outputs).toEqual({
    key: "open-sesame",
    joined: "<open-sesame>",
    token: `token-of-${id}`,
    own: { deep: "swordfish" },
    plain: "visible",
  });
  expect(up!.shown).toEqual({
    key: "[secret]",
    joined: "[secret]",
    token: "[secret]",
    own: "[secret]",
    plain: "visible",
  });
  expect(JSON.stringify(up!.states)).not.toMatch(/open-sesame|swordfish/);
  expect(up!.messages.find(({ severity }) => severity === "warning")!.text).toBe("the key is [secret]\n");
  expect(again!.changes).toEqual({ same: 2 });
});

test("a program that throws: what it registered is kept, the error shows where, nothing is deleted", async () => {
  const program = `
    new Thing("a");
    if (new pulumi.Config().get("broken")) { throw new Error("the program is wrong"); }
    new Thing("b");`;
  const [, broken, repaired] = await play(program, [update, { ...update, config: { broken: "yes" } }, update]);
  expect(broken).toMatchObject({ result: "failed", names: ["a", "b"] });
  expect(errorsOf(broken!)).toMatch(
    /failed with an unhandled exception:\nError: the program is wrong\n.*index\.js:\d/s,
  );
  expect(repaired).toMatchObject({ result: "succeeded", changes: { same: 3 } });
});

test.each([
  ["a rejection that nobody handles", `Promise.reject(new Error("nobody cares"));`],
  [
    "a rejection of later",
    `setTimeout(() => Promise.reject(new Error("nobody cares")), 5); exports.out = new Promise((r) => setTimeout(r, 30));`,
  ],
  ["an exception in an apply", `new Thing("a").ref.apply(() => { throw new Error("nobody cares"); });`],
  ["an output that fails", `exports.out = new Thing("a").ref.apply(() => { throw new Error("nobody cares"); });`],
  [
    "a failing async program",
    `module.exports = async () => { await Promise.resolve(); throw new Error("nobody cares"); };`,
  ],
])("%s fails the operation, once", async (_, program) => {
  const [up] = await play(program, [update]);
  expect(up!.result).toBe("failed");
  expect(errorsOf(up!).split("nobody cares")).toHaveLength(2);
});

test("a program that nobody awaits is waited for as long as it has anything under way", async () => {
  const program = `
    const { exec } = require("node:child_process");
    const { pbkdf2 } = require("node:crypto");
    const { readFile } = require("node:fs/promises");
    const { createServer } = require("node:http");
    const { Worker } = require("node:worker_threads");
    const { gzip } = require("node:zlib");
    const later = {
      timer: (make) => setTimeout(make, 300),
      chain: async (make) => {
        for (let i = 0; i < 20; i++) {
          await new Promise((done) => setTimeout(done, 5));
          await readFile(__filename);
          await new Promise((done) => setImmediate(done));
        }
        make();
      },
      child: (make) => exec("sleep 0.3", make),
      request: (make) => {
        const server = createServer((_, response) => setTimeout(() => response.end(), 300));
        server.listen(0, "127.0.0.1", async () => {
          await (await fetch("http://127.0.0.1:" + server.address().port)).text();
          server.close();
          make();
        });
      },
      worker: (make) => new Worker("setTimeout(() => 0, 300)", { eval: true }).on("exit", make),
      jobs: (make) => gzip(Buffer.alloc(30e6), () => pbkdf2("a", "b", 200_000, 32, "sha256", make)),
      resource: (make) => new Thing("early").ref.apply(() => setTimeout(make, 100)),
      listener: (make) => process.once("beforeExit", make),
    };
    const name = new pulumi.Config().require("what");
    later[name](() => new Thing("late"));`;
  const kinds = ["timer", "chain", "child", "request", "worker", "jobs", "resource", "listener"];
  const acts = kinds.flatMap((what): Act[] => [{ ...update, stack: what, config: { what } }]);
  const ups = await play(program, acts);
  expect(ups.map(({ result, log }) => [result, log.at(-1)])).toEqual(kinds.map(() => ["succeeded", "create late"]));
});

test("what doesn't keep a process running is not waited for, nor anything once the program has failed", async () => {
  const idle = `
    new Thing("a");
    setInterval(() => undefined, 5).unref();
    setTimeout(() => new Thing("late"), 60_000).unref();
    require("node:crypto").randomBytes(16);
    require("node:crypto").pbkdf2Sync("a", "b", 10, 32, "sha256");
    require("node:zlib").createGzip();
    fetch("http://127.0.0.1:1").catch(() => undefined);`;
  const started = performance.now();
  const [up] = await play(idle, [update]);
  expect(up).toMatchObject({ result: "succeeded", log: ["create a"] });
  const [failed] = await play(`setInterval(() => undefined, 5); setTimeout(() => { throw new Error("now"); }, 20);`, [
    update,
  ]);
  expect(failed!.result).toBe("failed");
  expect(performance.now() - started).toBeLessThan(20_000);
});

test("pulumi.RunError is shown as its message alone", async () => {
  const [up] = await play(`throw new pulumi.RunError("set the region first");`, [update]);
  expect(up!.errors).toEqual([{ message: "set the region first" }]);
});

test("a syntax error names file and line", async () => {
  const [up] = await play("const x = ;", [update]);
  expect(errorsOf(up!)).toMatch(/index\.js:2\b[^]*SyntaxError/);
});

test("an operation that failed has no hold on the next one in the same process", async () => {
  const program = `
    const size = Number(new pulumi.Config().get("size") ?? 1);
    const all = [...Array(20).keys()].map((i) => new Thing("a" + i, { size }));
    const more = all.map((a, i) => new Thing("b" + i, { from: a.ref }));
    exports.last = more[19].ref;
    if (new pulumi.Config().get("late")) {
      setTimeout(() => new Thing("late"), 200);
      setTimeout(() => pulumi.log.error("late"), 200);
    }`;
  // Only the runs that fail are still busy when the next one is under way.
  const late = { late: "yes" };
  const failing: Act = { ...update, config: late, faults: { "create a3": "fail", "update a3": "fail" } };
  const acts = [
    failing,
    update,
    { ...failing, config: { ...late, size: "2" } },
    { ...update, config: { size: "2" } },
    { ...preview, config: { size: "2" } },
  ];
  const [first, made, second, updated, plan] = await play(program, acts);
  expect([first, second].map((played) => played!.result)).toEqual(["failed", "failed"]);
  expect([first, second].map((played) => played!.errors.length)).toEqual([1, 1]);
  expect([made, updated].map((played) => played!.errors)).toEqual([[], []]);
  expect(updated!.names).toEqual(made!.names);
  expect(updated!.names).toHaveLength(40);
  expect(plan).toMatchObject({ result: "succeeded", changes: { same: 41 } });
});

test("a resource that fails names itself; with continueOnError the others are made", async () => {
  const program = `
    const a = new Thing("a");
    const b = new Thing("b", { from: a.ref });
    const c = new Thing("c");
    exports.c = c.ref;`;
  const faults = { "create a": "fail" } as const;
  const [failed, repaired, further] = await play(program, [
    { ...update, faults, options: { continueOnError: true } },
    update,
    { ...update, faults: { "update a": "fail" } },
  ]);
  expect(failed).toMatchObject({ result: "failed", names: ["c"] });
  expect(failed!.errors).toEqual([
    { urn: "urn:pulumi:test::trial::fake:index:Thing::a", message: "create a: refused" },
  ]);
  expect(repaired).toMatchObject({ result: "succeeded", log: ["create a", "create b"] });
  expect(further!.result).toBe("succeeded");
});

test("a failure that stops the program is told once, without what the SDK makes of it", async () => {
  const program = `const a = new Thing("a"); new Thing("b", { from: a.ref }); new Thing("c", {}, { dependsOn: a });`;
  const [failed] = await play(program, [{ ...update, faults: { "create a": "fail" } }]);
  expect(failed!.errors).toHaveLength(1);
  expect(failed!.states.map(({ urn }) => urn.split("::").at(-1))).not.toContain("b");
});

test("transforms: of a resource, of a parent and of the stack, each seeing what the one before made", async () => {
  const program = `
    const note = (text) => ({ props, opts, name }) => ({
      props: { ...props, notes: [...(props.notes ?? []), text + ":" + name] }, opts,
    });
    pulumi.runtime.registerStackTransform(note("stack"));
    pulumi.runtime.registerResourceTransform(({ props, opts, type }) =>
      type === "fake:index:Thing" ? { props, opts: pulumi.mergeOptions(opts, { protect: true }) } : undefined);
    const group = new Group("group", { transforms: [note("group")] });
    const a = new Thing("a", { size: 1 }, { parent: group, transforms: [note("own")] });
    new Thing("b", { from: a.ref }, { ignoreChanges: ["size"] });`;
  const [up, again] = await play(program, [update, update]);
  expect(up!.inputs["a"]).toEqual({ size: 1, notes: ["own:a", "group:a", "stack:a"] });
  expect(stateOf(up!, "a")).toMatchObject({ protect: true });
  const b = stateOf(up!, "b");
  expect(b).toMatchObject({ protect: true, ignoreChanges: ["size"] });
  expect(b["propertyDependencies"]).toMatchObject({ from: [stateOf(up!, "a")["urn"]] });
  expect(again).toMatchObject({ changes: { same: 4 }, log: [] });
});

test("functions of a package, plain and as outputs", async () => {
  const program = `
    module.exports = async () => {
      const { doubled } = await double(21);
      const a = new Thing("a", { size: doubled });
      const later = pulumi.runtime.invokeOutput("fake:index:double", { n: a.size });
      return { doubled, later: later.apply((l) => l.doubled) };
    };`;
  const [plan, up] = await play(program, [preview, update]);
  expect(plan).toMatchObject({ result: "succeeded", outputs: { doubled: 42 } });
  expect(up!.outputs).toEqual({ doubled: 42, later: 84 });
  const [missing] = await play(`pulumi.runtime.invoke("fake:index:missing", {});`, [update]);
  expect(missing!.result).toBe("failed");
  expect(errorsOf(missing!)).toContain("there is no fake:index:missing");
});

test("explicit providers are inherited; another configuration of one is another provider", async () => {
  const program = `
    const region = new pulumi.Config().require("at");
    const provider = new Provider("mine", { region });
    const group = new Group("group", { providers: [provider] });
    new Thing("a", {}, { parent: group });
    new Thing("b", {}, { provider });
    new Thing("c");`;
  const [up, again, moved] = await play(program, [
    { ...update, config: { at: "here" } },
    { ...update, config: { at: "here" } },
    { ...update, config: { at: "there" } },
  ]);
  const mine = stateOf(up!, "mine");
  const reference = `${mine["urn"]}::${mine["id"]}`;
  expect(["a", "b"].map((name) => stateOf(up!, name)["provider"])).toEqual([reference, reference]);
  expect(stateOf(up!, "c")["provider"]).toContain("pulumi:providers:fake::default");
  expect(again!.log).toEqual([]);
  expect(moved!.log.filter((call) => call.startsWith("create")).sort()).toEqual(["create a", "create b"]);
  expect(moved!.names).toEqual(["a", "b", "c"]);
});

test("the default provider gets the package's configuration", async () => {
  const [up] = await play(`new Thing("a");`, [{ ...update, config: { "fake:region": "north" } }]);
  expect(stateOf(up!, "default")["inputs"]).toMatchObject({ region: "north" });
});

test("get reads what is there without managing it", async () => {
  const program = `
    const made = new Thing("made");
    const read = Thing.get("read", made.id);
    exports.same = pulumi.all([made.token, read.token]).apply(([a, b]) => a === b);`;
  const [up, down] = await play(program, [update, destroy]);
  expect(up!.outputs).toEqual({ same: true });
  expect(stateOf(up!, "read")).toMatchObject({ external: true });
  expect(down).toMatchObject({ names: [], states: [] });
  expect(down!.log).toEqual(["delete made"]);
});

test("aliases, renames and options that only the state has", async () => {
  const first = `new Thing("old", { size: 1 });`;
  const program = `
    if (new pulumi.Config().get("renamed")) new Thing("new", { size: 1 }, { aliases: [{ name: "old" }], customTimeouts: { create: "5m" } });
    else { ${first} }`;
  const [up, renamed] = await play(program, [update, { ...update, config: { renamed: "yes" } }]);
  expect(renamed).toMatchObject({ log: [], changes: { same: 2 } });
  expect(stateOf(renamed!, "new")).toMatchObject({ id: stateOf(up!, "old")["id"], customTimeouts: { create: 300 } });
});

test("assets, archives and references come through whole", async () => {
  const program = `
    const a = new Thing("a");
    const text = new pulumi.asset.StringAsset("hello");
    new Thing("b", { text, many: new pulumi.asset.AssetArchive({ one: text }), other: a });
    exports.other = a;`;
  const [up, again] = await play(program, [update, update]);
  const inputs = stateOf(up!, "b")["inputs"] as Record<string, Record<string, unknown>>;
  expect(inputs["text"]).toMatchObject({ text: "hello" });
  expect(inputs["many"]!["assets"]).toMatchObject({ one: { text: "hello" } });
  expect(inputs["other"]).toMatchObject({ urn: stateOf(up!, "a")["urn"], id: stateOf(up!, "a")["id"] });
  expect(again!.changes).toEqual({ same: 3 });
});

test("a package that isn't built in is refused by name, with what to do", async () => {
  const [up] = await play(`new pulumi.CustomResource("other:index:Thing", "a", {});`, [update]);
  expect(errorsOf(up!)).toMatch(
    /there is no provider for the package other: .*"pulumi plugin install resource other" installs it/,
  );
});

test("TypeScript, ES modules, functions and other entry points", async () => {
  const ts = `import * as pulumi from "@pulumi/pulumi";\nimport { Thing } from "./things";\nexport const ref: pulumi.Output<string> = new Thing("a").id;`;
  const things = `import * as pulumi from "@pulumi/pulumi";\nexport class Thing extends pulumi.CustomResource { constructor(name: string) { super("fake:index:Thing", name, {}); } }`;
  const [typed, again] = await play("", [update, update], { "index.ts": ts, "things.ts": things });
  expect(typed!.outputs["ref"]).toMatch(/^a#/);
  expect(again!.changes).toEqual({ same: 2 });
  const [esm] = await play("", [update], {
    "index.mjs": `import fake from "./fake.js";\nexport const ref = new fake.Thing("a").id;`,
  });
  expect(esm!.outputs["ref"]).toMatch(/^a#/);
  const [main] = await play("", [update], {
    "Pulumi.yaml": "name: trial\nruntime: nodejs\nmain: app/\n",
    "index.js": "",
    "app/index.js": `const { Thing } = require("../fake"); module.exports = () => ({ ref: new Thing("a").id });`,
  });
  expect(main!.outputs["ref"]).toMatch(/^a#/);
});

test("the program is told who it is", async () => {
  const program = `
    exports.who = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack(), pulumi.runtime.isDryRun()];
    exports.where = process.cwd() === __dirname;`;
  const [plan, up] = await play(program, [preview, update]);
  expect(plan!.outputs["who"]).toEqual(["organization", "trial", "test", true]);
  expect(up!.outputs).toEqual({ who: ["organization", "trial", "test", false], where: true });
});

test("stack outputs after an error are laid over the old ones", async () => {
  const program = `
    const broken = new pulumi.Config().get("broken");
    exports.steady = 1;
    exports.changed = broken ? "new" : "old";
    if (!broken) exports.gone = true;
    exports.made = new Thing("a", broken ? { size: 2 } : {}).ref;`;
  const [up, failed] = await play(program, [
    update,
    { ...update, config: { broken: "yes" }, faults: { "update a": "fail" }, options: { continueOnError: true } },
  ]);
  expect(failed!.result).toBe("failed");
  expect(failed!.shown).toEqual({ ...up!.shown, changed: "new" });
});

test("an error however long reaches the program, which can go on without what failed", async () => {
  const program = `
    pulumi.runtime.invoke("fake:index:fail", { message: "é".repeat(200000) + " at last" })
      .catch((error) => console.log("caught " + (error.message.includes("é") ? error.message.slice(-7) : "?")));
    new Thing("a");`;
  const [up] = await play(program, [update]);
  expect(up!.messages.map(({ text }) => text)).toContainEqual(expect.stringContaining("caught at last"));
  expect(up).toMatchObject({ result: "succeeded", log: ["create a"] });
});

test.each([
  [
    "siblings that wait for their whole parent",
    `
    const group = new pulumi.ComponentResource("test:index:Group", "group");
    for (const name of ["a", "b"]) new Thing(name, {}, { parent: group, dependsOn: [group] });`,
  ],
  ["a promise that nobody resolves", `module.exports = async () => { new Thing("a"); await new Promise(() => 0); };`],
])("a program that waits for itself fails, and is not waited for: %s", async (_, program) => {
  const [up, down] = await play(program, [update, destroy]);
  expect(up!.result).toBe("failed");
  expect(errorsOf(up!)).toContain("the program waits for itself");
  expect(down).toMatchObject({ result: "succeeded", states: [] });
});

test("a slow engine is no standstill", async () => {
  const [up] = await play(
    `
    const a = new Thing("a");
    exports.ref = new Thing("b", { from: a.ref }).ref;`,
    [{ ...update, faults: { "create a": "slow" } }],
  );
  expect(up).toMatchObject({ result: "succeeded", log: ["create a", "create b"] });
});
