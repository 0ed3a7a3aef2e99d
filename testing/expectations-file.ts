import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A warning is shown at the end of the run; a failure fails the test too. */
export type Level = "warning" | "failure";

/** A difference at one place of a result. */
export interface Change {
  /** A JSON pointer; empty for the whole. */
  path: string;
  kind: "added" | "removed" | "changed";
  expected?: unknown;
  actual?: unknown;
}

/** A result that isn't as expected, as `expectations.json` tells it. */
export interface ChangedResult {
  name: string;
  /** The expected file's path in this container. */
  file: string;
  /** Relative to ARTIFACTS_DIR: the file to expect from now on, if the change is accepted; absent where it is missing. */
  actual?: string;
  /** `new`: there is no expected file; `missing`: there is no such result any longer. */
  status: "changed" | "new" | "missing";
  level: Level;
  /** The first ones. */
  changes: Change[];
  /** How many more there are. */
  more?: number;
}

/** What is kept of a result; the file is bounded where tests compare huge ones. */
const limits = { results: 500, changes: 50, text: 500 };

let compared = 0;
let leftOut = 0;
let file: string | undefined;
const changed = new Map<string, ChangedResult>();

/**
 * Adds a comparison to this process's file in the folder of artifacts: `expectations.json`, or where another process
 * has that already, `expectations-<process>.json`. It is written anew each time, so that a crash loses nothing.
 */
export function record(artifacts: string, result?: ChangedResult): void {
  compared += 1;
  if (result && (changed.has(result.file) || changed.size < limits.results)) {
    const { changes, more = 0 } = result;
    const left = more + Math.max(changes.length - limits.changes, 0);
    changed.set(result.file, {
      ...result,
      changes: changes.slice(0, limits.changes).map(brief),
      ...(left > 0 ? { more: left } : {}),
    });
  } else if (result) {
    leftOut += 1;
  }
  const more = leftOut > 0 ? { more: leftOut } : {};
  const text = JSON.stringify({ version: 1, compared, changed: [...changed.values()], ...more }, undefined, 2);
  file ??= claim(artifacts);
  writeWhole(file, `${text}\n`);
}

/** Writes a file whole or not at all, and the folders it lies in. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

function claim(artifacts: string): string {
  mkdirSync(artifacts, { recursive: true });
  const usual = join(artifacts, "expectations.json");
  try {
    writeFileSync(usual, "", { flag: "wx" });
    return usual;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return join(artifacts, `expectations-${process.pid}-${Date.now().toString(36)}.json`);
  }
}

function brief(change: Change): Change {
  const cut = (value: unknown) => {
    const text = JSON.stringify(value);
    return text === undefined || text.length <= limits.text ? value : `${text.slice(0, limits.text)}…`;
  };
  return {
    path: change.path.slice(0, limits.text),
    kind: change.kind,
    ...("expected" in change ? { expected: cut(change.expected) } : {}),
    ...("actual" in change ? { actual: cut(change.actual) } : {}),
  };
}
