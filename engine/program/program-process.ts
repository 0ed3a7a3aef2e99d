/**
 * Running a program in a process of its own, with the `cmd/run` of its own SDK: the way the CLI runs it.
 *
 * Source: `sdk/nodejs/cmd/pulumi-language-nodejs/main.go` and `sdk/nodejs/cmd/run/index.ts` in pulumi/pulumi.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConfigValue, UserError } from "../api";
import type { FoundProgram, ProgramOptions, RunningProgram } from "./program";

/** What `cmd/run` exits with when it has told the user what is wrong. */
const ALREADY_TOLD = 32;

/** How long a program may take to end by itself, in milliseconds: its work is done, or it is told that it is over. */
const PATIENCE_MS = { ended: 10_000, stopped: 500, cancelled: 0 };

/** How long after SIGINT it is killed. */
const INTERRUPTED_MS = 2_000;

/** How long what has inherited the program's output may hold it open. */
const OUTPUT_MS = 500;

/**
 * Goes before the SDK.
 *
 * A thread of its own sees the engine's process go, by the end of a pipe, and takes the program and all that it has
 * started with it. The program may be too busy to see it itself.
 *
 * The SDK formats errors in colour, and there Node never comes to the end of a path such as the SDK's own source maps
 * name, `node_modules/@pulumi/resource.ts`: a scope without a package.
 */
const PREAMBLE = `
const thread = \`new (require("node:net").Socket)({ fd: 3, readable: true, writable: false })
  .on("error", () => undefined)
  .on("close", () => process.kill(-process.pid, "SIGKILL"))
  .resume();\`;
new (require("node:worker_threads").Worker)(thread, { eval: true, execArgv: [], env: {} }).unref();
const util = require("node:util");
util.inspect = new Proxy(util.inspect, {
  apply: (inspect, self, [value, options, ...rest]) =>
    inspect(value, options?.colors ? { ...options, colors: false } : options, ...rest),
});
require("node:module").runMain();
`;

/** Throws a UserError where the program can't be run so. */
export function startProgramProcess({ entry, sdk }: FoundProgram, options: ProgramOptions): RunningProgram {
  const { project, config } = options;
  const { typescript = true, tsconfig, nodeargs = [] } = project.nodeOptions ?? {};
  if (entry.typescript && entry.esm && nodeargs.length === 0) requireModuleLoader(entry.file);
  const cwd = process.cwd();
  // Relative paths that the program hands to a provider are meant from there.
  process.chdir(options.workingDirectory ?? entry.folder);
  const child = spawn(
    process.execPath,
    [
      ...nodeargs,
      ...["--eval", PREAMBLE, "--", join(dirname(sdk.path), "cmd", "run", "index.js")],
      ...["--monitor", options.address, "--engine", options.address],
      ...["--organization", options.organization, "--project", project.name, "--stack", options.stack],
      ...["--root-directory", project.root, "--pwd", options.workingDirectory ?? entry.folder],
      ...(options.preview ? ["--dry-run"] : []),
      ...["--parallel", String(Math.min(options.parallel ?? Number.MAX_SAFE_INTEGER, 2 ** 31 - 1))],
      // Of another directory, `.` would be that directory's program.
      options.workingDirectory ? entry.file : entry.main,
    ],
    {
      cwd: entry.folder,
      // A group of its own: an interrupt from the terminal reaches the engine alone, and what the program has started
      // can be ended with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: {
        ...process.env,
        ...configVariables(config),
        ...(typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
        ...(tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig } : {}),
      },
    },
  );
  let outOfMemory = false;
  const written = Promise.all([
    forEachLine(child.stdout!, (line) => options.onOutput("stdout", line)),
    forEachLine(child.stderr!, (line) => {
      outOfMemory ||= line.includes("JavaScript heap out of memory");
      options.onOutput("stderr", line);
    }),
  ]);
  let stopped = false;
  const ended = (async () => {
    const how = await new Promise<string | undefined>((resolve) => {
      child.on("error", (error) => resolve(`the program can't be started: ${error.message}`));
      child.on("exit", (code, signal) => resolve(describeExit(code, signal)));
    });
    await Promise.race([written, sleep(OUTPUT_MS, undefined, { ref: false })]);
    if (stopped || how === undefined) return;
    if (child.exitCode !== ALREADY_TOLD) {
      options.onError(
        outOfMemory ? `${how}: it ran out of memory; NODE_OPTIONS=--max-old-space-size=… gives it more` : how,
      );
    } else if (!options.hasFailed()) options.onError("the program failed; what it wrote says why");
  })();
  return {
    ended,
    sent: () => Promise.resolve(),
    async disconnect(how) {
      stopped = how !== "ended";
      const endsWithin = async (ms: number): Promise<boolean> =>
        await Promise.race([ended.then(() => true), sleep(ms, false, { ref: false })]);
      if (!(await endsWithin(PATIENCE_MS[how]))) {
        stopped = true;
        signalGroup(child.pid, "SIGINT");
        await endsWithin(INTERRUPTED_MS);
      }
      // What it has started and left.
      signalGroup(child.pid, "SIGKILL");
      await ended;
      process.chdir(cwd);
    },
  };
}

/** What there is to say of a program that didn't end well. */
function describeExit(code: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (signal) return `the program was killed by ${signal}`;
  return code === 0 ? undefined : `the program exited with code ${code}`;
}

/** The SDK takes keys in their oldest form, `project:config:key`, in every version. */
function configVariables(config: Map<string, ConfigValue>): Record<string, string> {
  const values = [...config].map(([key, { value }]) => [key.replace(":", ":config:"), value] as const);
  const secrets = [...config].filter(([, { secret }]) => secret).map(([key]) => key);
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(values)),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secrets),
  };
}

/** Blank lines say nothing; the CLI leaves them out too. */
async function forEachLine(stream: Readable, say: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) if (line.trim()) say(line);
}

/** The group may be gone. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It is.
  }
}

/** TypeScript as an ES module needs a loader: the SDK takes ts-node where the project has it, else Node its own. */
function requireModuleLoader(file: string): void {
  const require = createRequire(file);
  const has = (name: string): boolean => {
    try {
      return existsSync(require.resolve(name));
    } catch {
      return false;
    }
  };
  const isNodesOwn = (process.features as { typescript?: unknown }).typescript;
  if (isNodesOwn || (has("ts-node/esm") && has("typescript"))) return;
  throw new UserError(
    `${file} is TypeScript as an ES module, which Node ${process.versions.node} can't load by itself: install ts-node and typescript, or tsx with "nodeargs: --import tsx" under runtime.options in Pulumi.yaml, or leave out "type": "module" in package.json`,
  );
}
