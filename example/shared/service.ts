import { createLogger, messageOf, type Logger } from "./log";
import { SettingsError } from "./settings";

/** A started service: what `start` of {@link runService} gives back. */
export interface Running {
  /** Finishes what is under way and lets go of every connection. */
  stop(): Promise<void>;
}

/** How long a stop may take before the process ends all the same, in milliseconds. */
const stopLimit = 5000;

/**
 * Runs a process from start to signal: one line and exit code 1 when it can't start, a clean stop on SIGTERM and SIGINT.
 */
export function runService(name: string, start: (log: Logger) => Promise<Running>): void {
  const log = createLogger(name);
  const started = start(log);
  started.catch((error: unknown) => {
    log.error(error instanceof SettingsError ? error.message : `could not start: ${messageOf(error)}`);
    process.exit(1);
  });
  const stop = (signal: NodeJS.Signals) => {
    log.info(`${signal}: stopping`);
    setTimeout(() => process.exit(1), stopLimit).unref();
    started
      .then((running) => running.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error(`could not stop cleanly: ${messageOf(error)}`);
          process.exit(1);
        },
      );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}
