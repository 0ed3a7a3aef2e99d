import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import { gunzipSync } from "node:zlib";
import { makeReport } from "../../report/make-report";
import { reportJsonSchema, type Report } from "../../report/model";
import { logLine, writeResults, type Results } from "./results-folder";

const assets = { script: "let page", style: "body{}" };
const schemaFile = join(__dirname, "../../docs/report.schema.json");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "report-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const results: Results = {
  tests: [
    { name: "answers", seconds: 0.1 },
    { name: "keeps", status: "failed", output: "\x1b[31mout\x1b[0m" },
    { name: "rests", status: "skipped" },
  ],
  logs: { api: [logLine(1, "hello")], db: [] },
};

const readReport = (of = folder) => JSON.parse(readFileSync(join(of, "report/report.json"), "utf8")) as Report;

/** A packed part of the page. */
function part(page: string, id: string): string {
  const packed = new RegExp(`id="${id}">([^<]*)<`).exec(page)![1]!;
  return gunzipSync(Buffer.from(packed, "base64")).toString("utf8");
}

test("docs/report.schema.json is the schema of report.json, which a report fits (UPDATE_SCHEMA=1 writes it)", async () => {
  const schema = reportJsonSchema();
  if (process.env.UPDATE_SCHEMA) writeFileSync(schemaFile, `${JSON.stringify(schema, undefined, 2)}\n`);
  expect(JSON.parse(readFileSync(schemaFile, "utf8"))).toEqual(schema);
  await writeResults(folder, results);
  await makeReport(folder, { assets });
  const validate = new Ajv2020().compile(schema);
  validate(readReport());
  expect(validate.errors).toBe(null);
});

test("tells the verdict, its reason, the tests and the logs", async () => {
  await writeResults(folder, results);
  const page = readFileSync(await makeReport(folder, { assets }), "utf8");
  expect(readReport()).toMatchObject({
    verdict: "failed",
    reason: "The tests ended with exit code 1.",
    counts: { total: 3, passed: 1, failed: 1, skipped: 1 },
    tests: [
      { name: "answers", status: "passed", seconds: 0.1 },
      { name: "keeps", status: "failed", message: "expected 1, got 2" },
      { name: "rests", status: "skipped", message: "not today" },
    ],
    logs: [
      { service: "api", lines: 1, leftOut: 0, from: 1 },
      { service: "db", lines: 0 },
    ],
  });
  expect(JSON.parse(part(page, "tests-0"))).toHaveLength(3);
  expect(JSON.parse(part(page, "texts-0"))).toEqual(
    expect.arrayContaining([
      [1, expect.objectContaining({ details: expect.stringContaining("at keeps"), output: "\x1b[31mout\x1b[0m" })],
    ]),
  );
  expect(part(page, "log-0-0")).toBe("hello");
  expect(readdirSync(join(folder, "report")).sort()).toEqual(["index.html", "report.json"]);
});

test("nothing in the page is markup but the page's own", async () => {
  const evil = '</script><script>alert(1)</script><img src="x"><!--';
  await writeResults(folder, {
    tests: [{ name: evil, suite: evil, status: "failed", output: evil }],
    logs: { api: [logLine(1, evil)] },
    result: {
      stack: evil,
      project: evil,
      notes: [evil],
      failure: { message: evil, resource: evil, lastLines: [evil] },
    },
  });
  const page = readFileSync(await makeReport(folder, { assets }), "utf8");
  expect(page).not.toContain("alert(1)</script>");
  expect(page).not.toMatch(/<img|<!--/);
  // The index, tests, texts, times and a log, and the one that runs.
  expect(page.match(/<script/g)).toHaveLength(6);
});

test("compares with the last run, whose report lies in the folder or is named", async () => {
  await writeResults(folder, results);
  await makeReport(folder, { assets });
  const next = join(folder, "next");
  mkdirSync(next);
  const later: Results = {
    tests: [{ name: "answers", status: "failed", seconds: 0.1 }, { name: "keeps", seconds: 3 }, { name: "is new" }],
    logs: {},
  };
  await writeResults(next, later);
  await makeReport(next, { assets, previous: join(folder, "report/report.json") });
  const expected = {
    since: { verdict: "failed", seconds: 10 },
    newlyFailing: ["suite › answers"],
    newlyPassing: ["suite › keeps"],
    added: ["suite › is new"],
    removed: ["suite › rests"],
    slower: [{ name: "suite › keeps", before: 0.01, now: 3 }],
    resources: [],
  };
  expect(readReport(next).changes).toMatchObject(expected);

  cpSync(join(folder, "report/report.json"), join(next, "report/previous.json"));
  const events = join(next, "events.jsonl");
  writeFileSync(events, readFileSync(events, "utf8").replaceAll("postgres:15", "postgres:16"));
  await makeReport(next, { assets });
  expect(readReport(next).changes).toMatchObject({
    ...expected,
    resources: [
      { name: "db", change: "changed", inputs: [{ key: "image", before: "postgres:15", now: "postgres:16" }] },
    ],
  });
});

test("flaky and retried tests are marked", async () => {
  const history = { runs: 4, flaky: ["suite › answers"], newlyFailing: [], newlyPassing: [] };
  const retries = [{ attempt: 1, exitCode: 1, failed: ["suite › rests"] }];
  await writeResults(folder, { ...results, result: { history, retries } });
  await makeReport(folder, { assets });
  expect(readReport()).toMatchObject({
    counts: { flaky: 1 },
    tests: [{ flaky: true }, {}, { retried: 1 }],
    history: { runs: 4 },
  });
});

test("what is missing or broken beside the verdict leaves a note, or nothing", async () => {
  await writeResults(folder, results);
  writeFileSync(join(folder, "junit.xml"), "<testsuites><testcase></testsuites>");
  rmSync(join(folder, "events.jsonl"));
  rmSync(join(folder, "stack.json"));
  rmSync(join(folder, "logs/api.log"));
  mkdirSync(join(folder, "report"));
  writeFileSync(join(folder, "report/previous.json"), '{"version": 0}');
  await makeReport(folder, { assets });
  const report = readReport();
  expect(report).toMatchObject({
    verdict: "failed",
    counts: { total: 3 },
    steps: [],
    notes: [expect.stringMatching(/^junit\.xml can't be shown: is not well-formed/), "logs/api.log is not there"],
  });
  expect(report.changes).toBeUndefined();
});

test("a folder that isn't a run's is refused, and names that lead out of it aren't followed", async () => {
  await expect(makeReport(folder, { assets })).rejects.toThrow(/holds no result.json: name the folder/);
  writeFileSync(join(folder, "result.json"), "{}");
  await expect(makeReport(folder, { assets })).rejects.toThrow(/is not a run's result: verdict/);
  writeFileSync(join(folder, "result.json"), "{");
  await expect(makeReport(folder, { assets })).rejects.toThrow(/can't be read/);
  await writeResults(folder, { ...results, result: { containers: [{ service: "a", log: "../../etc/passwd" }] } });
  await expect(makeReport(folder, { assets })).rejects.toThrow(/lies outside of the folder/);
  await writeResults(folder, results);
  await expect(makeReport(folder, { assets, previous: join(folder, "no.json") })).rejects.toThrow(
    /no.json is not a report/,
  );
});

test("ends when it is told to", async () => {
  await writeResults(folder, { ...results, logs: { api: { bytes: 3_000_000 } } });
  await expect(makeReport(folder, { assets, signal: AbortSignal.timeout(1) })).rejects.toThrow();
  expect(readdirSync(folder)).not.toContain("report");
});
