import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { StackContainer } from "./containers";
import { isStatus } from "./containers";
import { stripControlCodes } from "./control-codes";
import type { Masker } from "../engine/deployment/masker";
import { StringDecoder } from "node:string_decoder";

/** A log is cut after so many bytes: 256 MiB. */
const longestLog = 256 * 2 ** 20;

/** A piece of a container's output. */
export interface LogChunk {
  stream: "stdout" | "stderr";
  data: Buffer;
}

export interface LogOptions {
  follow?: boolean;
  timestamps?: boolean;
  /** Only so many of the last lines. */
  tail?: number;
  signal?: AbortSignal;
  /** Whether it is a terminal's; the Docker Engine is asked if it isn't said. */
  terminal?: Promise<boolean | undefined>;
}

/** A container's output in the order in which the engine has it; all of it is `stdout` where there is a terminal. */
export async function* readLog(docker: Docker, id: string, options: LogOptions = {}): AsyncGenerator<LogChunk> {
  const [isTerminal, chunks] = await Promise.all([hasTerminal(docker, id, options), openLog(docker, id, options)]);
  if (isTerminal) {
    for await (const data of chunks) yield { stream: "stdout", data };
  } else {
    yield* demultiplex(chunks);
  }
}

async function hasTerminal(docker: Docker, id: string, { terminal }: LogOptions): Promise<boolean> {
  return (await terminal) ?? (await docker.getContainer(id).inspect()).Config.Tty;
}

/** The last lines of a container's log, fit to be printed, without secrets. Empty where there is no log to be had. */
export async function lastLines(docker: Docker, id: string, count: number, masker: Masker): Promise<string[]> {
  try {
    const parts: Buffer[] = [];
    for await (const { data } of readLog(docker, id, { tail: count })) parts.push(data);
    const text = masker.mask(stripControlCodes(Buffer.concat(parts).toString("utf8"))).trimEnd();
    return text === "" ? [] : text.split("\n").slice(-count);
  } catch (error) {
    // 409: created and never started; 501: a log driver that can't be read.
    if (isStatus(error, 404, 409, 500, 501)) return [];
    throw error;
  }
}

/**
 * Saves the containers' logs as `<folder>/<service>.log`, each line with its time, without secrets.
 *
 * @param terminal whether a container's output is a terminal's, where that is known
 * @returns the files by service
 */
export async function saveLogs(
  docker: Docker,
  containers: StackContainer[],
  folder: string,
  masker: Masker,
  terminal: (id: string) => Promise<boolean | undefined>,
): Promise<Map<string, string>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = new Map<string, string>();
  const taken = new Set<string>();
  await Promise.all(
    containers.map(async (container) => {
      const safe = container.service.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^\.+/, "") || "container";
      const base = taken.has(safe) ? `${safe}-${container.id.slice(0, 12)}` : safe;
      taken.add(base);
      const file = join(folder, `${base}.log`);
      if (await saveLog(docker, container.id, file, masker, terminal(container.id))) files.set(container.service, file);
    }),
  );
  return files;
}

async function saveLog(
  docker: Docker,
  id: string,
  file: string,
  masker: Masker,
  terminal: Promise<boolean | undefined>,
): Promise<boolean> {
  const out = createWriteStream(file, { mode: 0o600 });
  const failed = once(out, "error").then(([error]) => {
    throw error;
  });
  failed.catch(() => undefined);
  let bytes = 0;
  // Two streams in one file: what is left of a chunk that may go on waits only for its own.
  const text = { stdout: maskedText(masker), stderr: maskedText(masker) };
  try {
    for await (const { stream, data } of readLog(docker, id, { timestamps: true, terminal })) {
      bytes += data.length;
      if (!out.write(text[stream].push(data))) await Promise.race([once(out, "drain"), failed]);
      if (bytes > longestLog) {
        out.write(`\n[cut after ${longestLog} bytes]\n`);
        break;
      }
    }
  } catch (error) {
    if (!isStatus(error, 404, 409, 500, 501)) throw error;
  } finally {
    const closed = once(out, "close").catch(() => undefined);
    out.end(text.stdout.end() + text.stderr.end());
    await closed;
  }
  return true;
}

/** The text of one stream, without secrets. */
export function maskedText(masker: Masker): { push(data: Buffer): string; end(): string } {
  const decoder = new StringDecoder("utf8");
  const masking = masker.stream();
  return {
    push: (data) => masking.push(decoder.write(data)),
    end: () => masking.push(decoder.end()) + masking.end(),
  };
}

/** dockerode would put a log that isn't followed into memory as a whole. */
function openLog(docker: Docker, id: string, options: LogOptions): Promise<Readable> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        path: `/containers/${encodeURIComponent(id)}/logs?`,
        method: "GET",
        isStream: true,
        statusCodes: { 200: true, 404: "no such container", 500: "server error" },
        abortSignal: options.signal,
        options: {
          stdout: true,
          stderr: true,
          follow: options.follow ?? false,
          timestamps: options.timestamps ?? false,
          tail: options.tail === undefined ? "all" : String(options.tail),
        },
      },
      (error: unknown, stream: unknown) => (error ? reject(error) : resolve(stream as Readable)),
    );
  });
}

/**
 * Takes apart the engine's framing of the two streams: eight bytes (the stream, three zeros, the length, big-endian)
 * before each piece. Source: the Engine API's reference, "Attach to a container".
 */
async function* demultiplex(chunks: AsyncIterable<Buffer>): AsyncGenerator<LogChunk> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= 8) {
      const length = held.readUInt32BE(4);
      if (held.length < 8 + length) break;
      yield { stream: held[0] === 2 ? "stderr" : "stdout", data: held.subarray(8, 8 + length) };
      held = held.subarray(8 + length);
    }
  }
}
