/** Plays a program on both engines, or from one to the other and back, and says what differs from the CLI alone. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "../../engine/events";
import { compareEvents, compareStates, differences } from "./compare";
import {
  command,
  type EngineName,
  type Engines,
  initStack,
  makeWorkspace,
  readState,
  runStep,
  secretsOf,
  STACK,
  type Workspace,
  writeProgram,
  writeSettings,
} from "./engines";
import {
  isObject,
  type Json,
  type Names,
  type NormalEvent,
  normalEvents,
  normalPending,
  normalState,
} from "./normal-form";
import type { Program, Refusal, Step } from "./program";

export interface StepReport {
  /** How it was played. */
  plan: string;
  step: number;
  problems: string[];
  /** What was printed, for whoever looks into a problem. */
  output: string;
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

/** Which engine runs which step, and how the stack gets from one to the other. */
interface Plan {
  name: string;
  engineOf: (step: number) => EngineName;
  /** Default: both work on one backend. */
  byExport?: true;
}

const CLI_ALONE: Plan = { name: "pulumi", engineOf: () => "pulumi" };
const PLANS: Plan[] = [{ name: "seatrial", engineOf: () => "seatrial" }];
const MOVES: Plan[] = [
  { name: "seatrial and pulumi in turn", engineOf: (step) => (step % 2 === 0 ? "seatrial" : "pulumi") },
  { name: "pulumi and seatrial in turn", engineOf: (step) => (step % 2 === 0 ? "pulumi" : "seatrial") },
  {
    name: "pulumi and seatrial in turn, by export and import",
    engineOf: (step) => (step % 2 === 0 ? "pulumi" : "seatrial"),
    byExport: true,
  },
];

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
  const file = recordings && join(recordings, `${program.name}-${fingerprint(program)}.json`);
  let theirs: Observation[];
  if (file && existsSync(file)) {
    theirs = JSON.parse(readFileSync(file, "utf8")) as Observation[];
  } else {
    theirs = await observe(CLI_ALONE, program, engines, expressionOf);
    if (file) {
      mkdirSync(recordings, { recursive: true });
      writeFileSync(file, JSON.stringify(theirs));
    }
  }
  const reports: StepReport[] = [];
  for (const plan of program.moves ? [...PLANS, ...MOVES] : PLANS) {
    const ours = await observe(plan, program, engines, expressionOf);
    const isAlone = plan.name === "seatrial";
    const found = program.steps.map((step, n) => {
      const [left, right] = isAlone ? [ours[n]!, theirs[n]!] : [ours[n]!, theirs[n]!].map(withoutDefaultProviders);
      return compareObservations(left!, right!, step, program);
    });
    const wayOf = ({ differs, providerDiffers }: Pick<Step, "differs" | "providerDiffers">): string | undefined =>
      isAlone ? (differs ?? (engines.lent ? undefined : providerDiffers)) : undefined;
    const way = wayOf(program);
    const whole = way && stillDiffers(found.flat(), way);
    for (const [step, how] of program.steps.entries()) {
      const stepWay = wayOf(how);
      const problems = whole || (stepWay ? stillDiffers(found[step]!, stepWay) : found[step]!);
      reports.push({ plan: plan.name, step, problems, output: `${ours[step]!.output}\n${theirs[step]!.output}` });
    }
  }
  return reports;
}

