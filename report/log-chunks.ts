import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { cleanText } from "./text";

/** A log as the page holds it: pieces that are unpacked when they are looked at, and the time of every line. */
export interface PackedLog {
  lines: number;
  bytes: number;
  /** Bytes in the middle that are left out. */
  leftOut: number;
  /** Milliseconds since 1970; absent of an empty log. */
  first?: number;
  last?: number;
  chunks: { lines: number; packed: Buffer }[];
  /** The lines' times, packed: the milliseconds between each and the one before, as variable-length numbers. */
  times: Buffer;
}

/** Bytes of logs that a page holds in all: 128 MiB. */
export const logBudget = 128 * 2 ** 20;
/** About so much text is unpacked at once. */
const chunkSize = 256 * 1024;
/** Longer lines are cut. */
export const longestLogLine = 8000;

/** How much of each log a page may hold: those that are small whole, the others what is left in equal parts. */
export function shareBudget(sizes: number[], budget = logBudget): number[] {
  const shares = new Array<number>(sizes.length).fill(0);
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[a]! - sizes[b]!);
  let left = budget;
  order.forEach((i, at) => {
    shares[i] = Math.min(sizes[i]!, Math.floor(left / (order.length - at)));
    left -= shares[i];
  });
  return shares;
}

/**
 * Packs a log file whose lines begin with their time, as the Docker Engine writes it. Of one that is longer than
 * `share` bytes the beginning and the end are kept.
 */
export async function packLog(file: string, share: number, signal?: AbortSignal): Promise<PackedLog> {
  const { size } = await stat(file);
  const log: PackedLog = { lines: 0, bytes: size, leftOut: 0, chunks: [], times: Buffer.alloc(0) };
  const packing: Promise<void>[] = [];
  const times = deltaWriter();
  let lines: string[] = [];
  let length = 0;

  async function flush(): Promise<void> {
    if (lines.length === 0) return;
    const chunk: PackedLog["chunks"][number] = { lines: lines.length, packed: Buffer.alloc(0) };
    log.chunks.push(chunk);
    packing.push(pack(lines.join("\n")).then((packed) => void (chunk.packed = packed)));
    lines = [];
    length = 0;
    // As many at a time as there are usually threads for it.
    if (packing.length % 4 === 0) await Promise.all(packing.splice(0));
  }

  function add(line: string): void {
    const { time, text } = splitTime(line);
    if (time !== undefined) {
      log.first ??= time;
      log.last = Math.max(log.last ?? time, time);
    }
    times.push(log.last);
    log.lines += 1;
    const shown =
      text.length > longestLogLine
        ? `${text.slice(0, longestLogLine)} … ${text.length - longestLogLine} more characters`
        : text;
    // It is one line, whatever it holds.
    const clean = cleanText(shown).replaceAll("\n", " ");
    lines.push(clean);
    length += clean.length + 1;
  }

  const half = Math.floor(share / 2);
  const parts =
    size <= share
      ? [{ start: 0, end: size }]
      : [
          { start: 0, end: half },
          { start: size - half, end: size },
        ];
  for (const { start, end } of parts) {
    if (start > 0) {
      log.leftOut = size - 2 * half;
      add(`… ${log.leftOut.toLocaleString("en")} bytes are left out here; the log's file has them …`);
    }
    let partial = start > 0;
    for await (const line of linesOf(file, start, end, signal)) {
      // What a cut went through.
      if (partial) {
        partial = false;
        continue;
      }
      add(line);
      if (length >= chunkSize) await flush();
    }
  }
  await flush();
  await Promise.all(packing);
  log.times = await pack(times.bytes());
  return log;
}

const pack = async (data: string | Buffer): Promise<Buffer> => await promisify(gzip)(data, { level: 5 });

/** Longer ones are taken for several. */
const longestRead = 1024 * 1024;

async function* linesOf(file: string, start: number, end: number, signal?: AbortSignal): AsyncGenerator<string> {
  if (end <= start) return;
  const stream = createReadStream(file, {
    start,
    end: end - 1,
    highWaterMark: 256 * 1024,
    ...(signal ? { signal } : {}),
  });
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const data = held.length > 0 ? Buffer.concat([held, chunk as Buffer]) : (chunk as Buffer);
    const last = data.lastIndexOf(10);
    if (last >= 0) yield* data.toString("utf8", 0, last).split("\n");
    held = data.subarray(last + 1);
    if (held.length > longestRead) {
      yield held.toString("utf8");
      held = Buffer.alloc(0);
    }
  }
  if (held.length > 0) yield held.toString("utf8");
}

const timed = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?/;
let lastSecond = { text: "", time: 0 };

/** Takes the time off a line, in milliseconds since 1970. */
export function splitTime(line: string): { time?: number; text: string } {
  const match = timed.exec(line);
  if (!match) return { text: line };
  const [prefix, second = "", fraction = ""] = match;
  // Lines of one second come in a row.
  if (second !== lastSecond.text) lastSecond = { text: second, time: Date.parse(`${second}Z`) };
  if (Number.isNaN(lastSecond.time)) return { text: line };
  return { time: lastSecond.time + Number(fraction.padEnd(3, "0").slice(0, 3)), text: line.slice(prefix.length) };
}

/** Numbers of seven bits a byte, the lowest first; the highest bit says that more follow. The first is counted from 0. */
function deltaWriter(): { push(time: number | undefined): void; bytes(): Buffer } {
  let buffer = Buffer.alloc(64 * 1024);
  let at = 0;
  let last: number | undefined;
  return {
    push(time) {
      let delta = last === undefined || time === undefined ? 0 : Math.max(time - last, 0);
      last = time ?? last;
      if (at + 10 > buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(buffer.length)]);
      while (delta >= 128) {
        buffer[at++] = (delta % 128) | 128;
        delta = Math.floor(delta / 128);
      }
      buffer[at++] = delta;
    },
    bytes: () => buffer.subarray(0, at),
  };
}
