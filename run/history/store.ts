import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { JunitCase } from "../../report/junit";
import { readJunitFiles } from "../junit-files";
import { pathKind } from "../plain-path";

const names = z.array(z.string().max(1000)).max(100_000);

/** One finished run, as the history keeps it. */
const historyRecord = z.object({
  version: z.literal(1),
  project: z.string().max(1000),
  run: z.string().max(100),
  /** The full hash; absent where nobody knows it. */
  commit: z.string().max(100).optional(),
  /** The checkout held changes that are not in the commit. */
  dirty: z.boolean().optional(),
  branch: z.string().max(1000).optional(),
  /** A digest of the images and input files that were tried. */
  inputs: z.string().max(100).optional(),
  /** ISO 8601. */
  finishedAt: z.iso.datetime(),
  /** Names by how the tests ended. */
  tests: z.object({ passed: names, failed: names, skipped: names }),
  /** Of those: failed at first and passed when tried again. */
  flaky: names.optional(),
});

export type HistoryRecord = z.infer<typeof historyRecord>;

/** How much is kept and looked at: the newest runs, and bytes. */
const limits = { runs: 100, file: 10_000_000, all: 50_000_000 };

/** Where a project's history is: as asked for, else as the caller's environment says, else in the project. */
export function historyFolder(options: { history?: string; env: NodeJS.ProcessEnv; projectRoot: string }): string {
  return resolve(
    options.history ?? (options.env.SEATRIAL_HISTORY || join(options.projectRoot, ".seatrial", "history")),
  );
}

/** A run's outcomes by name; where a name occurs twice, the worse one counts. */
export function outcomes(cases: JunitCase[]): HistoryRecord["tests"] {
  const worst = new Map<string, JunitCase["outcome"]>();
  for (const { name, outcome } of cases) {
    const before = worst.get(name);
    if (!before || outcome === "failed" || (outcome === "passed" && before === "skipped")) worst.set(name, outcome);
  }
  const of = (wanted: string) => [...worst].filter(([, outcome]) => outcome === wanted).map(([name]) => name);
  return { passed: of("passed"), failed: of("failed"), skipped: of("skipped") };
}

/**
 * Reads the runs of a project that the folder knows, the newest first: records, and folders of past runs' artifacts.
 * What can't be read counts for nothing, as nobody vouches for a cache.
 */
export async function readHistory(folder: string, project: string): Promise<HistoryRecord[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  // Their names begin with the time.
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith(".json")).map(({ name }) => name);
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const records: HistoryRecord[] = [];
  let room = limits.all;
  const take = async (read: () => Promise<HistoryRecord | undefined>) => {
    const record = await read().catch(() => undefined);
    if (record?.project === project) records.push(record);
  };
  for (const name of files.sort().reverse().slice(0, limits.runs)) {
    const path = join(folder, name);
    const { size } = await lstat(path).catch(() => ({ size: Infinity }));
    if (size > limits.file || (room -= size) < 0) continue;
    await take(async () => historyRecord.parse(JSON.parse(await readFile(path, "utf8"))));
  }
  for (const name of folders.sort().reverse().slice(0, limits.runs))
    await take(() => readArtifacts(join(folder, name)));
  const known = new Map(records.map((record) => [record.run, record]));
  return [...known.values()].sort((a, b) => (a.finishedAt < b.finishedAt ? 1 : -1)).slice(0, limits.runs);
}

/** Adds a run, and lets the oldest go. */
export async function writeHistory(folder: string, record: HistoryRecord): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${record.finishedAt.replace(/[^0-9TZ]/g, "")}-${record.run}.json`);
  const temporary = join(folder, `.${randomBytes(4).toString("hex")}.tmp`);
  await writeFile(temporary, JSON.stringify(record), { mode: 0o600 });
  await rename(temporary, file);
  const ours = (await readdir(folder))
    .filter((name) => /^\d{8}T\d{9}Z-[a-z2-7]+\.json$/.test(name))
    .sort()
    .reverse();
  let room = limits.all;
  for (const [n, name] of ours.entries()) {
    room -= (await lstat(join(folder, name)).catch(() => ({ size: 0 }))).size;
    if (n >= limits.runs || (room < 0 && n > 0)) await rm(join(folder, name), { force: true });
  }
}

const pastResult = z.object({
  project: z.string(),
  run: z.string(),
  commit: z.string().optional(),
  dirty: z.boolean().optional(),
  finishedAt: z.string(),
  artifacts: z.object({ files: z.array(z.object({ path: z.string(), size: z.number() })).max(200_000) }),
});

/** A past run's folder of artifacts, as a CI system may hand it on. */
async function readArtifacts(folder: string): Promise<HistoryRecord | undefined> {
  const file = join(folder, "result.json");
  if ((await lstat(file)).size > limits.file) return undefined;
  const { artifacts, ...result } = pastResult.parse(JSON.parse(await readFile(file, "utf8")));
  const modified = new Date(result.finishedAt);
  const there = artifacts.files
    .filter(({ path }) => path.endsWith(".xml") && !path.startsWith("attempts/") && pathKind(folder, path) === "file")
    .map((each) => ({ ...each, modified }));
  const { report } = await readJunitFiles(folder, there, {});
  return report && historyRecord.parse({ version: 1, ...result, tests: outcomes(report.cases) });
}
