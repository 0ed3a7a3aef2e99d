import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { main } from "../../cli/main";
import { zipOf } from "./zip";

let folder: string;
const artifacts = () => join(folder, "stack/build/tests");
const write = (path: string, content: unknown) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(
    join(folder, path),
    typeof content === "string" ? content : `${JSON.stringify(content, undefined, 2)}\n`,
  );
};
const read = (path: string) => readFileSync(join(folder, path), "utf8");

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "seatrial-accept-")));
  execFileSync("git", ["init", "-q"], { cwd: folder });
  write("stack/Pulumi.yaml", "name: shop\nruntime: nodejs\n");
  delete process.env.ARTIFACTS_DIR;
});
afterEach(() => rmSync(folder, { recursive: true }));

const changed = (more: object = {}) => ({
  ...{
    name: "a",
    file: "fixtures/a.json",
    actual: "expected/a.json",
    status: "changed",
    level: "warning",
    changes: [],
  },
  ...more,
});
const result = (...results: object[]) => ({
  ...{ version: 1, project: "shop", run: "abc", commit: "1a2b3c4d", finishedAt: "2026-01-02T03:04:05.678Z", added: 1 },
  expectations: { compared: 9, changed: results },
});
async function accept(...args: string[]): Promise<{ code: number; text: string }> {
  let text = "";
  const take = (chunk: unknown) => ((text += String(chunk)), true);
  const spies = [process.stdout, process.stderr].map((stream) => jest.spyOn(stream, "write").mockImplementation(take));
  try {
    return { code: await main(["accept", "-C", join(folder, "stack"), ...args]), text };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

test("shows what changes, and writes changed, new and missing results only when told to", async () => {
  write("stack/fixtures/a.json", '{\n    "n": 1,\n    "same": true\n}');
  write("shared/gone.json", [1]);
  write("stack/fixtures/done.json", { x: 1 });
  write("stack/build/tests/expected/a.json", { n: 2, same: true });
  write("stack/build/tests/expected/deep/b.json", [3]);
  write("stack/build/tests/expected/done.json", { x: 1 });
  write(
    "stack/build/tests/result.json",
    result(
      changed({ name: "the first\x1b[2J" }),
      changed({ name: "b", file: "fixtures/deep/b.json", actual: "expected/deep/b.json", status: "new" }),
      changed({ name: "gone", file: "../shared/gone.json", actual: undefined, status: "missing" }),
      changed({ name: "done", file: "fixtures/done.json", actual: "expected/done.json" }),
    ),
  );

  const asked = await accept();
  expect(asked.code).toBe(1);
  expect(asked.text).toContain('the first · stack/fixtures/a.json\n   {\n  -    "n": 1,\n  +    "n": 2,\n');
  expect(asked.text).toContain("Nothing was written: --yes does it.");
  expect(read("stack/fixtures/a.json")).toContain('"n": 1');

  const { code, text } = await accept("--yes");
  expect(code).toBe(0);
  expect(text).toMatch(
    /ACCEPTED +RESULT +FILE\nchanged +the first .*a\.json\nnew +b .*b\.json\nremoved +gone .*gone\.json\n/,
  );
  expect(text).not.toContain("\x1b[2J");
  expect(read("stack/fixtures/a.json")).toBe('{\n    "n": 2,\n    "same": true\n}');
  expect(read("stack/fixtures/deep/b.json")).toBe("[\n  3\n]\n");
  expect(existsSync(join(folder, "shared/gone.json"))).toBe(false);

  const again = await accept("--yes");
  expect(again).toMatchObject({ code: 0, text: expect.stringContaining("every result is as expected") });
});

test.each([
  ["as it was in the job", "build/tests/"],
  ["its content alone", ""],
])("takes results out of a CI job's zip: %s", async (_, prefix) => {
  write("stack/fixtures/a.json", { n: 1 });
  const files = {
    "deep/er/than/all/result.json": JSON.stringify(result()),
    [`${prefix}result.json`]: JSON.stringify(result(changed())),
    [`${prefix}expected/a.json`]: '{"n":5}',
  };
  writeFileSync(join(folder, "artifacts.zip"), zipOf(files));
  const { code, text } = await accept(join(folder, "artifacts.zip"), "--yes", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(text.slice(text.indexOf('{\n  "run"')))).toEqual({
    ...{ run: "abc", refused: [] },
    accepted: [{ name: "a", file: "stack/fixtures/a.json", change: "changed" }],
  });
  expect(read("stack/fixtures/a.json")).toBe('{\n  "n": 5\n}\n');
});

test.each<[string, object, RegExp]>([
  ["outside of the checkout", { file: "../../x.json" }, /outside of/],
  ["absolute", { file: "/etc/x.json" }, /no declared input/],
  ["not JSON by its name", { file: "index.ts" }, /\.json files/],
  ["git's", { file: "../.git/x.json" }, /nothing is written into \.git/],
  ["npm's", { file: "package.json" }, /no expected result/],
  ["behind a link", { file: "linked/x.json" }, /behind a link/],
  ["a link", { file: "link.json" }, /behind a link/],
  ["a folder", { file: "folder.json" }, /a folder/],
  ["without an artifact", { actual: "expected/none.json" }, /is not in/],
  ["with an artifact outside", { actual: "../../../secret.json" }, /is outside/],
  ["with an artifact that is a link", { actual: "expected/link.json" }, /behind a link/],
  ["with an artifact that is no JSON", { actual: "expected/broken.json" }, /no JSON/],
])("a file that is %s is refused, and nothing is written", async (_, more, why) => {
  write("secret.json", { secret: 1 });
  mkdirSync(join(folder, "stack/folder.json"));
  symlinkSync(tmpdir(), join(folder, "stack/linked"));
  symlinkSync(join(folder, "secret.json"), join(folder, "stack/link.json"));
  write("stack/build/tests/expected/a.json", { evil: true });
  write("stack/build/tests/expected/broken.json", "{");
  symlinkSync(join(folder, "secret.json"), join(artifacts(), "expected/link.json"));
  write("stack/build/tests/result.json", result(changed({ status: "new", ...more })));
  const { code, text } = await accept("--yes");
  expect(code).toBe(1);
  expect(text).toMatch(/refused a \(/);
  expect(text).toMatch(why);
  expect(execFileSync("grep", ["-rl", "evil", folder], { encoding: "utf8" }).trim()).toBe(
    join(artifacts(), "expected/a.json"),
  );
});

test("two results for one file are refused where they differ", async () => {
  write("stack/build/tests/expected/a.json", 1);
  write("stack/build/tests/expected/b.json", 2);
  write("stack/build/tests/result.json", result(changed(), changed(), changed({ actual: "expected/b.json" })));
  const { code, text } = await accept("--yes");
  expect(code).toBe(1);
  expect(text).toContain("another result for the same file");
  expect(existsSync(join(folder, "stack/fixtures/a.json"))).toBe(false);
});

const bad = (name: string, content: Buffer | string, message: string): [string, Buffer | string, string] => [name, content, message]; // prettier-ignore
test.each([
  bad("none.zip", zipOf({ "a.txt": "" }), "no result.json of a run"),
  bad("text.zip", "hello", "can't be read as a zip"),
  bad("cut.zip", zipOf({ "result.json": JSON.stringify(result()) }).subarray(20), "can't be read as a zip"),
  bad("escape.zip", zipOf({ "../result.json": JSON.stringify(result()) }), "can't be read as a zip"),
  bad("two.zip", zipOf({ "a/result.json": JSON.stringify(result()), "b/result.json": JSON.stringify(result()) }), "holds several runs"), // prettier-ignore
  bad("other.zip", zipOf({ "result.json": JSON.stringify({ ...result(), project: "other" }) }), "is of the project other, this is shop"), // prettier-ignore
  bad("plain.zip", zipOf({ "result.json": JSON.stringify({ ...result(), expectations: undefined }) }), "have compared no results"), // prettier-ignore
])("%s is wrong usage", async (name, content, message) => {
  writeFileSync(join(folder, name), content);
  const { code, text } = await accept(join(folder, name), "--yes");
  expect(text).toContain(message);
  expect(code).toBe(2);
});

test("a run's id means its results, while they are there", async () => {
  write("stack/build/tests/expected/a.json", 1);
  write("stack/build/tests/result.json", { ...result(changed({ status: "new" })), run: "abcdefghijkl" });
  const other = await accept("abcdefghijk2", "--yes");
  expect(other).toMatchObject({ code: 2, text: expect.stringContaining("holds the run abcdefghijkl, not abcdefghijk2") }); // prettier-ignore
  expect((await accept("abcdefghijkl", "--yes")).code).toBe(0);
  expect(read("stack/fixtures/a.json")).toBe("1\n");
});

test("results that aren't there are wrong usage", async () => {
  expect(await accept()).toMatchObject({ code: 2, text: expect.stringContaining("run seatrial test first") });
  expect(await accept("nowhere")).toMatchObject({ code: 2, text: expect.stringContaining("no folder and no zip") });
  expect(await accept(folder)).toMatchObject({ code: 2, text: expect.stringContaining("no result.json in") });
});
