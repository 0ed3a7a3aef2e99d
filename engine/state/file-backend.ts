/**
 * Stacks in files, laid out as the CLI's own file backend lays them out:
 *
 *     .pulumi/meta.yaml
 *     .pulumi/stacks/<project>/<stack>.json        the checkpoint
 *     .pulumi/history/<project>/<stack>/…          what was done when
 *     .pulumi/locks/organization/<project>/<stack>/<uuid>.json
 *     .pulumi/seatrial/<project>/<stack>.jsonl     our journal of an operation under way
 *
 * Source: `pkg/backend/diy` in pulumi/pulumi.
 */
import { createHash, randomUUID } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { type HistoryEntry, type Project, type StackLock, StackLockedError, UserError } from "../api";
import { currentProcess, type ProcessIdentity, processState, stateOfNumber } from "../process-identity";
import type { SerializedDeployment } from "./checkpoint";
import { cannotWrite, markCompacted } from "./journal";

/** State is for its owner only: it may tell more than its secrets. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const OWN_FOLDER = ".seatrial";

export interface Checkpoint {
  version: number;
  features?: string[];
  checkpoint: { stack: string; latest?: SerializedDeployment };
}

/** A checkpoint file that is cut off or no checkpoint. */
export class BrokenStateError extends UserError {
  constructor(
    message: string,
    /** What is wrong with it, without what to do. */
    readonly problem: string,
  ) {
    super(message);
  }
}

/** Who holds a lock, as the CLI writes it; ours also say which of all the processes that have had this number it is. */
type LockContent = Pick<StackLock, "pid" | "username" | "hostname" | "timestamp"> & ProcessIdentity;

/** The folder that holds `.pulumi`: PULUMI_BACKEND_URL, else `backend.url`, else the project's `.seatrial`. */
export function backendFolder(project: Project, env: NodeJS.ProcessEnv): string {
  const url = env["PULUMI_BACKEND_URL"] || project.backendUrl;
  if (!url) return join(project.root, OWN_FOLDER);
  if (!url.startsWith("file://")) {
    throw new UserError(
      `the backend ${url} is not a folder: the embedded engine keeps state in files (file://…); use the Pulumi CLI for others`,
    );
  }
  const path = decodeURI(url.slice("file://".length).split("?")[0] ?? "");
  if (path === "~" || path.startsWith("~/")) return join(env["HOME"] || homedir(), path.slice(1));
  return isAbsolute(path) ? path : resolve(project.root, path);
}

/**
 * Makes a backend's folder, for its owner only. A project's own is left out of version control, whatever the project's
 * .gitignore says: a checkpoint holds what resources were made of.
 */
export function makeBackendFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  if (basename(folder) !== OWN_FOLDER) return;
  const ignore = join(folder, ".gitignore");
  if (!existsSync(ignore)) writeFileSync(ignore, "*\n", { mode: FILE_MODE });
}

export class FileBackend {
  private readonly root: string;

  constructor(
    private readonly folder: string,
    private readonly project: string,
  ) {
    this.root = join(folder, ".pulumi");
  }

  private stackFile(stack: string): string {
    return join(this.root, "stacks", this.project, `${stack}.json`);
  }

  private lockFolder(stack: string): string {
    return join(this.root, "locks", "organization", this.project, stack);
  }

  journalFile(stack: string): string {
    return join(this.root, "seatrial", this.project, `${stack}.jsonl`);
  }

  private removeJournal(stack: string): void {
    rmSync(this.journalFile(stack), { force: true });
  }

  exists(stack: string): boolean {
    return (
      existsSync(this.stackFile(stack)) ||
      existsSync(`${this.stackFile(stack)}.gz`) ||
      existsSync(this.journalFile(stack))
    );
  }

