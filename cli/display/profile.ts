import { stripControlCodes } from "../../run/control-codes";
import type { RunEvent } from "../../run/events";
import { nameInUrn } from "../../run/followed-containers";
import { profileLines, type ProfiledPhase, type ProfiledStep } from "../../report/profile";

/** Takes down when each step of a run began and ended. */
export interface RunProfiler {
  event(event: RunEvent): void;
  /** The waterfall; empty where nothing was done. */
  lines(width: number): string[];
}

/** The times are those at which the events came: Pulumi's own are in whole seconds. */
export function profileRun(now: () => number = () => performance.now()): RunProfiler {
  const began = now();
  const seconds = () => (now() - began) / 1000;
  const phases: ProfiledPhase[] = [];
  const steps: ProfiledStep[] = [];
  const running = new Map<string, ProfiledStep>();

  const closePhase = () => {
    const last = phases.at(-1);
    if (last) last.to = seconds();
  };
  return {
    event(event) {
      if (event.kind === "phase") {
        closePhase();
        phases.push({ name: event.phase, from: seconds(), to: seconds() });
      }
      if (event.kind === "result") closePhase();
      if (event.kind !== "engine") return;
      const { resourcePreEvent, resOutputsEvent, resOpFailedEvent } = event.event;
      if (resourcePreEvent) {
        const { urn, op, new: after, old } = resourcePreEvent.metadata;
        // Components and providers take no time of their own.
        if (op === "same" || op === "replace" || !(after ?? old)?.custom || isProvider(urn)) return;
        const name = stripControlCodes(nameInUrn(urn)).replace(/\s+/g, " ");
        const step = { name, op: wordFor(op), from: seconds(), to: seconds() };
        steps.push(step);
        running.set(`${urn} ${op}`, step);
      }
      const ended = resOutputsEvent ?? resOpFailedEvent;
      if (ended) {
        const step = running.get(`${ended.metadata.urn} ${ended.metadata.op}`);
        if (step) step.to = seconds();
        if (step && resOpFailedEvent) step.op += ", failed";
        running.delete(`${ended.metadata.urn} ${ended.metadata.op}`);
      }
    },
    lines(width) {
      for (const step of running.values()) step.to = seconds();
      return profileLines({ phases, steps }, width);
    },
  };
}

function isProvider(urn: string): boolean {
  return urn.includes("::pulumi:providers:");
}

function wordFor(op: string): string {
  if (op.startsWith("delete")) return "delete";
  return op.startsWith("create") ? "create" : op;
}
