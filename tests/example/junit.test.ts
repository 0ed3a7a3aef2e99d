import { XMLParser, XMLValidator } from "fast-xml-parser";
import { junitXml, type TestCase } from "../../example/tests/junit";
import junitReporter from "../../example/tests/junit-reporter";

const passed: TestCase = { name: "works", groups: ["health"], seconds: 0.0314, outcome: "passed" };
const failed: TestCase = {
  name: 'says <"x" & y>',
  groups: ["health", "inner"],
  seconds: 1,
  outcome: "failed",
  message: "\u001b[31mexpected\u001b[0m 1 < 2\nsecond line\u0000",
  details: "AssertionError: expected 1 < 2\n    at file.ts:1:1",
};
const skipped: TestCase = { name: "later", groups: [], seconds: 0, outcome: "skipped", message: "no time" };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  isArray: (name, _path, _leaf, isAttribute) => !isAttribute && name.startsWith("test"),
});

describe("the JUnit file", () => {
  test("is valid XML with totals, a suite for each outermost group and a class name for each test", () => {
    const xml = junitXml("all", [passed, failed, skipped], 2.5);
    expect(XMLValidator.validate(xml)).toBe(true);
    const [root] = parser.parse(xml).testsuites;
    expect(root).toMatchObject({ name: "all", tests: "3", failures: "1", skipped: "1", errors: "0", time: "2.500" });
    expect(root.testsuite.map(({ name, tests }: { name: string; tests: string }) => [name, tests])).toEqual([
      ["health", "2"],
      ["all", "1"],
    ]);
    const [first, second] = root.testsuite[0].testcase;
    expect(first).toEqual({ name: "works", classname: "health", time: "0.031" });
    expect(second).toMatchObject({ classname: "health › inner", name: 'says <"x" & y>' });
    expect(second.failure).toEqual({
      message: "expected 1 < 2",
      type: "failed",
      "#text": "AssertionError: expected 1 < 2\n    at file.ts:1:1",
    });
    expect(root.testsuite[1].testcase[0].skipped).toEqual({ message: "no time" });
  });

  test("is made of the runner's events, in which a group's failure is not one more", async () => {
    const inGroup = new Error("test failed", { cause: new Error("1 is not 2") });
    const xml = await report([
      { type: "test:start", data: { name: "group", nesting: 0 } },
      { type: "test:start", data: { name: "good", nesting: 1 } },
      { type: "test:pass", data: { name: "good", nesting: 1, details: { duration_ms: 12 } } },
      { type: "test:start", data: { name: "bad", nesting: 1 } },
      { type: "test:fail", data: { name: "bad", nesting: 1, details: { duration_ms: 5, error: inGroup } } },
      { type: "test:fail", data: { name: "group", nesting: 0, details: { duration_ms: 20, type: "suite", error: Object.assign(new Error("1 subtest failed"), { failureType: "subtestsFailed" }) } } }, // prettier-ignore
      { type: "test:start", data: { name: "not today", nesting: 0 } },
      { type: "test:pass", data: { name: "not today", nesting: 0, skip: true, details: { duration_ms: 0 } } },
    ]);
    const [root] = parser.parse(xml).testsuites;
    expect(root).toMatchObject({ tests: "3", failures: "1", skipped: "1" });
    const [good, bad] = root.testsuite[0].testcase;
    expect(good).toEqual({ name: "good", classname: "group", time: "0.012" });
    expect(bad.failure.message).toBe("1 is not 2");
  });

  test("tells of a group whose preparation failed", async () => {
    const error = Object.assign(new Error("hook failed", { cause: new Error("no database") }), { failureType: "hookFailed" }); // prettier-ignore
    const xml = await report([
      { type: "test:start", data: { name: "group", nesting: 0 } },
      { type: "test:fail", data: { name: "group", nesting: 0, details: { duration_ms: 1, type: "suite", error } } },
    ]);
    expect(xml).toContain('<failure message="no database"');
  });
});

async function report(events: Parameters<typeof junitReporter>[0] extends AsyncIterable<infer E> ? E[] : never) {
  let text = "";
  for await (const part of junitReporter(events as never)) text += part;
  return text;
}
