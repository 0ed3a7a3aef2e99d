/** Files that are put into a container before it starts. */
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { pack } from "tar-stream";
import type { Upload } from "./inputs";

/** Everything in one archive, since each call costs the Engine a mount of the container's file system. */
export async function putUploads(
  engine: Docker,
  id: string,
  uploads: readonly Upload[],
  signal: AbortSignal,
): Promise<void> {
  if (uploads.length === 0) return;
  const archive = pack();
  for (const upload of uploads) {
    const content = contentOf(upload);
    archive.entry(
      {
        name: upload.file.replace(/^\/+/, ""),
        mode: modeOf(upload),
        uid: idOf(upload.owner, "/etc/passwd", "user"),
        gid: idOf(upload.group, "/etc/group", "group"),
        size: content.length,
        mtime: new Date(),
      },
      content,
    );
  }
  archive.finalize();
  await engine.getContainer(id).putArchive(
    archive as unknown as Readable as NodeJS.ReadableStream,
    {
      path: "/",
      abortSignal: signal,
    } as never,
  );
}

/** What is wrong with an upload as it stands: it needs exactly one source of content. */
export function uploadProblem(upload: Upload): string | undefined {
  const sources = [upload.content, upload.contentBase64, upload.source].filter(Boolean);
  if (sources.length === 0) return "needs one of content, contentBase64 and source";
  return sources.length > 1 ? "can have only one of content, contentBase64 and source" : undefined;
}

function contentOf(upload: Upload): Buffer {
  if (upload.content) return Buffer.from(upload.content, "utf8");
  if (upload.contentBase64) return Buffer.from(upload.contentBase64, "base64");
  try {
    return readFileSync(upload.source!);
  } catch (error) {
    throw new Error(
      `can't read ${upload.source!}, which is to be uploaded as ${upload.file}: ${(error as Error).message}`,
    );
  }
}

function modeOf(upload: Upload): number {
  if (upload.permissions) return parseInt(upload.permissions, 8);
  return upload.executable ? 0o744 : 0o644;
}

/** A number as it is; a name is looked up on this machine, not in the container, as the official provider does. */
function idOf(owner: string | undefined, database: string, kind: string): number {
  if (!owner) return 0;
  if (/^\d+$/.test(owner)) return Number(owner);
  const line = readFileSync(database, "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${owner}:`));
  if (!line)
    throw new Error(`there is no ${kind} ${owner} on this machine to give an uploaded file to; use its number`);
  return Number(line.split(":")[2]);
}
