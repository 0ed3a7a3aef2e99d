/** The files of a build context: what `.dockerignore` leaves of a directory, in the order in which Docker goes. */
import { lstatSync, readdirSync, readFileSync, type Stats } from "node:fs";
import { join } from "node:path";
import dockerignore from "@balena/dockerignore";

export interface ContextEntry {
  /** Relative to the context, with slashes. */
  path: string;
  file: string;
  stats: Stats;
}

/** Patterns of files to leave out, one a line. */
export type IgnorePatterns = readonly string[];

/** State holds secrets, and each run changes it: no image is made of it unless an exception says so. */
const always: IgnorePatterns = ["**/.seatrial"];

/**
 * The patterns that hold for a Dockerfile: those of `<Dockerfile>.dockerignore`, else of the context's `.dockerignore`, after
 * those that always hold.
 */
export function ignorePatterns(context: string, dockerfile: string): IgnorePatterns {
  for (const file of [`${dockerfile}.dockerignore`, join(context, ".dockerignore")]) {
    try {
      const text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
      return [...always, ...text.split(/\r?\n/)];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return always;
}

/** Every entry that the patterns leave, directories before what is in them, names in order of their bytes. */
export function* contextEntries(context: string, patterns: IgnorePatterns): Generator<ContextEntry> {
  const rules = dockerignore({ ignorecase: false }).add([...patterns]);
  const hasExceptions = patterns.some((pattern) => pattern.trim().startsWith("!"));
  yield* walk("");

  function* walk(directory: string): Generator<ContextEntry> {
    const names = readdirSync(join(context, directory), { encoding: "buffer" }).sort(Buffer.compare);
    for (const name of names) {
      const path = directory === "" ? name.toString() : `${directory}/${name.toString()}`;
      const file = join(context, path);
      const stats = lstatSync(file);
      const ignored = rules.ignores(path);
      if (!ignored && !stats.isSocket()) yield { path, file, stats };
      // Something in an ignored directory may be excepted.
      if (stats.isDirectory() && (!ignored || hasExceptions)) yield* walk(path);
    }
  }
}
