/**
 * The journal's file: one JSON object a line, appended as the operation goes.
 *
 * The first line names the checkpoint that the journal goes on from, and so does a line that is written before that
 * checkpoint is replaced. A crash at any moment leaves a checkpoint and a journal of which it is clear whether they
 * are to be taken together.
 *
 * Lines are given to the system and not forced to the disk: they outlive this process, which is what gets killed. A
 * machine that loses its power loses at most the last seconds of a journal, and what they told of is cleaned up by label.
 */
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../api";
import type { SecretsManager } from "../secrets/passphrase";
import type { PendingOperation, SerializedResource } from "./checkpoint";

/**
 * One line. Resources of the checkpoint are named by their index in it (`old`), new ones by the number of the line
 * that brought them (`was`). `gone`: a refresh found that there is no such thing any more.
 * `untouched`: it isn't operated on.
 */
export type Entry =
  | Marker
  | { n: number; begin: PendingOperation["type"]; resource: SerializedResource }
  | { n: number; end: number }
  | { n: number; add: SerializedResource; ends?: number; done?: number; untouched?: true; condemn?: number }
  | { n: number; done: number; ends?: number; gone?: true }
  | { n: number; change: SerializedResource; old?: number; was?: number; ends?: number };

/**
 * Lines about the journal itself: the checkpoint that it goes on from, the salt of the secrets in it, and the
 * checkpoint that it has become. Checkpoints are named by the SHA-256 of their file.
 */
export type Marker = { base: string } | { salt: string } | { compacted: string };

export interface Journal {
  encrypt(plaintext: string): string;
  /** Throws a UserError where the disk doesn't take it. */
  append(entry: Entry): void;
  close(): void;
}

/** Begins a new journal on top of the checkpoint `fingerprint`. Throws a UserError where the file can't be written. */
export function openJournal(file: string, fingerprint: string, secrets: SecretsManager): Journal {
  const fd = attempt(file, () => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    return openSync(file, "w", 0o600);
  });
  let torn = false;
  const append = (entry: Entry): void => {
    const line = `${torn ? "\n" : ""}${JSON.stringify(entry)}\n`;
    // A line that a full disk cut off must not swallow the next one.
    torn = true;
    attempt(file, () => writeFileSync(fd, line));
    torn = false;
  };
  append({ base: fingerprint });
  let salted = false;
  return {
    append,
    encrypt(plaintext) {
      // A stack that had no secret yet keeps its salt nowhere else until the journal is compacted.
      if (!salted) append({ salt: secrets.state.salt });
      salted = true;
      return secrets.encrypt(plaintext);
    },
    close: () => closeSync(fd),
  };
}

/** Every line that is whole. */
export function readJournal(file: string): Entry[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return line === "" ? [] : [JSON.parse(line) as Entry];
      } catch {
        // The last line of an operation may be cut off; the mark of a compaction may follow it.
        return [];
      }
    });
}

/** Said before the journal's outcome is saved as the checkpoint `fingerprint`: on top of that it is not to be replayed. */
export function markCompacted(file: string, fingerprint: string): void {
  // A line that a crash cut off must not swallow this one.
  const line = `\n${JSON.stringify({ compacted: fingerprint })}\n`;
  if (existsSync(file)) attempt(file, () => appendFileSync(file, line));
}

function attempt<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw cannotWrite(file, error as Error);
  }
}

/** A full disk, most of the time. */
export function cannotWrite(file: string, { message }: Error): UserError {
  return new UserError(
    `${file} can't be written (${message}): make room for it and run the operation again, which goes on from all that is recorded`,
  );
}

/** The salt of the secrets in a journal, if there is one and it has any. */
export function journalSalt(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  for (const entry of readJournal(file)) if ("salt" in entry) return entry.salt;
  return undefined;
}
