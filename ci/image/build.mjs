#!/usr/bin/env node
// Builds the CI image from this checkout: packs it, installs the package with npm, and has Docker make the image of that.
//
//   node ci/image/build.mjs --tag NAME:VERSION [options of docker build]
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.join(HERE, "..", "..");

const options = process.argv.slice(2);
if (!options.some((option) => /^(-t|--tag(=|$))/.test(option))) {
  console.error("usage: build.mjs --tag NAME:VERSION [options of docker build]");
  process.exit(2);
}
const folder = mkdtempSync(path.join(tmpdir(), "seatrial-image-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 143 })) {
  process.on(signal, () => process.exit(code));
}

const npm = ["--loglevel=error", "--no-audit", "--no-fund"];
const printed = run("npm", ["pack", "--json", "--pack-destination", folder, ...npm], ROOT);
const [{ filename }] = JSON.parse(printed.slice(printed.indexOf("[")));
writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true }));
run("npm", ["install", `./${filename}`, ...npm], folder);
copyFileSync(path.join(HERE, "Dockerfile"), path.join(folder, "Dockerfile"));
writeFileSync(path.join(folder, ".dockerignore"), "*\n!node_modules\n");
run("docker", ["build", ...options, folder], ROOT, "inherit");

function run(command, words, cwd, stdout = "pipe") {
  const done = spawnSync(command, words, { cwd, encoding: "utf8", stdio: ["ignore", stdout, "inherit"] });
  if (done.status === 0) return done.stdout;
  console.error(`error: ${command} ${words[0]} failed: ${done.error?.message ?? `exit code ${done.status}`}`);
  process.exit(1);
}
