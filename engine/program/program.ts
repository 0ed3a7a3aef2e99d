/**
 * Running a stack's program: in this process, which is quickest, or in one of its own, as the CLI does, where that is
 * asked for or needed.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type ConfigValue, type Project, UserError } from "../api";
import { type EntryPoint, findEntryPoint } from "./entry-point";
import { startInlineProgram } from "./inline-program";
import { bringsOtherSdk } from "./other-sdks";
import { startProgramProcess } from "./program-process";

export interface ProgramOptions {
  project: Project;
  stack: string;
  organization: string;
  config: Map<string, ConfigValue>;
  /** Of the monitor and the engine: one address serves both. */
  address: string;
  preview: boolean;
  parallel: number | undefined;
  /** Runs it in a process of its own, whatever it is. */
  isolated: boolean;
  /** Debug messages are passed on. */
  debug: boolean;
  workingDirectory?: string;
  /** Called for each error that nothing in the program has caught, once. */
  onError: (message: string) => void;
  /** Called for each line that the program writes. */
  onOutput: (stream: "stdout" | "stderr", line: string) => void;
  onWarning: (message: string) => void;
  /** Told how the program is run. */
  onDetail: (message: string) => void;
  /** An error of the program has been told already. */
  hasFailed: () => boolean;
}

export interface RunningProgram {
  /** Resolves when the program's body and everything that it started has ended, well or not. Never rejects. */
  ended: Promise<void>;
  /** Resolves when the SDK has sent all that it has to send, such as what a hook has logged. Never rejects. */
  sent(): Promise<void>;
  /** Lets go of the program; of one that was stopped, by force where it doesn't end. Never rejects. */
  disconnect(how: "ended" | "stopped" | "cancelled"): Promise<void>;
}

/** The `@pulumi/pulumi` that a program finds. */
export interface InstalledSdk {
  /** Its main module. */
  path: string;
  version: string;
}

/** A program and what it needs to run. */
export interface FoundProgram {
  entry: EntryPoint;
  sdk: InstalledSdk;
}

/**
 * The SDK versions whose runtime can be driven from within: the first has what that takes, the last is the one that
 * this engine comes with. Tested with both.
 */
const INLINE_SDK = { first: "3.225.0", last: "3.248.0" };

/** Throws a UserError where there is no program, or no SDK, to run. */
export function startProgram(options: ProgramOptions): RunningProgram {
  const entry = findEntryPoint(options.project);
  const program = { entry, sdk: findSdk(entry.folder) };
  const reason = options.isolated ? "as was asked for" : reasonForProcess(program, options.project);
  const sdk = `@pulumi/pulumi ${program.sdk.version}`;
  if (reason) {
    options.onDetail(`the program runs in a process of its own, ${reason}, with ${sdk}`);
    return startProgramProcess(program, options);
  }
  options.onDetail(`the program runs in the engine's process, with ${sdk}`);
  entry.warnings.forEach(options.onWarning);
  return startInlineProgram(program, options);
}

/**
 * Loads the SDK of a program that will run in this process, which takes most of its start. What stands in the way is told
 * when the program is started.
 */
export function preloadSdk(project: Project): void {
  try {
    const entry = findEntryPoint(project);
    const sdk = findSdk(entry.folder);
    if (!reasonForProcess({ entry, sdk }, project)) createRequire(sdk.path)(sdk.path);
  } catch {
    // Said then.
  }
}

/** Why a program can't run in the engine's process; `undefined` where it can. */
function reasonForProcess({ entry, sdk }: FoundProgram, { nodeOptions }: Project): string | undefined {
  const { first, last } = INLINE_SDK;
  if (compareVersions(sdk.version, first) < 0) return `since its SDK is older than ${first}`;
  if (compareVersions(sdk.version, last) > 0) return `since its SDK is newer than ${last}`;
  if (nodeOptions?.nodeargs.length) return "since Pulumi.yaml has arguments for node";
  if (entry.typescript && entry.esm) return "since it is TypeScript as an ES module";
  const other = bringsOtherSdk(entry.folder, sdk.path);
  return other && `since ${other} has an @pulumi/pulumi of its own`;
}

function findSdk(folder: string): InstalledSdk {
  const require = createRequire(join(folder, "program.js"));
  try {
    const path = require.resolve("@pulumi/pulumi");
    const manifest = JSON.parse(readFileSync(join(dirname(path), "package.json"), "utf8")) as { version: string };
    return { path, version: manifest.version };
  } catch {
    throw new UserError(`the program in ${folder} has no @pulumi/pulumi: run "npm install" there`);
  }
}

/** Of two versions, by major, minor and patch; a pre-release counts as its release. */
function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(/[-+]/)[0]!.split(".").map(Number));
  const at = a!.findIndex((part, index) => part !== b![index]);
  return at < 0 ? 0 : a![at]! - b![at]!;
}