  /** Names and times of the project's stacks, sorted. */
  list(): { name: string; modified: Date }[] {
    const folder = join(this.root, "stacks", this.project);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .flatMap((file) => {
        const name = /^(.*?)\.json(\.gz)?$/.exec(file)?.[1];
        return name ? [{ name, modified: statSync(join(folder, file)).mtime }] : [];
      })
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  /** `undefined` for a stack without a checkpoint. Throws a BrokenStateError where the file can't be read as one. */
  load(stack: string): Checkpoint | undefined {
    const plain = this.stackFile(stack);
    const file = [plain, `${plain}.gz`].find(existsSync);
    if (file === undefined) return undefined;
    try {
      const content = readFileSync(file);
      const text = (file === plain ? content : gunzipSync(content)).toString("utf8");
      const checkpoint = JSON.parse(text) as Partial<Checkpoint> | null;
      if (typeof checkpoint?.version !== "number" || typeof (checkpoint.checkpoint ?? undefined) !== "object")
        throw new Error("no checkpoint in it");
      return checkpoint as Checkpoint;
    } catch (error) {
      const problem = (error as Error).message;
      throw new BrokenStateError(
        `the state of ${this.project}/${stack} can't be read (${problem}): restore ${file} from its .bak, or let "seatrial destroy --stack ${stack}" clean up by label and move it aside`,
        problem,
      );
    }
  }

  /** Renames all that is known of the stack's state, so that the stack is no longer there. @returns the new names */
  setAside(stack: string): string[] {
    const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const file = this.stackFile(stack);
    const moved: string[] = [];
    for (const path of [file, `${file}.gz`, `${file}.bak`, this.journalFile(stack)]) {
      if (!existsSync(path)) continue;
      renameSync(path, `${path}.broken-${stamp}`);
      moved.push(`${path}.broken-${stamp}`);
    }
    return moved;
  }

  /** Names the content of the stack's checkpoint file: its SHA-256, empty where there is none. */
  fingerprint(stack: string): string {
    const file = this.stackFile(stack);
    return existsSync(file) ? sha256(readFileSync(file)) : "";
  }

  save(stack: string, deployment: SerializedDeployment): void {
    const meta = join(this.root, "meta.yaml");
    if (!existsSync(meta)) {
      try {
        makeBackendFolder(this.folder);
      } catch (error) {
        throw cannotWrite(meta, error as Error);
      }
      write(meta, "version: 1\n");
    }
    const file = this.stackFile(stack);
    const checkpoint: Checkpoint = {
      version: 3,
      checkpoint: { stack: `organization/${this.project}/${stack}`, latest: deployment },
    };
    const text = JSON.stringify(checkpoint, undefined, 4);
    markCompacted(this.journalFile(stack), sha256(text));
    // A copy, so that there is a checkpoint at every moment.
    if (existsSync(file)) copyFileSync(file, `${file}.bak`);
    write(file, text);
    rmSync(`${file}.gz`, { force: true });
    this.removeJournal(stack);
  }

  remove(stack: string): void {
    const file = this.stackFile(stack);
    for (const path of [file, `${file}.gz`, `${file}.bak`, this.journalFile(stack)]) rmSync(path, { force: true });
    rmSync(this.historyFolder(stack), { recursive: true, force: true });
    rmSync(this.lockFolder(stack), { recursive: true, force: true });
  }

  /** Gives a stack another name. Its state names it too: `renamed` is the state as it is under the new name. */
  rename(stack: string, name: string, renamed: SerializedDeployment): void {
    this.save(name, renamed);
    const history = this.historyFolder(stack);
    if (existsSync(history)) {
      for (const file of readdirSync(history)) {
        const to = join(
          this.historyFolder(name),
          file.startsWith(`${stack}-`) ? name + file.slice(stack.length) : file,
        );
        mkdirSync(dirname(to), { recursive: true, mode: FOLDER_MODE });
        renameSync(join(history, file), to);
      }
    }
    this.remove(stack);
  }

  /** Adds to the stack's history what an operation did, and the state that it left. */
  addHistory(stack: string, update: Record<string, unknown>): void {
    const stamp = `${Date.now()}${String(process.hrtime.bigint() % 1_000_000n).padStart(6, "0")}`;
    const entry = join(this.historyFolder(stack), `${stack}-${stamp}`);
    write(`${entry}.history.json`, JSON.stringify(update, undefined, 4));
    copyFileSync(this.stackFile(stack), `${entry}.checkpoint.json`);
  }

  /** What was done to the stack, the last first. Entries that can't be read are left out. */
  history(stack: string): HistoryEntry[] {
    const folder = this.historyFolder(stack);
    if (!existsSync(folder)) return [];
    const stamp = (file: string): string => /-(\d+)\.history\.json(\.gz)?$/.exec(file)?.[1] ?? "";
    return readdirSync(folder)
      .filter((file) => stamp(file) !== "")
      .sort((a, b) => stamp(b).localeCompare(stamp(a)))
      .flatMap((file) => readHistoryEntry(join(folder, file)) ?? []);
  }

  private historyFolder(stack: string): string {
    return join(this.root, "history", this.project, stack);
  }

  /** The locks on the stack, whoever holds them. */
  locks(stack: string): StackLock[] {
    const folder = this.lockFolder(stack);
    if (!existsSync(folder)) return [];
    return readdirSync(folder).flatMap((name) => {
      const file = join(folder, name);
      const content = readLock(file);
      if (!content) return [];
      const { pid, username, hostname: host, timestamp } = content;
      return [{ pid, username, hostname: host, timestamp, file, owner: ownerOf(content) }];
    });
  }

  /**
   * Takes the stack's lock; the result gives it back. A lock whose owner is dead on this host is broken, with a word to
   * `warn`. Throws a StackLockedError that names the owner where it is alive or can't be looked at.
   */
  lock(stack: string, warn: (message: string) => void): () => void {
    const folder = this.lockFolder(stack);
    const own = join(folder, `${randomUUID()}.json`);
    const content: LockContent = {
      ...currentProcess(),
      username: userName(),
      hostname: hostname(),
      timestamp: new Date().toISOString(),
    };
    write(own, JSON.stringify(content));
    for (const other of this.locks(stack)) {
      if (other.file === own) continue;
      const holder = `${other.username}@${other.hostname} (pid ${other.pid})`;
      if (other.owner === "gone") {
        warn(`broke the lock of ${holder} on ${stack}: that process is gone`);
        rmSync(other.file, { force: true });
        continue;
      }
      rmSync(own, { force: true });
      throw new StackLockedError(
        `the stack ${stack} is locked by ${holder} since ${other.timestamp}: wait for it, or, if it is gone, take the lock away with "seatrial cancel --stack ${stack}"`,
      );
    }
    return () => rmSync(own, { force: true });
  }
}

const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

/** Writes beside the file and renames, so that a reader sees the old content or the new, never half of it. */
function write(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: FOLDER_MODE });
    // Goes on where the system takes only a part at a time.
    writeFileSync(temporary, text, { mode: FILE_MODE });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw cannotWrite(file, error as Error);
  }
}

