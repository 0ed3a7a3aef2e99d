// Builds a program that a go.mod beside it pins, once, into the user's cache. Progress goes to standard error. Node's
// own modules only.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { withLock } from "../scripts/base-images/lock.mjs";

const HEARTBEAT_MS = 15_000;
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 };

/**
 * Builds it where it isn't there, and prints the folder that holds `bin/<name>`. With `--cached` as the command's first
 * argument it exits with 1 where it isn't there.
 *
 * @param tool.directory where go.mod is
 * @param tool.name the program's, and what the cache's folder begins with
 * @param tool.title what a person is told is built
 * @param tool.module whose version in go.mod is the program's
 * @param tool.package what is compiled
 * @param tool.versionVariable the variable in Go that holds the version
 * @param tool.cost what it takes, for a person
 */
export async function buildWithGo(tool) {
  const { title, directory } = tool;
  const goMod = readFileSync(path.join(directory, "go.mod"), "utf8");
  const version = new RegExp(`^\\s*(?:require )?${escaped(tool.module)} v(\\S+)`, "m").exec(goMod)[1];
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "seatrial");
  const built = { ...tool, version, cache, folder: path.join(cache, `${tool.name}-${version}`) };

  const run = { running: undefined, stoppedBy: undefined };
  for (const signal of Object.keys(CODES)) {
    process.on(signal, () => {
      run.stoppedBy = signal;
      run.running?.kill(signal);
    });
  }
  try {
    if (!isBuilt(built)) {
      if (process.argv[2] === "--cached") process.exit(1);
      // Two that begin at the same time would each take twice as long.
      await withLock(`seatrial-${tool.name}-build`, async () => {
        if (!isBuilt(built)) await build(built, run);
      });
    }
    console.log(built.folder);
  } catch (error) {
    if (run.stoppedBy) process.exit(CODES[run.stoppedBy]);
    console.error(`error: ${title} ${version} can't be built: ${error.message}`);
    process.exit(1);
  }
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function isBuilt({ folder, name }) {
  return existsSync(path.join(folder, "bin", name));
}

/** In a folder beside the one that it gets when it is complete: what is in the cache is never a part of it. */
async function build(tool, run) {
  const { name, title, version, cache, folder, cost } = tool;
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const staging = await mkdtemp(path.join(cache, `.${name}-${version}-`));
  try {
    say(tool, `building ${title} ${version} with Go: ${cost}, once`);
    const total = (await go(tool, run, ["list", "-mod=readonly", "-deps", tool.package])).split("\n").filter(Boolean);
    const flags = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-v"];
    const stamp = `-s -w -X ${tool.versionVariable}=v${version}`;
    const binary = path.join(staging, "bin", name);
    await go(tool, run, ["build", ...flags, "-ldflags", stamp, "-o", binary, tool.package], total.length);
    await rename(staging, folder).catch((error) => {
      // Another machine's, where the cache is shared, was sooner.
      if (!isBuilt(tool)) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Runs the Go command beside the tool's go.mod. Of `total` packages it tells how many it has compiled. */
function go(tool, run, args, total) {
  return new Promise((resolve, reject) => {
    const started = Date.now();
    const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" };
    const child = (run.running = spawn("go", args, { cwd: tool.directory, env, stdio: ["ignore", "pipe", "pipe"] }));
    let [out, said, compiled] = ["", "", 0];
    const heartbeat = setInterval(() => {
      const seconds = Math.round((Date.now() - started) / 1000);
      const done = total ? `${compiled} of at most ${total} packages compiled` : "fetching the sources";
      say(tool, `… ${done}, ${seconds} s`);
    }, HEARTBEAT_MS);
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => {
      said = (said + chunk).slice(-20_000);
      compiled += String(chunk).split("\n").filter(isPackage).length;
    });
    child.on("error", (error) => {
      clearInterval(heartbeat);
      const why = error.code === "ENOENT" ? "there is no go on PATH; https://go.dev has it" : error.message;
      reject(new Error(why));
    });
    child.on("close", (code, signal) => {
      clearInterval(heartbeat);
      if (code === 0) return resolve(out);
      const lines = said.trim().split("\n");
      const last = lines.filter((line) => !isPackage(line)).slice(-3);
      reject(
        new Error(`go ${args[0]} ${signal ? `was ended by ${signal}` : `exited with ${code}`}: ${last.join("; ")}`),
      );
    });
  });
}

/** With -v Go names each package that it compiles on a line of its own. */
function isPackage(line) {
  return /^[\w.\-/]+$/.test(line);
}

function say({ name }, line) {
  console.error(`[${name}] ${line}`);
}
