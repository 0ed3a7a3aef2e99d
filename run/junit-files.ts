import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { addCounts, parseJunit, type JunitReport } from "../report/junit";
import { JunitError, largestJunit, looksLikeJunit } from "../report/junit-xml";
import type { ExtractedFile } from "./extract";

/** What the JUnit files among the artifacts say. */
export interface JunitFindings {
  /** The sum over the files; absent if there is none that counts. */
  report?: JunitReport;
  /** The files that count. */
  files?: string[];
  /** Files that were left out since they are an earlier run's. */
  stale: string[];
  /** Files that can't be read, and why. */
  problems: string[];
}

/**
 * Reads the JUnit files below `folder`: those that `pattern` matches, else every XML file that is JUnit.
 *
 * @param since files older than this are an earlier run's and don't count
 */
export async function readJunitFiles(
  folder: string,
  files: ExtractedFile[],
  options: { pattern?: string; since?: Date },
): Promise<JunitFindings> {
  const matches = options.pattern === undefined ? /\.xml$/i : globPattern(options.pattern);
  const reports: JunitReport[] = [];
  const counted: string[] = [];
  const stale: string[] = [];
  const problems: string[] = [];
  for (const file of files.filter(({ path }) => matches.test(path))) {
    const asked = options.pattern !== undefined;
    if (file.size > largestJunit) {
      if (!asked && !looksLikeJunit(await beginningOf(join(folder, file.path)))) continue;
      problems.push(`${file.path} is larger than ${largestJunit / 1e6} MB`);
      continue;
    }
    const text = await readFile(join(folder, file.path), "utf8");
    if (!asked && !looksLikeJunit(text)) continue;
    // Times in an archive are whole seconds.
    if (options.since && file.modified.getTime() < Math.floor(options.since.getTime() / 1000) * 1000) {
      stale.push(file.path);
      continue;
    }
    try {
      reports.push(parseJunit(text));
      counted.push(file.path);
    } catch (error) {
      if (!(error instanceof JunitError)) throw error;
      problems.push(`${file.path} ${error.message}`);
    }
  }
  const findings = { stale, problems };
  if (reports.length === 0) return findings;
  const failures = reports.flatMap((report) => report.failures);
  const cases = reports.flatMap((report) => report.cases);
  return { report: { ...addCounts(reports), failures, cases }, files: counted, ...findings };
}

/** As much of a file as shows what it is. */
async function beginningOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64 * 1024), 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** `*` and `?` within a name, `**` across folders. */
export function globPattern(glob: string): RegExp {
  const pattern = glob
    .replace(/^\.?\//, "")
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*\*\/|\*\*|\*|\?/g, (wild) => ({ "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" })[wild]!);
  return new RegExp(`^${pattern}$`);
}
