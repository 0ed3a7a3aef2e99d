import { failuresOf, findTests, firstLine, outcomeOf, testName } from "./junit-xml";

/** What a JUnit file says, counted case by case: the totals that files state of themselves are not relied on. */
export interface JunitCounts {
  total: number;
  passed: number;
  /** Failures and errors. */
  failed: number;
  skipped: number;
}

export interface JunitReport extends JunitCounts {
  /** The first of those that failed. */
  failures: { name: string; message: string }[];
  /** How each test ended, the first 20,000. */
  cases: JunitCase[];
}

export interface JunitCase {
  name: string;
  outcome: "passed" | "failed" | "skipped";
}

const mostFailures = 50;
const mostCases = 20_000;

/** Reads a JUnit file. Throws a `JunitError`. */
export function parseJunit(text: string): JunitReport {
  const report: JunitReport = { total: 0, passed: 0, failed: 0, skipped: 0, failures: [], cases: [] };
  for (const { test } of findTests(text, { output: false })) {
    const [name, outcome] = [testName(test), outcomeOf(test)];
    report.total += 1;
    report[outcome] += 1;
    if (outcome === "failed" && report.failures.length < mostFailures) {
      report.failures.push({ name, message: firstLine(failuresOf(test)[0]!) });
    }
    if (report.cases.length < mostCases) report.cases.push({ name, outcome });
  }
  return report;
}

/** The sum of several files' counts. */
export function addCounts(reports: JunitCounts[]): JunitCounts {
  const sum = { total: 0, passed: 0, failed: 0, skipped: 0 };
  for (const key of Object.keys(sum) as (keyof JunitCounts)[]) for (const report of reports) sum[key] += report[key];
  return sum;
}
