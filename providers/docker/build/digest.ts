/**
 * The digest of a build context, which the official provider keeps among an image's inputs: another one makes a new
 * build. It covers names, modes and contents.
 *
 * Source of the format: `hashContext` in pulumi/pulumi-docker, `provider/provider.go`.
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import { isAbsolute, join, normalize, resolve } from "node:path";
import { contextEntries, ignorePatterns } from "./context";

/** `context` and `dockerfile` are as the program gives them, relative to `cwd`. In hexadecimal. */
export function contextDigest(cwd: string, context: string, dockerfile: string): string {
  const total = createHash("sha256");
  const add = (name: string, mode: string, digest: Buffer) =>
    total.update(name).update(mode).update(digest).update("\0");
  const root = resolve(cwd, context);
  const file = resolve(cwd, dockerfile);
  // Wherever the Dockerfile is and whatever it is called, only its content counts.
  add("Dockerfile", "----------", contentDigest(file));
  for (const entry of contextEntries(root, ignorePatterns(root, file))) {
    if (entry.stats.isDirectory()) continue;
    const digest = entry.stats.isSymbolicLink()
      ? createHash("sha256")
          .update(linkTarget(cwd, join(context, entry.path)))
          .digest()
      : entry.stats.isFile()
        ? contentDigest(entry.file)
        : createHash("sha256").digest();
    add(entry.path, modeText(entry.stats), digest);
  }
  return total.digest("hex");
}

function contentDigest(file: string): Buffer {
  const hash: Hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(1 << 18);
  const descriptor = openSync(file, "r");
  try {
    for (let read: number; (read = readSync(descriptor, buffer)) > 0;) hash.update(buffer.subarray(0, read));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest();
}

/** A mode as Go's `fs.FileMode` prints it: `-rw-r--r--`, `Lrwxrwxrwx`. */
export function modeText(stats: Pick<Stats, "mode">): string {
  const kinds: Record<number, string> = {
    0o120000: "L",
    0o010000: "p",
    0o140000: "S",
    0o060000: "D",
    0o020000: "Dc",
    0o040000: "d",
  };
  const special = [
    [0o4000, "u"],
    [0o2000, "g"],
    [0o1000, "t"],
  ] as const;
  const kind = kinds[stats.mode & 0o170000] ?? "";
  const letters = kind + special.map(([bit, letter]) => (stats.mode & bit ? letter : "")).join("");
  // Go's order of the letters is dalTLDpSugct?.
  const prefix = [..."dalTLDpSugct"].filter((letter) => letters.includes(letter)).join("");
  const permissions = [..."rwxrwxrwx"].map((letter, i) => (stats.mode & (1 << (8 - i)) ? letter : "-")).join("");
  return (prefix || "-") + permissions;
}

/**
 * Where a link leads in the end, as Go's `filepath.EvalSymlinks` says it: relative where `path` is and no absolute link
 * is on the way. A link that leads nowhere stands for itself.
 */
function linkTarget(cwd: string, path: string): string {
  let done = isAbsolute(path) ? "/" : "";
  let left = path.split("/").filter((part) => part !== "");
  for (let links = 0; left.length > 0;) {
    const [part, ...rest] = left as [string, ...string[]];
    left = rest;
    if (part === ".") continue;
    const next = join(done, part);
    let link: string | undefined;
    try {
      link = lstatSync(resolve(cwd, next)).isSymbolicLink() ? readlinkSync(resolve(cwd, next)) : undefined;
    } catch {
      return normalize(path);
    }
    if (link === undefined) {
      done = next;
    } else {
      if (++links > 255) return normalize(path);
      if (isAbsolute(link)) done = "/";
      left = [...link.split("/").filter((piece) => piece !== ""), ...left];
    }
  }
  return normalize(done || ".");
}
