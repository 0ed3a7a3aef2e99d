/** A build context as the archive that the Docker Engine takes. */
import { createReadStream, readFileSync, readlinkSync } from "node:fs";
import { isAbsolute, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";
import { contextEntries, ignorePatterns, type ContextEntry } from "./context";

export interface ContextArchive {
  /** The Dockerfile's name within the archive. */
  dockerfile: string;
  stream: Readable;
}

/** The Dockerfile's path relative to the context; one outside begins with `..`. */
export function relativeDockerfile(context: string, dockerfile: string): string {
  return relative(context, dockerfile).split(sep).join("/");
}

/** `context` and `dockerfile` are absolute. A Dockerfile outside the context is put into the archive. */
export function contextArchive(context: string, dockerfile: string): ContextArchive {
  const inside = relativeDockerfile(context, dockerfile);
  const isOutside = inside.startsWith("../") || isAbsolute(inside);
  const name = isOutside ? `.dockerfile.${process.pid}.${Date.now().toString(36)}` : inside;
  // The Engine needs these two even where they are ignored.
  const patterns = [...ignorePatterns(context, dockerfile), "!.dockerignore", ...(isOutside ? [] : [`!${inside}`])];
  const archive = pack();
  fill(archive, context, patterns, isOutside ? { name, content: readFileSync(dockerfile) } : undefined).catch(
    (error: unknown) => archive.destroy(error as Error),
  );
  // The client pipes into a stream of Node's own kind.
  return {
    dockerfile: name,
    stream: Readable.from(archive as unknown as AsyncIterable<Buffer>, { objectMode: false }),
  };
}

async function fill(
  archive: Pack,
  context: string,
  patterns: string[],
  extra: { name: string; content: Buffer } | undefined,
): Promise<void> {
  for (const entry of contextEntries(context, patterns)) await add(archive, entry);
  if (extra) archive.entry({ name: extra.name, mode: 0o644, mtime: EPOCH }, extra.content);
  archive.finalize();
}

/** Times say nothing about the content, and the builder's cache doesn't look at them. */
const EPOCH = new Date(0);

async function add(archive: Pack, { path, file, stats }: ContextEntry): Promise<void> {
  const header = { name: path, mode: stats.mode & 0o7777, mtime: stats.mtime, uid: 0, gid: 0 };
  if (stats.isDirectory()) {
    archive.entry({ ...header, type: "directory" });
  } else if (stats.isSymbolicLink()) {
    archive.entry({ ...header, type: "symlink", linkname: readlinkSync(file) });
  } else if (stats.isFile()) {
    if (stats.size <= 1 << 16) {
      archive.entry(header, readFileSync(file));
    } else {
      const entry = archive.entry({ ...header, size: stats.size });
      await pipeline(createReadStream(file, { end: stats.size - 1 }), entry as unknown as NodeJS.WritableStream);
    }
  }
}
