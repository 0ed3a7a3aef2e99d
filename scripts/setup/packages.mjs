// The packages of this checkout, as package-lock.json has them.
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./report.mjs";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

export async function setUpPackages(say) {
  if (areThere()) return "there";
  say("npm ci, which takes about half a minute the first time");
  await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: ROOT });
  return "installed";
}

/** npm writes a lock file of its own into node_modules when it is through; one that is older than ours is out of date. */
function areThere() {
  const installed = path.join(ROOT, "node_modules", ".package-lock.json");
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(path.join(ROOT, "package-lock.json")).mtimeMs;
}
