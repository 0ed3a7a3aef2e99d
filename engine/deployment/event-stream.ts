/** The events of one operation: numbered, dated, with secrets masked, given to the caller as they happen. */
import type { DiagnosticSeverity, EngineEvent, EventBody } from "../events";
import type { Masker } from "./masker";

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
  const emit = (body: EventBody): void =>
    onEvent({ sequence: sequence++, timestamp: Math.floor(Date.now() / 1000), ...body });
  return {
    emit,
    diagnostic(severity, message, { urn, ephemeral, streamId } = {}) {
      const prefix = severity === "error" ? "error: " : severity === "warning" ? "warning: " : undefined;
      // The output of a stream is passed on as it is; a message ends its line.
      const text = streamId || message.endsWith("\n") ? message : `${message}\n`;
      emit({
        diagnosticEvent: {
          ...(urn ? { urn } : {}),
          ...(prefix ? { prefix } : {}),
          message: masker.mask(text),
          color: "never",
          severity,
          ...(streamId ? { streamID: streamId } : {}),
          ...(ephemeral ? { ephemeral } : {}),
        },
      });
    },
  };
}
