/** The Pulumi CLI as a process that only we interrupt. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { delimiter, dirname, isAbsolute } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { PulumiCommand } from "@pulumi/pulumi/automation";

/** The CLI has ended with a code that isn't 0. */
export class CliError extends Error {
  constructor(
    readonly code: number | null,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    super(errorLine(stderr) ?? errorLine(stdout) ?? `the Pulumi CLI exited with ${code}`);
    this.name = "CliError";
  }
}

/**
 * Milliseconds that the CLI gets to come to an orderly end once it is told to stop. Then it is told again and breaks
 * off: the official docker provider stays with an attached container for as long as that runs.
 */
const patience = 8_000;

/** What the Automation API calls; it isn't part of the published types. */
interface Runner {
  run(
    args: string[],
    cwd: string,
    env: NodeJS.ProcessEnv,
    onOutput?: (text: string) => void,
    onError?: (text: string) => void,
    signal?: AbortSignal,
    input?: string,
  ): Promise<{ stdout: string; stderr: string; code: number }>;
}

/**
 * The same CLI, run in a process group of its own: a Ctrl-C at the terminal reaches us alone, and we tell the CLI once.
 * Told by both it would take the second for impatience, and break off (pulumi/pulumi#6334). Stacks are never selected,
 * which would leave a file for each of our folders in the user's home.
 */
export function inOwnGroup(command: PulumiCommand): PulumiCommand & Runner {
  const run: Runner["run"] = (args, cwd, env, onOutput, onError, signal, input) =>
    new Promise((resolve, reject) => {
      const child = spawn(command.command, [...withoutSelection(args), "--non-interactive"], {
        cwd,
        env: {
          ...process.env,
          ...env,
          // Beside the CLI are the plugins that it comes with.
          ...(isAbsolute(command.command) ? { PATH: [dirname(command.command), path(env)].join(delimiter) } : {}),
          PULUMI_AUTOMATION_API: "true",
          PULUMI_SKIP_UPDATE_CHECK: "true",
        },
        stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        detached: true,
      }) as ChildProcessByStdio<Writable | null, Readable, Readable>;
      // It may end before it has read all of it, for a reason that it tells.
      child.stdin?.on("error", () => undefined).end(input);
      let [stdout, stderr] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        onOutput?.(text);
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
        onError?.(text);
      });
      let impatience: NodeJS.Timeout | undefined;
      const interrupt = (): void => {
        child.kill("SIGINT");
        impatience = setTimeout(() => child.kill("SIGINT"), patience);
      };
      if (signal?.aborted) interrupt();
      signal?.addEventListener("abort", interrupt, { once: true });
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(impatience);
        signal?.removeEventListener("abort", interrupt);
        if (code === 0) resolve({ stdout, stderr, code });
        else reject(new CliError(code, stdout, stderr));
      });
    });
  return Object.assign(Object.create(Object.getPrototypeOf(command) as object) as PulumiCommand, command, { run });
}

function path(env: NodeJS.ProcessEnv): string {
  return env.PATH ?? process.env.PATH ?? "";
}

function withoutSelection(args: string[]): string[] {
  if (args[0] !== "stack") return args;
  if (args[1] === "select") return ["stack", ...args.slice(2)];
  return args[1] === "init" ? [...args, "--no-select"] : args;
}

/** What the CLI says of its own failure: the line that begins with `error:`. */
function errorLine(text: string): string | undefined {
  return /^(?:error: )+(.+)$/m.exec(text)?.[1];
}
