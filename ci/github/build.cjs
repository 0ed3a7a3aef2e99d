// The action is run as it is in the repository, so its bundle is in there too: node ci/github/build.cjs writes it anew.
"use strict";
const { mkdirSync, writeFileSync } = require("node:fs");
const { basename, dirname } = require("node:path");

/** The files of the bundle and what is in them. */
function bundle() {
  const { outputFiles } = require("esbuild").buildSync({
    ...{ absWorkingDir: __dirname, entryPoints: ["main.ts", "post.ts"], outdir: "dist", write: false },
    ...{ bundle: true, platform: "node", format: "cjs", target: "node20", logLevel: "error" },
    banner: { js: "// Made from the TypeScript beside this folder by build.cjs." },
  });
  return outputFiles.map(({ path, text }) => ({ path, name: basename(path), text }));
}

module.exports = { bundle };
if (require.main === module) {
  for (const { path, text } of bundle()) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
