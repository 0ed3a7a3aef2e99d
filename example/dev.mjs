// The developer's stack runs this in the containers of api and worker, with the checkout mounted: it compiles the
// program's TypeScript in memory at each start, so that restarting a container serves what was just edited.
//
//   node /app/example/dev.mjs api|worker|migrate
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bundleOptions, programs } from "./build.mjs";

const directory = path.dirname(fileURLToPath(import.meta.url));
const name = process.argv[2] ?? "";
if (!Object.hasOwn(programs, name)) {
  console.error(`usage: node dev.mjs ${Object.keys(programs).join("|")}`);
  process.exit(2);
}

const { build } = await import("esbuild");
const { outputFiles } = await build({
  ...bundleOptions,
  absWorkingDir: directory,
  entryPoints: [programs[name]],
  // Packages are loaded from the mounted node_modules as they are: only what is edited has to be compiled.
  packages: "external",
  sourcemap: "inline",
  write: false,
});
process.env.MIGRATIONS_DIR ??= path.join(directory, "database/migrations");
process.setSourceMapsEnabled(true);
const require = createRequire(import.meta.url);
const Module = require("node:module");
const file = path.join(directory, `${name}.dev.js`);
const program = new Module(file);
program.filename = file;
program.paths = Module._nodeModulePaths(directory);
program._compile(outputFiles[0].text, file);
