import { XMLParser, XMLValidator } from "fast-xml-parser";
import { largestJunit, looksLikeJunit } from "../junit";

/** One test of a JUnit file. */
export interface JunitCase {
  name: string;
  failed: boolean;
  /** Absent where the file doesn't say. */
  seconds?: number;
  /** Where the test stands, where the file says so: relative, within the checkout. */
  file?: string;
  line?: number;
}

/** The tests of some JUnit files, which may be anybody's; of a file that can't be read none. */
export function junitCases(texts: string[]): JunitCase[] {
  const cases: JunitCase[] = [];
  for (const text of texts) {
    if (text.length > largestJunit || !looksLikeJunit(text) || XMLValidator.validate(text) !== true) continue;
    try {
      collect(parser().parse(text), undefined, cases);
    } catch {
      // Such as too deep.
    }
  }
  return cases;
}

/** What is quicker, in seconds, is nothing to look at. */
const least = 0.1;

/** The slowest of them. */
export function slowestTests(cases: JunitCase[], most: number): { name: string; seconds: number }[] {
  return cases
    .flatMap(({ name, seconds = 0 }) => (seconds >= least ? [{ name, seconds }] : []))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, most);
}

const attributes = ["name", "classname", "time", "file", "line"];

function parser(): XMLParser {
  return new XMLParser({
    ignoreAttributes: (name: string) => !attributes.includes(name),
    attributeNamePrefix: "@",
    parseAttributeValue: false,
    parseTagValue: false,
    removeNSPrefix: true,
    maxNestedTags: 64,
    stopNodes: ["..system-out", "..system-err", "..failure", "..error"],
  });
}

type Node = Record<string, unknown>;

function collect(node: unknown, suiteFile: unknown, cases: JunitCase[]): void {
  if (typeof node !== "object" || node === null) return;
  if (Array.isArray(node)) return node.forEach((inner) => collect(inner, suiteFile, cases));
  const file = (node as Node)["@file"] ?? suiteFile;
  for (const [key, value] of Object.entries(node as Node)) {
    if (key === "testsuites" || key === "testsuite") collect(value, file, cases);
    if (key === "testcase") for (const test of [value].flat()) cases.push(caseOf(test, file));
  }
}

function caseOf(test: unknown, suiteFile: unknown): JunitCase {
  const node: Node = typeof test === "object" && test !== null ? (test as Node) : {};
  const name = String(node["@name"] ?? "a test without a name");
  const group = String(node["@classname"] ?? "");
  const seconds = Number(node["@time"] ?? NaN);
  const file = pathInCheckout(node["@file"] ?? suiteFile);
  const line = /^[1-9]\d{0,6}$/.test(String(node["@line"])) ? Number(node["@line"]) : undefined;
  return {
    name: (group && !name.startsWith(group) ? `${group} › ${name}` : name).slice(0, 300),
    failed: "failure" in node || "error" in node,
    ...(seconds >= 0 && seconds < 1e6 ? { seconds } : {}),
    ...(file ? { file } : {}),
    ...(file && line ? { line } : {}),
  };
}

function pathInCheckout(given: unknown): string | undefined {
  const path = typeof given === "string" ? given.replace(/^\.\//, "") : "";
  const isPlain = /^[\w@.][\w@. /-]{0,300}$/.test(path) && !path.split("/").includes("..");
  return isPlain ? path : undefined;
}
