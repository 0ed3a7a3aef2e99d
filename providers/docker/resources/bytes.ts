/** Amounts of memory as the Docker CLI writes them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes of `10G`, `512MiB` or a plain number; 0 where there is none. @throws where it isn't an amount. */
export function parseBytes(text: string | undefined): number {
  if (!text) return 0;
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (!match) throw new Error(`"${text}" is not an amount of memory; expected one such as 512MiB or 10G`);
  return Math.round(Number(match[1]) * 1024 ** ["", "k", "m", "g", "t", "p"].indexOf(match[2]!.toLowerCase()));
}

/** The amount in its largest fitting unit: `10GiB`, `1.5MiB`; `0` for nothing. */
export function formatBytes(bytes: number): string {
  if (bytes <= 0) return "0";
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${Number(value.toPrecision(4))}${UNITS[unit]!}`;
}
