// Bundles the sources into dist/cli.js, dist/watchdog.js and dist/watchdog-alone.js, and the report page's program and
// style into dist/report-page.js and .css, where they are newer than these. Packages stay outside: the
// program that a stack is made from has to find the same @pulumi/pulumi as the engine.
"use strict";
const {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} = require("node:fs");
const { join } = require("node:path");

const root = join(__dirname, "..");
const sources = ["ci", "cli", "engine", "providers", "report", "run"];
const bundle = join(root, "dist", "cli.js");
/** The watchdog with its packages, for a container that has none. */
const alone = { "watchdog-alone": join("run", "watchdog", "watchdog.ts") };
/** The program and the style of the report page, for browsers. */
const page = { script: join("report", "page", "main.ts"), style: join("report", "page", "style.css") };
/** The bundles, the one whose age counts last. */
const entries = { watchdog: join("run", "watchdog", "watchdog.ts"), cli: join("cli", "main.ts") };

/** True where no source file, nor a folder from which one may have been taken, is newer than the bundle. */
function isFresh() {
  if (!existsSync(bundle)) return false;
  const built = statSync(bundle).mtimeMs;
  const older = (path) => statSync(path).mtimeMs <= built;
  const allOlder = (folder) =>
    older(folder) &&
    readdirSync(folder, { withFileTypes: true }).every((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return allOlder(path);
      return !/\.(?:ts|json|cjs|css)$/.test(entry.name) || older(path);
    });
  try {
    return older(join(root, "package.json")) && sources.every((folder) => allOlder(join(root, folder)));
  } catch {
    // A file went while we looked.
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
    const shared = {
      ...{ outdir: temporary, absWorkingDir: root, bundle: true, platform: "node", format: "cjs", target: "node20" },
      ...{ sourcemap: true, sourcesContent: false, logLevel: "error" },
    };
    buildSync({ ...shared, entryPoints: entries, packages: "external" });
    // Its container reaches the Engine over a socket: what the packages would compile for SSH isn't needed.
    buildSync({ ...shared, entryPoints: alone, external: ["cpu-features"], loader: { ".node": "empty" } });
    const { script, style } = buildPage();
    writeFileSync(join(temporary, "report-page.js"), script);
    writeFileSync(join(temporary, "report-page.css"), style);
    // A source that was changed meanwhile is newer than the bundle then.
    utimesSync(join(temporary, "cli.js"), started, started);
    for (const name of ["report-page.js", "report-page.css"]) renameSync(join(temporary, name), join(folder, name));
    for (const name of [...Object.keys(alone), ...Object.keys(entries)]) {
      renameSync(join(temporary, `${name}.js.map`), join(folder, `${name}.js.map`));
      renameSync(join(temporary, `${name}.js`), join(folder, `${name}.js`));
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** The report page's program and style, as one text each. */
function buildPage() {
  const { buildSync } = require("esbuild");
  const bundled = (entryPoint, options) =>
    buildSync({
      ...{
        entryPoints: [entryPoint],
        absWorkingDir: root,
        bundle: true,
        write: false,
        minify: true,
        logLevel: "error",
      },
      ...{ charset: "ascii", ...options },
    }).outputFiles[0].text.trim();
  return {
    script: bundled(page.script, {
      platform: "browser",
      format: "iife",
      target: ["chrome100", "firefox113", "safari16.4"],
    }),
    style: bundled(page.style, {}),
  };
}

module.exports = { build, buildPage, bundle, isFresh };
if (require.main === module) build();
