/**
 * Starting processes. The system begins a new one as a copy of the one that starts it: half a millisecond for a small
 * process, ten and more for one that holds the state of thousands of resources. So the first few are started right
 * here, and all others by a small process of their own.
 */
import { type ChildProcess, spawn } from "node:child_process";

/** A process to be started; `id` is for whoever starts it. */
export interface Launch {
  program: string;
  args: string[];
  cwd: string | undefined;
  env: NodeJS.ProcessEnv;
  stdin: string;
}

/** What becomes of it; `failed` and `ended` are the last. */
export type News =
  | { stdout: Uint8Array }
  | { stderr: Uint8Array }
  /** It could not be started. */
  | { failed: string }
  | { ended: { code: number | null; signal: NodeJS.Signals | null } };

export interface Launcher {
  /** Starts a process in a group of its own; the result sends a signal to that group. */
  start(launch: Launch, tell: (news: News) => void): (signal: NodeJS.Signals) => void;
  /** No process is running any more, and none will be started. */
  close(): void;
}

/** So many are started before a process of their own, which takes 40 ms to get ready, is worth it. */
const STARTED_HERE = 32;

export function makeLauncher(): Launcher {
  let started = 0;
  let helper: Helper | undefined;
  return {
    start(launch, tell) {
      if (++started <= STARTED_HERE) return startProcess(spawn, launch, tell);
      helper ??= startHelper();
      return helper.start(launch, tell);
    },
    close() {
      helper?.process.disconnect();
      helper = undefined;
      started = 0;
    },
  };
}

type Helper = Pick<Launcher, "start"> & { process: ChildProcess };

/** Between the helper and us, by the number of the launch. */
type Order = { n: number } & ({ launch: Launch } | { signal: NodeJS.Signals });
type Report = { n: number; news: News };

function startHelper(): Helper {
  const source = `(${help.toString()})(require("node:child_process").spawn, ${startProcess.toString()})`;
  const helper = spawn(process.execPath, ["-e", source], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    serialization: "advanced",
    // An interruption from the terminal is for us: we tell it what to stop.
    detached: true,
  });
  const listeners = new Map<number, (news: News) => void>();
  let count = 0;
  const order = (message: Order): void => void helper.send(message, () => undefined);
  helper.on("message", ({ n, news }: Report) => {
    const tell = listeners.get(n);
    if ("failed" in news || "ended" in news) listeners.delete(n);
    tell?.(news);
  });
  helper.on("error", () => undefined); // its end is told of
  helper.on("close", () => {
    for (const tell of listeners.values()) tell({ failed: "the process that starts the commands has ended" });
    listeners.clear();
  });
  return {
    process: helper,
    start(launch, tell) {
      const n = ++count;
      listeners.set(n, tell);
      order({ n, launch });
      return (signal) => order({ n, signal });
    },
  };
}

/** The helper's whole program: its source is sent there, so that it can use nothing of this file. */
function help(spawnProcess: typeof spawn, start: typeof startProcess): void {
  const running = new Map<number, (signal: NodeJS.Signals) => void>();
  process.on("message", (order: Order) => {
    const { n } = order;
    if ("signal" in order) return running.get(n)?.(order.signal);
    running.set(
      n,
      start(spawnProcess, order.launch, (news) => {
        if ("failed" in news || "ended" in news) running.delete(n);
        process.send!({ n, news }, () => undefined);
      }),
    );
  });
  process.on("disconnect", () => process.exit());
}

/** Uses nothing of this file either. */
function startProcess(
  spawnProcess: typeof spawn,
  { program, args, cwd, env, stdin }: Launch,
  tell: (news: News) => void,
): (signal: NodeJS.Signals) => void {
  const group = process.platform !== "win32";
  let child: ChildProcess;
  let over = false;
  const last = (news: News): void => {
    if (!over) tell(news);
    over = true;
  };
  try {
    child = spawnProcess(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: group });
  } catch (error) {
    last({ failed: (error as Error).message });
    return () => undefined;
  }
  child.on("error", (error) => child.pid === undefined && last({ failed: error.message }));
  child.on("close", (code, signal) => last({ ended: { code, signal } }));
  child.stdout?.on("data", (stdout: Uint8Array) => tell({ stdout }));
  child.stderr?.on("data", (stderr: Uint8Array) => tell({ stderr }));
  child.stdin?.on("error", () => undefined); // a command needn't read what it is given
  child.stdin?.end(stdin);
  return (signal) => {
    if (over || child.pid === undefined) return;
    try {
      process.kill(group ? -child.pid : child.pid, signal);
    } catch {
      // gone already
    }
  };
}
