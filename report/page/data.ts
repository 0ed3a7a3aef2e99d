import type { Report, TestRow } from "../model";
import type { PageIndex, TestTexts } from "../page-file";
import { breathe } from "./dom";
import { decodeTimes } from "./log-rows";

export type PageReport = PageIndex["report"];
export type { Report, TestRow, TestTexts };

/** What is in the page, unpacked as it is asked for. */
export interface PageData {
  report: PageReport;
  tests: TestRow[];
  texts(test: number): Promise<TestTexts | undefined>;
  logs: LogData[];
}

export interface LogData {
  service: string;
  file: string;
  lines: number;
  leftOut: number;
  /** Seconds after the run's start, never falling. */
  times(): Promise<Float64Array>;
  /** The number of the chunk that a line is in, and of that chunk's first line. */
  place(line: number): { chunk: number; first: number };
  chunkCount: number;
  /** A chunk's lines, at once if they were asked for a short time ago. */
  chunk(chunk: number): Promise<string[]>;
  chunkNow(chunk: number): string[] | undefined;
}

/** Chunks that are kept unpacked. */
const mostUnpacked = 48;

export async function loadData(): Promise<PageData> {
  const { report, testPacks, textPacks, logs } = JSON.parse(document.getElementById("index")!.textContent) as PageIndex;
  const tests: TestRow[] = [];
  for (let pack = 0; pack < testPacks; pack++) {
    for (const test of JSON.parse(await unpack(`tests-${pack}`)) as TestRow[]) tests.push(test);
    await breathe();
  }
  const unpacked = cache<string[]>();
  let textPack: { pack: number; texts: Promise<Map<number, TestTexts>> } | undefined;
  return {
    report,
    tests,
    async texts(test) {
      const pack = textPacks.findLastIndex((from) => from <= test);
      if (pack < 0) return undefined;
      if (textPack?.pack !== pack) textPack = { pack, texts: unpack(`texts-${pack}`).then(readTexts) };
      return (await textPack.texts).get(test);
    },
    logs: report.logs.map(({ service, file, lines, leftOut }, log) => {
      const { first, chunks } = logs[log]!;
      const firsts = chunks.map(
        (
          (sum) => (count) =>
            (sum += count) - count
        )(0),
      );
      let times: Promise<Float64Array> | undefined;
      return {
        ...{ service, file, lines, leftOut },
        times: () => (times ??= unpackBytes(`times-${log}`).then((bytes) => decodeTimes(bytes, first, lines))),
        place(line) {
          const chunk = lastAtMost(firsts, line);
          return { chunk, first: firsts[chunk]! };
        },
        chunkCount: chunks.length,
        chunk: (chunk) => unpacked.get(`log-${log}-${chunk}`, async (id) => (await unpack(id)).split("\n")),
        chunkNow: (chunk) => unpacked.now(`log-${log}-${chunk}`),
      };
    }),
  };
}

function lastAtMost(sorted: number[], value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sorted[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

function readTexts(json: string): Map<number, TestTexts> {
  return new Map(JSON.parse(json) as [number, TestTexts][]);
}

/** The page goes on being read while it is looked at already. */
const wholePage = new Promise<void>((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", () => resolve());
});

async function blockStream(id: string): Promise<Response> {
  let block = document.getElementById(id);
  if (!block) {
    await wholePage;
    block = document.getElementById(id);
  }
  if (!block) throw new Error("a part of this page is missing: it was not saved as a whole");
  const text = atob(block.textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

async function unpack(id: string): Promise<string> {
  return await (await blockStream(id)).text();
}

async function unpackBytes(id: string): Promise<Uint8Array> {
  return new Uint8Array(await (await blockStream(id)).arrayBuffer());
}

/** Keeps what was used last. */
function cache<T>(): {
  get(key: string, make: (key: string) => Promise<T>): Promise<T>;
  now(key: string): T | undefined;
} {
  const entries = new Map<string, { value?: T; promise: Promise<T> }>();
  return {
    get(key, make) {
      let entry = entries.get(key);
      if (entry) entries.delete(key);
      else {
        const made: { value?: T; promise: Promise<T> } = { promise: make(key) };
        void made.promise.then((value) => (made.value = value)).catch(() => entries.delete(key));
        entry = made;
      }
      entries.set(key, entry);
      if (entries.size > mostUnpacked) entries.delete(entries.keys().next().value!);
      return entry.promise;
    },
    now: (key) => entries.get(key)?.value,
  };
}
