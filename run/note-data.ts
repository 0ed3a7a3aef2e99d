import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Comparison, comparisonSchema } from "../report/comparison/schema";
import { largestJunit } from "../report/junit-xml";
import { type JunitCase, junitCases } from "../report/note/cases";
import type { NoteData } from "../report/note/note";
import { readOutcome, type TestsOutcome } from "../report/note/outcome";
import { comparisonFile } from "./note-files";

/** Bytes that a file of data may have. */
const largestData = 5_000_000;
/** How much JUnit is looked at. */
const mostJunit = { files: 20, bytes: 60_000_000, folders: 3, entries: 2000 };

/**
 * What a folder of results has for a note. It may be anybody's: sizes are bounded, what doesn't fit its schema is left
 * out with a line that says so, and no path that stands in a file is followed, nor any link.
 */
export async function readNoteData(folder: string): Promise<NoteData> {
  const problems: string[] = [];
  const read = async <T>(name: string, parse: (value: unknown) => T): Promise<T | undefined> => {
    try {
      const text = await readPlain(join(folder, name), largestData);
      return text === undefined ? undefined : parse(JSON.parse(text));
    } catch (error) {
      problems.push(`${name}: ${reason(error)}`);
      return undefined;
    }
  };
  const cases = junitCases(await readJunit(folder));
  const outcome = await read<TestsOutcome>("result.json", (value) => readOutcome(value, cases));
  const comparison = await read<Comparison>(comparisonFile, (value) => comparisonSchema.parse(value));
  const data = { problems, ...(outcome ? { outcome } : {}) };
  if (!comparison) return data;
  if (outcome?.commit && comparison.head.commit && outcome.commit !== comparison.head.commit) {
    problems.push(`${comparisonFile}: it is of another commit than the tests`);
    return data;
  }
  return { ...data, comparison };
}

/** The tests of the JUnit files in a folder. */
export async function readCases(folder: string): Promise<JunitCase[]> {
  return junitCases(await readJunit(folder));
}

async function readJunit(folder: string): Promise<string[]> {
  const texts: string[] = [];
  let bytes = 0;
  let entries = 0;
  const look = async (path: string, depth: number): Promise<void> => {
    const found = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (++entries > mostJunit.entries || texts.length >= mostJunit.files) return;
      const inner = join(path, entry.name);
      if (entry.isDirectory() && depth < mostJunit.folders) await look(inner, depth + 1);
      if (!entry.isFile() || !/\.xml$/i.test(entry.name)) continue;
      const text = await readPlain(inner, Math.min(largestJunit, mostJunit.bytes - bytes)).catch(() => undefined);
      if (text === undefined) continue;
      bytes += text.length;
      texts.push(text);
    }
  };
  await look(folder, 0);
  return texts;
}

/** A plain file's text; `undefined` where there is none. */
async function readPlain(path: string, largest: number): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error.code === "ELOOP" ? new Error("is a link") : error;
  });
  if (!file) return undefined;
  try {
    const { size } = await file.stat().then((stat) => {
      if (!stat.isFile()) throw new Error("is no file");
      return stat;
    });
    if (size > largest) throw new Error(`is larger than ${largest / 1e6} MB`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function reason(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `doesn't fit its schema${issue ? ` (${[issue.path.join("."), issue.message].filter(Boolean).join(": ")})` : ""}`;
  }
  if (error instanceof SyntaxError) return "is no JSON";
  const { code, message } = error as NodeJS.ErrnoException;
  return code ? `can't be read (${code})` : message;
}
