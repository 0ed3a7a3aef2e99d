#!/usr/bin/env node
// The conformance lane: the same programs on the embedded engine and on the Pulumi CLI. The CLI is that of PATH (or
// --pulumi FILE), else the one that was built before; with --build it is built with Go where there is none. The official
// command provider is taken from beside it or from PATH; no registry has it, so that where it is missing the CLI is lent
// ours and the engines alone are compared.
//   npm run test:conformance -- [--build] [--pulumi FILE] [--verbose] [--workers N] [--recordings DIR] [PROGRAM…]
//   npm run test:conformance -- --write-docs
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setUpOrExit } from "./setup.mjs";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const args = process.argv.slice(2);
const mayBuild = take("--build") !== undefined;
const named = takeValue("--pulumi");
await setUpOrExit(["packages"]);
const bundle = path.join(ROOT, "dist", "conformance.js");
bundleLane();
const plugins = mkdtempSync(path.join(os.tmpdir(), "conformance-plugins-"));
try {
  const cli = args.includes("--write-docs") ? undefined : findCli();
  const { main } = createRequire(import.meta.url)(bundle);
  process.exitCode = await main(args, { root: ROOT, bundle, cli });
} finally {
  rmSync(plugins, { recursive: true, force: true });
}
process.exit();

function take(flag) {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args.splice(at, 1)[0];
}

function takeValue(flag) {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : path.resolve(args.splice(at, 2)[1]);
}

function bundleLane() {
  const esbuild = createRequire(import.meta.url)("esbuild");
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
}

/** The CLI, and a folder with the plugins it is to use; where there is none, a line says what is left out. */
function findCli() {
  const pulumi = named ?? onPath("pulumi") ?? built("--cached") ?? (mayBuild ? built() : undefined);
  if (!pulumi) {
    console.log("skipped: the comparison with the Pulumi CLI: there is none on PATH; --build builds it with Go");
    if (mayBuild) process.exit(1);
    return undefined;
  }
  const provider = beside(pulumi, "pulumi-resource-command") ?? onPath("pulumi-resource-command");
  if (provider) symlinkSync(provider, path.join(plugins, "pulumi-resource-command"));
  else
    writeScript("pulumi-resource-command", [path.join(ROOT, "bin", "seatrial"), "plugins", "serve", "command", "--"]);
  const dynamic = createRequire(path.join(ROOT, "package.json")).resolve("@pulumi/pulumi/cmd/dynamic-provider");
  writeScript("pulumi-resource-pulumi-nodejs", [dynamic]);
  const lent = provider ? "" : " and Seatrial's own command provider, since the official one is not on PATH";
  console.log(`comparing with ${pulumi}${lent}; docker resources are left out: recordings are compared for them`);
  return { pulumi, plugins, lent: !provider };
}

function onPath(name) {
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter(Boolean);
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

function built(...flags) {
  const builder = path.join(ROOT, "tools", "pulumi", "build.mjs");
  const { status, stdout } = spawnSync(process.execPath, [builder, ...flags], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return status === 0 ? path.join(stdout.trim(), "bin", "pulumi") : undefined;
}

function beside(file, name) {
  const other = path.join(path.dirname(file), name);
  return existsSync(other) ? other : undefined;
}

/** A plugin that Node runs. */
function writeScript(name, words) {
  const file = path.join(plugins, name);
  const command = [process.execPath, ...words].map((word) => `'${word}'`).join(" ");
  writeFileSync(file, `#!/bin/sh\nexec ${command} "$@"\n`);
  chmodSync(file, 0o755);
}
