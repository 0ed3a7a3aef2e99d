import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { longestLogLine, packLog, shareBudget, splitTime, type PackedLog } from "../../report/log-chunks";
import { decodeTimes, layOutRows, lowerBound, tick } from "../../report/page/log-rows";
import { begun, logLine } from "./results-folder";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "logs-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function packed(text: string, share = 1e9): Promise<PackedLog> {
  const file = join(folder, "a.log");
  writeFileSync(file, text);
  return await packLog(file, share);
}

const linesOf = ({ chunks }: PackedLog) =>
  chunks.flatMap((chunk) => gunzipSync(chunk.packed).toString("utf8").split("\n"));
const timesOf = (log: PackedLog) =>
  [...decodeTimes(gunzipSync(log.times), ((log.first ?? begun) - begun) / 1000, log.lines)].map(
    (time) => Math.round(time * 1000) / 1000,
  );

test("every line of a log and its time come out as they went in", async () => {
  const log = await packed(
    [logLine(1, "one"), logLine(1.25, ""), "no time", logLine(0.5, "late"), logLine(400, "\x1b[31mfive\x1b[2J")].join(
      "\n",
    ) + "\n",
  );
  expect(linesOf(log)).toEqual(["one", "", "no time", "late", "\x1b[31mfive"]);
  // Time never falls, whatever the order of two streams was.
  expect(timesOf(log)).toEqual([1, 1.25, 1.25, 1.25, 400]);
});

test("a log is taken apart into pieces that hold all of its lines", async () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => logLine(i / 1000, `line ${i} ${"x".repeat(i % 40)}`));
  const log = await packed(lines.join("\n"));
  expect(log.chunks.length).toBeGreaterThan(2);
  expect(log.chunks.reduce((sum, chunk) => sum + chunk.lines, 0)).toBe(30_000);
  expect(linesOf(log)).toEqual(lines.map((line) => splitTime(line).text));
  expect(timesOf(log)[29_999]).toBe(29.999);
});

test("a log beyond its share loses its middle, and says how much", async () => {
  const lines = Array.from({ length: 1000 }, (_, i) => logLine(i, `line ${i}`));
  const log = await packed(lines.join("\n"), 4000);
  const shown = linesOf(log);
  expect(shown[0]).toBe("line 0");
  expect(shown.at(-1)).toBe("line 999");
  const cut = shown.findIndex((line) => /bytes are left out here/.test(line));
  expect(cut).toBeGreaterThan(10);
  expect(shown.length).toBeLessThan(110);
  expect(log.leftOut).toBe(log.bytes - 4000);
});

test("lines beyond the limit are cut; empty files and binary ones do no harm", async () => {
  const log = await packed(`${logLine(1, "y".repeat(longestLogLine + 5))}\n\x00\xff\x1b]\n`);
  expect(linesOf(log)[0]).toMatch(/y … 5 more characters$/);
  expect(log.lines).toBe(2);
  expect(await packed("")).toMatchObject({ lines: 0, chunks: [] });
});

test("small logs are kept whole, the others share what is left", () => {
  expect(shareBudget([10, 500, 500], 110)).toEqual([10, 50, 50]);
  expect(shareBudget([10, 20], 110)).toEqual([10, 20]);
  expect(shareBudget([], 10)).toEqual([]);
});

test("rows hold lines of one time, in order, each once", async () => {
  const log = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }).map((all) =>
    Float64Array.from(
      all.sort((a, b) => a - b),
      (n) => n / 1000,
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(log, { minLength: 1, maxLength: 4 }), async (times) => {
      const { count, rowOf, time } = await layOutRows(times);
      const taken = new Set<string>();
      let last = -1;
      rowOf.forEach((rows, log) => {
        rows.forEach((row, line) => {
          taken.add(`${log} ${row}`);
          // A row's time is within a tick of each of its lines', or before.
          expect(times[log]![line]! - time[row]!).toBeLessThan(tick + 1e-6);
          if (line > 0) expect(row).toBeGreaterThan(rows[line - 1]!);
          last = Math.max(last, row);
        });
      });
      expect(taken.size).toBe(times.reduce((sum, { length }) => sum + length, 0));
      expect(count).toBe(last + 1);
      for (let row = 1; row < count; row++) expect(time[row]).toBeGreaterThanOrEqual(time[row - 1]!);
    }),
  );
});

test("lines of one tick stand beside each other, later ones below", async () => {
  const { rowOf, count } = await layOutRows([Float64Array.of(1, 1.001, 5), Float64Array.of(1.002, 5.001)]);
  expect(rowOf.map((rows) => [...rows])).toEqual([
    [0, 1, 2],
    [0, 2],
  ]);
  expect(count).toBe(3);
  expect(lowerBound([1, 3, 5], 4)).toBe(2);
});