/** Of what the program is made of, so that a recording of another one isn't taken for it. */
function fingerprint({ steps, serial }: Program): string {
  const text = JSON.stringify({ steps, serial }, (key, value: unknown) =>
    key === "differs" || key === "providerDiffers" ? undefined : typeof value === "function" ? String(value) : value,
  );
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

async function observe(
  { engineOf, byExport }: Plan,
  program: Program,
  engines: Engines,
  expressionOf: (step: number) => string,
): Promise<Observation[]> {
  const root = mkdtempSync(join(tmpdir(), "conformance-"));
  const folder = join(root, "project");
  const made = new Map<string, Workspace>();
  const workspaceOf = async (engine: EngineName): Promise<Workspace> => {
    const backend = join(root, byExport ? engine : "backend");
    const known = made.get(backend);
    if (known) return known;
    const workspace = makeWorkspace(engines, folder, backend, program.name);
    made.set(backend, workspace);
    await initStack(engine, engines, workspace);
    return workspace;
  };
  const ids: Names = new Map();
  const observations: Observation[] = [];
  let last: { engine: EngineName; workspace: Workspace } | undefined;
  try {
    let current = 0;
    let config: NonNullable<Step["config"]> = {};
    for (const [n, step] of program.steps.entries()) {
      if (step.body) current = n;
      config = step.config ?? config;
      const engine = engineOf(n);
      const workspace = await workspaceOf(engine);
      writeSettings(workspace, config);
      if (byExport && last && last.engine !== engine) await transfer(engines, last, { engine, workspace });
      last = { engine, workspace };
      step.prepare?.(workspace.folder);
      const body = { body: program.steps[current]!.body!, expression: expressionOf(current) };
      const outcome = await runStep(engine, engines, workspace, step, body, program.serial ?? true);
      const state = readState(workspace);
      workspace.secrets = secretsOf(state, workspace);
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

/** They write down which build of the plugin they are, so that one that changes hands is updated. */
const withoutDefaultProviders = (observation: Observation): Observation => ({
  ...observation,
  events: observation.events.filter(({ urn }) => !urn.includes("::pulumi:providers:command::default")),
});

/** A difference that has gone is to be taken out of the table. */
const stillDiffers = (problems: string[], how: string): string[] =>
  problems.length > 0 ? [] : [`is said to differ and doesn't: ${how}`];

type Place = { engine: EngineName; workspace: Workspace };

async function transfer(engines: Engines, from: Place, to: Place): Promise<void> {
  const file = join(from.workspace.folder, "exported.json");
  const steps: [Place, string[]][] = [
    [from, ["stack", "export", "--stack", STACK, "--file", file]],
    [to, ["stack", "import", "--stack", STACK, "--file", file]],
  ];
  for (const [{ engine, workspace }, args] of steps) {
    const { exitCode, output } = await command(engine, engines, workspace, args);
    if (exitCode !== 0) throw new Error(`${engine} ${args.join(" ")}: ${output}`);
  }
  rmSync(file);
}

function compareObservations(
  ours: Observation,
  theirs: Observation,
  step: Step,
  { serial = true, masked = [] }: Program,
): string[] {
  const problems: string[] = [];
  const fails = step.fails === "maybe" ? theirs.exitCode !== 0 : (step.fails ?? false);
  for (const [name, { exitCode, output }] of Object.entries({ ours, theirs })) {
    if ((exitCode !== 0) !== fails) {
      problems.push(`${name} ended with ${exitCode}: ${output.trim().split("\n").slice(-8).join(" | ")}`);
    }
  }
  if (step.lenient || problems.length > 0) return problems;
  const shown = (events: NormalEvent[]): NormalEvent[] =>
    events.map((event) => ({ ...event, metadata: withMasked(event.metadata, masked) }));
  problems.push(...compareEvents(shown(ours.events), shown(theirs.events), serial));
  problems.push(...differences(ours.summary, theirs.summary, "summary"));
  problems.push(...differences(ours.blamed, theirs.blamed, "errors of"));
  problems.push(...compareStates(ours.state, theirs.state, serial));
  problems.push(...differences(ours.pending, theirs.pending, "pending operations"));
  return problems;
}

function withMasked(value: Json, masked: string[]): Json {
  if (typeof value === "string") return masked.reduce((text, secret) => text.replaceAll(secret, "[secret]"), value);
  if (Array.isArray(value)) return value.map((item) => withMasked(item, masked));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withMasked(inner, masked)]));
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

/** Has seatrial refuse something, and tells what is wrong where it doesn't. */
export async function refuse(refusal: Refusal, engines: Engines, expression: string): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    const workspace = makeWorkspace(engines, join(root, "project"), join(root, "backend"), refusal.name);
    if (refusal.project) writeFileSync(join(workspace.folder, "Pulumi.yaml"), refusal.project);
    writeProgram(engines, workspace, expression);
    const args = ["up", "--yes", "--stack", STACK, ...(refusal.flags ?? [])];
    const { exitCode, output } = await command("seatrial", engines, workspace, args, refusal.env);
    if (exitCode === 0) return ["it was not refused"];
    return output.includes(refusal.says) ? [] : [`it was not refused with "${refusal.says}": ${output.trim()}`];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
