import { XMLParser } from "fast-xml-parser";
import { cleanText, cutMiddle, plainText } from "./text";

/** One test of a JUnit file, with all that it has to say. */
export interface TestCase {
  name: string;
  suite: string;
  status: "passed" | "failed" | "skipped";
  seconds?: number;
  /** The first line of why. */
  message?: string;
  /** Why it failed, with its stack trace, as far as JUnit tells. */
  details: string;
  output: string;
  errorOutput: string;
}

/** Characters of each text of a test that are kept: 64 Ki. */
export const longestTestText = 64 * 1024;
const deepest = 64;

/** The tests in a JUnit file, in its order. Throws an error whose message says why it can't be read. */
export function readTestCases(text: string): TestCase[] {
  const parser = new XMLParser({
    ignoreAttributes: (name: string) => !["name", "classname", "message", "time", "type"].includes(name),
    attributeNamePrefix: "@",
    parseAttributeValue: false,
    parseTagValue: false,
    trimValues: false,
    removeNSPrefix: true,
    // References by number too, which any writer of XML may use.
    htmlEntities: true,
    maxNestedTags: deepest,
  });
  const root = parser.parse(text) as Node;
  const cases: TestCase[] = [];
  for (const element of ["testsuites", "testsuite"]) {
    for (const node of list(root[element])) collect(node, "", cases, 0);
  }
  return cases;
}

type Node = { [key: string]: unknown };

function collect(node: Node, suite: string, cases: TestCase[], depth: number): void {
  if (depth > deepest) return;
  const own = String(node["@name"] ?? "") || suite;
  for (const inner of list(node.testsuite)) collect(inner, own, cases, depth + 1);
  for (const test of list(node.testcase)) cases.push(readCase(test, own));
}

function readCase(node: Node, suite: string): TestCase {
  const failure = [...list(node.failure), ...list(node.error)];
  const [skipped] = list(node.skipped);
  const reason = failure[0] ?? skipped;
  const seconds = Number.parseFloat(String(node["@time"] ?? "").replaceAll(",", ""));
  const message = reason ? messageOf(reason) : "";
  return {
    name: plainText(String(node["@name"] ?? "a test without a name")).slice(0, 1000),
    suite: plainText(String(node["@classname"] || suite)).slice(0, 1000),
    status: failure.length > 0 ? "failed" : skipped ? "skipped" : "passed",
    ...(Number.isFinite(seconds) && seconds >= 0 ? { seconds } : {}),
    ...(message ? { message } : {}),
    details: shown(failure.map((one) => withMessage(one)).join("\n\n")),
    output: shown(textsOf(node["system-out"])),
    errorOutput: shown(textsOf(node["system-err"])),
  };
}

function messageOf(node: Node): string {
  const text = String(node["@message"] || node["#text"] || "");
  return plainText(text.split("\n").find((line) => line.trim() !== "") ?? "")
    .trim()
    .slice(0, 300);
}

/** Most stack traces begin with the message; where one doesn't, it is put before it. */
function withMessage(node: Node): string {
  const message = String(node["@message"] ?? "").trim();
  const text = String(node["#text"] ?? "").replace(/^\s*\n|\s+$/g, "");
  return text.includes(message) ? text : `${message}\n\n${text}`.trimEnd();
}

function textsOf(value: unknown): string {
  return list(value)
    .map((node) => String(node["#text"] ?? ""))
    .join("\n")
    .replace(/^\s*\n|\s+$/g, "");
}

function shown(text: string): string {
  return cutMiddle(
    cleanText(text.length > 4 * longestTestText ? cutMiddle(text, 4 * longestTestText) : text),
    longestTestText,
  );
}

function list(value: unknown): Node[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((node) =>
    typeof node === "object" && node !== null ? (node as Node) : { "#text": node },
  );
}
