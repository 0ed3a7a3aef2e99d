import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import fc from "fast-check";
import { describeExpectations } from "../../cli/display/expectations";
import { makeStyle } from "../../cli/display/style";
import { expectations, expectationsJsonSchema, readExpectations, type Expectations } from "../../run/expectations";

const schemaFile = join(__dirname, "../../docs/expectations.schema.json");
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "seatrial-expectations-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const since = new Date("2026-01-02T03:04:05.678Z");
const put = (path: string, content: unknown, modified = since) => {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  return { path, size: text.length, modified };
};
const read = (...files: ReturnType<typeof put>[]) =>
  readExpectations(
    folder,
    { files },
    {
      since,
      inputs: [
        { source: "fixtures", target: "/inputs" },
        { source: "../other/one.json", target: "/inputs/one.json" },
      ],
      ...{ projectRoot: "/work/shop", programFolder: "/work/shop/stack" },
      mask: (text) => text.replaceAll("hunter2", "[secret]"),
    },
  );
const changed = (more: object = {}) => ({
  ...{ name: "a", file: "/inputs/expected/a.json", actual: "expected/a.json", status: "changed", level: "warning" },
  changes: [{ path: "/n", kind: "changed", expected: 1, actual: 2 }],
  ...more,
});
const file = (...results: object[]) => ({ version: 1, compared: 3, changed: results });

test("takes over what the tests say, with the files of the checkout", async () => {
  const artifact = put("expected/a.json", 1);
  const { found, notes } = await read(
    artifact,
    put("expectations.json", file(changed(), changed({ file: "/inputs/one.json", level: "failure" }))),
    put("expectations-77-x.json", file(changed({ file: "/elsewhere/x.json", status: "missing", actual: undefined }))),
    put("deep/expectations.json", file(changed())),
  );
  expect(notes).toEqual([]);
  expect(found).toEqual({
    compared: 6,
    changed: [
      changed({ file: "stack/fixtures/expected/a.json" }),
      changed({ file: "other/one.json", level: "failure" }),
      { ...changed({ file: "/elsewhere/x.json", status: "missing" }), actual: undefined },
    ],
  });
});

test("masks secrets, wherever they are", async () => {
  const secret = { "hunter2-key": ["my hunter2"] };
  const changes = [{ path: "/hunter2", kind: "added", actual: secret }];
  const { found } = await read(put("expected/a.json", 1), put("expectations.json", file(changed({ name: "hunter2", changes })))); // prettier-ignore
  expect(JSON.stringify(found)).not.toContain("hunter2");
  expect(found!.changed[0]!.changes).toEqual([
    { path: "/[secret]", kind: "added", actual: { "[secret]-key": ["my [secret]"] } },
  ]);
});

test("leaves out what an earlier run has left", async () => {
  const old = new Date("2026-01-02T03:04:04.000Z");
  expect(await read(put("expectations.json", file(), old))).toEqual({ notes: [] });
  expect((await read(put("expectations.json", file(), new Date("2026-01-02T03:04:05.000Z")))).found).toBeDefined();
});

