/**
 * An operation as JSON on standard output, in the CLI's forms: of a preview one document at its end, of anything else
 * every engine event as a line.
 *
 * Source: `pkg/backend/display/json.go` in pulumi/pulumi.
 */
import type { OperationResult, StepDigest } from "../../engine/api";
import type { EngineEvent } from "../../engine/events";
import { isDefaultProvider, isRootStack, replacementParts } from "./operation-summary";

export interface JsonOutput {
  event(event: EngineEvent): void;
  step(step: StepDigest): void;
  end(result: OperationResult): void;
}

export interface JsonOutputOptions {
  preview: boolean;
  showSames: boolean;
  showReplacementSteps: boolean;
  suppressOutputs: boolean;
}

const nanoseconds = 1e9;

export function jsonOutput(write: (text: string) => void, options: JsonOutputOptions): JsonOutput {
  return options.preview ? previewDigest(write, options) : eventLines(write);
}

function eventLines(write: (text: string) => void): JsonOutput {
  return {
    event(event) {
      const metadata = (event.resourcePreEvent ?? event.resOutputsEvent ?? event.resOpFailedEvent)?.metadata;
      if (!metadata || !isDefaultProvider(metadata)) write(`${JSON.stringify(event)}\n`);
    },
    step: () => undefined,
    end: () => undefined,
  };
}

function previewDigest(write: (text: string) => void, options: JsonOutputOptions): JsonOutput {
  const steps = new Map<string, StepDigest>();
  const diagnostics: { urn?: string; message: string; severity: string }[] = [];
  let config: Record<string, string> | undefined;

  function isShown({ op, urn, oldState, newState }: StepDigest): boolean {
    const type = String((newState ?? oldState)?.type);
    if (isRootStack({ type })) return true;
    if (isDefaultProvider({ type, urn })) return false;
    if (op === "same") return options.showSames || Boolean(oldState?.protect) !== Boolean(newState?.protect);
    return options.showReplacementSteps || !replacementParts.includes(op);
  }

  return {
    event({ preludeEvent, diagnosticEvent }) {
      if (preludeEvent) config = preludeEvent.config;
      if (!diagnosticEvent || diagnosticEvent.ephemeral || diagnosticEvent.severity === "debug") return;
      const { urn, prefix = "", message, severity } = diagnosticEvent;
      diagnostics.push({ ...(urn ? { urn } : {}), message: `${prefix}${message}`, severity });
    },
    step(step) {
      if (!isShown(step)) return;
      const isRefreshed = steps.get(step.urn)?.op === "refresh";
      const key = isRefreshed || !steps.has(step.urn) ? step.urn : `${step.urn} ${steps.size}`;
      const type = String((step.newState ?? step.oldState)?.type);
      steps.set(key, options.suppressOutputs && isRootStack({ type }) ? withoutValues(step) : step);
    },
    end({ changes, durationSeconds }) {
      const digest = {
        ...(config && Object.keys(config).length > 0 ? { config } : {}),
        ...(steps.size > 0 ? { steps: [...steps.values()] } : {}),
        ...(diagnostics.length > 0 ? { diagnostics } : {}),
        duration: Math.round(durationSeconds * nanoseconds),
        changeSummary: changes,
      };
      write(`${JSON.stringify(digest, undefined, 4)}\n`);
    },
  };
}

function withoutValues(step: StepDigest): StepDigest {
  const strip = <T extends object | undefined>(state: T): T =>
    state && { ...state, inputs: undefined, outputs: undefined };
  return {
    ...step,
    ...(step.oldState ? { oldState: strip(step.oldState) } : {}),
    ...(step.newState ? { newState: strip(step.newState) } : {}),
  };
}
