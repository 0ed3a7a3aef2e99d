import { rmSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Runs `work` while no other process of this machine runs work under the same name; waits for its turn. */
export async function withLock(name, work) {
  const directory = path.join(os.tmpdir(), `${name}.lock`);
  while (!(await acquired(directory))) {
    if (await isStale(directory)) await rm(directory, { recursive: true, force: true });
    else await sleep(100);
  }
  const release = () => rmSync(directory, { recursive: true, force: true });
  // For a process that a signal ends; one that is killed leaves a lock that the next finds stale.
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

// Making a directory is atomic everywhere, which making a file with contents isn't.
async function acquired(directory) {
  try {
    await mkdir(directory);
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  await writeFile(path.join(directory, "pid"), String(process.pid));
  return true;
}

// Left by a process that was killed. One that has no pid yet is being made, unless that was seconds ago.
async function isStale(directory) {
  try {
    const pid = Number(await readFile(path.join(directory, "pid"), "utf8"));
    if (pid > 0) return !isAlive(pid);
    return false;
  } catch {
    const made = await stat(directory).catch(() => undefined);
    return made !== undefined && Date.now() - made.mtimeMs > 5000;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
