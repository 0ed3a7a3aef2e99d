import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Acceptance } from "./plan";
import { pathKind } from "../plain-path";

/**
 * Does what was planned: each file is written whole, or left as it was.
 *
 * @returns what could not be done, and why
 */
export function writeAcceptances(checkout: string, accepted: Acceptance[]): { file: string; why: string }[] {
  return accepted.flatMap(({ file, after }) => {
    const path = join(checkout, file);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      // Somebody may have put a link there while the question was open.
      const kind = pathKind(checkout, file);
      if (kind !== "file" && kind !== "none") throw new Error(`it is ${kind}`);
      if (after === undefined) {
        rmSync(path, { force: true });
      } else {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(temporary, after, { flag: "wx" });
        renameSync(temporary, path);
      }
      return [];
    } catch (error) {
      rmSync(temporary, { force: true });
      return [{ file, why: (error as Error).message }];
    }
  });
}
