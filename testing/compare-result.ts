import { AssertionError } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { compareJson, type Difference } from "./compare-json";
import { type Level, record, writeWhole } from "./expectations-file";
import { rules, type Rule } from "./rules";

/** A result to be held against what is expected of it. */
export interface ComparedResult {
  /** What a person knows it by; the file, if not said. */
  name?: string;
  /** The expected file: absolute, or relative to the folder `expected` of INPUTS_DIR (`/inputs`). */
  expected: string;
  /** Anything that JSON can hold; `undefined` where there is no such result any longer. */
  actual: unknown;
  /** What may vary. Of rules about the same the last one wins. */
  rules?: readonly Rule[];
  /** Of what no rule gives another one: a warning, if not said. */
  level?: Level;
}

export interface Comparison {
  status: "same" | "changed" | "new" | "missing";
  differences: Difference[];
}

/**
 * Compares a result with the file that holds what is expected, and leaves both in ARTIFACTS_DIR, from where
 * `seatrial accept` can take the new one.
 *
 * @throws {AssertionError} if something changed whose level is `failure`
 * @throws {Error} if the expected file can't be read, is no JSON, or lies outside of its folder
 */
export function compareResult({
  name,
  expected,
  actual,
  rules: given = [],
  level = "warning",
}: ComparedResult): Comparison {
  const file = expectedFile(expected);
  const before = readExpected(file);
  const { accepted, differences } = compareJson(before, asJson(actual), rules(given), level);
  const artifacts = process.env.ARTIFACTS_DIR;
  const status =
    differences.length === 0 ? "same" : before === undefined ? "new" : actual === undefined ? "missing" : "changed";
  const isFailure = differences.some((difference) => difference.level === "failure");
  const title = name ?? nameOf(file);
  if (artifacts) {
    const place = accepted === undefined ? undefined : placeOf(file);
    if (place) writeWhole(join(artifacts, place), `${JSON.stringify(accepted, undefined, 2)}\n`);
    if (status === "same") record(artifacts);
    else {
      const changes = differences.map(({ level: _, ...change }) => change);
      const common = { name: title, file, status, level: isFailure ? "failure" : "warning", changes } as const;
      record(artifacts, { ...common, ...(place ? { actual: place } : {}) });
    }
  }
  if (isFailure) throw unexpected(title, file, status, differences, before, actual);
  return { status, differences };
}

/**
 * Tells of every expected file that is none of these: its result is missing. It is told what there is, and doesn't go by
 * what was compared, since a test that fails early compares nothing.
 *
 * @param present the results that there are, as `expected` of {@link compareResult}
 * @param options.folder where the expected files are looked for, below the folder `expected`
 * @returns the expected files that are left
 * @throws {AssertionError} if there is one and `level` is `failure`
 */
export function missingResults(
  present: readonly string[],
  { folder = ".", level = "warning" }: { folder?: string; level?: Level } = {},
): string[] {
  const known = new Set(present.map(expectedFile));
  const missing = readdirSync(expectedFile(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => !known.has(file))
    .sort();
  for (const file of missing) compareResult({ expected: file, actual: undefined, level });
  return missing;
}

function expectedFolder(): string {
  return resolve(process.env.INPUTS_DIR || "/inputs", "expected");
}

function expectedFile(path: string): string {
  if (isAbsolute(path)) return resolve(path);
  const file = resolve(expectedFolder(), path);
  if (file !== expectedFolder() && !file.startsWith(expectedFolder() + sep)) {
    throw new Error(`the expected file "${path}" lies outside of ${expectedFolder()}: name it by its absolute path`);
  }
  return file;
}

function nameOf(file: string): string {
  return withinExpected(file) ?? file;
}

/** Where an artifact of the same layout goes, relative to ARTIFACTS_DIR. */
function placeOf(file: string): string {
  return posix.join("expected", withinExpected(file) ?? file.split(sep).join("/"));
}

function withinExpected(file: string): string | undefined {
  const within = relative(expectedFolder(), file).split(sep).join("/");
  return within.startsWith("../") ? undefined : within;
}

function readExpected(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`the expected file ${file} can't be read: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`the expected file ${file} is no JSON: ${(error as Error).message}`);
  }
}

/** As it would be read back: dates as text, no members that are undefined. */
function asJson(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

function unexpected(
  name: string,
  file: string,
  status: Comparison["status"],
  differences: Difference[],
  expected: unknown,
  actual: unknown,
): AssertionError {
  const shown = differences.filter(({ level }) => level === "failure").slice(0, 10);
  const more = differences.length - shown.length;
  const what = {
    new: `${name}: nothing is expected yet: there is no ${file}`,
    missing: `${name}: there is no such result any longer, and ${file} expects one`,
  }[status as string];
  const lines = what
    ? [what]
    : [
        `${name} is not as ${file} expects:`,
        ...shown.map((difference) => `  ${describe(difference)}`),
        ...(more > 0 ? [`  … and ${more} more`] : []),
      ];
  const remedy = "If that is intended, take it over with seatrial accept.";
  return new AssertionError({ message: [...lines, remedy].join("\n"), actual, expected, operator: "compareResult" });
}

function describe({ path, kind, expected, actual }: Difference): string {
  const text = (value: unknown) => {
    const json = JSON.stringify(value) ?? "nothing";
    return json.length > 200 ? `${json.slice(0, 200)}…` : json;
  };
  const place = path || "(all of it)";
  if (kind === "added") return `${place}: ${text(actual)} is new`;
  return kind === "removed"
    ? `${place}: ${text(expected)} is gone`
    : `${place}: ${text(expected)} is ${text(actual)} now`;
}
