/**
 * The blocks around a file in a tar archive, byte for byte as Go's `archive/tar` writes them for a file of mode 0600
 * with a name, a size and nothing else: USTAR where that holds the name, else PAX.
 */
import { posix } from "node:path";

const BLOCK = 512;
const NAME = 100;
const PREFIX = 155;
/** The first size with too many digits for its field: 8 GiB. */
const TOO_BIG = 8 ** 11;

/** What stands before the file's contents. */
export function tarHeader(name: string, size: number): Buffer {
  const records: Record<string, string> = {};
  const split = isAscii(name) ? splitName(name) : undefined;
  if (!split) records["path"] = name;
  if (size >= TOO_BIG) records["size"] = String(size);
  if (Object.keys(records).length === 0) return block({ ...split!, size });
  const lines = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  const plain = asciiOf(name);
  return Buffer.concat([
    paxHeader(name, lines.length),
    lines,
    tarPadding(lines.length),
    block({ name: plain, prefix: "", size: size >= TOO_BIG ? 0 : size }),
  ]);
}

/** What stands after `size` bytes, up to the end of their last block. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** What stands at the end of the archive. */
export const tarEnd = Buffer.alloc(2 * BLOCK);

/** The name in two fields, where it has a slash at a suitable place. */
function splitName(name: string): { name: string; prefix: string } | undefined {
  if (name.length <= NAME) return { name, prefix: "" };
  const at = name.slice(0, PREFIX + 1).lastIndexOf("/");
  const rest = name.slice(at + 1);
  return at > 0 && rest.length > 0 && rest.length <= NAME ? { name: rest, prefix: name.slice(0, at) } : undefined;
}

function block({ name, prefix, size }: { name: string; prefix: string; size: number }): Buffer {
  const header = Buffer.alloc(BLOCK);
  writeName(header, name);
  writeOctal(header, 100, 8, 0o600);
  for (const field of [108, 116, 329, 337]) writeOctal(header, field, 8, 0);
  writeOctal(header, 124, 12, size);
  writeOctal(header, 136, 12, 0);
  header.write("0", 156);
  header.write(prefix, 345);
  return finished(header);
}

/** Announces the records about the file that follows. */
function paxHeader(name: string, size: number): Buffer {
  const at = name.lastIndexOf("/") + 1;
  const own = asciiOf(posix.join(name.slice(0, at), "PaxHeaders.0", name.slice(at)));
  const header = Buffer.alloc(BLOCK);
  writeName(header, own.slice(0, NAME).replace(/\/+$/, ""));
  for (const field of [100, 108, 116]) writeOctal(header, field, 8, 0);
  writeOctal(header, 124, 12, size);
  writeOctal(header, 136, 12, 0);
  header.write("x", 156);
  return finished(header);
}

/** `LENGTH KEY=VALUE\n`, where the length is that of all of it. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length + String(rest.length).length;
  length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function writeName(header: Buffer, name: string): void {
  header.write(name.slice(0, NAME), 0, "latin1");
  // A slash at the end of a name that was cut would make a folder of it.
  if (name.length > NAME && header[NAME - 1] === 0x2f) {
    header[name.slice(0, NAME).replace(/\/+$/, "").length] = 0;
  }
}

function writeOctal(header: Buffer, at: number, length: number, value: number): void {
  header.write(value.toString(8).padStart(length - 1, "0"), at);
}

/** With its mark and its checksum, which counts itself as spaces. */
function finished(header: Buffer): Buffer {
  header.write("ustar\0", 257, "latin1");
  header.write("00", 263);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);
const asciiOf = (text: string): string => text.replace(/[^\x00-\x7f]/g, "");
