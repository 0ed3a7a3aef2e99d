import type { EngineEvent, Op } from "../../engine/events";
import { stripControlCodes } from "../../run/control-codes";
import { formatSeconds } from "../../run/duration";
import { nameInUrn } from "../../run/followed-containers";
import { cut, type Screen } from "./screen";

/** A step that is under way. */
interface RunningStep {
  urn: string;
  name: string;
  type: string;
  op: Op;
  since: number;
  /** The last thing it said of its progress. */
  detail: string;
  /** When its next sign of life is due in a log, in milliseconds from its start. */
  nextBeat: number;
}

/** A step that has ended. */
export interface EndedStep {
  urn: string;
  name: string;
  type: string;
  op: Op;
  seconds: number;
  failed: boolean;
}

/** Follows the steps of one operation, and says what is under way. */
export interface StepFollower {
  event(event: EngineEvent): void;
  /** The steps that are under way, as one line. */
  summary(): string;
  running(): number;
  stop(): void;
}

/** Milliseconds after which a step that is under way is mentioned in a log; then ever more rarely. */
const firstBeat = 5000;
const beat = (passed: number) => (passed < 15_000 ? 15_000 : passed < 30_000 ? 30_000 : passed + 30_000);

export function followSteps(
  screen: Screen,
  options: {
    onEnd(step: EndedStep): void;
    /** Components, providers and the stack itself are steps as well. */
    all?: boolean;
    /** A step whose signs of life are shown in another way. */
    isSilent?(urn: string): boolean;
    now?: () => number;
  },
): StepFollower {
  const now = options.now ?? (() => performance.now());
  const steps = new Map<string, RunningStep>();
  const timer = screen.live ? undefined : setInterval(beats, 1000);
  timer?.unref();

  function beats(): void {
    for (const step of steps.values()) {
      const passed = now() - step.since;
      if (passed < step.nextBeat || options.isSilent?.(step.urn)) continue;
      step.nextBeat = beat(passed);
      screen.line(
        `  … ${step.name} ${doing(step)}, ${formatSeconds(passed / 1000)}${step.detail && `: ${step.detail}`}`,
      );
    }
  }

  return {
    event({ resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent }) {
      if (resourcePreEvent) {
        const { urn, type, op, new: after, old } = resourcePreEvent.metadata;
        if (op === "same" || (!options.all && !isOwnStep(type, (after ?? old)?.custom))) return;
        const name = nameInUrn(urn);
        steps.set(urn, { urn, name, type, op, since: now(), detail: "", nextBeat: firstBeat });
      }
      if (diagnosticEvent?.urn) {
        const step = steps.get(diagnosticEvent.urn);
        const last = stripControlCodes(diagnosticEvent.message).trim().split("\n").at(-1);
        if (step && last && diagnosticEvent.severity !== "error") step.detail = cut(last, 100);
      }
      const ended = resOutputsEvent ?? resOpFailedEvent;
      if (ended) {
        const { urn, type, op, new: after, old } = ended.metadata;
        const step = steps.get(urn);
        steps.delete(urn);
        if (!options.all && !isOwnStep(type, (after ?? old)?.custom)) return;
        const seconds = step ? (now() - step.since) / 1000 : 0;
        options.onEnd({ urn, name: nameInUrn(urn), type, op, seconds, failed: Boolean(resOpFailedEvent) });
      }
    },
    summary() {
      const all = [...steps.values()];
      const oldest = all[0];
      if (!oldest) return "";
      const passed = formatSeconds((now() - oldest.since) / 1000);
      const others = all.slice(1).map(({ name }) => name);
      const also = others.length > 0 ? ` · ${others.join(", ")}` : "";
      return `${oldest.name} ${doing(oldest)} ${passed}${oldest.detail && ` (${cut(oldest.detail, 60)})`}${also}`;
    },
    running: () => steps.size,
    stop: () => clearInterval(timer),
  };
}

/** A step that does something: not that of a component, a provider or the stack. */
export function isOwnStep(type: string, custom: boolean | undefined): boolean {
  return custom === true && !type.startsWith("pulumi:");
}

/** What a step makes of its resource, once it is done. */
export function done(type: string, op: Op): string {
  if (op === "delete" || op === "delete-replaced" || op === "discard") return "removed";
  if (op === "refresh" || op === "read") return "read";
  if (op === "update") return "updated";
  if (type.endsWith(":Container")) return "ready";
  if (type.endsWith(":RemoteImage")) return "there";
  if (type.endsWith(":Image")) return "built";
  return type.startsWith("command:") ? "done" : "made";
}

function doing({ type, op }: RunningStep): string {
  if (op === "delete" || op === "delete-replaced" || op === "discard") return "being removed";
  if (op === "refresh" || op === "read") return "being read";
  if (type.endsWith(":Container")) return "starting";
  if (type.endsWith(":RemoteImage")) return "being pulled";
  if (type.endsWith(":Image")) return "building";
  return "under way";
}
