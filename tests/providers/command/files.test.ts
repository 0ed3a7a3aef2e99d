/** What `assetPaths` and `archivePaths` pick. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Archive } from "../../../engine";
import { collectFiles } from "../../../providers/command/files";
import { compileGlob } from "../../../providers/command/glob";

const FILES = ["a.txt", "assets/logos/logo.svg", "src/index.js", "src/secret.js", "src/deep/b.js", "odd/{x}[y].txt"];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "files-"));
  for (const file of FILES) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), file);
  }
  symlinkSync("src", join(folder, "link"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const picked = async (...assetPaths: string[]): Promise<string[]> =>
  Object.keys((await collectFiles(folder, { assetPaths }))["assets"]!).sort();

test.each([
  [
    ["assets/**", "src/**.js", "!**secret.*"],
    ["assets/logos/logo.svg", "src/deep/b.js", "src/index.js"],
  ],
  [["src/*"], ["src/index.js", "src/secret.js"]],
  [["!src/secret.js", "src/s*"], ["src/secret.js"]],
  [[], []],
  [
    ["?.{txt,md}", "odd/\\{x}*"],
    ["a.txt", "odd/{x}[y].txt"],
  ],
  [
    ["src/[!s]*.js", "[a-b].txt"],
    ["a.txt", "src/index.js"],
  ],
])("%j pick %j", async (patterns, paths) => {
  expect(await picked(...patterns)).toEqual(paths);
});

test("a link to a folder is no file", async () => {
  await expect(picked("lin*")).rejects.toThrow(/link is a folder: make it an archive/);
});

test("what is made of them has the hashes that Pulumi gives it", async () => {
  const { assets, archive } = await collectFiles(folder, { assetPaths: ["a.txt"], archivePaths: ["nothing"] });
  expect(assets).toMatchObject({
    // printf a.txt | sha256sum
    "a.txt": {
      fields: {
        path: join(folder, "a.txt"),
        hash: "18b7cb099a9ea3f50ba899b5ba81e0d377a5f3b16f8f6eeb8b3e58cd4692b993",
      },
    },
  });
  // Two empty blocks: Pulumi tells an empty archive by this hash.
  expect((archive as Archive).fields.hash).toBe("5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
});

test.each(["[", "[]", "[b-a]", "[a-zA-Z]"])("%s is no pattern", (pattern) => {
  expect(() => compileGlob(pattern)).toThrow(/is not one: /);
});
