import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compareReports } from "./changes";
import { readEvents } from "./events-file";
import { readBounded, readRun, readStackFile, ReportError, type Run } from "./input";
import { largestJunit, looksLikeJunit } from "./junit-xml";
import { readTestCases, type TestCase } from "./junit-cases";
import { packLog, shareBudget, type PackedLog } from "./log-chunks";
import { reportSchema, type Report, type TestRow } from "./model";
import { writePage, type PageAssets, type TestTexts } from "./page-file";
import { fullName } from "./test-name";
import { cleanText, cutMiddle, plainText } from "./text";
import { makeTimeline } from "./timeline";

export interface ReportOptions {
  assets: PageAssets;
  /** Ends the work: what isn't read by then makes it fail. */
  signal?: AbortSignal;
  /** A `report.json` to compare with, in place of `report/previous.json` in the folder. */
  previous?: string;
}

/**
 * Makes `report/index.html` and `report/report.json` from what a run has left in an artifacts folder.
 *
 * @returns the page's file
 * Rejects with a `ReportError` where the folder isn't a run's.
 */
export async function makeReport(folder: string, { assets, signal, previous }: ReportOptions): Promise<string> {
  const run = await readRun(folder);
  const [events, stack] = await Promise.all([readEvents(join(folder, "events.jsonl"), signal), readStackFile(folder)]);
  signal?.throwIfAborted();
  const notes: string[] = [];
  const tests = await readTests(folder, run, notes, signal);
  signal?.throwIfAborted();
  const logs = await packLogs(folder, run, notes, signal);
  signal?.throwIfAborted();

  const base = reportWithoutChanges(run, {
    ...makeTimeline(run, events, stack),
    exactTimes: events.exact,
    tests: tests.rows,
    logs,
    notes,
  });
  const earlier = await readPrevious(previous ?? join(folder, "report", "previous.json"), previous !== undefined);
  const report: Report = { ...base, ...(earlier ? { changes: compareReports(earlier, base) } : {}) };

  const target = join(folder, "report");
  await mkdir(target, { recursive: true, mode: 0o700 });
  await writeWhole(join(target, "report.json"), async (file) => {
    await writeFile(file, `${JSON.stringify(report, undefined, 1)}\n`, { mode: 0o600 });
  });
  const page = join(target, "index.html");
  await writeWhole(page, async (file) => {
    await writePage(file, { report, texts: tests.texts, logs: logs.map(({ packed }) => packed), assets });
  });
  return page;
}

/** Tests that a report holds; those that failed are kept first where there are more. */
export const mostTests = 100_000;
/** Characters of tests' own texts in all: 32 Mi. Those of failed tests are kept first. */
const textBudget = 32 * 2 ** 20;

async function readTests(
  folder: string,
  run: Run,
  notes: string[],
  signal?: AbortSignal,
): Promise<{ rows: TestRow[]; texts: Map<number, TestTexts> }> {
  let cases: TestCase[] = [];
  for (const path of run.tests.junit ?? (await junitAmong(folder, run))) {
    signal?.throwIfAborted();
    try {
      // One by one: a list as long as a file may hold is too long for the arguments of a call.
      for (const test of readTestCases(await readBounded(insideOf(folder, path), largestJunit))) cases.push(test);
    } catch (error) {
      notes.push(`${path} can't be shown: ${(error as Error).message}`);
    }
  }
  if (cases.length > mostTests) {
    notes.push(`only ${mostTests.toLocaleString("en")} of ${cases.length.toLocaleString("en")} tests are shown`);
    const failed = cases.filter(({ status }) => status === "failed");
    cases = [...failed, ...cases.filter(({ status }) => status !== "failed")].slice(0, mostTests);
  }
  const flaky = new Set(run.history?.flaky);
  const retried = new Map<string, number>();
  for (const { failed } of run.retries ?? []) {
    for (const name of failed) retried.set(name, (retried.get(name) ?? 0) + 1);
  }
  const rows = cases.map((test): TestRow => {
    const { name, suite, status, seconds, message } = test;
    const names = [fullName(test), name];
    const attempts = Math.max(...names.map((one) => retried.get(one) ?? 0));
    return {
      ...{ name, suite, status },
      ...(seconds === undefined ? {} : { seconds }),
      ...(message === undefined ? {} : { message }),
      ...(names.some((one) => flaky.has(one)) ? { flaky: true } : {}),
      ...(attempts > 0 ? { retried: attempts } : {}),
    };
  });
  return { rows, texts: keepTexts(cases, notes) };
}

