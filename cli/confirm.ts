import { createInterface } from "node:readline/promises";
import type { CommonOptions } from "./options";

/** A question makes sense only where someone can answer it; where none can, the command line is the answer. */
export function asks({ yes, nonInteractive }: CommonOptions): boolean {
  return !yes && !nonInteractive && Boolean(process.stdin.isTTY) && Boolean(process.stderr.isTTY);
}

export async function confirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [yes/no] `)).trim());
  } finally {
    lines.close();
  }
}
