import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, join, posix, relative, resolve, sep } from "node:path";
import type * as docker from "@pulumi/docker";
import { z } from "zod";
import { containerPath, UsageError } from "./arguments";

/** A file or folder of the checkout that is copied into a container before it starts. */
export const inputFiles = z.strictObject({
  /** Its path, relative to the project. */
  source: z.string().min(1),
  /** Where it is to be in the container: the path of the file, or of the folder. */
  target: containerPath,
});

export type InputFiles = z.input<typeof inputFiles>;

/** All of a container's inputs together, in bytes: they travel inside the deployment's messages and its state. */
export const inputLimit = 16 * 1024 * 1024;

/**
 * Reads inputs into the docker provider's uploads, which go through the Engine API and so need no path in common with
 * the engine. Sorted by path. Everybody may read them, and run those that somebody may run here.
 *
 * @throws {UsageError} if a path is missing, is no file or folder, leaves its folder through a link, or all are too big
 */
export function uploads(inputs: InputFiles[], what: string): docker.types.input.ContainerUpload[] {
  const files = inputs.flatMap(({ source, target }) => listed(source, target, what));
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size > inputLimit) {
    throw new UsageError(
      `${what}: its inputs are ${megabytes(size)} MB and may be ${megabytes(inputLimit)} MB; put the rest into the image`,
    );
  }
  return files.map(upload);
}

/** The inputs as they are told to others: each with the very path that its source has in the container. */
export function sources(inputs: InputFiles[]): InputFiles[] {
  return inputs.map(({ source, target }) => ({ source, target: placed(source, target) }));
}

/**
 * A digest of inputs, however many and large: of the contents, the places in the container and who may run them.
 *
 * @throws {UsageError} if a path is missing, is no file or folder, leaves its folder through a link, or has a line break
 */
export function fileDigests(inputs: InputFiles[], what: string): string {
  // Of two at one place the last is the one that is there in the end.
  const files = new Map<string, string>();
  for (const { path, target, executable } of inputs.flatMap(({ source, target }) => listed(source, target, what))) {
    if (/[\t\r\n]/.test(path + target)) {
      throw new UsageError(
        `${what}: input ${JSON.stringify(relative(".", path))} has a tab or a line break in its name`,
      );
    }
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
    files.set(target, `${digest} ${executable ? "x" : "-"} ${target}\n`);
  }
  const sorted = [...files].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return createHash("sha256")
    .update(sorted.map(([, line]) => line).join(""))
    .digest("hex");
}

interface InputFile {
  /** On this machine, links followed. */
  path: string;
  /** In the container. */
  target: string;
  size: number;
  executable: boolean;
}

function listed(source: string, target: string, what: string): InputFile[] {
  const refuse = (path: string, why: string): never => {
    throw new UsageError(`${what}: input "${relative(".", path) || path}" ${why}`);
  };
  const top = resolve(source);
  if (!lstatSync(top, { throwIfNoEntry: false })) {
    refuse(top, "doesn't exist");
  }
  const root = realpathSync(top);

  const walk = (path: string, within: string, ancestors: string[]): InputFile[] => {
    const real = lstatSync(path).isSymbolicLink() ? followed(path) : path;
    const stat = statSync(real);
    if (stat.isFile()) {
      return [{ path: real, target: within, size: stat.size, executable: (stat.mode & 0o111) !== 0 }];
    }
    if (!stat.isDirectory()) {
      return refuse(path, "is neither a file nor a folder");
    }
    if (ancestors.includes(real)) {
      return refuse(path, "is a link to a folder it lies in");
    }
    return readdirSync(real)
      .sort()
      .flatMap((name) => walk(join(real, name), posix.join(within, name), [...ancestors, real]));
  };

  const followed = (link: string): string => {
    let real: string;
    try {
      real = realpathSync(link);
    } catch {
      return refuse(link, "is a link to nothing");
    }
    return real === root || real.startsWith(root + sep) ? real : refuse(link, "is a link that leaves its folder");
  };

  return walk(root, placed(source, target), []);
}

/** A file goes into the folder that its target names with a slash at the end. */
function placed(source: string, target: string): string {
  const isInto = target.endsWith("/") && statSync(resolve(source), { throwIfNoEntry: false })?.isFile();
  return isInto ? posix.join(target, basename(resolve(source))) : target.replace(/\/+$/, "");
}

function upload({ path, target, executable }: InputFile): docker.types.input.ContainerUpload {
  // The provider's own `executable` lets only root run it.
  const common = { file: target, ...(executable ? { permissions: "0755" } : {}) };
  const content = readFileSync(path);
  if (content.length === 0) {
    // An empty content counts as none with the docker provider, an empty file doesn't.
    return { ...common, source: path };
  }
  return isUtf8(content) && !content.includes(0)
    ? { ...common, content: content.toString("utf8") }
    : { ...common, contentBase64: content.toString("base64") };
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(bytes % (1024 * 1024) === 0 ? 0 : 1);
}
