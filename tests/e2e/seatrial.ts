import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { resultSchema, type Result } from "../../run/result";

const root = join(__dirname, "../..");

/** A copy of a program, in a folder and under a project name of its own, to run the command line on. */
export interface Workplace {
  folder: string;
  project: string;
  /** Ends what still runs there and removes the folder and what the Docker Engine holds of the project. */
  remove(): void;
}

const running = new Map<ChildProcess, string>();

export function workplace(fixture: string): Workplace {
  const folder = mkdtempSync(join(tmpdir(), `${fixture}-`));
  cpSync(join(__dirname, "fixtures", fixture), folder, { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const project = basename(folder).toLowerCase();
  const file = join(folder, "Pulumi.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*$/m, `name: ${project}`));
  const remove = () => {
    for (const [child, of] of running) if (of === folder) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    const docker = (...args: string[]) =>
      spawnSync("docker", args, { encoding: "utf8" }).stdout.split("\n").filter(Boolean);
    const filter = ["-q", "--filter", `label=dev.seatrial.project=${project}`];
    for (const id of docker("ps", "-a", ...filter)) docker("rm", "-f", "-v", id);
    for (const id of docker("network", "ls", ...filter)) docker("network", "rm", id);
    for (const id of docker("volume", "ls", ...filter)) docker("volume", "rm", id);
  };
  return { folder, project, remove };
}

/** The small image that the fixtures' containers are made from; made first where there is none. */
export const probeImage = (): string => baseImage("probe");

/** A base image of this project's; made first where there is none. */
export function baseImage(kind: "probe" | "node" | "postgres" | "mariadb"): string {
  return execFileSync(process.execPath, [join(root, "scripts/base-image.mjs"), kind], { encoding: "utf8" }).trim();
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
  /** `result.json`, where the run left one. */
  result?: Result;
}

export interface Running {
  process: ChildProcess;
  /** Resolves once standard output holds the text. */
  shows(text: string): Promise<void>;
  ended: Promise<Ended>;
}

/** Starts `bin/seatrial` in the folder, as on a laptop: what a CI job would set is unset. */
export function start(folder: string, args: string[], env: NodeJS.ProcessEnv = {}): Running {
  const since = performance.now();
  const clean = { ...process.env, CI: "", GITLAB_CI: "", GITHUB_ACTIONS: "", ARTIFACTS_DIR: "", SEATRIAL_COMMIT: "" };
  const child = spawn(join(root, "bin/seatrial"), args, {
    cwd: folder,
    env: { ...clean, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.set(child, folder);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (exitCode, signal) => {
      // As a shell has it: node itself was not up yet when the signal came.
      const code = signal ? 128 + constants.signals[signal] : exitCode;
      running.delete(child);
      const file = join(folder, "build/tests/result.json");
      const result = existsSync(file) ? resultSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : undefined;
      const seconds = (performance.now() - since) / 1000;
      resolve({ code, stdout, stderr, seconds, ...(result ? { result } : {}) });
    });
  });
  const shows = async (text: string) => {
    let over = false;
    void ended.then(() => (over = true));
    while (!stdout.includes(text)) {
      if (over) throw new Error(`it ended without showing ${JSON.stringify(text)}:\n${stdout}${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { process: child, shows, ended };
}

/** SIGKILL to the run, and first to the watchdog that would clean up after it. */
export function killWithWatchdog(running: Running): void {
  killWatchdog(running);
  running.process.kill("SIGKILL");
}

/** SIGKILL to the run's watchdog; false where it has none any more, since it is over. */
export function killWatchdog({ process: { pid } }: Running): boolean {
  // With no child at all ps fails.
  const { stdout } = spawnSync("ps", ["-o", "pid=,args=", "--ppid", String(pid)], { encoding: "utf8" });
  const watchdog = stdout.split("\n").find((line) => line.includes("watchdog.js"));
  if (watchdog) process.kill(Number.parseInt(watchdog, 10), "SIGKILL");
  return watchdog !== undefined;
}

export async function seatrial(folder: string, ...args: string[]): Promise<Ended> {
  return await start(folder, args).ended;
}

/** Everything that the Docker Engine holds of the project, as `kind name`. */
export function labelled(project: string): string[] {
  const label = `dev.seatrial.project=${project}`;
  const list = (kind: string, name: string, ...args: string[]) =>
    execFileSync("docker", [...args, "--filter", `label=${label}`, "--format", name], { encoding: "utf8" })
      .split("\n")
      .filter(Boolean)
      .map((line) => `${kind} ${line}`);
  return [
    ...list("container", "{{.Names}}", "ps", "-a"),
    ...list("network", "{{.Name}}", "network", "ls"),
    ...list("volume", "{{.Name}}", "volume", "ls"),
  ];
}

/** Tries until it holds or so many seconds are over. */
export const within = async (seconds: number, holds: () => void) => {
  for (const by = Date.now() + seconds * 1000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    try {
      return holds();
    } catch (error) {
      if (Date.now() > by) throw error;
    }
  }
};

/** Files of the states that there are of a workplace's stacks. */
export function statesOf({ folder, project }: Workplace): string[] {
  const stacks = join(folder, ".seatrial/.pulumi/stacks", project);
  return existsSync(stacks) ? readdirSync(stacks).filter((name) => name.endsWith(".json")) : [];
}
