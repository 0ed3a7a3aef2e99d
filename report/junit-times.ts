import { XMLParser, XMLValidator } from "fast-xml-parser";
import { largestJunit, looksLikeJunit } from "./junit";

export interface TimedTest {
  name: string;
  seconds: number;
}

/** How many are told of. */
const most = 5;
/** What is quicker is nothing to look at. */
const least = 0.1;

/** The slowest tests of some JUnit files, which may be anybody's; of a file that can't be read none. */
export function slowestTests(texts: string[]): TimedTest[] {
  const tests: TimedTest[] = [];
  for (const text of texts) {
    if (text.length > largestJunit || !looksLikeJunit(text) || XMLValidator.validate(text) !== true) continue;
    try {
      collect(parser().parse(text), tests);
    } catch {
      // Too deep, such as.
    }
  }
  return tests.sort((a, b) => b.seconds - a.seconds).slice(0, most);
}

function parser(): XMLParser {
  return new XMLParser({
    ignoreAttributes: (name: string) => !["name", "classname", "time"].includes(name),
    attributeNamePrefix: "@",
    parseAttributeValue: false,
    parseTagValue: false,
    removeNSPrefix: true,
    maxNestedTags: 64,
    stopNodes: ["..system-out", "..system-err", "..failure", "..error"],
  });
}

function collect(node: unknown, tests: TimedTest[]): void {
  if (typeof node !== "object" || node === null) return;
  if (Array.isArray(node)) return node.forEach((inner) => collect(inner, tests));
  for (const [key, value] of Object.entries(node as Record<string, unknown>)) {
    if (["testsuites", "testsuite"].includes(key)) collect(value, tests);
    if (key !== "testcase") continue;
    for (const test of [value].flat() as Record<string, unknown>[]) {
      const seconds = typeof test === "object" && test !== null ? Number(test["@time"]) : NaN;
      if (!(seconds >= least && seconds < 1e6)) continue;
      const [name, group] = [String(test["@name"] ?? ""), String(test["@classname"] ?? "")];
      tests.push({ name: (group && !name.startsWith(group) ? `${group} › ${name}` : name).slice(0, 300), seconds });
    }
  }
}
