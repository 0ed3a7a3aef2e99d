import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import { readRunSettings, runSettingsJsonSchema } from "../../run/settings";
import { codeSpans, readDocument, tableRows } from "../docs/markdown";

const file = join(__dirname, "../../docs/run-settings.schema.json");
const config = (values: Record<string, string>) =>
  new Map(Object.entries(values).map(([key, value]) => [key, { value, secret: false }]));
const read = (values: Record<string, string>) => readRunSettings(config(values));

test("without settings there is a deadline for the run and for each phase; the tests have as long as the run", () => {
  const minutes = { run: 60, setUp: 2, build: 30, up: 15, collect: 5, destroy: 5 };
  const seconds = Object.fromEntries(Object.entries(minutes).map(([phase, value]) => [phase, value * 60]));
  expect(read({}).deadlines).toEqual(seconds);
});

test("a setting replaces the default; the program's own settings are not the run's", () => {
  const { deadlines } = read({ "run:deadline": "1h30m", "run:deadline.tests": "90s", "small:deadline.up": "soon" });
  expect(deadlines).toMatchObject({ run: 5400, tests: 90, up: 900 });
});

test("sizes are bytes, or in Docker's units", () => {
  expect(read({}).guard).toEqual({ freeDisk: 500 * 2 ** 20, freeNetworks: 1 });
  expect(read({ "run:guard.freeDisk": "2G", "run:guard.freeNetworks": "12" }).guard).toEqual({
    freeDisk: 2 * 2 ** 30,
    freeNetworks: 12,
  });
  expect(["0", "7", "7b", "7k"].map((text) => read({ "run:guard.freeDisk": text }).guard.freeDisk)).toEqual([
    0, 7, 7, 7168,
  ]);
});

test.each([
  ["run:deadline.up", "soon", 'run:deadline.up: expected a duration such as 90s, 5m or 1h30m, not "soon"'],
  ["run:deadline.up", "90", 'run:deadline.up: expected a duration such as 90s, 5m or 1h30m, not "90"'],
  ["run:deadline", "0s", 'run:deadline: expected a duration of more than 0s and at most 7d, not "0s"'],
  [
    "run:deadline.collect",
    "300d",
    'run:deadline.collect: expected a duration of more than 0s and at most 7d, not "300d"',
  ],
  ["run:guard.freeDisk", "1.5g", 'run:guard.freeDisk: expected a size such as 500m or 2g, not "1.5g"'],
  ["run:guard.freeNetworks", "-1", 'run:guard.freeNetworks: expected a number such as 4, not "-1"'],
])("%s: %s is refused in one line that says what was expected", (key, value, message) => {
  expect(() => read({ [key]: value })).toThrow(new Error(message));
});

test("a key that there isn't is refused, and those that there are are named", () => {
  expect(() => read({ "run:deadline.setup": "1m" })).toThrow(
    /^run:deadline\.setup: no such setting; under run: there are deadline, .*deadline\.setUp.*$/,
  );
});

test("each setting that is wrong has its line", () => {
  expect(() => read({ "run:deadine": "1m", "run:deadline.up": "x" })).toThrow(
    /^run:deadine: .*\nrun:deadline\.up: .*$/,
  );
});

test("docs/run-settings.schema.json is the schema that they are read by (UPDATE_SCHEMA=1 writes it)", () => {
  const schema = runSettingsJsonSchema();
  if (process.env.UPDATE_SCHEMA) writeFileSync(file, `${JSON.stringify(schema, undefined, 2)}\n`);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(schema);
});

test("a JSON Schema validator takes a settings file, and refuses what isn't a setting", () => {
  const validate = new Ajv2020().compile(JSON.parse(readFileSync(file, "utf8")) as object);
  expect(validate({ config: { "run:deadline.up": "10m", "small:anything": { at: ["all"] } } })).toBe(true);
  expect(validate({ encryptionsalt: "v1:x" })).toBe(true);
  expect(validate({ config: { "run:guard.freeNetworks": 4, "run:guard.freeDisk": "1g" } })).toBe(true);
  expect(validate({ config: { "run:deadline.up": "soon" } })).toBe(false);
  expect(validate({ config: { "run:deadline.setup": "10m" } })).toBe(false);
});

test("docs/settings.md tells of every setting of the run, with its default", () => {
  const told = tableRows(readDocument("docs/settings.md"))
    .filter((row) => "setting of the run" in row)
    .map((row) => [codeSpans(row["setting of the run"]!)[0], codeSpans(row.default!)[0]]);
  const { properties } = runSettingsJsonSchema() as {
    properties: { config: { properties: Record<string, { default?: string }> } };
  };
  const settings = Object.entries(properties.config.properties);
  expect(told).toEqual(settings.map(([key, schema]) => [key, schema.default]));
});
