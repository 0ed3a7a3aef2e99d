/** Plays operations on programs with the unmodified SDK, each in a process of its own (`play-program.ts`). */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Act, Played } from "./play-program";

const run = promisify(execFile);
const REPOSITORY = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "seatrial-test-"));
const PLAYER = join(folder, "player.js");

beforeAll(async () => {
  symlinkSync(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
  const esbuild = join(REPOSITORY, "node_modules/.bin/esbuild");
  const entry = join(__dirname, "play-program.ts");
  const flags = ["--bundle", "--platform=node", "--target=node20", "--packages=external", "--log-level=error"];
  await run(esbuild, [entry, ...flags, `--outfile=${PLAYER}`]);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What programs may require as `./fake`. */
const FAKE = `
const pulumi = require("@pulumi/pulumi");
class Thing extends pulumi.CustomResource {
  constructor(name, args = {}, opts) { super("fake:index:Thing", name, { ref: undefined, token: undefined, ...args }, opts); }
  static get(name, id, opts) { return new Thing(name, {}, { ...opts, id }); }
}
class Group extends pulumi.ComponentResource {
  constructor(name, opts) { super("test:index:Group", name, {}, opts); }
}
class Provider extends pulumi.ProviderResource {
  constructor(name, args, opts) { super("fake", name, args, opts); }
}
const double = (n, opts) => pulumi.runtime.invoke("fake:index:double", { n }, opts);
module.exports = { pulumi, Thing, Group, Provider, double };
`;

let count = 0;

/** Plays the acts on programs; an act may bring another program. The first line of each is written for it. */
export async function play(
  program: string,
  acts: (Act & { program?: string })[],
  files: Record<string, string> = {},
): Promise<Played[]> {
  const root = join(folder, `program-${++count}`);
  mkdirSync(root);
  const all: Record<string, string> = {
    "Pulumi.yaml": "name: trial\nruntime: nodejs\n",
    "package.json": "{}",
    "fake.js": FAKE,
    ...("index.js" in files || "index.mjs" in files || "index.ts" in files ? {} : { "index.js": withHead(program) }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  writeFileSync(join(root, "acts.json"), JSON.stringify(acts));
  const env = { ...process.env, PULUMI_CONFIG_PASSPHRASE: "trial", PULUMI_BACKEND_URL: `file://${root}` };
  await run(process.execPath, [PLAYER, root, join(root, "acts.json"), join(root, "played.json")], { env });
  return JSON.parse(readFileSync(join(root, "played.json"), "utf8")) as Played[];
}

const withHead = (program: string): string =>
  `const { pulumi, Thing, Group, Provider, double } = require("./fake");\n${program}`;

export const update: Act = { kind: "update" };
export const preview: Act = { kind: "preview" };
export const destroy: Act = { kind: "destroy" };
export const refresh: Act = { kind: "refresh" };

export const stateOf = ({ states }: Played, name: string): Record<string, unknown> => {
  const found = states.filter(({ urn }) => urn.endsWith(`::${name}`));
  if (found.length !== 1) throw new Error(`${name} is ${found.length} times in the state`);
  return found[0]!;
};

export const errorsOf = ({ messages }: Played): string =>
  messages
    .filter(({ severity }) => severity === "error")
    .map(({ text }) => text)
    .join("");
