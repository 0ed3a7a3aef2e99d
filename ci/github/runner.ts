/** What GitHub's runner and an action tell each other: by variables and files. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { constants } from "node:os";

/** An input of the action; its default is in action.yml. */
export function input(name: string): string {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();
}

/** The calling environment without the action's inputs, one of which is the token. */
export function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("INPUT_")));
}

/** Sets an output of the step, or what `post` finds in `STATE_<name>`. */
export function set(file: "GITHUB_OUTPUT" | "GITHUB_STATE", name: string, value: string): void {
  const path = process.env[file];
  const delimiter = randomUUID();
  if (path) appendFileSync(path, `${name}<<${delimiter}\n${value}\n${delimiter}\n`);
}

/** A line that the runner shows as a warning or an error of the step. */
export function annotate(level: "warning" | "error", message: string): void {
  const escaped = message.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  process.stdout.write(`::${level}::${escaped}\n`);
}

let cancelled = false;

/** The job was cancelled while a program ran. */
export const isCancelled = (): boolean => cancelled;

/**
 * Runs a program to its end, with its output as the step's. Signals, which the runner sends to this process when the job
 * is cancelled, are passed on. @returns its exit code, as a shell has it
 */
export function run(
  program: string,
  args: string[],
  { cwd, env = environment() }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], env, ...(cwd ? { cwd } : {}) });
    const pass = (signal: NodeJS.Signals) => {
      cancelled = true;
      child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, pass);
    const end = (code: number) => {
      for (const signal of signals) process.off(signal, pass);
      resolve(code);
    };
    child.on("error", (error) => {
      annotate("error", `${program} can't be run: ${error.message}`);
      end(127);
    });
    child.on("close", (code, signal) => end(signal ? 128 + constants.signals[signal] : code!));
  });
}
