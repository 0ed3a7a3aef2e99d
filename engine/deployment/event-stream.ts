/** The events of one operation: numbered, dated, with secrets masked, given to the caller as they happen. */
import type { DiagnosticSeverity, EngineEvent, EventBody, StepEventMetadata, StepEventStateMetadata } from "../events";
import { isSealed } from "../values";
import type { Masker, MaskingStream } from "./masker";

export interface EventStream {
  emit(body: EventBody): void;
  /** A message; `urn` attributes it to a resource. Debug messages are dropped unless asked for. */
  diagnostic(
    severity: DiagnosticSeverity,
    message: string,
    options?: { urn?: string; ephemeral?: boolean; streamId?: number },
  ): void;
}

export function eventStream(onEvent: (event: EngineEvent) => void, masker: Masker): EventStream {
  let sequence = 0;
  /** By resource and number: the output of a stream comes in chunks. */
  const streams = new Map<string, { urn: string; masking: MaskingStream; show(text: string): void }>();
  const send = (body: EventBody): void =>
    onEvent({ sequence: sequence++, timestamp: Math.floor(Date.now() / 1000), ...body });
  /** What a stream has held back is shown before the end of its resource's step, or of everything, is told. */
  const flush = (urn?: string): void => {
    for (const [key, stream] of streams) {
      if (urn !== undefined && stream.urn !== urn) continue;
      streams.delete(key);
      stream.show(stream.masking.end());
    }
  };
  /** A secret may also stand in what isn't declared one, such as the log of a container that prints it. */
  const withMasked = <T extends { metadata: StepEventMetadata }>(event: T): T => {
    if (masker.knowsNothing()) return event;
    const { metadata } = event;
    return { ...event, metadata: { ...metadata, old: masked(metadata.old), new: masked(metadata.new) } };
  };
  const masked = (state: StepEventStateMetadata | null): StepEventStateMetadata | null =>
    state && { ...state, inputs: maskStrings(state.inputs, masker), outputs: maskStrings(state.outputs, masker) };
  return {
    emit(body) {
      const ended = body.resOutputsEvent ?? body.resOpFailedEvent;
      if (ended) flush(ended.metadata.urn);
      if (body.summaryEvent) flush();
      const { resourcePreEvent, resOutputsEvent, resOpFailedEvent } = body;
      send({
        ...body,
        ...(resourcePreEvent ? { resourcePreEvent: withMasked(resourcePreEvent) } : {}),
        ...(resOutputsEvent ? { resOutputsEvent: withMasked(resOutputsEvent) } : {}),
        ...(resOpFailedEvent ? { resOpFailedEvent: withMasked(resOpFailedEvent) } : {}),
      });
    },
    diagnostic(severity, message, { urn = "", ephemeral, streamId } = {}) {
      const prefix = severity === "error" ? "error: " : severity === "warning" ? "warning: " : undefined;
      const show = (text: string): void => {
        if (text === "") return;
        send({
          diagnosticEvent: {
            ...(urn ? { urn } : {}),
            ...(prefix ? { prefix } : {}),
            message: text,
            color: "never",
            severity,
            ...(streamId ? { streamID: streamId } : {}),
            ...(ephemeral ? { ephemeral } : {}),
          },
        });
      };
      // A message ends its line.
      if (!streamId) return show(masker.mask(message.endsWith("\n") ? message : `${message}\n`));
      const key = `${streamId} ${urn}`;
      const stream = streams.get(key) ?? { urn, masking: masker.stream(), show };
      streams.set(key, stream);
      show(stream.masking.push(message));
    },
  };
}

function maskStrings<T>(value: T, masker: Masker): T {
  if (typeof value === "string") return masker.mask(value) as T;
  if (Array.isArray(value)) return value.map((element: unknown) => maskStrings(element, masker)) as T;
  if (typeof value !== "object" || value === null || isSealed(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, element]) => [key, maskStrings(element as unknown, masker)]),
  ) as T;
}
