import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { dismissed, type Orders, ordersVariable, ready } from "./orders";

/** A process that outlives this one and cleans up after it. */
export interface Watchdog {
  /**
   * Tells it what it watches over. Resolves once it has said that it can do it; rejects with one line where it can't or
   * doesn't say so in time, in which case nothing should be made. One that ends before it is dismissed is replaced;
   * `tell` gets a line about it.
   */
  arm(orders: Orders, tell: (line: string) => void): Promise<void>;
  /** Everything has been cleaned up, or is meant to stay: the watchdog ends without doing anything. */
  dismiss(): Promise<void>;
}

/** Milliseconds that a watchdog may take to say that it is there. */
const patience = 15_000;
/** How many may be lost before nobody takes their place. */
const mostLost = 3;

/**
 * What waits beside the run: a shell, which costs next to nothing and becomes the watchdog's program when the run is
 * gone. That program's file is open from the start, so that it can be had even when a CI job has removed the checkout.
 */
const sentry = `
trap '' INT TERM HUP PIPE
exec 3<"$2" || exit
orders=
while IFS= read -r line; do
  [ "$line" = ${dismissed} ] && exit
  orders=$line
  echo ${ready}
done
[ -n "$orders" ] || exit 0
${ordersVariable}=$orders exec "$1" - <&3 3<&-
`.trim();

/**
 * Starts what becomes `script`, the bundle of watchdog.ts, in a session of its own, where no signal to this process, its
 * group or its terminal reaches it. It learns that this process is gone from the end of its standard input, which the
 * kernel closes whatever this process died of.
 */
export function startWatchdog(script: string, env: NodeJS.ProcessEnv): Watchdog {
  let current = launch(script, env);
  let isOver = false;
  let lost = 0;
  async function replaceLost(orders: Orders, tell: (line: string) => void): Promise<void> {
    const why = await current.ended;
    if (isOver) return;
    const loss = `the watchdog, which cleans up where this process is killed, is gone (${why})`;
    if (++lost > mostLost) return tell(`${loss}, and so are those before it: seatrial gc does it if need be`);
    current = launch(script, env);
    try {
      await current.arm(orders);
      tell(`${loss}; another has taken its place`);
    } catch (error) {
      return tell(`${loss}, and no other can be had: ${(error as Error).message}`);
    }
    if (isOver) current.dismiss();
    else void replaceLost(orders, tell);
  }
  return {
    async arm(orders, tell) {
      await current.arm(orders);
      void replaceLost(orders, tell);
    },
    async dismiss() {
      isOver = true;
      current.dismiss();
    },
  };
}

interface Launched {
  arm(orders: Orders): Promise<void>;
  dismiss(): void;
  /** Resolves to how it ended. */
  ended: Promise<string>;
}

function launch(script: string, env: NodeJS.ProcessEnv): Launched {
  const node = process.execPath;
  const [program, ...args] =
    process.platform === "win32" ? [node, script] : ["/bin/sh", "-c", sentry, "seatrial-watchdog", node, script];
  const child = spawn(program!, args, { detached: true, stdio: ["pipe", "pipe", "pipe"], env });
  child.unref();
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
  // A watchdog that dies is told by the lack of its answer.
  child.stdin.on("error", () => undefined);
  const failed = once(child, "error").then(([error]) => (error as Error).message);
  const exited = once(child, "close").then(
    ([code, signal]) => said.trim().split("\n").at(-1) || `it ended with ${(code ?? signal) as number | string}`,
  );
  const answer = once(createInterface({ input: child.stdout }), "line").then(([line]) => line as string);
  [failed, exited, answer].forEach((promise) => promise.catch(() => undefined));
  return {
    ended: Promise.race([failed, exited]),
    async arm(orders) {
      child.stdin.write(`${JSON.stringify(orders)}\n`);
      const timeout = new AbortController();
      const late = sleep(patience, `it has not answered for ${patience / 1000} s`, { signal: timeout.signal });
      const outcome = await Promise.race([answer, failed, exited, late]);
      late.catch(() => undefined);
      timeout.abort();
      // Nothing of it keeps this process alive from here on.
      for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
      if (outcome !== ready)
        throw new Error(`the watchdog, which cleans up where this process is killed, can't be started: ${outcome}`);
    },
    dismiss() {
      child.stdin.end(`${dismissed}\n`);
    },
  };
}
