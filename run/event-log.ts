import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../engine/api";
import type { EngineEvent } from "../engine/events";

/** A file that takes engine events, one JSON object a line, as the Pulumi CLI's `--event-log` does. */
export interface EventLog {
  write(event: EngineEvent): void;
  close(): void;
}

/**
 * Opens the file, replacing what it held, or going on with it if `append`. With `times` each line also has `time`, in
 * milliseconds since 1970: Pulumi's own `timestamp` counts whole seconds. Throws a {@link UserError}.
 */
export function openEventLog(file: string, options: { append?: boolean; times?: boolean } = {}): EventLog {
  let descriptor: number | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    descriptor = openSync(file, options.append ? "a" : "w", 0o600);
  } catch (error) {
    throw new UserError(`can't write the event log ${file}: ${(error as Error).message}`);
  }
  return {
    write(event) {
      if (descriptor === undefined) return;
      try {
        // At once: what has been seen is on record even if the process is killed.
        writeSync(descriptor, `${JSON.stringify(options.times ? { ...event, time: Date.now() } : event)}\n`);
      } catch {
        // A full disk doesn't end a run.
        this.close();
      }
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}
