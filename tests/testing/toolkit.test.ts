import { AssertionError } from "node:assert";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import type * as Toolkit from "../../testing";

let folder: string;
let toolkit: typeof Toolkit;
const before = { ...process.env };
const artifact = (name: string) => JSON.parse(readFileSync(join(folder, "artifacts", name), "utf8"));
const expectFile = (name: string, value: unknown) => {
  mkdirSync(join(folder, "inputs/expected/deep"), { recursive: true });
  writeFileSync(join(folder, "inputs/expected", name), typeof value === "string" ? value : JSON.stringify(value));
};
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seatrial-testing-"));
  process.env.INPUTS_DIR = join(folder, "inputs");
  process.env.ARTIFACTS_DIR = join(folder, "artifacts");
  // What has been compared is kept for as long as the process lasts.
  jest.isolateModules(() => (toolkit = jest.requireActual<typeof Toolkit>("../../testing")));
});
afterEach(() => {
  process.env = { ...before };
  rmSync(folder, { recursive: true });
});

test("leaves what is new and what changed where seatrial accept finds it, and warns only", () => {
  expectFile("deep/a.json", { words: 1, at: "then" });
  const rules = [{ path: "/at", ignore: true }] as const;
  expect(toolkit.compareResult({ expected: "deep/a.json", actual: { words: 1, at: "now" }, rules }).status).toBe(
    "same",
  );
  expect(artifact("expectations.json")).toEqual({ version: 1, compared: 1, changed: [] });
  expect(toolkit.compareResult({ expected: "deep/a.json", actual: { words: 2, at: "now" }, rules }).status).toBe(
    "changed",
  );
  toolkit.compareResult({ name: "the list", expected: join(folder, "elsewhere/b.json"), actual: [new Date(0)] });

  const file = join(folder, "inputs/expected/deep/a.json");
  const elsewhere = join(folder, "elsewhere/b.json");
  expect(artifact("expectations.json")).toEqual({
    version: 1,
    compared: 3,
    changed: [
      {
        ...{ name: "deep/a.json", file, actual: "expected/deep/a.json", status: "changed", level: "warning" },
        changes: [{ path: "/words", kind: "changed", expected: 1, actual: 2 }],
      },
      {
        ...{ name: "the list", file: elsewhere, actual: `expected${elsewhere}`, status: "new", level: "warning" },
        changes: [{ path: "", kind: "added", actual: ["1970-01-01T00:00:00.000Z"] }],
      },
    ],
  });
  expect(artifact("expected/deep/a.json")).toEqual({ words: 2, at: "then" });
  expect(artifact(`expected${elsewhere}`)).toEqual(["1970-01-01T00:00:00.000Z"]);
});

test("fails where asked, with a message that says what and what to do", () => {
  expectFile("a.json", { words: 1, seconds: 2 });
  const rules = [{ path: "/words", level: "failure" }] as const;
  expect(toolkit.compareResult({ expected: "a.json", actual: { words: 1, seconds: 3 }, rules }).status).toBe("changed");
  const message = messageOf(() =>
    toolkit.compareResult({ name: "the count", expected: "a.json", actual: { words: 5, seconds: 3 }, rules }),
  );
  expect(message.replace(folder, "")).toBe(
    "the count is not as /inputs/expected/a.json expects:\n  /words: 1 is 5 now\n  … and 1 more\n" +
      "If that is intended, take it over with seatrial accept.",
  );
  expect(artifact("expectations.json").changed).toMatchObject([{ name: "the count", level: "failure" }]);
  expect(messageOf(() => toolkit.compareResult({ expected: "new.json", actual: 1, level: "failure" }))).toContain(
    "nothing is expected yet",
  );
});

test("tells of results that are missing", () => {
  expectFile("a.json", 1);
  expectFile("b.json", 2);
  expectFile("deep/c.json", 3);
  expect(toolkit.missingResults(["b.json", "new.json"]).map((file) => file.slice(folder.length))).toEqual([
    "/inputs/expected/a.json",
    "/inputs/expected/deep/c.json",
  ]);
  expect(artifact("expectations.json").changed).toMatchObject([
    { name: "a.json", status: "missing", changes: [{ path: "", kind: "removed", expected: 1 }] },
    { name: "deep/c.json", status: "missing" },
  ]);
  expect(artifact("expectations.json").changed[0]).not.toHaveProperty("actual");
  expect(messageOf(() => toolkit.compareResult({ expected: "deep/c.json", actual: undefined, level: "failure" }))).toContain("no such result any longer"); // prettier-ignore
});

