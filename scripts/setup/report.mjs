// What set-up tells: a line when a step is through, and one now and then while it takes its time.
import { endChildren } from "../base-images/run.mjs";

const HEARTBEAT_MS = 10_000;

/** Steps that take less say nothing: on a machine that is set up, set-up is silent. */
const SILENT_MS = 1_000;

export function makeReporter(title) {
  const running = new Map();
  const heartbeat = setInterval(() => {
    for (const [name, { started, last }] of running) {
      print(`… ${name}: ${last ? `${last}, ` : ""}${seconds(started)}`);
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const print = (line) => console.error(`[${title}] ${line}`);
  return {
    /** Runs `work`, which may `say` what it is at, and returns a word on the outcome. */
    async step(name, work) {
      const started = Date.now();
      const state = { started, last: "" };
      running.set(name, state);
      const say = (line) => {
        state.last = line;
        print(`${name}: ${line}`);
      };
      try {
        const outcome = await work(say);
        if (Date.now() - started > SILENT_MS) print(`✓ ${name}: ${outcome} (${seconds(started)})`);
      } finally {
        running.delete(name);
      }
    },
    end: () => clearInterval(heartbeat),
  };
}

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)}s`;

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 };

/**
 * While set-up runs, a signal ends it and what it started. `release` gives the signals back; `stopping` says whether
 * there was one, in which case the process is about to end.
 */
export function failOnSignals() {
  let stopping = false;
  const stop = (signal) => {
    // Who insists needn't wait for what is being ended.
    if (stopping) process.exit(CODES[signal]);
    stopping = true;
    console.error(`[set-up] stopped by ${signal}`);
    endChildren().finally(() => process.exit(CODES[signal]));
  };
  for (const signal of Object.keys(CODES)) process.on(signal, stop);
  return {
    stopping: () => stopping,
    release() {
      for (const signal of Object.keys(CODES)) process.off(signal, stop);
    },
  };
}
