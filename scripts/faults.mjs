#!/usr/bin/env node
// The fault lane: what goes wrong around a run, made to go wrong, and a table of what came of it. It takes root on
// Linux, for Docker Engines of its own. SEATRIAL_SEED repeats a lane; otherwise the day gives the seed.
//   npm run test:faults -- [--share 0.1] [--only kill,signals] [--write-docs]
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setUpOrExit } from "./setup.mjs";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const OUTCOMES = path.join(ROOT, "build", "faults");
const TESTS = path.join(ROOT, "tests", "faults");
const DOCS = path.join(ROOT, "docs", "reliability.md");
/** As the page has them. */
const ORDER = readdirSync(TESTS)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => name.replace(".test.ts", ""));

const options = readOptions();
const seed = process.env.SEATRIAL_SEED || new Date().toISOString().slice(0, 10).replaceAll("-", "");
await setUpOrExit(["packages", "engine", "images"]);
mkdirSync(OUTCOMES, { recursive: true });
for (const name of options.faults) rmSync(path.join(OUTCOMES, `${name}.json`), { force: true });
console.log(`faults: ${options.faults.join(", ")}; a share of ${options.share}; SEATRIAL_SEED=${seed}`);
const workshop = makeWorkshop();
const code = await runJest();
removeWorkshop();
const outcomes = readOutcomes().filter(({ name }) => options.faults.includes(name));
printTable(outcomes);
const missing = options.faults.filter((name) => !outcomes.some((outcome) => outcome.name === name));
if (missing.length > 0) console.error(`error: no outcome of ${missing.join(", ")}: see above`);
if (options.writeDocs) writeDocs();
process.exit(code === 0 && missing.length > 0 ? 1 : code);

function readOptions() {
  try {
    const { values } = parseArgs({
      options: { share: { type: "string" }, only: { type: "string" }, "write-docs": { type: "boolean" } },
    });
    const share = Number(values.share ?? 1);
    if (!(share > 0 && share <= 1)) throw new Error("--share takes a number above 0 and up to 1");
    const faults = values.only?.split(",") ?? ORDER;
    const unknown = faults.find((name) => !ORDER.includes(name));
    if (unknown) throw new Error(`there is no fault "${unknown}": ${ORDER.join(", ")} are there`);
    return { share, faults, writeDocs: values["write-docs"] ?? false };
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exit(2);
  }
}

/** A folder for all that the tries make, on a file system that a Docker Engine can work on. */
function makeWorkshop() {
  const info = spawnSync("docker", ["info", "--format", "{{.DockerRootDir}}"], { encoding: "utf8" });
  return mkdtempSync(path.join(path.dirname(info.stdout.trim()), "seatrial-faults-"));
}

/** Tests that were ended by a signal leave their engines; what those hold would outlive them. */
function removeWorkshop() {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`).startsWith(`${workshop}/`)) process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
  const engines = readdirSync(workshop).map((name) => path.join(workshop, name));
  for (const engine of engines.filter((folder) => existsSync(path.join(folder, "pid")))) {
    const docker = (...args) =>
      spawnSync("docker", ["-H", `unix://${engine}/docker.sock`, ...args], { encoding: "utf8" }).stdout;
    docker("rm", "-f", "-v", ...docker("ps", "-aq").split("\n").filter(Boolean));
    docker("network", "prune", "-f");
    const pid = Number(readFileSync(path.join(engine, "pid"), "utf8"));
    try {
      process.kill(pid, "SIGTERM");
      while (process.kill(pid, 0)) execFileSync("sleep", ["0.1"]);
    } catch {
      // It has ended.
    }
  }
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  for (const mount of mounts.map((line) => line.split(" ")[1] ?? "").reverse()) {
    if (mount.startsWith(`${workshop}/`)) spawnSync("umount", ["-l", mount]);
  }
  rmSync(workshop, { recursive: true, force: true });
}

function runJest() {
  return new Promise((resolve) => {
    const files = options.faults.map((name) => path.join(TESTS, `${name}.test.ts`));
    const args = ["--config", path.join(ROOT, "jest.faults.config.js"), "--runTestsByPath", ...files];
    const jest = spawn(path.join(ROOT, "node_modules", ".bin", "jest"), args, {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, SEATRIAL_SEED: seed, SEATRIAL_FAULTS_SHARE: String(options.share), TMPDIR: workshop },
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => jest.kill(signal));
    jest.on("close", (status) => resolve(status ?? 1));
  });
}

function readOutcomes() {
  return ORDER.map((name) => path.join(OUTCOMES, `${name}.json`))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, "utf8")));
}

function printTable(rows) {
  const lines = [
    ["fault", "tried", "right", "seed", "time"],
    ...rows.map(({ name, tried, right, seed: of, seconds }) => [name, tried, right, of, `${seconds} s`]),
  ].map((line) => line.map(String));
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines) {
    console.log(line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
  }
  for (const { name, notes } of rows) for (const note of notes) console.log(`${name}: ${note}`);
}

/** From what was really run last, each fault in its own time: rows of those that are not run now stay. */
function writeDocs() {
  const before = existsSync(DOCS) ? readFileSync(DOCS, "utf8").split("\n") : [];
  const outcomesByName = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  const cells = ORDER.flatMap((name) => {
    const start = `| \`${name}\` | `;
    const outcome = outcomesByName.get(name);
    if (!outcome) return before.filter((line) => line.startsWith(start));
    const { what, holds, tried, right, seed: of, when, seconds, notes } = outcome;
    const seen = notes.length > 0 ? `${holds}. Seen: ${notes.join("; ")}` : holds;
    return [`${start}${what} | ${seen} | ${tried} | ${right} | ${of} | ${when.slice(0, 10)} | ${seconds} s |`];
  });
  const text = `# Reliability

What must hold when something goes wrong, and how often it was made to go wrong. This page is written by the lane that
does it, from what was really run:

\`\`\`
npm run test:faults -- --write-docs
\`\`\`

It takes root on Linux: it starts Docker Engines of its own, which it restarts, fills up and puts a bad proxy in front
of, and which must be empty at the end. \`--only NAME,…\` runs some of the faults, \`--share 0.1\` a tenth of the tries,
which is what CI does. \`SEATRIAL_SEED=N\` repeats the tries of a row: the moments and the inputs are the same, though
not what the machine makes of them. A try that hangs is a failure.

| name | fault | what holds | tried | right | seed | on | took |
| --- | --- | --- | ---: | ---: | ---: | --- | ---: |
${cells.join("\n")}

The machine had ${os.cpus().length} cores. The system under test is a small one, [a service and its tests](../tests/faults/program/index.js);
\`npm run test:long\` does some of the same to the example system.
`;
  writeFileSync(DOCS, text);
}
