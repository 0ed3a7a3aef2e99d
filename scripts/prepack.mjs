// What npm runs before it packs: puts into dist/ what the package holds instead of the sources. The command line as in a
// checkout (cli/build.cjs), what programs import as `seatrial` and `seatrial/testing`, and the types of both.
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setUpOrExit } from "./setup.mjs";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

/** What can be imported, by the name of its file in dist/. */
const LIBRARIES = { index: "components/index.ts", testing: "testing/index.ts" };

await setUpOrExit(["packages"]);
rmSync(path.join(ROOT, "dist"), { recursive: true, force: true });
require("../cli/build.cjs").build();
const libraries = Object.entries(LIBRARIES).filter(([, source]) => existsSync(path.join(ROOT, source)));
require("esbuild").buildSync({
  ...{ absWorkingDir: ROOT, entryPoints: Object.fromEntries(libraries), outdir: "dist", logLevel: "error" },
  // Packages stay outside: a program's resources have to be those of its own @pulumi/pulumi.
  ...{ bundle: true, platform: "node", format: "cjs", target: "node20", packages: "external" },
});
writeTypes(libraries.map(([, source]) => source));

function writeTypes(sources) {
  const ts = require("typescript");
  const { config } = ts.readConfigFile(path.join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: sources }, ts.sys, ROOT);
  const program = ts.createProgram(
    sources.map((source) => path.join(ROOT, source)),
    {
      ...options,
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: ROOT,
      outDir: path.join(ROOT, "dist/types"),
    },
  );
  const { diagnostics } = program.emit();
  const found = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (found.length === 0) return;
  const host = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => ROOT, getNewLine: () => "\n" };
  process.stderr.write(ts.formatDiagnostics(found, host));
  process.exit(1);
}
