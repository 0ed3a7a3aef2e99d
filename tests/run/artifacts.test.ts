import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openResults, publishResults, resultsTarget } from "../../run/artifacts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "artifacts-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function publish(target: string, files: Record<string, string>): Promise<void> {
  const results = await openResults(target);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(results.staging, name, ".."), { recursive: true });
    writeFileSync(join(results.staging, name), text);
  }
  await publishResults(results);
}

test("replaces the last run's results as a whole", async () => {
  const target = join(folder, "build/tests");
  await publish(target, { "old.txt": "old", "result.json": "{}" });
  await publish(target, { "new.txt": "new", "logs/api.log": "log" });
  expect(readdirSync(target).sort()).toEqual([".seatrial-artifacts", "logs", "new.txt"]);
  expect(readdirSync(join(folder, "build"))).toEqual(["tests"]);
});

test("takes the last verdict away before the run begins", async () => {
  const target = join(folder, "out");
  await publish(target, { "result.json": "{}" });
  await openResults(target);
  expect(existsSync(join(target, "result.json"))).toBe(false);
});

test("never removes what it hasn't made", async () => {
  const target = join(folder, "mine");
  mkdirSync(join(target, "sub"), { recursive: true });
  writeFileSync(join(target, "thesis.txt"), "years of work");
  writeFileSync(join(target, "sub/notes.txt"), "notes");
  writeFileSync(join(target, "result.json"), "somebody's");
  await publish(target, { "sub/new.txt": "new", "result.json": "ours" });
  await publish(target, { "sub/newer.txt": "newer" });
  expect(readFileSync(join(target, "thesis.txt"), "utf8")).toBe("years of work");
  expect(readdirSync(join(target, "sub")).sort()).toEqual(["new.txt", "newer.txt", "notes.txt"]);
  expect(readFileSync(join(target, "result.json"), "utf8")).toBe("ours");
});

test("doesn't write through a link, nor over a folder", async () => {
  const target = join(folder, "mine");
  mkdirSync(join(target, "taken"), { recursive: true });
  writeFileSync(join(folder, "elsewhere"), "untouched");
  symlinkSync(join(folder, "elsewhere"), join(target, "junit.xml"));
  await publish(target, { "junit.xml": "new", taken: "file" });
  expect(readFileSync(join(folder, "elsewhere"), "utf8")).toBe("untouched");
  expect(readFileSync(join(target, "junit.xml"), "utf8")).toBe("new");
  expect(readFileSync(join(target, "taken.file"), "utf8")).toBe("file");
});

test("goes where it is told, else where the caller's environment says, else into the project", () => {
  const place = (artifacts: string | undefined, env: NodeJS.ProcessEnv) =>
    resultsTarget({ ...(artifacts ? { artifacts } : {}), env, projectRoot: "/project" });
  expect(place("/asked", { ARTIFACTS_DIR: "/env" })).toBe("/asked");
  expect(place(undefined, { ARTIFACTS_DIR: "/env" })).toBe("/env");
  expect(place(undefined, { ARTIFACTS_DIR: "" })).toBe("/project/build/tests");
});
