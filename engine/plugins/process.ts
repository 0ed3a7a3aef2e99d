/**
 * A plugin's process: started, its port read, ended.
 *
 * It ends with us in any case. Between us and it stands a shell that waits at a pipe of which only we hold the other
 * end: when that is closed, by us or because we were killed, the shell ends the plugin and what it has started.
 */
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { createInterface } from "node:readline";

export interface PluginCommand {
  /** What messages call it. */
  title: string;
  command: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
}

export interface PluginProcess {
  port: number;
  /** Resolves when the process has ended, with how it did and what it printed last. */
  ended: Promise<string>;
  /** Ends the process; resolves when it is gone. */
  close(): Promise<void>;
}

/** How much of what a plugin has printed is shown when it dies, in lines. */
const LAST_LINES = 20;

/**
 * Told to end, the plugin and all of its group have five seconds. The shell itself stays until the plugin has ended, so
 * that its exit code is known.
 */
const GUARD = `
"$@" 3<&- &
plugin=$!
trap : TERM
{
  trap "" TERM
  cat <&3
  exec 3<&-
  kill -TERM 0
  tenths=0
  while kill -0 "$plugin" && [ "$tenths" -lt 50 ]; do sleep 0.1; tenths=$((tenths + 1)); done
  kill -KILL 0
} >/dev/null 2>&1 &
exec 3<&-
wait "$plugin"
code=$?
while kill -0 "$plugin" 2>/dev/null; do
  wait "$plugin"
  code=$?
done
exit "$code"
`;

/** Resolves when the plugin listens; rejects where it ends before or says no port. `onLine` gets all else it prints. */
export async function startPlugin(
  { title, command, cwd, env }: PluginCommand,
  onLine: (line: string, stream: "stdout" | "stderr") => void,
): Promise<PluginProcess> {
  const child = spawn("/bin/sh", ["-c", GUARD, "sh", ...command], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    // A group of its own: an interruption at the terminal is told to us, and we tell the plugin.
    detached: true,
  });
  const lifeline = child.stdio[3] as Writable;
  lifeline.on("error", () => undefined);
  const last: string[] = [];
  let tellPort!: (line: string) => void;
  const firstLine = new Promise<string>((resolve) => (tellPort = resolve));
  let isFirst = true;
  const follow = (stream: "stdout" | "stderr"): void => {
    createInterface({ input: child[stream] as Readable }).on("line", (line) => {
      if (stream === "stdout" && isFirst) {
        isFirst = false;
        return tellPort(line);
      }
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      onLine(line, stream);
    });
  };
  follow("stdout");
  follow("stderr");
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`can't be started: ${error.message}`));
    child.on("exit", () => lifeline.destroy());
    child.on("close", (code) => {
      const printed = last.length > 0 ? `; it printed last:\n${last.join("\n")}` : "";
      resolve(`has ended with ${describeExit(code)}${printed}`);
    });
  });
  const close = async (): Promise<void> => {
    lifeline.destroy();
    await ended;
  };
  const line = await Promise.race([firstLine, ended.then(() => undefined)]);
  if (line === undefined) throw new Error(`the plugin ${title} ${await ended}`);
  const port = Number(line.trim());
  if (!Number.isInteger(port) || port <= 0 || port > 65_535) {
    await close();
    throw new Error(`the plugin ${title} printed "${line}" where its port was expected`);
  }
  return { port, ended, close };
}

/** A shell tells of a signal as 128 and its number. */
function describeExit(code: number | null): string {
  if (code === null) return "its shell";
  return code > 128 ? `signal ${code - 128}` : `exit code ${code}`;
}
