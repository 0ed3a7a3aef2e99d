/** Where the lines of several logs stand beside each other. */
export interface LogRows {
  count: number;
  /** By log: the row of each of its lines that are shown. */
  rowOf: Uint32Array[];
  /** By row: seconds after the run's start. */
  time: Float64Array;
}

/** Lines of one such span of time may share a row. In seconds. */
export const tick = 0.01;

/**
 * Puts the lines of logs into rows, so that what is in one row was written within one tick, and time never falls from
 * row to row. Each log has one line in a row at most: in a span in which one writes more lines than another, the
 * other's column is empty there.
 *
 * @param times by log: the times of the lines to be shown, never falling
 * @param rest lets others work, where there are very many
 */
export async function layOutRows(times: Float64Array[], rest?: () => Promise<void>): Promise<LogRows> {
  const total = times.reduce((sum, { length }) => sum + length, 0);
  const rowOf = times.map(({ length }) => new Uint32Array(length));
  const time = new Float64Array(total);
  const at = new Uint32Array(times.length);
  let count = 0;
  let done = 0;
  while (done < total) {
    let first = Number.POSITIVE_INFINITY;
    for (let log = 0; log < times.length; log++) first = Math.min(first, times[log]![at[log]!] ?? first);
    // Not exactly a tick's end: sums of such fractions are off by a little.
    const end = (Math.floor(first / tick + 1e-6) + 1) * tick - 1e-9;
    let last = count;
    for (let log = 0; log < times.length; log++) {
      const own = times[log]!;
      let row = count;
      let line = at[log]!;
      while (line < own.length && (own[line]! < end || own[line]! <= first)) {
        rowOf[log]![line] = row;
        if (row >= last) time[row] = own[line]!;
        // A row's time is its earliest line's, but never before the row above it.
        else time[row] = Math.max(Math.min(time[row]!, own[line]!), row > count ? time[row - 1]! : own[line]!);
        row += 1;
        line += 1;
        last = Math.max(last, row);
        if (rest && (line & 0x3fff) === 0) await rest();
      }
      done += line - at[log]!;
      at[log] = line;
    }
    for (let row = count; row < last; row++) {
      if (row > 0 && time[row]! < time[row - 1]!) time[row] = time[row - 1]!;
    }
    count = last;
    if (rest) await rest();
  }
  return { count, rowOf, time: time.subarray(0, count) };
}

/** The first place in a list that never falls whose value is not below `value`. */
export function lowerBound(sorted: ArrayLike<number>, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Reads times as they are packed: numbers of seven bits a byte, in milliseconds, each counted from the one before. */
export function decodeTimes(bytes: Uint8Array, first: number, lines: number): Float64Array {
  const times = new Float64Array(lines);
  let milliseconds = 0;
  let at = 0;
  for (let line = 0; line < lines; line++) {
    let delta = 0;
    let factor = 1;
    let byte = 128;
    while (byte >= 128 && at < bytes.length) {
      byte = bytes[at++]!;
      delta += (byte & 127) * factor;
      factor *= 128;
    }
    milliseconds += delta;
    times[line] = first + milliseconds / 1000;
  }
  return times;
}
