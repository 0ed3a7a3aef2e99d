import { type FoundTest, findTests, JunitError, outcomeOf, secondsOf, testName } from "../junit-xml";

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
  return texts.flatMap((text) => testsIn(text).map(caseOf));
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

function testsIn(text: string): FoundTest[] {
  try {
    return findTests(text, { output: false });
  } catch (error) {
    if (error instanceof JunitError) return [];
    throw error;
  }
}

function caseOf({ test, suiteFile }: FoundTest): JunitCase {
  const seconds = secondsOf(test);
  const file = pathInCheckout(test["@file"] ?? suiteFile);
  const line = /^[1-9]\d{0,6}$/.test(String(test["@line"])) ? Number(test["@line"]) : undefined;
  return {
    name: testName(test),
    failed: outcomeOf(test) === "failed",
    ...(seconds === undefined ? {} : { seconds }),
    ...(file ? { file } : {}),
    ...(file && line ? { line } : {}),
  };
}

function pathInCheckout(given: unknown): string | undefined {
  const path = typeof given === "string" ? given.replace(/^\.\//, "") : "";
  const isPlain = /^[\w@.][\w@. /-]{0,300}$/.test(path) && !path.split("/").includes("..");
  return isPlain ? path : undefined;
}
