/** Runs one command of `command:local` and collects what it prints. */
import { existsSync } from "node:fs";
import { setMaxListeners } from "node:events";
import { StringDecoder } from "node:string_decoder";
import type { Launcher, News } from "./launcher";

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

/** As the system calls them, and the official provider with it. */
const SIGNALS: Partial<Record<NodeJS.Signals, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGABRT: "aborted",
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGPIPE: "broken pipe",
  SIGTERM: "terminated",
};

/** How long a command that was told to stop may take before it is killed, in milliseconds. */
const GRACE = 2_000;

/**
 * Resolves when the command exits with 0; rejects with an Error whose message holds the exit status, the command and
 * everything it printed. When `signal` is aborted the command and its children are stopped.
 */
export function runCommand(
  launcher: Launcher,
  line: CommandLine,
  signal: AbortSignal,
  onLine: (line: string, stream: "stdout" | "stderr") => void,
): Promise<CommandOutput> {
  const [program, ...args] = line.interpreter?.length ? line.interpreter : shell();
  return new Promise((resolve, reject) => {
    if (signal.aborted)
      return reject(new Error(`not run, the operation was cancelled: ${JSON.stringify(line.command)}`));
    let combined = "";
    const add = (text: string): void => void (combined += text);
    const outputs = {
      stdout: makeOutput(add, (text) => onLine(text, "stdout")),
      stderr: makeOutput(add, (text) => onLine(text, "stderr")),
    };
    const finish = (news: Extract<News, { failed: string } | { ended: unknown }>): void => {
      signal.removeEventListener("abort", stop);
      const [stdout, stderr] = [outputs.stdout.end(), outputs.stderr.end()];
      if ("failed" in news) {
        const isNowhere = line.dir !== undefined && !existsSync(line.dir);
        const why = isNowhere ? `there is no folder ${line.dir}` : news.failed;
        return reject(new Error(`can't run ${program}: ${why}`));
      }
      if (signal.aborted)
        return reject(new Error(`stopped, the operation was cancelled: ${JSON.stringify(line.command)}`));
      const { code, signal: killedBy } = news.ended;
      if (code === 0) return resolve({ stdout: trimEnd(stdout), stderr: trimEnd(stderr) });
      const status = killedBy ? `signal: ${SIGNALS[killedBy] ?? killedBy}` : `exit status ${code}`;
      reject(new Error(`${status}: running ${JSON.stringify(line.command)}:\n${combined}`.trimEnd()));
    };
    const stop = (): void => {
      kill("SIGTERM");
      setTimeout(() => kill("SIGKILL"), GRACE).unref();
    };
    setMaxListeners(0, signal); // as many listen as run
    signal.addEventListener("abort", stop, { once: true });
    const launch = {
      program: program!,
      args: [...args, line.command],
      cwd: line.dir || undefined,
      env: { ...process.env, ...line.environment },
      stdin: line.stdin ?? "",
    };
    const kill = launcher.start(launch, (news) => {
      if ("stdout" in news) outputs.stdout.take(news.stdout);
      else if ("stderr" in news) outputs.stderr.take(news.stderr);
      else finish(news);
    });
  });
}

/** What a command prints on one stream: passed on by the line, and kept. */
function makeOutput(
  add: (text: string) => void,
  onLine: (line: string) => void,
): { take(chunk: Uint8Array): void; end(): string } {
  const decoder = new StringDecoder("utf8");
  let printed = "";
  let rest = "";
  const takeText = (text: string): void => {
    printed += text;
    add(text);
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line.replace(/\r$/, ""));
  };
  return {
    take: (chunk) => takeText(decoder.write(Buffer.from(chunk))),
    end() {
      takeText(decoder.end());
      if (rest !== "") onLine(rest);
      return printed;
    },
  };
}

const shell = (): string[] => (process.platform === "win32" ? ["cmd", "/C"] : ["/bin/sh", "-c"]);

const trimEnd = (text: string): string => text.replace(/\n$/, "");
