import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../engine/api";

/** A comparison of two stacks, beside a run's results. */
export const comparisonFile = "preview.json";
/** The note that a merge request gets, beside what it is made from. */
export const noteFile = "note.md";

/** Writes a file whole or not at all, and makes its folder. Throws a {@link UserError} where it can't. */
export async function writeWhole(folder: string, name: string, content: string): Promise<void> {
  const file = join(folder, name);
  const temporary = `${file}.${process.pid}`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, file);
  } catch (error) {
    throw new UserError(`${file} can't be written: ${(error as Error).message}`);
  }
}
