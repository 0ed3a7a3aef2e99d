import { createReadStream } from "node:fs";

/** What an engine event says of a step; times in milliseconds since 1970. */
export interface StepEvent {
  kind: "begin" | "end" | "fail";
  op: string;
  urn: string;
  type: string;
  time: number;
  custom: boolean;
  parent?: string;
  id?: string;
  inputs: Record<string, unknown>;
}

/** What the report needs of `events.jsonl`. */
export interface EventsRead {
  steps: StepEvent[];
  /** Errors of the engine and of providers by URN, empty for those about none; a bounded number. */
  errors: Map<string, string>;
  /** Every event had its time to the millisecond. */
  exact: boolean;
}

/** Longer lines are left out: 32 MB. What tests print comes in lines of its own, and is not looked at. */
const longestLine = 32 * 2 ** 20;
const mostSteps = 100_000;
const mostErrors = 200;

/**
 * Reads a file of engine events, one JSON object a line, in pieces: it may be as long as all that the tests have
 * printed. What can't be read is left out. No file means no events.
 */
export async function readEvents(file: string, signal?: AbortSignal): Promise<EventsRead> {
  const read: EventsRead = { steps: [], errors: new Map(), exact: true };
  try {
    for await (const line of lines(file, signal)) take(line, read);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return read;
}

/** A line as somebody may have written it. */
interface EventLine {
  timestamp?: unknown;
  time?: unknown;
  diagnosticEvent?: { severity?: unknown; urn?: unknown; message?: unknown };
  resourcePreEvent?: StepLine;
  resOutputsEvent?: StepLine;
  resOpFailedEvent?: StepLine;
}

interface StepLine {
  metadata?: { urn?: unknown; type?: unknown; op?: unknown; new?: StateLine | null; old?: StateLine | null };
}

interface StateLine {
  custom?: unknown;
  parent?: unknown;
  id?: unknown;
  inputs?: unknown;
}

async function* lines(file: string, signal?: AbortSignal): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let length = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024, ...(signal ? { signal } : {}) })) {
    let rest = chunk as Buffer;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      if (length + end <= longestLine) yield Buffer.concat([...held, rest.subarray(0, end)]).toString("utf8");
      held = [];
      length = 0;
      rest = rest.subarray(end + 1);
    }
    length += rest.length;
    if (length <= longestLine) held.push(rest);
    else held = [];
  }
  // A run that was killed may have left half a line, which doesn't parse.
  if (length > 0 && length <= longestLine) yield Buffer.concat(held).toString("utf8");
}

function take(line: string, read: EventsRead): void {
  const isDiagnostic = line.startsWith('"diagnosticEvent"', line.indexOf(",", line.indexOf(",") + 1) + 1);
  if (isDiagnostic && !line.includes('"severity":"error"')) return;
  let event: EventLine | null;
  try {
    event = JSON.parse(line) as EventLine | null;
  } catch {
    return;
  }
  const { diagnosticEvent, resourcePreEvent, resOutputsEvent, resOpFailedEvent, timestamp, time } = event ?? {};
  if (diagnosticEvent?.severity === "error" && read.errors.size < mostErrors) {
    const urn = textOf(diagnosticEvent.urn) ?? "";
    if (!read.errors.has(urn)) read.errors.set(urn, String(diagnosticEvent.message).slice(0, 4000));
  }
  const metadata = (resourcePreEvent ?? resOutputsEvent ?? resOpFailedEvent)?.metadata;
  const [urn, type, op] = [textOf(metadata?.urn), textOf(metadata?.type), textOf(metadata?.op)];
  if (!urn || !type || !op || read.steps.length >= mostSteps) return;
  if (typeof time !== "number") read.exact = false;
  const state = metadata?.new ?? metadata?.old ?? {};
  read.steps.push({
    kind: resourcePreEvent ? "begin" : resOutputsEvent ? "end" : "fail",
    op,
    urn,
    type,
    time: typeof time === "number" ? time : Number(timestamp) * 1000,
    custom: state.custom === true,
    ...definedText("parent", state.parent),
    ...definedText("id", state.id),
    inputs: typeof state.inputs === "object" && state.inputs !== null ? (state.inputs as StepEvent["inputs"]) : {},
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function definedText<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  const text = textOf(value);
  return text === undefined ? {} : ({ [key]: text } as Record<K, string>);
}
