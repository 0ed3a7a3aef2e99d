import { plainText } from "../text";
import { breathe } from "./dom";
import type { LogData } from "./data";

/** The lines of each log that a text was found in, as far as it has been looked for. */
export interface Found {
  /** By log, never falling. */
  lines: number[][];
  count: number;
  /** How much has been looked at, of 1. */
  done: number;
  /** There are more than are kept. */
  more: boolean;
}

const mostFound = 200_000;

/**
 * Looks for a text in whatever case, chunk by chunk, so that nothing waits for it. `onProgress` is told after every
 * chunk; the search ends when `signal` says so.
 */
export async function searchLogs(
  logs: { log: LogData; number: number }[],
  total: number,
  text: string,
  onProgress: (found: Found) => void,
  signal: AbortSignal,
): Promise<void> {
  const found: Found = { lines: Array.from({ length: total }, () => []), count: 0, done: 0, more: false };
  const wanted = text.toLowerCase();
  const chunks = logs.reduce((sum, { log }) => sum + log.chunkCount, 0);
  let looked = 0;
  for (const { log, number } of logs) {
    let first = 0;
    for (let chunk = 0; chunk < log.chunkCount; chunk++) {
      const lines = await log.chunk(chunk);
      if (signal.aborted) return;
      lines.forEach((line, i) => {
        if (!(line.includes("\x1b") ? plainText(line) : line).toLowerCase().includes(wanted)) return;
        if (found.count >= mostFound) found.more = true;
        else {
          found.lines[number]!.push(first + i);
          found.count += 1;
        }
      });
      first += lines.length;
      looked += 1;
      found.done = looked / chunks;
      onProgress(found);
      await breathe();
      if (signal.aborted) return;
    }
  }
  found.done = 1;
  onProgress(found);
}
