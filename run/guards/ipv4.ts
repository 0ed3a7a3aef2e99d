/** Ranges of IPv4 addresses, as numbers from 0 to 2³²-1. */
export interface Range {
  first: number;
  last: number;
}

/** The addresses of `10.1.0.0/16`; `undefined` for what is no IPv4 prefix. */
export function parsePrefix(text: string): Range | undefined {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(text);
  const size = 2 ** (32 - Number(match?.[2]));
  if (!match || !Number.isInteger(size)) return undefined;
  const first = Math.floor(number(match[1]!) / size) * size;
  return { first, last: first + size - 1 };
}

/** `10.1.2.3` as a number. */
export function number(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
