#!/usr/bin/env node
// Builds the Pulumi CLI that go.mod pins, once, into the user's cache, and prints the folder that holds bin/pulumi.
// Progress goes to standard error. Node's own modules only.
//
//   node tools/pulumi/build.mjs             builds it where it isn't there
//   node tools/pulumi/build.mjs --cached    exits with 1 where it isn't there
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "../../scripts/base-images/lock.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
const HEARTBEAT_MS = 15_000;
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 };

const version = /^\s*github\.com\/pulumi\/pulumi\/pkg\/v3 v(\S+)/m.exec(
  readFileSync(path.join(HERE, "go.mod"), "utf8"),
)[1];
const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "seatrial");
const folder = path.join(cache, `pulumi-${version}`);

let running;
let stoppedBy;
for (const signal of Object.keys(CODES)) {
  process.on(signal, () => {
    stoppedBy = signal;
    running?.kill(signal);
  });
}

try {
  if (!isBuilt()) {
    if (process.argv[2] === "--cached") process.exit(1);
    // Two that begin at the same time would each take twice as long.
    await withLock("seatrial-pulumi-build", async () => {
      if (!isBuilt()) await build();
    });
  }
  console.log(folder);
} catch (error) {
  if (stoppedBy) process.exit(CODES[stoppedBy]);
  console.error(`error: the Pulumi CLI ${version} can't be built: ${error.message}`);
  process.exit(1);
}

function isBuilt() {
  return existsSync(path.join(folder, "bin", "pulumi"));
}

/** In a folder beside the one that it gets when it is complete: what is in the cache is never a part of it. */
async function build() {
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const staging = await mkdtemp(path.join(cache, `.pulumi-${version}-`));
  try {
    say(`building the Pulumi CLI ${version} with Go: about six minutes on two cores, and 4 GB in Go's caches, once`);
    const total = (await go(["list", "-mod=readonly", "-deps", PACKAGE])).split("\n").filter(Boolean).length;
    const flags = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-v"];
    const stamp = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`;
    const binary = path.join(staging, "bin", "pulumi");
    await go(["build", ...flags, "-ldflags", `-s -w ${stamp}`, "-o", binary, PACKAGE], total);
    await rename(staging, folder).catch((error) => {
      // Another machine's, where the cache is shared, was sooner.
      if (!isBuilt()) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Runs the Go command here. Of `total` packages it tells how many it has compiled. */
function go(args, total) {
  return new Promise((resolve, reject) => {
    const started = Date.now();
    const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" };
    running = spawn("go", args, { cwd: HERE, env, stdio: ["ignore", "pipe", "pipe"] });
    let [out, said, compiled] = ["", "", 0];
    const heartbeat = setInterval(() => {
      const seconds = Math.round((Date.now() - started) / 1000);
      const done = total ? `${compiled} of at most ${total} packages compiled` : "fetching the sources";
      say(`… ${done}, ${seconds} s`);
    }, HEARTBEAT_MS);
    running.stdout.on("data", (chunk) => (out += chunk));
    running.stderr.on("data", (chunk) => {
      said = (said + chunk).slice(-20_000);
      compiled += String(chunk).split("\n").filter(isPackage).length;
    });
    running.on("error", (error) => {
      clearInterval(heartbeat);
      const why = error.code === "ENOENT" ? "there is no go on PATH; https://go.dev has it" : error.message;
      reject(new Error(why));
    });
    running.on("close", (code, signal) => {
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

function say(line) {
  console.error(`[pulumi] ${line}`);
}
