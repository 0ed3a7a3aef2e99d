import { addCounts, parseJunit } from "../../report/junit";
import { JunitError, largestJunit, looksLikeJunit } from "../../report/junit-xml";
import { junitCases } from "../../report/note/cases";

test("counts cases, not what the file says of itself", () => {
  const report = parseJunit(`<?xml version="1.0"?>
    <testsuites tests="99" failures="0">
      <testsuite name="outer">
        <testcase classname="api" name="answers"/>
        <testcase name="fails"><failure message="expected 1 &lt; 0">at line 3</failure></testcase>
        <testcase name="breaks"><error>
          Boom
          at x</error></testcase>
        <testcase name="waits"><skipped/></testcase>
        <testsuite name="inner"><testcase name="deep"><system-out>a <![CDATA[<failure/>]]></system-out></testcase></testsuite>
      </testsuite>
    </testsuites>`);
  expect(report).toMatchObject({ total: 5, passed: 2, failed: 2, skipped: 1 });
  expect(report.failures).toEqual([
    { name: "fails", message: "expected 1 < 0" },
    { name: "breaks", message: "Boom" },
  ]);
});

test.each([
  ["one suite alone", "<testsuite><testcase name='a'/></testsuite>", 1],
  ["none", "<testsuites/>", 0],
  ["with a namespace", '<j:testsuite xmlns:j="urn:x"><j:testcase name="a"/></j:testsuite>', 1],
])("%s", (_, text, total) => {
  expect(parseJunit(text).total).toBe(total);
});

test.each([
  ["another document", "<html><testcase/></html>", /first element/],
  ["nothing", "", /first element/],
  ["an unfinished one", "<testsuite><testcase name='a'>", /not well-formed/],
  ["a document type", '<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuite name="&a;"/>', /first element/],
  ["too large a one", `<testsuite>${" ".repeat(largestJunit)}</testsuite>`, /larger than 30 MB/],
  ["too deep a one", `${"<testsuite>".repeat(200)}${"</testsuite>".repeat(200)}`, /can't be read/],
])("refuses %s", (_, text, message) => {
  expect(() => parseJunit(text)).toThrow(JunitError);
  expect(() => parseJunit(text)).toThrow(message);
});

test("entities of the document's own are never expanded", () => {
  const bomb = '<testsuite><!DOCTYPE x [<!ENTITY a "boom"><!ENTITY b "&a;&a;">]><testcase name="&b;"/></testsuite>';
  let names: string[] = [];
  try {
    names = parseJunit(bomb).failures.map(({ name }) => name);
  } catch (error) {
    expect(error).toBeInstanceOf(JunitError);
  }
  expect(names.join()).not.toContain("boom");
});

test("long texts of failures are cut, many failures are counted", () => {
  const one = `<testcase name="${"n".repeat(1000)}"><failure>${"x".repeat(100_000)}</failure></testcase>`;
  const report = parseJunit(`<testsuite>${one.repeat(80)}</testsuite>`);
  expect(report.failed).toBe(80);
  expect(report.failures).toHaveLength(50);
  expect(report.failures[0]!.message).toHaveLength(300);
});

test("recognises files by their first element", () => {
  expect(looksLikeJunit("\uFEFF<?xml version='1.0'?>\n<!-- <html> -->\n<testsuites>")).toBe(true);
  expect(looksLikeJunit("<testsuiteish/>")).toBe(false);
});

test("adds up", () => {
  const a = { total: 3, passed: 1, failed: 1, skipped: 1 };
  expect(addCounts([a, a])).toEqual({ total: 6, passed: 2, failed: 2, skipped: 2 });
  expect(addCounts([])).toEqual({ total: 0, passed: 0, failed: 0, skipped: 0 });
});

test("notes call a test what results do, however its name is written; a file that can't be read has none", () => {
  const text =
    '<testsuite file="./a.test.ts"><testcase classname="it" name="it&#39;s &amp; &#x2713;" time="1.5"/></testsuite>';
  expect(junitCases([text, "<testsuite>", "none"])).toEqual([
    { name: parseJunit(text).cases[0]!.name, failed: false, seconds: 1.5, file: "a.test.ts" },
  ]);
  expect(parseJunit(text).cases[0]!.name).toBe("it's & ✓");
});
