/** A container's output as it comes, and its end. */
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { isConnectionLost } from "../engine/errors";
import { openStream, query } from "../engine/requests";
import { ended, TextOutput, type StreamId } from "../engine/stream";
import { inspectContainer } from "./inspection";

/**
 * Said of a container whose exit code was found by looking, since the connection on which it was waited for had broken.
 * A restart of the Engine does that, and it can record 0 for a container that it has lost: a run that is told so, by a
 * warning or an error about the container, doesn't trust the code.
 */
export const brokenWait = "the connection to the Docker Engine broke while it ran";

/** How long the last output may come after the end, in milliseconds. */
const LAST_OUTPUT = 5_000;

export interface AttachOptions {
  tty: boolean;
  signal: AbortSignal;
  onText: (id: StreamId, text: string) => void;
}

/** A container's output, followed from before its start, so that not even one that ends at once loses any. */
export class Attachment {
  private readonly output: TextOutput;
  private finished: Promise<void> = Promise.resolve();
  private broken = false;

  private constructor(
    private readonly engine: Docker,
    private readonly id: string,
    private readonly options: AttachOptions,
  ) {
    this.output = new TextOutput(options.tty, options.onText);
  }

  static async open(engine: Docker, id: string, options: AttachOptions): Promise<Attachment> {
    const attachment = new Attachment(engine, id, options);
    const stream = (await engine.getContainer(id).attach({
      stream: true,
      stdout: true,
      stderr: true,
      hijack: true,
      abortSignal: options.signal,
    } as never)) as unknown as Readable;
    const stop = () => stream.destroy();
    options.signal.addEventListener("abort", stop, { once: true });
    stream.on("data", (chunk: Buffer) => attachment.output.write(chunk));
    attachment.finished = ended(stream)
      .catch(() => {
        attachment.broken = true;
      })
      .finally(() => options.signal.removeEventListener("abort", stop));
    return attachment;
  }

  /**
   * Resolves when everything has come that the container wrote. Call it once the container has ended. `isPartial`: the
   * stream ended before the container did, with its first run or with the connection.
   */
  async complete(isPartial: boolean): Promise<void> {
    const inTime = await Promise.race([
      this.finished.then(() => true),
      delay(LAST_OUTPUT, false, { signal: this.options.signal, ref: false }),
    ]);
    if (this.broken || isPartial || !inTime) await this.catchUp();
    this.output.end();
  }

  /** Takes from the log what the broken stream didn't bring. */
  private async catchUp(): Promise<void> {
    const skip = { ...this.output.received };
    const rest = new TextOutput(this.options.tty, this.options.onText);
    const log = await openStream(this.engine, {
      method: "GET",
      path: `/containers/${this.id}/logs?${query({ stdout: 1, stderr: 1 })}`,
      signal: this.options.signal,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of log) chunks.push(chunk as Buffer);
    rest.skip(skip);
    rest.write(Buffer.concat(chunks));
    rest.end();
  }
}

/**
 * The exit code to come. Open it before the container starts: the Engine answers the moment the container ends, even
 * when it is removed right after.
 */
export class ExitCode {
  /** The connection broke meanwhile, and others may have too. */
  wasInterrupted = false;

  private constructor(
    private readonly engine: Docker,
    private readonly id: string,
    private readonly answer: Readable,
  ) {}

  /** `not-running` is for a container that its restart policy may start again: open that after the start. */
  static async open(
    engine: Docker,
    id: string,
    condition: "next-exit" | "not-running",
    signal: AbortSignal,
  ): Promise<ExitCode> {
    const path = `/containers/${id}/wait?${query({ condition })}`;
    return new ExitCode(engine, id, await openStream(engine, { method: "POST", path, signal }));
  }

  /** @throws where the Engine was lost and can't be asked any more; never takes that for success. */
  async wait(signal: AbortSignal): Promise<number> {
    try {
      let text = "";
      for await (const chunk of this.answer) text += String(chunk);
      const { StatusCode: code, Error: error } = JSON.parse(text) as {
        StatusCode: number;
        Error?: { Message?: string } | null;
      };
      if (error?.Message) throw new Error(error.Message);
      return code;
    } catch (error) {
      signal.throwIfAborted();
      if (!isConnectionLost(error) && !(error instanceof SyntaxError)) throw error;
      this.wasInterrupted = true;
      return this.ask(signal);
    }
  }

  /** The connection broke: look whether the container still runs, for as long as the Engine may take to come back. */
  private async ask(signal: AbortSignal): Promise<number> {
    for (let attempt = 0, failures = 0; ; attempt++) {
      await delay(Math.min(250 * 2 ** Math.min(attempt, 3), 2_000), undefined, { signal });
      try {
        const found = await inspectContainer(this.engine, this.id, signal);
        if (!found) throw new Error(`container ${this.id.slice(0, 12)} is gone, and its exit code with it`);
        failures = 0;
        if (!found.State.Running && !found.State.Restarting) return found.State.ExitCode;
      } catch (error) {
        signal.throwIfAborted();
        if (!isConnectionLost(error)) throw error;
        if (++failures >= 8) {
          throw new Error(`${brokenWait}, so that its exit code isn't known; see whether the Engine still runs`, {
            cause: error,
          });
        }
      }
    }
  }
}
