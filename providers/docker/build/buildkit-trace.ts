/**
 * What BuildKit says of a build's progress, in lines as the Docker CLI's plain progress has them.
 *
 * Source of the messages: `StatusResponse` in moby/buildkit, `api/services/control/control.proto`.
 */
import { BinaryReader } from "google-protobuf";
import { StringDecoder } from "node:string_decoder";

interface Vertex {
  digest: string;
  name: string;
  cached: boolean;
  started: boolean;
  completed: boolean;
  error: string;
}

interface Log {
  vertex: string;
  text: Buffer;
}

interface Step {
  number: number;
  name: string;
  isOver: boolean;
  decoder: StringDecoder;
  partial: string;
  output: string[];
}

/** How many lines of the step that failed its message has. */
const LINES = 20;

/** The steps of one build. */
export class BuildKitTrace {
  private readonly steps = new Map<string, Step>();
  private failed: { step: Step; reason: string } | undefined;

  /** The lines that a message brings; `aux` is a `StatusResponse` in base64. */
  lines(aux: string): string[] {
    const { vertexes, logs } = decodeStatus(Buffer.from(aux, "base64"));
    const shown: string[] = [];
    for (const vertex of vertexes) if (vertex.started || vertex.cached) shown.push(...this.vertexLines(vertex));
    for (const log of logs) shown.push(...this.logLines(log));
    return shown;
  }

  /** `reason` is the Engine's; the step that failed and what it printed come before it. */
  failure(reason: string): string {
    if (!this.failed) return `the build failed: ${reason.trim()}`;
    const { step, reason: own } = this.failed;
    const output = [...step.output, step.partial].filter((line) => line.trim() !== "").slice(-LINES);
    return [`the build failed at step ${step.name}: ${own}`, ...output.map((line) => `  ${line}`)].join("\n");
  }

  private vertexLines(vertex: Vertex): string[] {
    const shown: string[] = [];
    let step = this.steps.get(vertex.digest);
    if (!step) {
      const number = this.steps.size + 1;
      step = { number, name: vertex.name, isOver: false, decoder: new StringDecoder("utf8"), partial: "", output: [] };
      this.steps.set(vertex.digest, step);
      shown.push(`#${number} ${vertex.name}`);
    }
    if (step.isOver || !(vertex.completed || vertex.cached || vertex.error)) return shown;
    step.isOver = true;
    if (vertex.error) this.failed ??= { step, reason: vertex.error.trim() };
    shown.push(`#${step.number} ${vertex.error ? `ERROR: ${vertex.error.trim()}` : vertex.cached ? "CACHED" : "DONE"}`);
    return shown;
  }

  private logLines({ vertex, text }: Log): string[] {
    const step = this.steps.get(vertex);
    if (!step) return [];
    const lines = (step.partial + step.decoder.write(text)).split(/\r?\n/);
    step.partial = lines.pop()!;
    step.output.push(...lines);
    return lines.map((line) => `#${step.number} ${line}`);
  }
}

function decodeStatus(bytes: Buffer): { vertexes: Vertex[]; logs: Log[] } {
  const status = { vertexes: [] as Vertex[], logs: [] as Log[] };
  eachField(bytes, (field, reader) => {
    if (field === 1) status.vertexes.push(decodeVertex(reader.readBytes()));
    else if (field === 3) status.logs.push(decodeLog(reader.readBytes()));
    else reader.skipField();
  });
  return status;
}

function decodeVertex(bytes: Uint8Array): Vertex {
  const vertex: Vertex = { digest: "", name: "", cached: false, started: false, completed: false, error: "" };
  eachField(bytes, (field, reader) => {
    if (field === 1) vertex.digest = reader.readString();
    else if (field === 3) vertex.name = reader.readString();
    else if (field === 4) vertex.cached = reader.readBool();
    else if (field === 7) vertex.error = reader.readString();
    else reader.skipField();
    if (field === 5) vertex.started = true;
    if (field === 6) vertex.completed = true;
  });
  return vertex;
}

function decodeLog(bytes: Uint8Array): Log {
  const log: Log = { vertex: "", text: Buffer.alloc(0) };
  eachField(bytes, (field, reader) => {
    if (field === 1) log.vertex = reader.readString();
    else if (field === 4) log.text = Buffer.from(reader.readBytes());
    else reader.skipField();
  });
  return log;
}

/** `read` has to read the field or to skip it. */
function eachField(bytes: Uint8Array, read: (field: number, reader: Reader) => void): void {
  const reader = new BinaryReader(bytes) as unknown as Reader;
  while (reader.nextField()) read(reader.getFieldNumber(), reader);
}

/** The part of `BinaryReader` that is used here, with the bytes as bytes. */
interface Reader {
  nextField(): boolean;
  getFieldNumber(): number;
  readString(): string;
  readBool(): boolean;
  readBytes(): Uint8Array;
  skipField(): void;
}