test("what it writes is bounded", () => {
  expectFile("a.json", {});
  const actual = Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`n${n}`, "x".repeat(5000)]));
  toolkit.compareResult({ expected: "a.json", actual });
  for (let n = 0; n < 501; n += 1) toolkit.compareResult({ expected: `new-${n}.json`, actual: n });
  const written = artifact("expectations.json");
  expect(written).toMatchObject({ compared: 502, more: 2 });
  expect(written.changed).toHaveLength(500);
  expect(written.changed[0]).toMatchObject({ more: 30 });
  expect(written.changed[0].changes).toHaveLength(50);
  expect(written.changed[0].changes[0].actual).toHaveLength(501);
});

test.each([
  ["../a.json", "lies outside of"],
  ["broken.json", "is no JSON"],
])("an expected file that can't be used is named: %s", (expected, message) => {
  expectFile("broken.json", "{");
  expect(() => toolkit.compareResult({ expected, actual: 1 })).toThrow(message);
});

test("compares without a stack too, and writes nothing then", () => {
  delete process.env.ARTIFACTS_DIR;
  expectFile("a.json", 1);
  expect(toolkit.compareResult({ expected: "a.json", actual: 2 }).status).toBe("changed");
  expect(existsSync(join(folder, "artifacts"))).toBe(false);
});

test("processes at the same time, from one bundle, keep each other's results", async () => {
  const source = `
    import { compareResult, jsonSchemas } from ${JSON.stringify(join(__dirname, "../../testing"))};
    jsonSchemas().check({ type: "integer" }, 1);
    compareResult({ expected: process.argv[2] + ".json", actual: 1 });`;
  const outfile = join(folder, "bundle.js");
  buildSync({ stdin: { contents: source, resolveDir: folder }, bundle: true, platform: "node", outfile });
  const names = ["a", "b", "c"];
  await Promise.all(
    names.map((name) => promisify(execFile)(process.execPath, [outfile, name], { env: { ...process.env } })),
  );
  const files = readdirSync(join(folder, "artifacts")).filter((file) => /^expectations(-.+)?\.json$/.test(file));
  expect(files).toHaveLength(3);
  expect(files).toContain("expectations.json");
  expect(files.flatMap((file) => artifact(file).changed.map(({ name }: { name: string }) => name)).sort()).toEqual(
    names.map((name) => `${name}.json`),
  );
});

describe("JSON Schemas", () => {
  const item = { $id: "item", type: "object", required: ["id"], properties: { id: { type: "string", format: "uuid" } }, additionalProperties: false }; // prettier-ignore
  const list = { type: "array", items: { $ref: "item" } };

  test("take what fits, and name each fault of what doesn't", () => {
    const schemas = toolkit.jsonSchemas([item]);
    schemas.check("item", { id: "0a7a2a44-6b8c-4b86-9c27-1f9a6a2d8d55" });
    schemas.check(item, { id: "0a7a2a44-6b8c-4b86-9c27-1f9a6a2d8d55" });
    expect(messageOf(() => schemas.check(list, [{ id: "x" }, { more: 1 }], "GET /items"))).toBe(
      [
        "GET /items does not fit its JSON Schema:",
        '  /0/id: must match format "uuid", got "x"',
        "  /1: must have required property 'id'",
        '  /1: has "more", which is not allowed',
        'It is [{"id":"x"},{"more":1}]',
      ].join("\n"),
    );
    expect(messageOf(() => schemas.check("item", 7))).toContain("the value does not fit the JSON Schema item");
    expect(() => schemas.check("nobody", 7)).toThrow('no JSON Schema with the $id "nobody"');
  });

  test("are read as draft 2020-12 where they say so", () => {
    const definition = { $schema: "https://json-schema.org/draft/2020-12/schema", $id: "pair", prefixItems: [{ type: "string" }] }; // prettier-ignore
    expect(toolkit.jsonSchemas([definition]).faults("pair", [1])).toEqual(["/0: must be string, got 1"]);
  });
});

describe("connections", () => {
  test("are those of the file that the stack gives", () => {
    const file = join(folder, "connections.json");
    writeFileSync(file, JSON.stringify({ services: { api: { host: "api", port: 80, url: "http://api:80" } } }));
    process.env.SEATRIAL_CONNECTIONS = file;
    expect(toolkit.connection("api")).toEqual({ host: "api", port: 80, url: "http://api:80" });
    expect(() => toolkit.connection("toString")).toThrow('no service "toString"; they depend on api');
    writeFileSync(file, "{");
    expect(() => toolkit.connections()).toThrow("can't be read");
    delete process.env.SEATRIAL_CONNECTIONS;
    expect(() => toolkit.connections()).toThrow("SEATRIAL_CONNECTIONS is not set");
  });
});