function keepTexts(cases: TestCase[], notes: string[]): Map<number, TestTexts> {
  const texts = new Map<number, TestTexts>();
  let left = textBudget;
  let without = 0;
  const keep = (test: TestCase, i: number): void => {
    const { details, output, errorOutput } = test;
    const length = details.length + output.length + errorOutput.length;
    if (length === 0) return;
    if (length > left) {
      without += 1;
      return;
    }
    left -= length;
    texts.set(i, { details, output, errorOutput });
  };
  for (const isFailed of [true, false]) {
    cases.forEach((test, i) => {
      if ((test.status === "failed") === isFailed) keep(test, i);
    });
  }
  if (without > 0) notes.push(`the output of ${without} tests is left out; it is in the JUnit files`);
  return texts;
}

/** Of a run that doesn't say which files it has counted. */
async function junitAmong(folder: string, run: Run): Promise<string[]> {
  const found: string[] = [];
  for (const { path } of run.artifacts.files.filter((file) => /\.xml$/i.test(file.path))) {
    const file = await open(insideOf(folder, path)).catch(() => undefined);
    if (!file) continue;
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(8192), 0);
      if (looksLikeJunit(buffer.toString("utf8", 0, bytesRead))) found.push(path);
    } finally {
      await file.close();
    }
  }
  return found;
}

type LogOfRun = Report["logs"][number] & { packed: PackedLog };

async function packLogs(folder: string, run: Run, notes: string[], signal?: AbortSignal): Promise<LogOfRun[]> {
  const start = Date.parse(run.startedAt);
  const seconds = (time: number) => (time - start) / 1000;
  const logs: { service: string; file: string; size: number }[] = [];
  for (const { service, log: file } of run.containers) {
    if (file === undefined) continue;
    const size = await sizeOf(insideOf(folder, file));
    if (size === undefined) notes.push(`${file} is not there`);
    else logs.push({ service, file, size });
  }
  const shares = shareBudget(logs.map(({ size }) => size));
  const packed: LogOfRun[] = [];
  for (const [i, { service, file }] of logs.entries()) {
    const log = await packLog(insideOf(folder, file), shares[i]!, signal);
    packed.push({
      service,
      file,
      bytes: log.bytes,
      lines: log.lines,
      leftOut: log.leftOut,
      ...(log.first === undefined ? {} : { from: seconds(log.first) }),
      ...(log.last === undefined ? {} : { to: seconds(log.last) }),
      packed: log,
    });
  }
  return packed;
}

/** Names in `result.json` stay in its folder, whoever wrote them. */
function insideOf(folder: string, path: string): string {
  if (path.startsWith("/") || path.split(/[\\/]/).includes("..")) throw new Error(`${path} lies outside of the folder`);
  return join(folder, path);
}

async function sizeOf(path: string): Promise<number | undefined> {
  const file = await open(path).catch(() => undefined);
  try {
    return (await file?.stat())?.size;
  } finally {
    await file?.close();
  }
}

