import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inputLimit, uploads } from "../../components/input-files";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inputs-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(path: string, content: string | Buffer = path, mode = 0o644): string {
  const whole = join(folder, path);
  mkdirSync(join(whole, ".."), { recursive: true });
  writeFileSync(whole, content);
  chmodSync(whole, mode);
  return whole;
}

const all = () => uploads([{ source: folder, target: "/inputs" }], "Tests");

test("a folder's files go under its target, sorted, text as text and anything else as base64", () => {
  write("b/2.json", "{}");
  write("b/1.json", "ä");
  write("a.bin", Buffer.from([0xff, 0x00]));
  write("nul", "a\0b");

  expect(all()).toEqual([
    { file: "/inputs/a.bin", contentBase64: "/wA=" },
    { file: "/inputs/b/1.json", content: "ä" },
    { file: "/inputs/b/2.json", content: "{}" },
    { file: "/inputs/nul", contentBase64: "YQBi" },
  ]);
});

test("a file goes to its target, or into it", () => {
  const source = write("one.json", "1");

  expect(uploads([{ source, target: "/etc/two.json" }], "Tests")).toEqual([{ file: "/etc/two.json", content: "1" }]);
  expect(uploads([{ source, target: "/etc/" }], "Tests")).toEqual([{ file: "/etc/one.json", content: "1" }]);
});

test("what can be run here can be run there", () => {
  write("run.sh", "exit 0", 0o700);

  expect(all()).toEqual([{ file: "/inputs/run.sh", content: "exit 0", permissions: "0755" }]);
});

test("an empty file goes by its path, since empty content counts as none", () => {
  const source = write("empty", "");

  expect(all()).toEqual([{ file: "/inputs/empty", source }]);
});

test("links within the folder are followed", () => {
  write("a/1", "one");
  symlinkSync("a/1", join(folder, "link"));
  symlinkSync("a", join(folder, "z"));

  expect(all().map(({ file, content }) => [file, content])).toEqual([
    ["/inputs/a/1", "one"],
    ["/inputs/link", "one"],
    ["/inputs/z/1", "one"],
  ]);
});

test.each([
  ["/etc/hostname", "is a link that leaves its folder"],
  ["..", "is a link that leaves its folder"],
  ["nowhere", "is a link to nothing"],
  [".", "is a link to a folder it lies in"],
])("a link to %s is refused", (target, why) => {
  symlinkSync(target, join(folder, "link"));

  expect(all).toThrow(new RegExp(`^Tests: input ".*/link" ${why}$`));
});

test("what isn't there is refused", () => {
  expect(() => uploads([{ source: "no/such", target: "/x" }], "Tests")).toThrow(
    'Tests: input "no/such" doesn\'t exist',
  );
});

test("more than may travel is refused before it is read", () => {
  write("a", Buffer.alloc(inputLimit));
  expect(all()).toHaveLength(1);
  write("b", "x");

  expect(all).toThrow("Tests: its inputs are 16.0 MB and may be 16 MB; put the rest into the image");
});
