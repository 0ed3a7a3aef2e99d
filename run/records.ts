import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Project } from "../engine/api";
import type { Owner } from "./owner";

/** What a checkout remembers of a run that has begun and not been cleaned up, in `.seatrial/runs/<stack>.json`. */
export interface RunRecord {
  stack: string;
  run: string;
  /** The stack was left on purpose. */
  kept: boolean;
  /** ISO 8601. */
  startedAt: string;
  /** The commit that its images are of. */
  commit?: string;
  /** The CI job that began it. */
  job?: string;
  /** The process that it belongs to; absent for one that was kept. */
  owner?: Owner;
  /** Of `--config-file`. */
  configFile?: string;
}

/** Remembers the run. A checkout that can't be written is no reason not to run. */
export function writeRecord(project: Project, record: RunRecord): void {
  try {
    const folder = recordsFolder(project);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `${record.stack}.json`);
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // Only convenience is lost: the stack has to be named.
  }
}

/** Forgets the run: it has been cleaned up. */
export function removeRecord(project: Project, stack: string): void {
  try {
    rmSync(join(recordsFolder(project), `${stack}.json`), { force: true });
  } catch {
    // As above.
  }
}

/** The runs that are remembered, the newest first. */
export function readRecords(project: Project): RunRecord[] {
  const records: RunRecord[] = [];
  try {
    for (const name of readdirSync(recordsFolder(project))) {
      if (!name.endsWith(".json")) continue;
      const record = JSON.parse(readFileSync(join(recordsFolder(project), name), "utf8")) as RunRecord;
      if (typeof record.stack === "string" && typeof record.startedAt === "string") records.push(record);
    }
  } catch {
    // None, or one that another process has just removed.
  }
  return records.sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
}

function recordsFolder(project: Project): string {
  return join(project.root, ".seatrial", "runs");
}
