import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { globPattern, readJunitFiles } from "../../run/junit-files";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "junit-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const since = new Date("2026-01-01T12:00:00.900Z");
const suite = (...names: string[]) =>
  `<testsuite>${names.map((name) => `<testcase name="${name}"/>`).join("")}</testsuite>`;

function file(path: string, text: string, modified = new Date("2026-01-01T12:00:05Z")) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  return { path, size: text.length, modified };
}

test("adds up whatever is JUnit, and leaves other XML alone", async () => {
  const files = [
    file("a.xml", suite("1", "2")),
    file("sub/b.xml", suite("3")),
    file("pom.xml", "<project/>"),
    file("c.txt", "x"),
  ];
  expect(await readJunitFiles(folder, files, { since })).toMatchObject({
    report: { total: 3, passed: 3 },
    problems: [],
  });
});

test("an earlier run's file doesn't count; one of the same second does", async () => {
  const files = [
    file("old.xml", suite("1"), new Date("2026-01-01T11:59:59Z")),
    file("new.xml", suite("2"), new Date("2026-01-01T12:00:00Z")),
  ];
  const { report, stale, problems } = await readJunitFiles(folder, files, { since });
  expect(report!.total).toBe(1);
  expect(stale).toEqual(["old.xml"]);
  expect(problems).toEqual([]);
});

test("a file that was asked for and isn't JUnit is a problem", async () => {
  const files = [file("report.xml", "<html/>"), file("other.xml", suite("1"))];
  const { report, problems } = await readJunitFiles(folder, files, { pattern: "report.xml" });
  expect(report).toBeUndefined();
  expect(problems).toEqual(["report.xml is not JUnit: its first element is neither testsuites nor testsuite"]);
});

test("a huge file isn't read, and is a problem where it is JUnit or was asked for", async () => {
  const huge = [file("junit.xml", suite("1")), file("coverage.xml", "<coverage/>")].map((f) => ({ ...f, size: 4e7 }));
  expect((await readJunitFiles(folder, huge, {})).problems).toEqual(["junit.xml is larger than 30 MB"]);
  const absent = [{ path: "absent.xml", size: 4e7, modified: since }];
  const { problems } = await readJunitFiles(folder, absent, { pattern: "*.xml" });
  expect(problems).toEqual(["absent.xml is larger than 30 MB"]);
});

test.each([
  ["*.xml", "a.xml", true],
  ["*.xml", "sub/a.xml", false],
  ["**/*.xml", "a.xml", true],
  ["**/*.xml", "sub/deep/a.xml", true],
  ["./junit-?.xml", "junit-1.xml", true],
  ["a.xml", "axxml", false],
  ["(a|b).xml", "a.xml", false],
])("%s and %s: %s", (glob, path, matches) => {
  expect(globPattern(glob).test(path)).toBe(matches);
});
