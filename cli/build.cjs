// Bundles the sources into dist/cli.js and dist/watchdog.js, and the report page's program and style
// into dist/report-page.js and .css, where they are newer than these. Packages stay outside: the
// program that a stack is made from has to find the same @pulumi/pulumi as the engine.
"use strict";
const { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const root = join(__dirname, "..");
const bundle = join(root, "dist", "cli.js");
/** Which files the bundles were made of. */
const inputs = join(root, "dist", "inputs.json");
/** The watchdog with its packages: a container has none, nor has a checkout that was removed. */
const alone = { watchdog: join("run", "watchdog", "watchdog.ts") };
/** The program and the style of the report page, for browsers. */
const page = { script: join("report", "page", "main.ts"), style: join("report", "page", "style.css") };
/** The bundle whose age counts. */
const entries = { cli: join("cli", "main.ts") };

/** True where none of the files that the bundles were made of is newer, or gone. */
function isFresh() {
  try {
    const built = statSync(bundle).mtimeMs;
    const files = JSON.parse(readFileSync(inputs, "utf8"));
    return files.every((file) => statSync(join(root, file)).mtimeMs <= built);
  } catch {
    return false;
  }
}

/** Builds the bundle. Two processes may do so at once: each puts its own in place as a whole. */
function build() {
  const started = new Date();
  const folder = join(root, "dist");
  const temporary = join(folder, `.build-${process.pid}`);
  mkdirSync(temporary, { recursive: true });
  try {
    const { buildSync } = require("esbuild");
    // What holds an import() isn't taken from V8's code cache (bin/code-cache.cjs): ours are require().
    const shared = {
      ...{ supported: { "dynamic-import": false }, charset: "ascii" },
      ...{ outdir: temporary, absWorkingDir: root, bundle: true, platform: "node", format: "cjs", target: "node20" },
      ...{ sourcemap: true, sourcesContent: false, logLevel: "error", metafile: true },
    };
    const commands = buildSync({ ...shared, entryPoints: entries, packages: "external" });
    // Its container reaches the Engine over a socket: what the packages would compile for SSH isn't needed.
    const lonely = buildSync({
      ...shared,
      entryPoints: alone,
      external: ["cpu-features"],
      loader: { ".node": "empty" },
    });
    const { script, style, files } = buildPage();
    const made = [commands, lonely].flatMap(({ metafile }) => Object.keys(metafile.inputs));
    const ours = [...made, ...files, "package.json", "cli/build.cjs"].filter((file) => !file.includes("node_modules/"));
    writeFileSync(join(temporary, "inputs.json"), JSON.stringify([...new Set(ours)].sort()));
    writeFileSync(join(temporary, "report-page.js"), script);
    writeFileSync(join(temporary, "report-page.css"), style);
    // A source that was changed meanwhile is newer than the bundle then.
    utimesSync(join(temporary, "cli.js"), started, started);
    for (const name of ["inputs.json", "report-page.js", "report-page.css"])
      renameSync(join(temporary, name), join(folder, name));
    for (const name of [...Object.keys(alone), ...Object.keys(entries)]) {
      renameSync(join(temporary, `${name}.js.map`), join(folder, `${name}.js.map`));
      renameSync(join(temporary, `${name}.js`), join(folder, `${name}.js`));
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** The report page's program and style, as one text each, and the files that they are made of. */
function buildPage() {
  const { buildSync } = require("esbuild");
  const files = [];
  const bundled = (entryPoint, options) => {
    const { outputFiles, metafile } = buildSync({
      ...{ entryPoints: [entryPoint], absWorkingDir: root, bundle: true, write: false, minify: true },
      ...{ logLevel: "error", metafile: true, charset: "ascii", ...options },
    });
    files.push(...Object.keys(metafile.inputs));
    return outputFiles[0].text.trim();
  };
  const script = bundled(page.script, {
    platform: "browser",
    format: "iife",
    target: ["chrome100", "firefox113", "safari16.4"],
  });
  const style = bundled(page.style, {});
  return { script, style, files };
}

module.exports = { build, buildPage, bundle, isFresh };
if (require.main === module) build();
