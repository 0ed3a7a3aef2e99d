/**
 * Engine events: the one record of an operation. Progress, logs, reports and notes are made from them.
 *
 * The format is that of the CLI's `--event-log`: one JSON object a line. The types come with the SDK; what it leaves
 * out is added here.
 */
import type {
  DiagnosticEvent as SdkDiagnosticEvent,
  EngineEvent as SdkEngineEvent,
  StepEventMetadata as SdkStepEventMetadata,
  StepEventStateMetadata as SdkStepEventStateMetadata,
} from "@pulumi/pulumi/automation/events";

/** What a step does to one resource, in the words of Pulumi's events. */
export type Op =
  | "same"
  | "create"
  | "update"
  | "delete"
  | "replace"
  | "create-replacement"
  | "delete-replaced"
  | "read"
  | "read-replacement"
  | "refresh"
  | "discard"
  | "discard-replaced"
  | "remove-pending-replace"
  | "import"
  | "import-replacement";

export type DiagnosticSeverity = "debug" | "info" | "info#err" | "warning" | "error";

export interface DiagnosticEvent extends Omit<SdkDiagnosticEvent, "severity"> {
  severity: DiagnosticSeverity;
}

export interface StepEventStateMetadata extends SdkStepEventStateMetadata {
  external?: boolean;
  /** Paths whose differences aren't shown. */
  hideDiffs?: string[];
}

export interface StepEventMetadata extends Omit<SdkStepEventMetadata, "op" | "old" | "new" | "detailedDiff"> {
  op: Op;
  old: StepEventStateMetadata | null;
  new: StepEventStateMetadata | null;
  detailedDiff: Record<string, { diffKind: string; inputDiff: boolean }> | null;
}

export interface SummaryEvent {
  maybeCorrupt: boolean;
  /** Whole seconds. */
  durationSeconds: number;
  /** How many resources each operation touched. */
  resourceChanges: Partial<Record<Op, number>>;
  PolicyPacks: Record<string, string>;
  isPreview: boolean;
  result: "succeeded" | "failed";
}

export interface EngineEvent extends Omit<
  SdkEngineEvent,
  "diagnosticEvent" | "summaryEvent" | "resourcePreEvent" | "resOutputsEvent" | "resOpFailedEvent"
> {
  diagnosticEvent?: DiagnosticEvent;
  summaryEvent?: SummaryEvent;
  /** A step starts. */
  resourcePreEvent?: { metadata: StepEventMetadata; planning?: boolean };
  /** A step has ended well. */
  resOutputsEvent?: { metadata: StepEventMetadata; planning?: boolean };
  /** A step has failed. */
  resOpFailedEvent?: { metadata: StepEventMetadata; status: number; steps: number };
}

/** An event before it has been numbered and dated. */
export type EventBody = Omit<EngineEvent, "sequence" | "timestamp">;
