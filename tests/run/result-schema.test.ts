import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import addFormats from "ajv-formats";
import { resultJsonSchema, resultSchema, type Result } from "../../run/result";

const file = join(__dirname, "../../docs/result.schema.json");

const example: Result = {
  version: 1,
  verdict: "stack-failed",
  exitCode: 125,
  tests: { total: 0, passed: 0, failed: 0, skipped: 0, failures: [] },
  project: "small",
  stack: "ci-1a2b3c4-abcd",
  commit: "1a2b3c4",
  dirty: false,
  run: "abcdefghijkl",
  startedAt: "2026-01-02T03:04:05.678Z",
  finishedAt: "2026-01-02T03:05:05.678Z",
  phases: [{ name: "up", seconds: 1.5 }],
  failure: { resource: "api", container: "small-api", message: "exited", lastLines: ["no"] },
  containers: [
    {
      service: "api",
      name: "small-api",
      image: "api:1",
      status: "exited",
      exitCode: 1,
      oomKilled: false,
      log: "logs/api.log",
    },
  ],
  artifacts: { directory: "/results", files: [{ path: "junit.xml", size: 3 }], skipped: [] },
  notes: [],
  kept: false,
  cleanup: { clean: false, left: [{ kind: "network", name: "small", reason: "in use" }] },
};

test("docs/result.schema.json is the schema that results are checked by (UPDATE_SCHEMA=1 writes it)", () => {
  const schema = resultJsonSchema();
  if (process.env.UPDATE_SCHEMA) writeFileSync(file, `${JSON.stringify(schema, undefined, 2)}\n`);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(schema);
});

test("a JSON Schema validator takes a result, and refuses what isn't one", () => {
  const ajv = new Ajv2020();
  addFormats(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(file, "utf8")) as object);
  expect(resultSchema.parse(example)).toEqual(example);
  expect(validate(example)).toBe(true);
  expect(validate({ ...example, verdict: "green" })).toBe(false);
  expect(validate({ ...example, exitCode: undefined })).toBe(false);
  expect(validate({ ...example, surprise: 1 })).toBe(false);
});
