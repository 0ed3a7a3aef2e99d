// The packages of this checkout, as package-lock.json has them.
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../base-images/run.mjs";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

export async function setUpPackages(say) {
  if (areThere()) return "there";
  say("installing them, which takes about half a minute the first time");
  const npm = (...args) =>
    run("npm", [...args, "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: ROOT });
  try {
    await npm("ci");
  } catch (error) {
    // The lock file can't be blamed on the checkout alone: npm ci also calls it out of step where the registry lacks
    // some package for another platform. What the lock file names is installed all the same.
    if (!/EUSAGE|in sync/.test(error.message)) throw error;
    say("npm ci refuses the lock file; trying npm install, which keeps to it as far as it goes");
    await npm("install", "--no-save");
  }
  return "installed";
}

/**
 * npm writes a lock file of its own into node_modules when it is through. One that is older than ours may still say the
 * same, as after a checkout into which a CI system has put the node_modules of an earlier job.
 */
function areThere() {
  const installed = path.join(ROOT, "node_modules", ".package-lock.json");
  const wanted = path.join(ROOT, "package-lock.json");
  if (!existsSync(installed)) return false;
  return statSync(installed).mtimeMs >= statSync(wanted).mtimeMs || holdsAll(versions(installed), versions(wanted));
}

function versions(lockFile) {
  const { packages } = JSON.parse(readFileSync(lockFile, "utf8"));
  // Of packages that aren't for every platform only one's own are installed.
  return Object.entries(packages).filter(([place, { optional }]) => place !== "" && !optional);
}

function holdsAll(installed, wanted) {
  const there = new Map(installed);
  return wanted.every(([place, { version }]) => there.get(place)?.version === version);
}
