// What set-up tells: a line when a step is through, and one now and then while it takes its time.
import { spawn } from "node:child_process";

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

const children = new Set();

/**
 * Runs a program to its end; its output is kept and the end of it told only if it fails. A program that set-up started
 * goes when set-up is interrupted.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => {
      children.delete(child);
      reject(new Error(`${command} can't be run: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      children.delete(child);
      if (code === 0) return resolve(output);
      const lines = output.trim().split("\n").slice(-8).join("\n  ");
      reject(
        new Error(
          `${command} ${args.join(" ")} ${signal ? `was ended by ${signal}` : `exited with ${code}`}:\n  ${lines}`,
        ),
      );
    });
  });
}

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 };

/** While set-up runs, a signal ends it and what it started; the result gives the signals back. */
export function failOnSignals() {
  const stop = (signal) => {
    for (const child of children) child.kill("SIGTERM");
    console.error(`[set-up] stopped by ${signal}`);
    process.exit(CODES[signal]);
  };
  for (const signal of Object.keys(CODES)) process.on(signal, stop);
  return () => {
    for (const signal of Object.keys(CODES)) process.off(signal, stop);
  };
}