function reportWithoutChanges(
  run: Run,
  parts: Pick<Report, "steps" | "criticalPath" | "exactTimes" | "tests" | "notes"> & { logs: LogOfRun[] },
): Omit<Report, "changes"> {
  const { failure, expectations, history, retries, commit, dirty } = run;
  const { tests } = parts;
  const count = (status: TestRow["status"]) => tests.filter((test) => test.status === status).length;
  const isCounted = run.tests.total > 0;
  return {
    version: 1,
    verdict: run.verdict,
    exitCode: run.exitCode,
    reason: reasonOf(run),
    project: run.project,
    stack: run.stack,
    ...(commit === undefined ? {} : { commit }),
    ...(dirty === undefined ? {} : { dirty }),
    run: run.run,
    startedAt: run.startedAt,
    seconds: Math.max(Date.parse(run.finishedAt) - Date.parse(run.startedAt), 0) / 1000,
    counts: {
      total: isCounted ? run.tests.total : tests.length,
      passed: isCounted ? run.tests.passed : count("passed"),
      failed: isCounted ? run.tests.failed : count("failed"),
      skipped: isCounted ? run.tests.skipped : count("skipped"),
      flaky: tests.filter(({ flaky }) => flaky).length,
    },
    cleanup: { clean: run.cleanup.clean, kept: run.kept, left: run.cleanup.left },
    ...(failure
      ? {
          failure: {
            ...(failure.resource === undefined ? {} : { resource: failure.resource }),
            message: cutMiddle(cleanText(failure.message), 8000),
            lastLines: failure.lastLines.slice(-60).map((line) => cleanText(line).slice(0, 2000)),
          },
        }
      : {}),
    phases: run.phases,
    exactTimes: parts.exactTimes,
    steps: parts.steps,
    criticalPath: parts.criticalPath,
    tests,
    logs: parts.logs.map(({ packed: _, ...log }) => log),
    artifacts: run.artifacts.files.map(({ path, size }) => ({ path, bytes: size })),
    ...(expectations ? { expectations } : {}),
    ...(history ? { history } : {}),
    ...(retries ? { retries } : {}),
    notes: [...run.notes, ...parts.notes].map((note) => plainText(note).slice(0, 2000)).slice(0, 200),
  };
}

/** Why the verdict is what it is, in one line. */
export function reasonOf({ verdict, exitCode, tests, failure, timedOut, cleanup, kept }: Run): string {
  const first = failure ? plainText(failure.message.split("\n")[0]!).slice(0, 500) : "";
  const of = failure?.resource && !first.startsWith(failure.resource) ? `${failure.resource}: ` : "";
  switch (verdict) {
    case "passed":
      return `The tests ended with exit code 0${kept ? "; the stack is kept" : cleanup.clean ? " and nothing is left behind" : ""}.`;
    case "failed":
      return tests.end === "out-of-memory"
        ? `The tests were killed, since they ran out of memory (exit code ${tests.exitCode ?? exitCode}).`
        : `The tests ended with exit code ${tests.exitCode ?? exitCode}.`;
    case "stack-failed":
      return first ? `${of}${first}` : "The stack could not be brought up.";
    case "timed-out":
      return timedOut
        ? `${timedOut.what === "run" ? "The run" : `The phase ${timedOut.what}`} took longer than ${timedOut.seconds} s.`
        : first || "Time ran out.";
    case "interrupted":
      return "The run was interrupted.";
    case "undetermined":
      return first ? `${of}${first}` : "What became of the tests can't be known.";
  }
}

async function readPrevious(file: string, isAsked: boolean): Promise<Report | undefined> {
  try {
    return reportSchema.parse(JSON.parse(await readBounded(file)));
  } catch (error) {
    // Another version's, or none.
    if (isAsked) throw new ReportError(`${file} is not a report.json of this version: ${firstLine(error)}`);
    return undefined;
  }
}

function firstLine(error: unknown): string {
  return (error as Error).message.split("\n")[0]!;
}

/** A file is there whole or not at all. */
async function writeWhole(file: string, write: (file: string) => Promise<void>): Promise<void> {
  const temporary = `${file}.${process.pid}`;
  try {
    await write(temporary);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
