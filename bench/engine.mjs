#!/usr/bin/env node
// What the embedded engine costs by the resource: 100, 1,000 and 10,000 commands that do nothing, made and destroyed,
// each as the whole command that a user types. Fails where the cost doesn't grow in a straight line, where the memory
// isn't bounded, or where the Pulumi CLI with the same program isn't at least five times slower.
//
//   npm run bench:engine
import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const SEATRIAL = path.join(ROOT, "bin", "seatrial");
/** Ten times the resources may cost so much more. */
const AT_MOST = 12;
/** The CLI takes at least so many times as long. */
const FASTER = 5;
/** The heap that 10,000 resources have to do with, in MiB; nearly all of it is the SDK's: hundreds of promises for each. */
const HEAP_LIMIT = 2560;
/** Resources, and how often each is measured. The rounds are interleaved, so that a busy moment hits all of them. */
const SIZES = [
  { count: 100, rounds: 5 },
  { count: 1_000, rounds: 3 },
  { count: 10_000, rounds: 2 },
];
const COMPARED = 1_000;

const folder = mkdtempSync(path.join(tmpdir(), "seatrial-bench-"));
let child;
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
  process.on(signal, () => {
    child?.kill(signal);
    process.exit(code);
  });
}
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

writeFileSync(path.join(folder, "Pulumi.yaml"), "name: bench\nruntime: nodejs\n");
writeFileSync(path.join(folder, "package.json"), "{}\n");
writeFileSync(
  path.join(folder, "index.js"),
  `const { local } = require("@pulumi/command");
for (let n = 0; n < Number(process.env.BENCH_COUNT); n++) new local.Command("command-" + n, { create: ":" });
`,
);
symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));

await main();

async function main() {
  console.log(`the embedded engine, ${cpus().length} CPUs, Node ${process.version}, at most ${HEAP_LIMIT} MiB of heap`);
  // The first run builds the bundle and fills the disk's cache.
  await measure(seatrial, 10);
  const measured = new Map(SIZES.map(({ count }) => [count, []]));
  let cli = await findCli();
  for (let round = 0; SIZES.some(({ rounds }) => round < rounds); round++) {
    for (const { count, rounds } of SIZES) {
      if (round >= rounds) continue;
      const result = await measure(seatrial, count);
      measured.get(count).push(result);
      console.log(line(`${count}, round ${round + 1}`, result));
    }
    // Once is enough of what takes a hundred times as long as the difference that is asked for.
    if (round === 0 && cli.run) cli = { ...cli, result: await measure(cli.run, COMPARED) };
  }

  console.log("\nmedians, seconds");
  const medians = new Map();
  for (const [count, results] of measured) {
    const of = (key) => median(results.map((result) => result[key]));
    const summary = { up: of("up"), destroy: of("destroy"), peak: Math.max(...results.map(({ peak }) => peak)) };
    medians.set(count, total(summary));
    console.log(line(`${count}`, summary));
  }
  if (cli.result) console.log(line(`${COMPARED}, ${cli.name}`, cli.result));

  console.log("");
  const failures = [];
  const check = (what, value, good) => {
    console.log(`${good ? "✓" : "✗"} ${what}: ${value.toFixed(1)}`);
    if (!good) failures.push(what);
  };
  for (const [few, many] of [
    [100, 1_000],
    [1_000, 10_000],
  ]) {
    const ratio = medians.get(many) / medians.get(few);
    check(`time(${many}) / time(${few}), at most ${AT_MOST}`, ratio, ratio <= AT_MOST);
  }
  if (cli.result) {
    const ratio = total(cli.result) / medians.get(COMPARED);
    check(`time(${cli.name}) / time(embedded engine) at ${COMPARED}, at least ${FASTER}`, ratio, ratio >= FASTER);
  } else {
    console.log(`- not compared with the Pulumi CLI: ${cli.reason}`);
  }
  process.exitCode = failures.length > 0 ? 1 : 0;
}

/** Seconds of `up` and of `destroy`, and the most memory that either took, in MiB. */
async function measure(run, count) {
  const backend = mkdtempSync(path.join(folder, "state-"));
  const env = {
    BENCH_COUNT: String(count),
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: "bench",
  };
  const up = await run("up", env);
  expectCount(backend, count);
  const destroy = await run("destroy", env);
  expectCount(backend, 0);
  rmSync(backend, { recursive: true });
  return { up: up.seconds, destroy: destroy.seconds, peak: Math.max(up.peak, destroy.peak) };
}

/** What was measured was done. */
function expectCount(backend, count) {
  const file = path.join(backend, ".pulumi", "stacks", "bench", "bench.json");
  const resources = JSON.parse(readFileSync(file, "utf8")).checkpoint.latest?.resources ?? [];
  const found = resources.filter(({ type }) => type === "command:local:Command").length;
  if (found !== count) throw new Error(`${found} commands are in the state, ${count} were expected`);
}

async function seatrial(operation, env) {
  const peakFile = path.join(folder, "peak");
  const flags = [`--max-old-space-size=${HEAP_LIMIT}`, "--require", path.join(ROOT, "bench", "peak-memory.cjs")];
  const seconds = await time(process.execPath, [...flags, SEATRIAL, operation, "--stack", "bench"], {
    ...env,
    BENCH_PEAK_FILE: peakFile,
  });
  return { seconds, peak: Number(readFileSync(peakFile, "utf8")) / 2 ** 20 };
}

/** The Pulumi CLI as it is, where it and its language host are installed; else as `--engine pulumi` finds or builds it. */
async function findCli() {
  const isOnPath = (program) =>
    (process.env.PATH ?? "").split(path.delimiter).some((directory) => isExecutable(path.join(directory, program)));
  if (isOnPath("pulumi") && isOnPath("pulumi-language-nodejs")) {
    return { name: "pulumi", run: plainCli };
  }
  const viaSeatrial = async (operation, env) => ({
    seconds: await time(process.execPath, [SEATRIAL, "--engine", "pulumi", operation, "--stack", "bench"], env),
    peak: Number.NaN,
  });
  try {
    await measure(viaSeatrial, 1);
    return { name: "seatrial --engine pulumi", run: viaSeatrial };
  } catch (error) {
    return { reason: error.message };
  }
}

async function plainCli(operation, env) {
  if (operation === "up") await time("pulumi", ["stack", "init", "bench", "--non-interactive"], env);
  const seconds = await time("pulumi", [operation, "--stack", "bench", "--yes", "--skip-preview"], env);
  return { seconds, peak: Number.NaN };
}

/** Seconds that a command takes. Rejects with the last that it said where it fails. */
function time(program, args, env) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    let output = "";
    const take = (chunk) => (output = (output + chunk).slice(-10_000));
    child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) return resolve(Number(process.hrtime.bigint() - started) / 1e9);
      const said = output.trim().split("\n");
      const reason = said.find((text) => text.startsWith("error: ")) ?? said.at(-1);
      reject(new Error(`${path.basename(program)} ${args.join(" ")} exited with ${code}: ${reason}`));
    });
  });
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function total({ up, destroy }) {
  return up + destroy;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function line(title, { up, destroy, peak }) {
  const memory = Number.isNaN(peak) ? "" : `   peak ${peak.toFixed(0)} MiB`;
  const figure = (seconds) => seconds.toFixed(2).padStart(8);
  return `${title.padEnd(32)} up ${figure(up)}   destroy ${figure(destroy)}${memory}`;
}
