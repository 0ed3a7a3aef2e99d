import { copyFile, mkdir, open, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Header } from "tar-stream";
import { extract } from "tar-stream";

export interface ExtractOptions {
  /** How many leading folders of the names to drop; an entry that has no more is dropped as a whole. */
  strip?: number;
  /** At most so many bytes of content in all. */
  maxBytes?: number;
  /** At most so many entries in all. */
  maxEntries?: number;
  /** Gives a file or folder directly in the target another name. */
  rename?: (topLevelName: string) => string;
}

export interface ExtractedFile {
  /** Relative to the target, with forward slashes. */
  path: string;
  /** Bytes. */
  size: number;
  modified: Date;
}

export interface Extraction {
  files: ExtractedFile[];
  /** What was left out, and why. */
  skipped: { path: string; reason: string }[];
  /** The limit that ended the extraction early. */
  limit?: string;
}

export const defaultLimits = { maxBytes: 2 * 2 ** 30, maxEntries: 100_000 };

class LimitReached extends Error {}

/**
 * Writes the files of a tar archive, which nobody vouches for, below `target`, an empty folder of ours.
 *
 * Nothing outside of `target` is written, whatever the names say: links and devices are left out, so no path leads
 * through one. Files are the owner's only (0600, folders 0700). Past a limit it stops and keeps what it has.
 * Rejects where the archive is damaged or can't be written.
 */
export async function extractTar(archive: Readable, target: string, options: ExtractOptions = {}): Promise<Extraction> {
  const { strip = 0, maxBytes = defaultLimits.maxBytes, maxEntries = defaultLimits.maxEntries } = options;
  const result: Extraction = { files: [], skipped: [] };
  const kinds = new Map<string, "file" | "folder">();
  let bytes = 0;
  let entries = 0;

  const skip = (path: string, reason: string) => {
    if (result.skipped.length < 1000) result.skipped.push({ path, reason });
  };

  async function write(header: Header, content: AsyncIterable<Buffer>): Promise<void> {
    if (++entries > maxEntries) throw new LimitReached(`more than ${maxEntries} files`);
    const parts = safeParts(header.name, strip, options.rename);
    if (parts === undefined) return skip(header.name, "its name is not one to trust");
    if (parts.length === 0) return;
    const path = parts.join("/");
    if (header.type === "symlink") return skip(path, "a symbolic link");
    if (!["file", "contiguous-file", "directory", "link"].includes(header.type)) {
      return skip(path, `a ${header.type}`);
    }
    const folders = header.type === "directory" ? parts : parts.slice(0, -1);
    for (let length = 1; length <= folders.length; length++) {
      const folder = folders.slice(0, length).join("/");
      if (kinds.get(folder) === "file") return skip(path, `${folder} is a file`);
      if (!kinds.has(folder)) await mkdir(join(target, folder), { mode: 0o700, recursive: true });
      kinds.set(folder, "folder");
    }
    if (header.type === "directory") return;
    if (kinds.has(path)) return skip(path, "it is in the archive twice");

    const file = join(target, path);
    const modified = header.mtime;
    if (header.type === "link") {
      // A hard link: the archive holds the content once, under the name of the first.
      const original = safeParts(header.linkname, strip, options.rename)?.join("/");
      const known = result.files.find((candidate) => candidate.path === original);
      if (!known) return skip(path, "a link to what isn't in the archive");
      bytes += known.size;
      if (bytes > maxBytes) throw new LimitReached(`more than ${maxBytes} bytes`);
      await copyFile(join(target, known.path), file);
      result.files.push({ path, size: known.size, modified });
    } else {
      kinds.set(path, "file");
      // "wx": nothing that is there already is followed or overwritten.
      const handle = await open(file, "wx", 0o600);
      let size = 0;
      try {
        for await (const chunk of content) {
          bytes += chunk.length;
          if (bytes > maxBytes) throw new LimitReached(`more than ${maxBytes} bytes`);
          await handle.writeFile(chunk);
          size += chunk.length;
        }
      } finally {
        await handle.close();
        result.files.push({ path, size, modified });
      }
    }
    kinds.set(path, "file");
    await utimes(file, modified, modified).catch(() => undefined);
  }

  const parser = extract();
  let damage: Error | undefined;
  parser.on("error", (error) => (damage ??= error));
  archive.on("error", (error) => parser.destroy(error));
  archive.on("close", () => archive.readableEnded || parser.destroy(new Error("the archive ended early")));
  try {
    await mkdir(target, { mode: 0o700, recursive: true });
    archive.pipe(parser);
    for await (const entry of parser) {
      await write(entry.header, entry as AsyncIterable<Buffer>);
      entry.resume();
    }
  } catch (error) {
    // The parser knows why a file's content broke off.
    if (!(error instanceof LimitReached)) throw damage ?? error;
    result.limit = error.message;
  } finally {
    // Half read, an archive keeps its container locked in the Docker Engine, which could then not be removed.
    archive.destroy();
  }
  return result;
}

/** The name's parts below the target, or `undefined` for a name that can't be trusted. */
function safeParts(name: string, strip: number, rename?: (name: string) => string): string[] | undefined {
  if (name.startsWith("/") || name.includes("\0") || name.includes("\\")) return undefined;
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return undefined;
  // What no file system of ours takes would end the extraction instead of one file's.
  if (parts.some((part) => Buffer.byteLength(part) > 255) || Buffer.byteLength(name) > 2048) return undefined;
  const kept = parts.slice(strip);
  if (kept[0] !== undefined && rename) kept[0] = rename(kept[0]);
  return kept;
}
