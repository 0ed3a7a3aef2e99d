import { createHash } from "node:crypto";

export interface Random {
  /** At least 0, less than 1. */
  next(): number;
  of<T>(list: readonly T[]): T;
}

/** Numbers that are the same for the same words: a try can be repeated by its seed. Mulberry32. */
export function randomOf(...words: (string | number)[]): Random {
  let state = createHash("sha256").update(words.join("/")).digest().readInt32LE(0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, of: (list) => list[Math.floor(next() * list.length)]! };
}
