#!/usr/bin/env node
// The conformance lane: the same programs on the embedded engine and on the Pulumi CLI.
//   npm run test:conformance -- [--pulumi PATH] [--verbose] [PROGRAM…]
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const bundle = path.join(ROOT, "dist", "conformance.js");
esbuild.buildSync({
  entryPoints: [path.join(ROOT, "tests", "conformance", "main.ts")],
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  packages: "external",
  sourcemap: true,
  logLevel: "error",
});
const { main } = createRequire(import.meta.url)(bundle);
process.exit(await main(process.argv.slice(2), ROOT, bundle));
