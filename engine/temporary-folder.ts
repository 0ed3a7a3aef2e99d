/**
 * Folders below the system's temporary one, for sockets and the like. Their names tell whose they are, since a process
 * that is killed can't remove its own: whoever comes next does.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { currentProcess, processState } from "./process-identity";

/** Makes a folder, for its owner only; `purpose` is part of its name. It is short enough for a socket's path. */
export function temporaryFolder(purpose: "engine" | "pulumi" | "base" | "state"): string {
  removeStaleFolders();
  const { pid, start } = currentProcess();
  return mkdtempSync(join(tmpdir(), `seatrial-${purpose}-${pid}-${start ?? "0"}-${place()}-`));
}

/** Removes the folders of processes that are provably gone. */
export function removeStaleFolders(): void {
  const { boot, ns } = currentProcess();
  for (const name of entries()) {
    const [, pid, start, where] =
      /^seatrial-(?:engine|pulumi|base|state)-(\d+)-(\d+)-([0-9a-f]+)-\w+$/.exec(name) ?? [];
    if (!pid || !start || where !== place()) continue;
    const owner = { pid: Number(pid), start, ...(boot && ns ? { boot, ns } : {}) };
    if (processState(owner, { sameHost: true }) !== "gone") continue;
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // Another user's.
    }
  }
}

/** Stands for this boot and PID namespace: a temporary folder may be shared between containers. */
function place(): string {
  const { boot, ns } = currentProcess();
  return createHash("sha256").update(`${boot} ${ns}`).digest("hex").slice(0, 6);
}

function entries(): string[] {
  try {
    return readdirSync(tmpdir());
  } catch {
    return [];
  }
}