test.each<[string, unknown, RegExp]>([
  ["no JSON", "{", /expectations.json can't be used: it is no JSON/],
  ["another version", { ...file(), version: 2 }, /can't be used: version: /],
  ["a result without a file", file({ name: "x" }), /can't be used: changed.0.file: /],
  ["a member that nobody knows", { ...file(), surprise: 1 }, /Unrecognized key/],
  ["an artifact that isn't there", file(changed({ actual: "expected/none.json" })), /none.json is missing among/],
  ["an artifact outside", file(changed({ actual: "../../etc/passwd" })), /is missing among the artifacts/],
  ["no artifact", file(changed({ actual: undefined })), /names no file that holds it/],
])("notes %s", async (_, content, note) => {
  const { found, notes } = await read(put("expectations.json", content));
  expect(notes.join("\n")).toMatch(note);
  expect(found?.changed[0]?.actual).toBeUndefined();
});

test("is bounded, in depth too", async () => {
  const many = Array.from({ length: 1500 }, () => changed({ changes: Array.from({ length: 30 }, () => ({ path: "/x".repeat(20), kind: "added", actual: "y".repeat(50) })) })); // prettier-ignore
  const { found } = await read(put("expected/a.json", 1), put("expectations.json", file(...many)));
  expect(found!.changed).toHaveLength(1000);
  expect(found!.more).toBe(500);
  expect(found!.changed[0]!.changes.length + found!.changed[0]!.more!).toBe(30);
  expect(JSON.stringify(found).length).toBeLessThan(2_500_000);
  const deep = `{"version":1,"compared":1,"changed":[{"name":"a","file":"/a","status":"missing","level":"warning","changes":[{"path":"","kind":"added","actual":${"[".repeat(99_999)}${"]".repeat(99_999)}}]}]}`;
  expect(JSON.stringify((await read(put("expectations.json", deep))).found).length).toBeLessThan(1000);
  const { notes } = await read(put("expectations.json", " ".repeat(10_000_001)));
  expect(notes).toEqual([expect.stringContaining("is left out")]);
});

test("never breaks, and yields what its schema allows", async () => {
  const valid = new Ajv2020().compile(expectationsJsonSchema());
  const model = fc.record(
    {
      version: fc.constantFrom(1, 2),
      compared: fc.oneof(fc.nat(), fc.double()),
      changed: fc.array(
        fc.record(
          {
            name: fc.string({ unit: "binary" }),
            file: fc.constantFrom("/inputs/../../x", "/inputs//a", "x", "/", "/inputs/\0"),
            actual: fc.constantFrom("expected/a.json", "..", "/etc/passwd"),
            status: fc.constantFrom("changed", "new", "missing", "?"),
            level: fc.constantFrom("warning", "failure"),
            changes: fc.array(fc.record({ path: fc.string(), kind: fc.constantFrom("added", "gone"), actual: fc.jsonValue() })),
          },
          { requiredKeys: ["name", "file", "status", "level", "changes"] },
        ),
      ),
    },
    { requiredKeys: ["version", "changed", "compared"] },
  ); // prettier-ignore
  await fc.assert(
    fc.asyncProperty(model, async (value) => {
      const { found, notes } = await read(put("expected/a.json", 1), put("expectations.json", value));
      expect(Boolean(found)).toBe(Boolean(valid(JSON.parse(JSON.stringify(value)))));
      expect(found ? expectations.parse(found) : notes[0]).toBeTruthy();
      for (const { file } of found?.changed ?? [])
        expect(file).toMatch(/^(\/(?!.*\.\.)|stack\/fixtures(\/|$)(?!.*\.\.))/);
    }),
    { numRuns: 60 },
  );
}, 30_000);

test("docs/expectations.schema.json is the schema that the file is checked by (UPDATE_SCHEMA=1 writes it)", () => {
  const schema = expectationsJsonSchema();
  if (process.env.UPDATE_SCHEMA) writeFileSync(schemaFile, `${JSON.stringify(schema, undefined, 2)}\n`);
  expect(JSON.parse(readFileSync(schemaFile, "utf8"))).toEqual(schema);
});

test("the summary shows the first of them, without control codes", () => {
  const show = (found?: Expectations) => describeExpectations(found ? { expectations: found } : {}, makeStyle(false));
  expect(show()).toEqual([]);
  expect(show({ compared: 3, changed: [] })).toEqual([]);
  const one = changed({ name: "evil\x1b[2J\nname", changes: [{ path: "/\x1b]0;x\x07n", kind: "changed", expected: 1, actual: "a\x1b[1m" }], more: 4 }); // prettier-ignore
  const lines = show({ compared: 9, changed: [one, changed({ status: "new", level: "failure" })] as never });
  expect(lines).toEqual([
    "  expected   2 of 9 results are not as expected, 1 of them a failure; seatrial accept takes over the new ones",
    "    changed evil name",
    '            /n: 1 → "a\\u001b[1m"',
    "            … and 4 more",
    "    new     a",
  ]);
});
