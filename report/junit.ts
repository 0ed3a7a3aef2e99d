import { XMLParser, XMLValidator } from "fast-xml-parser";

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

/** GitLab takes no larger file either: 30 MB. */
export const largestJunit = 30_000_000;
const mostFailures = 50;
const mostCases = 20_000;
const deepest = 64;

/** The file can't be read as JUnit; the message says why. */
export class JunitError extends Error {
  override readonly name = "JunitError";
}

/** True for text whose first element is one of JUnit's. */
export function looksLikeJunit(text: string): boolean {
  const head = text.slice(0, 4096).replace(/<\?[\s\S]*?\?>|<!--[\s\S]*?-->/g, "");
  return /^[\s\uFEFF]*<(?:[\w.-]+:)?testsuites?[\s/>]/.test(head);
}

/**
 * Reads a JUnit file that nobody vouches for: bounded in size and depth, without a document type and so without
 * entities of its own. Throws a {@link JunitError}.
 */
export function parseJunit(text: string): JunitReport {
  if (text.length > largestJunit) throw new JunitError(`is larger than ${largestJunit / 1e6} MB`);
  // Comments and CDATA may mention one; a real one stands before the first element, which looksLikeJunit sees.
  if (!looksLikeJunit(text))
    throw new JunitError("is not JUnit: its first element is neither testsuites nor testsuite");
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new JunitError(`is not well-formed: ${valid.err.msg} (line ${valid.err.line})`);
  let root: Node;
  try {
    root = parser().parse(text) as Node;
  } catch (error) {
    throw new JunitError(`can't be read: ${(error as Error).message}`);
  }
  const report: JunitReport = { total: 0, passed: 0, failed: 0, skipped: 0, failures: [], cases: [] };
  for (const element of ["testsuites", "testsuite"]) for (const node of list(root[element])) count(node, report, 0);
  return report;
}

/** The sum of several files' counts. */
export function addCounts(reports: JunitCounts[]): JunitCounts {
  const sum = { total: 0, passed: 0, failed: 0, skipped: 0 };
  for (const key of Object.keys(sum) as (keyof JunitCounts)[]) for (const report of reports) sum[key] += report[key];
  return sum;
}

type Node = { [key: string]: unknown };

function parser(): XMLParser {
  return new XMLParser({
    ignoreAttributes: (name: string) => !["name", "classname", "message"].includes(name),
    attributeNamePrefix: "@",
    parseAttributeValue: false,
    parseTagValue: false,
    removeNSPrefix: true,
    // References by number too, which any writer of XML may use.
    htmlEntities: true,
    maxNestedTags: deepest,
    // What the tests printed isn't counted, and may be large.
    stopNodes: ["..system-out", "..system-err"],
  });
}

function count(node: Node, report: JunitReport, depth: number): void {
  if (depth > deepest) return;
  for (const suite of list(node.testsuite)) count(suite, report, depth + 1);
  for (const test of list(node.testcase)) {
    report.total += 1;
    let outcome: JunitCase["outcome"] = "passed";
    const failure = [...list(test.failure), ...list(test.error)][0];
    if (failure) {
      outcome = "failed";
      report.failed += 1;
      if (report.failures.length < mostFailures) {
        report.failures.push({ name: nameOf(test), message: messageOf(failure) });
      }
    } else if (list(test.skipped).length > 0) {
      outcome = "skipped";
      report.skipped += 1;
    } else {
      report.passed += 1;
    }
    if (report.cases.length < mostCases) report.cases.push({ name: nameOf(test), outcome });
  }
}

function nameOf(test: Node): string {
  const name = String(test["@name"] ?? "a test without a name");
  const group = String(test["@classname"] ?? "");
  return (group && !name.startsWith(group) ? `${group} › ${name}` : name).slice(0, 300);
}

/** The first line that says something. */
function messageOf(failure: Node): string {
  const text = String(failure["@message"] || failure["#text"] || "");
  return (text.split("\n").find((line) => line.trim() !== "") ?? "").trim().slice(0, 300);
}

/** Elements as nodes: one that holds only text comes as that text, an empty one as "". */
function list(value: unknown): Node[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((node) =>
    typeof node === "object" && node !== null ? (node as Node) : { "#text": node },
  );
}
