/** Programs whose own SDK is another version than the engine's, as npm installs it, through the whole of a stack's life. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { EngineEvent } from "../../engine/events";

const run = promisify(execFile);
const SEATRIAL = resolve(__dirname, "../../bin/seatrial");
const folder = mkdtempSync(join(tmpdir(), "seatrial-sdk-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** @pulumi/command brings a second, newer SDK along where the program's own is too old for it: so it is with 3.100. */
const VERSIONS: { version: string; how: string; flags?: string[] }[] = [
  { version: "3.100.0", how: "a process of its own, since its SDK is older than 3.225.0" },
  { version: "3.150.0", how: "a process of its own, since its SDK is older than 3.225.0" },
  { version: "3.225.0", how: "the engine's process" },
  { version: "3.248.0", how: "the engine's process" },
  { version: "3.248.0", how: "a process of its own, as was asked for", flags: ["--isolated"] },
];

const SETTINGS = `name: trial
runtime: nodejs
config:
  password: {default: hush-hush, secret: true}
  fails: {default: no}
`;

const JAVASCRIPT = `
const pulumi = require("@pulumi/pulumi");
const { local } = require("@pulumi/command");
class Group extends pulumi.ComponentResource {
  constructor(name) {
    super("trial:index:Group", name);
    const first = new local.Command("first", { create: "echo one" }, { parent: this });
    const options = { parent: this, aliases: [{ name: "former" }], dependsOn: [first] };
    this.said = new local.Command("second", { create: pulumi.interpolate\`echo \${first.stdout} two\` }, options).stdout;
    this.registerOutputs({ said: this.said });
  }
}
const config = new pulumi.Config();
new local.Command("third", { create: "true", update: config.require("fails") === "yes" ? "exit 9" : "true" });
exports.kept = new local.Command("kept", { create: "cat", stdin: config.requireSecret("password") }).stdout;
exports.secret = config.requireSecret("password");
exports.said = new Group("group").said;
console.log("this is the program");
`;

const TYPESCRIPT = `
import * as pulumi from "@pulumi/pulumi";
import { local } from "@pulumi/command";
class Group extends pulumi.ComponentResource {
  public readonly said: pulumi.Output<string>;
  constructor(name: string) {
    super("trial:index:Group", name);
    const first = new local.Command("first", { create: "echo one" }, { parent: this });
    const options = { parent: this, aliases: [{ name: "former" }], dependsOn: [first] };
    this.said = new local.Command("second", { create: pulumi.interpolate\`echo \${first.stdout} two\` }, options).stdout;
    this.registerOutputs({ said: this.said });
  }
}
const config = new pulumi.Config();
new local.Command("third", { create: "true", update: config.require("fails") === "yes" ? "exit 9" : "true" });
export const kept = new local.Command("kept", { create: "cat", stdin: config.requireSecret("password") }).stdout;
export const secret = config.requireSecret("password");
export const said = new Group("group").said;
console.log("this is the program");
`;

const installed = new Map<string, Promise<string>>();

/** A folder with the packages in it. */
function install(version: string): Promise<string> {
  let root = installed.get(version);
  if (!root) {
    root = (async () => {
      const path = join(folder, version);
      mkdirSync(path);
      writeFileSync(join(path, "package.json"), `{"name": "trial", "private": true}`);
      const packages = [`@pulumi/pulumi@${version}`, "@pulumi/command@1.2.1"];
      await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...packages], { cwd: path });
      return path;
    })();
    installed.set(version, root);
  }
  return root;
}

describe.each(VERSIONS)("@pulumi/pulumi $version in $how", ({ version, how, flags = [] }) => {
  test.each([
    ["JavaScript", "index.js", JAVASCRIPT],
    ["TypeScript", "index.ts", TYPESCRIPT],
  ])("%s: preview, update, nothing to do, a failure, destroy", async (_language, file, program) => {
    const root = mkdtempSync(join(await install(version), "program-"));
    writeFileSync(join(root, "Pulumi.yaml"), SETTINGS);
    writeFileSync(join(root, file), program);
    const log = join(root, "events.jsonl");
    const env = { ...process.env, PULUMI_BACKEND_URL: `file://${root}`, PULUMI_CONFIG_PASSPHRASE: "trial" };
    const seatrial = async (command: string, ...args: string[]) => {
      const all = [
        command,
        "--yes",
        "--cwd",
        root,
        "--stack",
        "dev",
        "--event-log",
        log,
        "--verbose",
        ...flags,
        ...args,
      ];
      const { stdout, code } = await run(SEATRIAL, all, { env }).then(
        (done) => ({ ...done, code: 0 }),
        (error: { stdout: string; code: number }) => error,
      );
      const events = readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as EngineEvent);
      const { resourceChanges } = events.find(({ summaryEvent }) => summaryEvent)!.summaryEvent!;
      return { stdout, code, resourceChanges };
    };

    expect(await seatrial("preview")).toMatchObject({ code: 0, resourceChanges: { create: 6 } });
    const up = await seatrial("up");
    expect(up).toMatchObject({ code: 0, resourceChanges: { create: 6 } });
    expect(up.stdout).toContain(`the program runs in ${how}, with @pulumi/pulumi ${version}\n`);
    expect(up.stdout).toContain("this is the program");
    const { stdout: outputs } = await run(SEATRIAL, ["stack", "output", "--json", "-C", root, "-s", "dev"], { env });
    expect(JSON.parse(outputs)).toEqual({ kept: expect.any(String), said: "one two", secret: "[secret]" });
    expect(await seatrial("up", "--expect-no-changes")).toMatchObject({ code: 0, resourceChanges: { same: 6 } });

    const failed = await seatrial("up", "--config", "fails=yes");
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/third.*failed/);
    expect(failed.stdout).not.toMatch(/unhandled|TypeError|promises were still active|\n +at /);

    expect(await seatrial("destroy")).toMatchObject({ code: 0, resourceChanges: { delete: 6 } });
  });
});
