/** Runs one command of `command:local` and collects what it prints. */
import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";

export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

export interface CommandLine {
  command: string;
  /** Program and arguments that take the command as their last argument; the shell if absent. */
  interpreter?: string[];
  /** The working directory; that of this process if absent. */
  dir?: string;
  /** Added to the environment of this process. */
  environment: Record<string, string>;
  stdin?: string;
}

export interface CommandOutput {
  /** Without the last line break. */
  stdout: string;
  stderr: string;
}

/** How long a command that was told to stop may take before it is killed, in milliseconds. */
const GRACE = 2_000;

/**
 * Resolves when the command exits with 0; rejects with an Error whose message holds the exit status, the command and
 * everything it printed. When `signal` is aborted the command and its children are stopped.
 */
export function runCommand(
  line: CommandLine,
  signal: AbortSignal,
  onLine: (line: string, stream: "stdout" | "stderr") => void,
): Promise<CommandOutput> {
  const [program, ...args] = line.interpreter?.length ? line.interpreter : shell();
  return new Promise((resolve, reject) => {
    if (signal.aborted)
      return reject(new Error(`not run, the operation was cancelled: ${JSON.stringify(line.command)}`));
    const child = spawn(program!, [...args, line.command], {
      ...(line.dir ? { cwd: line.dir } : {}),
      env: { ...process.env, ...line.environment },
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own, so that what the command started can be stopped with it.
      detached: process.platform !== "win32",
    });
    const printed = { stdout: "", stderr: "" };
    let combined = "";
    const follow = (stream: "stdout" | "stderr"): void => {
      const decoder = new StringDecoder("utf8");
      let rest = "";
      const take = (text: string): void => {
        printed[stream] += text;
        combined += text;
        rest += text;
        const lines = rest.split("\n");
        rest = lines.pop() ?? "";
        for (const whole of lines) onLine(whole, stream);
      };
      child[stream].on("data", (chunk: Buffer) => take(decoder.write(chunk)));
      child[stream].on("end", () => {
        take(decoder.end());
        if (rest !== "") onLine(rest, stream);
      });
    };
    follow("stdout");
    follow("stderr");
    const stop = (): void => {
      kill(child.pid, "SIGTERM");
      setTimeout(() => kill(child.pid, "SIGKILL"), GRACE).unref();
    };
    signal.addEventListener("abort", stop, { once: true });
    child.stdin.on("error", () => undefined); // a command needn't read what it is given
    child.stdin.end(line.stdin ?? "");
    child.on("error", (error: NodeJS.ErrnoException) => {
      signal.removeEventListener("abort", stop);
      const where = line.dir ? ` in ${line.dir}` : "";
      reject(new Error(`can't run ${program}${where}: ${error.message}`));
    });
    child.on("close", (code, killedBy) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted)
        return reject(new Error(`stopped, the operation was cancelled: ${JSON.stringify(line.command)}`));
      if (code === 0) return resolve({ stdout: trimEnd(printed.stdout), stderr: trimEnd(printed.stderr) });
      const status = killedBy ? `signal: ${killedBy}` : `exit status ${code}`;
      reject(new Error(`${status}: running ${JSON.stringify(line.command)}:\n${combined}`.trimEnd()));
    });
  });
}

const shell = (): string[] => (process.platform === "win32" ? ["cmd", "/C"] : ["/bin/sh", "-c"]);

const trimEnd = (text: string): string => text.replace(/\r?\n$/, "");

function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // gone already
  }
}
