/**
 * What has been made of a program's TypeScript before, by the text it was made of: in the user's cache, one file for a
 * project. Nobody but its owner can have written what is taken from it.
 */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The code of each source file: by its path, the digest of its text, and what came of it. */
type Entries = Record<string, [digest: string, code: string]>;

/** Projects that are remembered: checkouts of temporary folders are among them. */
const most = 20;

export interface Transpiled {
  /** The code for a file of that text; `make` is asked where it isn't known. */
  get(file: string, text: string, make: () => string): string;
  /** Keeps what was asked for, and nothing else. */
  save(): void;
}

/** @param maker what else the code depends on, such as the version of the compiler */
export function openTranspiled(project: string, maker: string): Transpiled {
  const file = join(cacheFolder(), `${digest(project).slice(0, 16)}.json`);
  const known = read(file);
  const used: Entries = {};
  let isNew = false;
  return {
    get(source, text, make) {
      const id = digest(`${maker}\n${text}`);
      const before = known[source];
      const isKnown = before?.[0] === id;
      isNew ||= !isKnown;
      const code = isKnown ? before[1] : make();
      used[source] = [id, code];
      return code;
    },
    save() {
      if (isNew) write(file, used);
    },
  };
}

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "seatrial", "transpiled");
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function read(file: string): Entries {
  try {
    const { uid } = lstatSync(file);
    if (process.getuid && uid !== process.getuid()) return {};
    return (JSON.parse(readFileSync(file, "utf8")) ?? {}) as Entries;
  } catch {
    // There is none yet.
    return {};
  }
}

/** As a whole; where it can't be written there is none. Projects that come and go leave no more than the newest. */
function write(file: string, entries: Entries): void {
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    rmSync(temporary, { force: true });
    writeFileSync(temporary, JSON.stringify(entries), { mode: 0o600, flag: "wx" });
    renameSync(temporary, file);
    const folder = dirname(file);
    const all = readdirSync(folder).map((name) => ({ name, time: lstatSync(join(folder, name)).mtimeMs }));
    all.sort((a, b) => b.time - a.time);
    for (const { name } of all.slice(most)) rmSync(join(folder, name), { force: true });
  } catch {
    // The next run turns it again.
  }
}
