import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, rmdir, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { UserError } from "../engine/api";
import { isStatus } from "./containers";
import { extractTar, type Extraction } from "./extract";
import { comparisonFile, noteFile } from "./note-files";

/** A folder with this file in it was made by a run and may be replaced by the next. */
const mark = ".seatrial-artifacts";

/** What a run itself writes into the folder; files of the tests of the same name get `tests-` before it. */
const reserved = new Set([
  "result.json",
  "events.jsonl",
  "logs",
  "stack.json",
  "report",
  "attempts",
  comparisonFile,
  noteFile,
  mark,
]);

/** What other commands write into the folder before a run or after it; a run keeps the former. */
const beside = [comparisonFile, noteFile];

/** The folder that a run leaves its results in, and the one beside it in which they are put together. */
export interface ResultsFolder {
  /** Absolute. */
  target: string;
  staging: string;
  /** What `result.json` in the target was before this run. */
  earlier?: Buffer;
}

/** Where results go: as asked for, else where the caller's environment says, else inside the project. */
export function resultsTarget(options: { artifacts?: string; env: NodeJS.ProcessEnv; projectRoot: string }): string {
  return resolve(options.artifacts ?? (options.env.ARTIFACTS_DIR || join(options.projectRoot, "build", "tests")));
}

/**
 * Makes the staging folder, and takes the last run's verdict out of the target, so that nobody takes it for this
 * one's. Throws a {@link UserError} where it can't be written.
 */
export async function openResults(target: string): Promise<ResultsFolder> {
  const staging = join(dirname(target), `.${basename(target)}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(staging, { recursive: true, mode: 0o700 });
    await writeFile(join(staging, mark), "Made by seatrial; the next run replaces this folder.\n", { mode: 0o600 });
    if (!existsSync(join(target, mark))) return { target, staging };
    const earlier = await readFile(join(target, "result.json")).catch(() => undefined);
    await keepReport(target, staging);
    await rm(join(target, "result.json"), { force: true });
    return { target, staging, ...(earlier ? { earlier } : {}) };
  } catch (error) {
    throw new UserError(`can't write the results folder ${target}: ${(error as Error).message}`);
  }
}

/** The last run's report goes, but what this one's compares itself with. */
async function keepReport(target: string, staging: string): Promise<void> {
  const [report, kept] = [join(target, "report"), join(staging, "report")];
  if (!existsSync(report)) return;
  await mkdir(kept, { mode: 0o700 });
  const name = existsSync(join(report, "report.json")) ? "report.json" : "previous.json";
  await copyFile(join(report, name), join(kept, "previous.json")).catch(() => undefined);
  for (const file of ["index.html", "report.json"]) await rm(join(report, file), { force: true });
}

/**
 * Copies the container's folder into the staging folder.
 *
 * @returns what came out; `undefined` if the container has no such folder
 */
export async function copyArtifacts(
  docker: Docker,
  container: string,
  path: string,
  results: ResultsFolder,
): Promise<Extraction | undefined> {
  let archive: Readable;
  try {
    archive = (await docker.getContainer(container).getArchive({ path })) as Readable;
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
  // The archive's names start with the folder's own.
  return await extractTar(archive, results.staging, {
    strip: 1,
    rename: (name) => (reserved.has(name) ? `tests-${name}` : name),
  });
}

/**
 * Puts the staged results in place of the last run's. A folder that holds something and wasn't made by a run is never
 * replaced: the files are written into it one by one.
 */
export async function publishResults({ target, staging }: ResultsFolder): Promise<void> {
  const present = await readdir(target).catch(() => undefined);
  const replaceable = present?.includes(mark) || (present ?? []).every((name) => beside.includes(name));
  if (replaceable) {
    await copyFile(join(target, comparisonFile), join(staging, comparisonFile)).catch(() => undefined);
    const old = `${staging}-old`;
    try {
      if (present) await rename(target, old);
      await rename(staging, target);
      await rm(old, { recursive: true, force: true });
      return;
    } catch {
      // A mount point can't be renamed: its content is replaced instead.
      if (!existsSync(target) && existsSync(old)) await rename(old, target);
      for (const name of await readdir(target).catch(() => [])) {
        await rm(join(target, name), { recursive: true, force: true });
      }
    }
  } else {
    await unlink(join(staging, mark));
  }
  await moveInto(staging, target);
}

/** Puts back what was there before, for a run that is left out. */
export async function restoreResults({ target, earlier }: ResultsFolder): Promise<void> {
  if (earlier) await writeFile(join(target, "result.json"), earlier, { mode: 0o600 });
}

/** Removes what a run that never got to results has begun. */
export async function discardResults({ staging }: ResultsFolder): Promise<void> {
  await rm(staging, { recursive: true, force: true });
}

async function moveInto(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    let target = join(to, entry.name);
    if (entry.isDirectory()) {
      await moveInto(source, target);
    } else {
      // Not through a link that stands where the file goes; and a folder of that name isn't ours to remove.
      const isFolder = await unlink(target).then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
      );
      if (isFolder) target = `${target}.file`;
      await rename(source, target).catch(async () => {
        await copyFile(source, target);
        await unlink(source);
      });
    }
  }
  await rmdir(from);
}