function readLock(path: string): LockContent | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LockContent;
  } catch {
    return undefined; // given back while we looked
  }
}

function ownerOf(lock: LockContent): StackLock["owner"] {
  // Of one that the CLI wrote there is only the number.
  if (lock.start === undefined) return lock.hostname === hostname() ? stateOfNumber(lock.pid) : "unknown";
  return processState(lock, { sameHost: lock.hostname === hostname() });
}

function readHistoryEntry(file: string): HistoryEntry | undefined {
  const content = readFileSync(file);
  const text = (file.endsWith(".gz") ? gunzipSync(content) : content).toString("utf8");
  let entry: Partial<Record<keyof HistoryEntry, unknown>>;
  try {
    entry = JSON.parse(text) as typeof entry;
  } catch {
    return undefined; // a write that broke off
  }
  const time = (seconds: unknown): Date => new Date(Number(seconds ?? 0) * 1000);
  return {
    kind: String(entry.kind ?? ""),
    message: String(entry.message ?? ""),
    result: String(entry.result ?? ""),
    startTime: time(entry.startTime),
    endTime: time(entry.endTime),
    resourceChanges: (entry.resourceChanges ?? {}) as HistoryEntry["resourceChanges"],
    environment: (entry.environment ?? {}) as HistoryEntry["environment"],
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown"); // an id without an entry, as in many containers
  }
}
