// What makes a command start quickly must never make it start wrongly.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const root = join(__dirname, "../..");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seatrial-start-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const node = (script: string, env: NodeJS.ProcessEnv = {}) =>
  execFileSync(process.execPath, ["-e", script], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...env },
  }).trim();

describe("the code cache", () => {
  const cacheFiles = () => readdirSync(join(folder, "dist")).map((name) => join(folder, "dist", name));
  const module = () => join(folder, "node_modules/greeting/index.js");
  const greet = (env?: NodeJS.ProcessEnv) =>
    node(
      `require(${JSON.stringify(join(root, "bin/code-cache.cjs"))}).useCodeCache(${JSON.stringify(folder)});
       require(${JSON.stringify(module())}).greet().then(console.log);`,
      env,
    );
  const write = (greeting: string) =>
    writeFileSync(
      module(),
      `#!/usr/bin/env node
       exports.greet = async () => {
         const { sep } = await require("./importing.cjs").path();
         const { name } = require("./name.cjs");
         return [${JSON.stringify(greeting)}, name, sep, module.filename === __filename, require.resolve("./name.cjs") === __dirname + "/name.cjs"].join(" ");
       };`,
    );

  beforeEach(() => {
    mkdirSync(join(folder, "dist"));
    mkdirSync(join(folder, "node_modules/greeting"), { recursive: true });
    writeFileSync(join(folder, "node_modules/greeting/name.cjs"), 'exports.name = "sailor";');
    writeFileSync(join(folder, "node_modules/greeting/importing.cjs"), 'exports.path = () => import("node:path");');
    write("hello");
  });

  test("gives the same modules, and takes up what has changed", () => {
    expect(greet()).toBe("hello sailor / true true");
    const [file] = cacheFiles();
    const before = readFileSync(file!);
    const [, index = ""] = before.toString("utf8").split("\n", 2);
    const kept = (JSON.parse(index) as { modules: [string][] }).modules.map(([filename]) => basename(filename));
    // Code that comes from V8's cache can't import().
    expect(kept).toEqual(["index.js", "name.cjs"]);
    expect(greet()).toBe("hello sailor / true true");
    expect(readFileSync(file!).equals(before)).toBe(true);
    // As long as the other, which is all that V8 itself looks at.
    write("howdy");
    expect(greet()).toBe("howdy sailor / true true");
    expect(readFileSync(file!).equals(before)).toBe(false);
    expect(greet()).toBe("howdy sailor / true true");
  });

  test("one that is cut off, or filled with something else, counts as none and is made anew", () => {
    greet();
    const [file] = cacheFiles();
    const whole = readFileSync(file!);
    for (const broken of [whole.subarray(0, whole.length / 2), Buffer.from("[]"), Buffer.alloc(100)]) {
      writeFileSync(file!, broken);
      expect(greet()).toBe("hello sailor / true true");
      expect(readFileSync(file!).length).toBeGreaterThan(whole.length / 2);
    }
    // The index is right, and the rest isn't what was written.
    const modules = whole.indexOf("\n", whole.indexOf("\n") + 1) + 1;
    writeFileSync(file!, Buffer.concat([whole.subarray(0, modules), Buffer.alloc(whole.length - modules)]));
    expect(greet()).toBe("hello sailor / true true");
  });

  test("where a module was found counts until packages are installed", () => {
    mkdirSync(join(folder, "node_modules/words"));
    writeFileSync(join(folder, "node_modules/words/index.js"), 'exports.name = "captain";');
    writeFileSync(join(folder, "node_modules/greeting/name.cjs"), 'exports.name = require("words").name;');
    writeFileSync(join(folder, "node_modules/.package-lock.json"), "{}");
    for (let n = 0; n < 2; n++) expect(greet()).toBe("hello captain / true true");
    mkdirSync(join(folder, "node_modules/greeting/node_modules/words"), { recursive: true });
    writeFileSync(join(folder, "node_modules/greeting/node_modules/words/index.js"), 'exports.name = "cook";');
    writeFileSync(join(folder, "node_modules/.package-lock.json"), '{"changed":true}');
    for (let n = 0; n < 2; n++) expect(greet()).toBe("hello cook / true true");
  });

  test("what another command calls is added at its first run", () => {
    const run = (purpose: string) =>
      node(
        `require(${JSON.stringify(join(root, "bin/code-cache.cjs"))}).useCodeCache(${JSON.stringify(folder)}, ${JSON.stringify(purpose)});
         require(${JSON.stringify(module())})[${JSON.stringify(purpose)}]();`,
      );
    const body = Array.from({ length: 500 }, (_, n) => `values.push(${n} * values.length);`).join("");
    writeFileSync(module(), `exports.small = () => 1; exports.large = () => { const values = []; ${body} };`);
    const size = () => readFileSync(cacheFiles()[0]!).length;
    run("small");
    const before = size();
    run("small");
    expect(size()).toBe(before);
    run("large");
    expect(size()).toBeGreaterThan(before + 1000);
  });

  test("a folder that can't be written to is none", () => {
    rmSync(join(folder, "dist"), { recursive: true });
    expect(greet()).toBe("hello sailor / true true");
  });
});

describe("what is loaded late", () => {
  const late = `require("./bin/late-modules.cjs").loadLate();
    const loaded = (name) => Object.keys(require.cache).some((file) => file.includes("/node_modules/" + name + "/"));`;

  test("isn't there at first, and is there when it is needed", () => {
    const script = `${late}
      const pulumi = require("@pulumi/pulumi");
      const before = ["typescript", "@npmcli/arborist"].filter(loaded);
      const captured = 42;
      pulumi.runtime.serializeFunction(() => captured).then(({ text }) =>
        console.log(JSON.stringify({ before, text: text.includes("42"), after: loaded("typescript") })));`;
    expect(JSON.parse(node(script))).toEqual({ before: [], text: true, after: true });
  });

  test("the Automation API, and what compares versions", () => {
    const script = `${late}
      const pulumi = require("@pulumi/pulumi");
      const before = ["semver", "js-yaml", "execa"].filter(loaded);
      const made = pulumi.automation.LocalWorkspace.create.name;
      console.log(JSON.stringify({ before, made, after: loaded("execa"), server: typeof pulumi.provider.main }));`;
    expect(JSON.parse(node(script))).toEqual({ before: [], made: "create", after: true, server: "function" });
  });

  test("npm's dependency tree", () => {
    const script = `${late}
      require("@pulumi/pulumi");
      const before = loaded("@npmcli/arborist");
      require("@pulumi/pulumi/runtime/closure/codePaths").computeCodePaths({ extraIncludePackages: [] })
        .then((paths) => console.log(JSON.stringify({ before, after: loaded("@npmcli/arborist"), found: paths.size > 0 })));`;
    expect(JSON.parse(node(script))).toEqual({ before: false, after: true, found: true });
  });

  test("the languages of zod's messages, and SSH", () => {
    const script = `${late}
      const { z } = require("zod");
      const Docker = require("dockerode");
      const before = loaded("ssh2");
      z.config(z.locales.de());
      const [{ message }] = z.string().safeParse(1).error.issues;
      const engine = new Docker({ protocol: "ssh", host: "127.0.0.1", port: 1, username: "nobody" });
      engine.ping().catch(() => console.log(JSON.stringify({ before, message, after: loaded("ssh2") })));`;
    expect(JSON.parse(node(script))).toEqual({ before: false, message: expect.stringMatching(/^Ung/), after: true });
  });
});
