import type { EngineEvent } from "../engine/events";
import type { Commit } from "./commit";
import type { Result } from "./result";

export type Phase = Result["phases"][number]["name"];

/** What a run says while it runs; the terminal, the CI log and the files are made from it. */
export type RunEvent =
  | { kind: "begin"; project: string; stack: string; run: string; commit?: Commit; again: boolean }
  /** `urn`: in the phase `tests`, the tests container's. */
  | { kind: "phase"; phase: Phase; urn?: string }
  /** Of the update or the destroy, as the phase says. */
  | { kind: "engine"; event: EngineEvent }
  /** The tests' output as it comes, with whatever control codes it holds. */
  | { kind: "output"; stream: "stdout" | "stderr"; text: string }
  /** From here on steps fail because they are told to stop. */
  | { kind: "stopping"; reason: string }
  | { kind: "note"; level: "info" | "warning" | "error"; text: string }
  /** The end of a service's log, shown because something failed. */
  | { kind: "log"; service: string; lines: string[] }
  /** Nothing was run, as a run with the same inputs has passed before: its result. */
  | { kind: "unchanged"; result: Result }
  /** `unbegun`: the run could not begin; an error tells its caller why. */
  | { kind: "result"; result: Result; unbegun?: true }
  /** The run's report is there. `page`: its file. */
  | { kind: "report"; page: string };
