#!/usr/bin/env node
// Bundles the example's programs into dist/, from which the image is built: nothing is fetched inside of the build.
// The same sources make the same bytes, and nothing is written that hasn't changed, so that an image's layers are found
// in the cache again.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const directory = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(directory, "dist");

/** The programs of the image, each a file of its own in dist/. */
export const programs = {
  api: "api/main.ts",
  worker: "worker/main.ts",
  migrate: "database/migrate.ts",
  tests: "tests/main.ts",
  "tests-suite": "tests/suite.ts",
  "tests-junit": "tests/junit-reporter.ts",
};

/** What dev.mjs bundles by too. */
export const bundleOptions = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // pg's two optional parts: a native client, and one for a runtime that isn't Node.
  external: ["pg-native", "pg-cloudflare"],
  logLevel: "silent",
};

/**
 * Brings dist/ up to date; says whether there was anything to do.
 * @returns {Promise<{ built: boolean }>}
 */
export async function build() {
  const record = path.join(dist, ".inputs.json");
  if (await isUpToDate(record)) return { built: false };
  const { build: esbuild } = await import("esbuild");
  const { outputFiles, metafile } = await esbuild({
    ...bundleOptions,
    absWorkingDir: directory,
    entryPoints: Object.entries(programs).map(([out, source]) => ({ in: source, out })),
    outdir: "dist",
    sourcemap: "linked",
    sourcesContent: false,
    metafile: true,
    write: false,
  });
  const migrations = (await readdir(path.join(directory, "database/migrations"))).map(
    (file) => `database/migrations/${file}`,
  );
  const files = new Map(outputFiles.map((file) => [path.relative(dist, file.path), file.contents]));
  for (const file of migrations) {
    files.set(path.relative("database", file), await readFile(path.join(directory, file)));
  }
  await rm(record, { force: true });
  for (const [file, contents] of files) await writeChanged(path.join(dist, file), contents);
  for (const file of await readdir(dist, { recursive: true, withFileTypes: true })) {
    const place = path.join(file.parentPath ?? file.path, file.name);
    if (file.isFile() && !files.has(path.relative(dist, place))) await rm(place);
  }
  const sources = Object.keys(metafile.inputs).filter((file) => !file.includes("node_modules/"));
  await writeFile(record, JSON.stringify(await fingerprints([...sources, ...migrations, ...always]), null, 2));
  return { built: true };
}

// What decides about the bundles besides the sources: how they are made, and which versions of the packages go in.
const always = ["build.mjs", "../package-lock.json"];

async function isUpToDate(record) {
  try {
    const before = JSON.parse(await readFile(record, "utf8"));
    const now = await fingerprints(Object.keys(before));
    const migrations = await readdir(path.join(directory, "database/migrations"));
    return (
      Object.keys(before).every((file) => before[file] === now[file]) &&
      migrations.every((file) => Object.hasOwn(before, `database/migrations/${file}`)) &&
      (await readdir(dist)).length > Object.keys(programs).length
    );
  } catch {
    return false;
  }
}

async function fingerprints(files) {
  const entries = await Promise.all(
    files.map(async (file) => {
      const contents = await readFile(path.join(directory, file)).catch(() => "");
      return [file, createHash("sha256").update(contents).digest("hex").slice(0, 16)];
    }),
  );
  return Object.fromEntries(entries);
}

// By renaming, so that a build of the image that runs at the same time never sees half a file.
async function writeChanged(file, contents) {
  const before = await readFile(file).catch(() => undefined);
  if (before?.equals(contents)) return;
  await mkdir(path.dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, contents);
  await rename(unfinished, file);
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const started = Date.now();
  const { built } = await build();
  console.error(
    built ? `[build] made example/dist (${Date.now() - started} ms)` : "[build] example/dist is up to date",
  );
}
