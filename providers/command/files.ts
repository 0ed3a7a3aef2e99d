/** The files that a command leaves behind, as assets and as an archive. */
import { readdir } from "node:fs/promises";
import { posix } from "node:path";
import { Archive, Asset, type PropertyMap, withContentHashes } from "../../engine";
import { compileGlob } from "./glob";

/** The lists of patterns among a command's inputs. */
export interface FilePatterns {
  assetPaths?: string[];
  archivePaths?: string[];
}

/** The outputs `assets` and `archive` with the files below `dir` that the patterns pick, where patterns are given. */
export async function collectFiles(dir: string, { assetPaths, archivePaths }: FilePatterns): Promise<PropertyMap> {
  return {
    ...(assetPaths ? { assets: await pick(dir, assetPaths) } : {}),
    ...(archivePaths
      ? await withContentHashes({ archive: new Archive({ assets: await pick(dir, archivePaths) }) })
      : {}),
  };
}

/** Each file's fate is that of the last pattern that it matches; a pattern with `!` before it leaves files out. */
async function pick(dir: string, patterns: string[]): Promise<PropertyMap> {
  const rules = patterns.map((pattern) => ({
    leavesOut: pattern.startsWith("!"),
    glob: compileGlob(pattern.replace(/^!/, "")),
  }));
  const picked: PropertyMap = {};
  for await (const path of filesBelow(dir, "")) {
    const rule = rules.findLast(({ glob }) => glob.test(path));
    if (rule && !rule.leavesOut) picked[path] = new Asset({ path: posix.join(dir, path) });
  }
  return withContentHashes(picked);
}

/** Paths relative to `dir`, of everything that isn't a folder; links are not followed. */
async function* filesBelow(dir: string, prefix: string): AsyncGenerator<string> {
  for (const entry of await readdir(posix.join(dir, prefix), { withFileTypes: true })) {
    const path = prefix + entry.name;
    if (entry.isDirectory()) yield* filesBelow(dir, `${path}/`);
    else yield path;
  }
}
