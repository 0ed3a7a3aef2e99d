/** Streams of the Docker Engine: demultiplexed output, UTF-8 that isn't cut, JSON messages. */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** 1 for standard output (or a terminal), 2 for standard error. */
export type StreamId = 1 | 2;

/**
 * Splits the Engine's multiplexed stream: frames of 8 bytes of header (stream, 3 zeros, length) and their content.
 * Frames may arrive in pieces.
 *
 * Source: `pkg/stdcopy` in moby/moby.
 */
export function demultiplexer(onData: (id: StreamId, chunk: Buffer) => void): (chunk: Buffer) => void {
  let header = Buffer.alloc(0);
  let id: StreamId = 1;
  let remaining = 0;
  return (chunk) => {
    while (chunk.length > 0) {
      if (remaining === 0) {
        const missing = 8 - header.length;
        header = Buffer.concat([header, chunk.subarray(0, missing)]);
        chunk = chunk.subarray(missing);
        if (header.length < 8) return;
        id = header[0] === 2 ? 2 : 1;
        remaining = header.readUInt32BE(4);
        header = Buffer.alloc(0);
      } else {
        const content = chunk.subarray(0, remaining);
        remaining -= content.length;
        chunk = chunk.subarray(content.length);
        onData(id, content);
      }
    }
  };
}

/** Text of each stream as it comes, never cut within a character; `end` gives what is left over. */
export class TextOutput {
  private readonly decoders = { 1: new StringDecoder("utf8"), 2: new StringDecoder("utf8") };
  private readonly receive: (chunk: Buffer) => void;
  private toSkip: Record<StreamId, number> = { 1: 0, 2: 0 };
  /** Bytes received of each stream. */
  readonly received: Record<StreamId, number> = { 1: 0, 2: 0 };

  constructor(
    tty: boolean,
    private readonly onText: (id: StreamId, text: string) => void,
  ) {
    const decode = (id: StreamId, chunk: Buffer) => {
      this.received[id] += chunk.length;
      const known = Math.min(this.toSkip[id], chunk.length);
      this.toSkip[id] -= known;
      this.emit(id, this.decoders[id].write(chunk.subarray(known)));
    };
    this.receive = tty ? (chunk) => decode(1, chunk) : demultiplexer(decode);
  }

  write(chunk: Buffer): void {
    this.receive(chunk);
  }

  /** Leaves out the first bytes of each stream, which are known already. */
  skip(bytes: Record<StreamId, number>): void {
    this.toSkip = { ...bytes };
  }

  end(): void {
    this.emit(1, this.decoders[1].end());
    this.emit(2, this.decoders[2].end());
  }

  private emit(id: StreamId, text: string): void {
    if (text !== "") this.onText(id, text);
  }
}

/** Resolves when `stream` has ended, rejects when it broke. */
export function ended(stream: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("end", resolve);
    stream.once("error", reject);
    stream.once("close", resolve);
  });
}

/** The JSON values of a stream that has one after the other. */
export async function* jsonMessages<T>(stream: Readable): AsyncGenerator<T> {
  const decoder = new StringDecoder("utf8");
  let text = "";
  for await (const chunk of stream) {
    text += decoder.write(chunk as Buffer);
    const lines = text.split(/\r?\n/);
    text = lines.pop()!;
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as T;
  }
  if (text.trim() !== "") yield JSON.parse(text) as T;
}
