#!/usr/bin/env node
// The project's tests: set-up, then types, lint, format, directions of imports, and Jest. With arguments only Jest runs,
// and gets them: npm test -- tests/components
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setUpOrExit } from "./setup.mjs";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const SOURCES = ["components", "engine", "providers", "run", "report", "ci", "cli", "testing", "index.ts"];
const CHECKS = [
  { name: "types", tool: "tsc", args: ["--noEmit", "-p", "."] },
  { name: "types of the page", tool: "tsc", args: ["--noEmit", "-p", "report/page"] },
  { name: "lint", tool: "eslint", args: ["."] },
  { name: "format", tool: "prettier", args: ["--check", "--log-level", "warn", "."] },
  { name: "imports", tool: "depcruise", args: ["--config", ".dependency-cruiser.cjs", ...SOURCES] },
];

/** The running tool, which a signal that only reaches this process is passed on to. */
let child;
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 };
let interrupted;

function run(tool, args) {
  return new Promise((resolve) => {
    child = spawn(path.join(ROOT, "node_modules", ".bin", tool), args, { cwd: ROOT, stdio: "inherit" });
    child.on("error", (error) => {
      console.error(`error: ${tool} can't be run: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
}

const jestArguments = process.argv.slice(2);
await setUpOrExit(["packages", "engine", "images"]);
for (const signal of Object.keys(CODES)) {
  process.on(signal, () => {
    interrupted ??= signal;
    child?.kill(signal);
  });
}

const failed = [];
if (jestArguments.length === 0) {
  for (const { name, tool, args } of CHECKS) {
    const started = Date.now();
    const code = await run(tool, args);
    if (interrupted) process.exit(CODES[interrupted]);
    console.log(`[test] ${code === 0 ? "✓" : "✗"} ${name} (${((Date.now() - started) / 1000).toFixed(1)}s)`);
    if (code !== 0) failed.push(name);
  }
}
const code = await run("jest", jestArguments);
if (interrupted) process.exit(CODES[interrupted]);
if (failed.length > 0) console.error(`error: ${failed.join(", ")} failed, see above`);
process.exit(code === 0 && failed.length > 0 ? 1 : code);
