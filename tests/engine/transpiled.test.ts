// A program's TypeScript is turned into JavaScript once for each text, and never taken from another text or maker.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTranspiled } from "../../engine/program/transpiled";

let folder: string;
let before: string | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seatrial-transpiled-"));
  before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = folder;
});
afterEach(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
  rmSync(folder, { recursive: true, force: true });
});

const kept = () => join(folder, "seatrial/transpiled");
function load(text: string, { project = "/project", maker = "1", file = "/project/index.ts" } = {}) {
  let made = 0;
  const opened = openTranspiled(project, maker);
  const code = opened.get(file, text, () => `made ${++made} of ${text}`);
  opened.save();
  return { code, made };
}

test("the second time the code is there already; not for another text, maker, file or project", () => {
  expect(load("a")).toEqual({ code: "made 1 of a", made: 1 });
  expect(load("a")).toEqual({ code: "made 1 of a", made: 0 });
  expect(load("b")).toEqual({ code: "made 1 of b", made: 1 });
  expect(load("b", { maker: "2" }).made).toBe(1);
  expect(load("b", { maker: "2", file: "/project/other.ts" }).made).toBe(1);
  expect(load("b", { project: "/elsewhere" }).made).toBe(1);
});

test("only what the program still has is kept, and for its owner only", () => {
  load("a".repeat(10_000));
  load("b", { file: "/project/other.ts" });
  const [file] = readdirSync(kept());
  expect(readFileSync(join(kept(), file!), "utf8").length).toBeLessThan(1000);
  expect(statSync(join(kept(), file!)).mode & 0o777).toBe(0o600);
  expect(statSync(kept()).mode & 0o777).toBe(0o700);
});

test("of projects that come and go the newest twenty are kept", () => {
  for (let n = 1; n <= 25; n++) load("a", { project: `/project-${n}` });
  expect(readdirSync(kept())).toHaveLength(20);
  expect(load("a", { project: "/project-25" }).made).toBe(0);
});

test.each(["", "null", "[1", '{"/project/index.ts":1}'])("a file that holds %j counts as none", (content) => {
  load("a");
  const [file] = readdirSync(kept());
  writeFileSync(join(kept(), file!), content);
  expect(load("a")).toEqual({ code: "made 1 of a", made: 1 });
});

test("where none can be kept the code is made each time", () => {
  writeFileSync(join(folder, "seatrial"), "not a folder");
  expect(load("a").made).toBe(1);
  expect(load("a").made).toBe(1);
});
