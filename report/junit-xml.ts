/** JUnit files as elements, for whoever reads something out of them. Nobody vouches for the files. */
import { XMLParser, XMLValidator } from "fast-xml-parser";

/** GitLab takes no larger file either: 30 MB. */
export const largestJunit = 30_000_000;
const deepest = 64;

/** The file can't be read as JUnit; the message says why. */
export class JunitError extends Error {
  override readonly name = "JunitError";
}

/** An element: its attributes as `@name`, its text as `#text`, what is in it by name. */
export type JunitElement = { [key: string]: unknown };

/** A `testcase`, and what the suites around it say. */
export interface FoundTest {
  test: JunitElement;
  /** The name of the innermost suite that has one. */
  suite: string;
  /** The file of the innermost suite that has one. */
  suiteFile?: unknown;
}

/** True for text whose first element is one of JUnit's. */
export function looksLikeJunit(text: string): boolean {
  const head = text.slice(0, 4096).replace(/<\?[\s\S]*?\?>|<!--[\s\S]*?-->/g, "");
  return /^[\s\uFEFF]*<(?:[\w.-]+:)?testsuites?[\s/>]/.test(head);
}

/**
 * The tests of a file, in its order: bounded in size and depth, without a document type and so without entities of its
 * own. Throws a {@link JunitError}.
 *
 * @param options.output whether what the tests printed, which may be large, is wanted, with its spaces as they are
 */
export function findTests(text: string, options: { output: boolean }): FoundTest[] {
  if (text.length > largestJunit) throw new JunitError(`is larger than ${largestJunit / 1e6} MB`);
  // Comments and CDATA may mention one; a real one stands before the first element, which looksLikeJunit sees.
  if (!looksLikeJunit(text))
    throw new JunitError("is not JUnit: its first element is neither testsuites nor testsuite");
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new JunitError(`is not well-formed: ${valid.err.msg} (line ${valid.err.line})`);
  let root: JunitElement;
  try {
    root = parser(options).parse(text) as JunitElement;
  } catch (error) {
    throw new JunitError(`can't be read: ${(error as Error).message}`);
  }
  const found: FoundTest[] = [];
  for (const name of ["testsuites", "testsuite"]) {
    for (const element of elements(root[name])) collect(element, "", undefined, found, 0);
  }
  return found;
}

/** Elements of one name: one that holds only text comes as that text, an empty one as "". */
export function elements(value: unknown): JunitElement[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((element) =>
    typeof element === "object" && element !== null ? (element as JunitElement) : { "#text": element },
  );
}

/** What a test is called in lists of names, such as those of `result.json`: its class, if it has one, and its name. */
export function testName(test: JunitElement): string {
  const name = ownName(test);
  const group = String(test["@classname"] ?? "");
  return (group && !name.startsWith(group) ? `${group} › ${name}` : name).slice(0, 300);
}

export function ownName(test: JunitElement): string {
  return String(test["@name"] ?? "a test without a name");
}

/** Why it failed. */
export function failuresOf(test: JunitElement): JunitElement[] {
  return [...elements(test.failure), ...elements(test.error)];
}

export function outcomeOf(test: JunitElement): "passed" | "failed" | "skipped" {
  if (failuresOf(test).length > 0) return "failed";
  return elements(test.skipped).length > 0 ? "skipped" : "passed";
}

/** How long it took; `undefined` where the file doesn't say, or nothing that makes sense. */
export function secondsOf(test: JunitElement): number | undefined {
  const seconds = Number.parseFloat(String(test["@time"] ?? "").replaceAll(",", ""));
  return seconds >= 0 && seconds < 1e6 ? seconds : undefined;
}

/** The first line that says something. */
export function firstLine(reason: JunitElement): string {
  const text = String(reason["@message"] || reason["#text"] || "");
  return (text.split("\n").find((line) => line.trim() !== "") ?? "").trim().slice(0, 300);
}

const attributes = ["name", "classname", "message", "time", "type", "file", "line"];

function parser({ output }: { output: boolean }): XMLParser {
  return new XMLParser({
    ignoreAttributes: (name: string) => !attributes.includes(name),
    attributeNamePrefix: "@",
    parseAttributeValue: false,
    parseTagValue: false,
    trimValues: !output,
    removeNSPrefix: true,
    // References by number too, which any writer of XML may use.
    htmlEntities: true,
    maxNestedTags: deepest,
    stopNodes: output ? [] : ["..system-out", "..system-err"],
  });
}

function collect(node: JunitElement, suite: string, suiteFile: unknown, found: FoundTest[], depth: number): void {
  if (depth > deepest) return;
  const own = String(node["@name"] ?? "") || suite;
  const file = node["@file"] ?? suiteFile;
  for (const inner of elements(node.testsuite)) collect(inner, own, file, found, depth + 1);
  for (const test of elements(node.testcase)) found.push({ test, suite: own, suiteFile: file });
}
