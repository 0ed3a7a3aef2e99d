import {
  elements,
  failuresOf,
  findTests,
  firstLine,
  outcomeOf,
  ownName,
  secondsOf,
  type FoundTest,
  type JunitElement,
} from "./junit-xml";
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

/** The tests in a JUnit file, in its order. Throws a `JunitError`. */
export function readTestCases(text: string): TestCase[] {
  return findTests(text, { output: true }).map(readCase);
}

function readCase({ test, suite }: FoundTest): TestCase {
  const failures = failuresOf(test);
  const reason = failures[0] ?? elements(test.skipped)[0];
  const seconds = secondsOf(test);
  const message = reason ? plainText(firstLine(reason)) : "";
  return {
    name: plainText(ownName(test)).slice(0, 1000),
    suite: plainText(String(test["@classname"] || suite)).slice(0, 1000),
    status: outcomeOf(test),
    ...(seconds === undefined ? {} : { seconds }),
    ...(message ? { message } : {}),
    details: shown(failures.map((one) => withMessage(one)).join("\n\n")),
    output: shown(textsOf(test["system-out"])),
    errorOutput: shown(textsOf(test["system-err"])),
  };
}

/** Most stack traces begin with the message; where one doesn't, it is put before it. */
function withMessage(failure: JunitElement): string {
  const message = String(failure["@message"] ?? "").trim();
  const text = String(failure["#text"] ?? "").replace(/^\s*\n|\s+$/g, "");
  return text.includes(message) ? text : `${message}\n\n${text}`.trimEnd();
}

function textsOf(value: unknown): string {
  return elements(value)
    .map((element) => String(element["#text"] ?? ""))
    .join("\n")
    .replace(/^\s*\n|\s+$/g, "");
}

function shown(text: string): string {
  return cutMiddle(
    cleanText(text.length > 4 * longestTestText ? cutMiddle(text, 4 * longestTestText) : text),
    longestTestText,
  );
}
