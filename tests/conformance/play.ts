/** Plays a program on both engines, step by step, and says what differs. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "../../engine/events";
import { compareEvents, compareStates, differences } from "./compare";
import { type EngineName, type Engines, initStack, makeWorkspace, readState, runStep, writeSettings } from "./engines";
import { type Json, type Names, type NormalEvent, normalEvents, normalPending, normalState } from "./normal-form";
import type { Program, Step } from "./program";

export interface StepReport {
  step: number;
  problems: string[];
  /** What the engines printed, for whoever looks into a problem. */
  outputs: Record<EngineName, string>;
}

/** What there is to be seen of a step, in a form that can be compared. */
interface Observation {
  exitCode: number;
  output: string;
  events: NormalEvent[];
  summary: Json;
  blamed: Json;
  state: Json[];
  pending: Json[];
}

/**
 * `expressionOf(n)` gives the body of step n, as an expression over the bundle. What the CLI did is kept in the folder
 * `recordings`, if there is one, and taken from there the next time.
 */
export async function play(
  program: Program,
  engines: Engines,
  expressionOf: (step: number) => string,
  recordings: string | undefined,
): Promise<StepReport[]> {
  const ours = await observe("seatrial", program, engines, expressionOf);
  const file = recordings && join(recordings, `${program.name}-${fingerprint(program)}.json`);
  let theirs: Observation[];
  if (file && existsSync(file)) {
    theirs = JSON.parse(readFileSync(file, "utf8")) as Observation[];
  } else {
    theirs = await observe("pulumi", program, engines, expressionOf);
    if (file) {
      mkdirSync(recordings, { recursive: true });
      writeFileSync(file, JSON.stringify(theirs));
    }
  }
  return program.steps.map((step, n) => ({
    step: n,
    problems: compareObservations(ours[n]!, theirs[n]!, step, program.serial ?? true),
    outputs: { seatrial: ours[n]!.output, pulumi: theirs[n]!.output },
  }));
}

/** Of what the program is made of, so that a recording of another one isn't taken for it. */
function fingerprint(program: Program): string {
  const text = JSON.stringify(program, (_, value: unknown) => (typeof value === "function" ? String(value) : value));
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

async function observe(
  engine: EngineName,
  program: Program,
  engines: Engines,
  expressionOf: (step: number) => string,
): Promise<Observation[]> {
  const root = mkdtempSync(join(tmpdir(), "conformance-"));
  const project = program.name.replace(/[^a-z0-9-]/g, "-");
  const workspace = makeWorkspace(engines, join(root, "project"), join(root, "backend"), project);
  const ids: Names = new Map();
  const observations: Observation[] = [];
  try {
    await initStack(engine, engines, workspace);
    let current = 0;
    let config: NonNullable<Step["config"]> = {};
    for (const [n, step] of program.steps.entries()) {
      if (step.body) current = n;
      config = step.config ?? config;
      writeSettings(workspace, config);
      step.prepare?.(workspace.folder);
      const body = { body: program.steps[current]!.body!, expression: expressionOf(current) };
      const outcome = await runStep(engine, engines, workspace, step, body, program.serial ?? true);
      const state = readState(workspace);
      const events = normalEvents(outcome.events, workspace, ids);
      observations.push({
        exitCode: outcome.exitCode,
        output: outcome.output,
        events,
        summary: summary(outcome.events),
        blamed: blamed(outcome.events),
        state: normalState(state, workspace, ids),
        pending: normalPending(state, workspace, ids),
      });
    }
    return observations;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function compareObservations(ours: Observation, theirs: Observation, step: Step, serial: boolean): string[] {
  const problems: string[] = [];
  for (const [name, { exitCode, output }] of Object.entries({ seatrial: ours, pulumi: theirs })) {
    if ((exitCode !== 0) !== (step.fails ?? false)) {
      problems.push(`${name} ended with ${exitCode}: ${output.trim().split("\n").slice(-6).join(" | ")}`);
    }
  }
  if (step.lenient || problems.length > 0) return problems;
  problems.push(...compareEvents(ours.events, theirs.events, serial));
  problems.push(...differences(ours.summary, theirs.summary, "summary"));
  problems.push(...differences(ours.blamed, theirs.blamed, "errors of"));
  problems.push(...compareStates(ours.state, theirs.state, serial));
  problems.push(...differences(ours.pending, theirs.pending, "pending operations"));
  return problems;
}

function summary(events: EngineEvent[]): Json {
  const found = events.find((event) => event.summaryEvent)?.summaryEvent;
  if (!found) return null;
  const { resourceChanges, isPreview, result } = found;
  const changes = Object.entries(resourceChanges ?? {})
    .filter(([, n]) => n)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return { resourceChanges: Object.fromEntries(changes), isPreview, result: result ?? null };
}

/** Resources that an error was told of. */
function blamed(events: EngineEvent[]): Json {
  const urns = events.flatMap(({ diagnosticEvent }) =>
    diagnosticEvent?.severity === "error" && diagnosticEvent.urn ? [diagnosticEvent.urn] : [],
  );
  return [...new Set(urns)].sort();
}
