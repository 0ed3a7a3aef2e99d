import { closeSync, fstatSync, lstatSync, openSync, readFileSync } from "node:fs";
import { constants } from "node:fs";
import { basename, join } from "node:path";
import { openPromise, type Entry } from "yauzl";
import { z } from "zod";
import { UserError } from "../../engine/api";
import { expectations } from "../expectations";
import { pathKind } from "../plain-path";

/** What a run has left: a folder of artifacts, or the zip that a CI system makes of it. */
export interface Results {
  /** Where they are, for people. */
  place: string;
  run: RunOfResults;
  /** A file beside `result.json`; `undefined` if there is none. Rejects with a `UserError` if it is larger than `most` bytes. */
  read(path: string, most: number): Promise<Buffer | undefined>;
  close(): void;
}

/** As much of `result.json` as tells what there is to accept; what later versions add doesn't matter. */
const runOfResults = z.object({
  version: z.literal(1),
  project: z.string(),
  run: z.string(),
  commit: z.string().optional(),
  finishedAt: z.string(),
  expectations: expectations.optional(),
});

export type RunOfResults = z.infer<typeof runOfResults>;

/** Bytes of a `result.json`, and entries of a zip. */
const limits = { result: 50_000_000, entries: 500_000 };

/**
 * Opens a folder of results, or a zip with one anywhere in it. Nothing of it is trusted: links aren't followed, nothing
 * is unpacked. Rejects with a `UserError` where there are no results in it.
 */
export async function openResults(path: string, folders: string[] = [""]): Promise<Results> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) throw new UserError(`there are no results at ${path}: run seatrial test first, or name a folder or a zip`);
  if (stat.isFile()) return await openZip(path);
  for (const folder of folders) {
    const place = join(path, folder);
    const text = readPlain(place, "result.json", limits.result);
    if (!text) continue;
    const run = parse(text);
    if (typeof run === "string") throw new UserError(`${join(place, "result.json")}: ${run}`);
    const read = (file: string, most: number) => Promise.resolve(readPlain(place, file, most));
    return { place, run, read, close: () => undefined };
  }
  throw new UserError(`there is no result.json in ${path}: name the folder of a run's artifacts, or a zip of it`);
}

async function openZip(path: string): Promise<Results> {
  const refused = (error: unknown) => new UserError(`${path} can't be read as a zip: ${(error as Error).message}`);
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false }).catch((error: unknown) => {
    throw refused(error);
  });
  try {
    const entries = new Map<string, Entry>();
    try {
      if (zip.entryCount > limits.entries) throw new Error(`it has more than ${limits.entries} entries`);
      // The first of a name counts, whatever else a zip may hold by it.
      for await (const entry of zip.eachEntry()) if (!entries.has(entry.fileName)) entries.set(entry.fileName, entry);
    } catch (error) {
      throw refused(error);
    }
    const read = async (name: string, most: number): Promise<Buffer | undefined> => {
      const entry = entries.get(name);
      if (!entry) return undefined;
      if (entry.uncompressedSize > most) throw tooLarge(name, most);
      try {
        const chunks: Buffer[] = [];
        // No more comes out than the entry says: the library sees to that.
        for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      } catch (error) {
        throw refused(error);
      }
    };
    const { folder, run } = await findResult(path, [...entries.keys()], (name) => read(name, limits.result));
    return {
      place: `${path}${folder && ` (${folder.slice(0, -1)})`}`,
      run,
      read: (file, most) => read(`${folder}${file}`, most),
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** The run's own `result.json` lies above whatever the tests may have left by that name. */
async function findResult(
  path: string,
  names: string[],
  read: (name: string) => Promise<Buffer | undefined>,
): Promise<{ folder: string; run: RunOfResults }> {
  const depth = (name: string) => name.split("/").length;
  const candidates = names.filter((name) => basename(name) === "result.json").sort((a, b) => depth(a) - depth(b));
  const found: { name: string; run: RunOfResults }[] = [];
  for (const name of candidates.slice(0, 100)) {
    if (found[0] && depth(name) > depth(found[0].name)) break;
    const run = parse((await read(name))!);
    if (typeof run !== "string") found.push({ name, run });
  }
  const [first, second] = found;
  if (!first) throw new UserError(`there is no result.json of a run in ${path}: name the zip of a run's artifacts`);
  if (second) {
    throw new UserError(`${path} holds several runs, ${first.name} and ${second.name}: unpack it, and name a folder`);
  }
  return { folder: first.name.slice(0, -"result.json".length), run: first.run };
}

/** @returns what is wrong with it, as text */
function parse(json: Buffer): RunOfResults | string {
  let value: unknown;
  try {
    value = JSON.parse(json.toString("utf8"));
  } catch {
    return "it is no JSON";
  }
  const { data, error } = runOfResults.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  return `it is not the result of a run: ${issue!.path.map(String).join(".")}: ${issue!.message}`;
}

function readPlain(folder: string, path: string, most: number): Buffer | undefined {
  const kind = pathKind(folder, path);
  if (kind === "none") return undefined;
  if (kind !== "file") throw new UserError(`${join(folder, path)} is ${kind}, which is not followed`);
  const handle = openSync(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(handle).size > most) throw tooLarge(path, most);
    return readFileSync(handle);
  } finally {
    closeSync(handle);
  }
}

function tooLarge(path: string, most: number): UserError {
  return new UserError(`${path} is larger than ${most / 1e6} MB`);
}
