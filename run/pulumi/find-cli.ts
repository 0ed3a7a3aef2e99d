/** Where the Pulumi CLI comes from: PATH, an installation of before, a download, a build. */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { homedir } from "node:os";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import { version as sdkVersion } from "@pulumi/pulumi/package.json";
import { UserError } from "../../engine/api";

export interface FindOptions {
  /** `tools/pulumi/build.mjs`, which prints the folder of the CLI that it has built. */
  builder: string;
  /** Told what takes long, in one line each. */
  say(line: string): void;
}

/** Milliseconds that the download's server gets to answer at all. */
const reachable = 10_000;

/**
 * Finds the CLI, or gets it: from PATH, else as the Automation API installs it, else built with Go. Rejects with a
 * `UserError` that says what was tried where none can be had, or where the one on PATH is too old for the SDK.
 */
export async function findPulumi({ builder, say }: FindOptions): Promise<PulumiCommand> {
  const onPath = findOnPath("pulumi");
  if (onPath) return await commandOnPath(onPath);
  const installed = join(process.env.HOME || homedir(), ".pulumi", "versions", sdkVersion);
  if (existsSync(join(installed, "bin", "pulumi"))) return await PulumiCommand.get({ root: installed });
  const built = await build(builder, "--cached").catch(() => undefined);
  if (built) return await PulumiCommand.get({ root: built });

  const tried = ["there is none on PATH"];
  try {
    return await install(installed, say);
  } catch (error) {
    tried.push(`${sdkVersion} can't be downloaded (${firstLine(error)})`);
  }
  if (findOnPath("go")) {
    say(`no Pulumi CLI: ${tried.join(", ")}`);
    try {
      return await PulumiCommand.get({ root: await build(builder) });
    } catch (error) {
      tried.push(`it can't be built (${firstLine(error)})`);
    }
  } else {
    tried.push("there is no Go to build it with");
  }
  throw new UserError(
    `no Pulumi CLI for --engine pulumi: ${tried.join(", ")}; install it (https://www.pulumi.com/docs/install/) or leave out --engine pulumi`,
  );
}

export function findOnPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function commandOnPath(file: string): Promise<PulumiCommand> {
  const refuse = (what: string): UserError =>
    new UserError(
      `the Pulumi CLI on PATH (${file}) ${what}: install ${sdkVersion} or newer, or take it off PATH to have one installed`,
    );
  const command = await PulumiCommand.get({ skipVersionCheck: true }).catch((error: unknown) => {
    throw refuse(`doesn't tell its version (${firstLine(error)})`);
  });
  if (!process.env.PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK) {
    if (!command.version) throw refuse("doesn't tell its version");
    if (command.version.compare(sdkVersion) < 0) throw refuse(`is ${command.version.format()}, older than the SDK`);
  }
  return command;
}

/** Rejects where Pulumi's downloads aren't to be reached: a download itself waits long before it says so. */
export async function pulumiServerAnswers(): Promise<void> {
  await fetch("https://get.pulumi.com/install.sh", { method: "HEAD", signal: AbortSignal.timeout(reachable) });
}

async function install(root: string, say: FindOptions["say"]): Promise<PulumiCommand> {
  await pulumiServerAnswers();
  say(`no Pulumi CLI on PATH: installing ${sdkVersion} into ~/.pulumi/versions`);
  return await PulumiCommand.install({ root });
}

/** @returns the folder that holds `bin/pulumi` */
async function build(builder: string, ...args: string[]): Promise<string> {
  const quiet = args.includes("--cached");
  const child = spawn(process.execPath, [builder, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let last = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    last = text.trim().split("\n").at(-1) ?? last;
    if (!quiet) process.stderr.write(text);
  });
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(last.replace(/^error: /, "") || `the build exited with ${code}`);
  return out.trim();
}

function firstLine(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { code?: string; message?: string } };
  const line = (message ?? String(error)).split("\n").find((text) => text.trim() !== "") ?? "";
  return cause ? `${line.trim()}: ${cause.code ?? cause.message}` : line.trim();
}
