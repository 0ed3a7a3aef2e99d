import type { EventsRead, StepEvent } from "./events-file";
import type { Run, StackFile } from "./input";
import type { Step } from "./model";
import { plainText } from "./text";

/** Every resource with its times, and the chain of them that everything waited for. */
export interface Timeline {
  steps: Step[];
  criticalPath: string[];
}

/** Makes the waterfall of a run from its engine events. All times become seconds after the run's start. */
export function makeTimeline(run: Run, events: EventsRead, stack?: StackFile): Timeline {
  const start = Date.parse(run.startedAt);
  const end = (Date.parse(run.finishedAt) - start) / 1000;
  const seconds = (time: number) => Math.round(Math.min(Math.max(time - start, 0), end * 1000)) / 1000;
  const known = new Map(stack?.resources.map((resource) => [resource.urn, resource]));
  const containers = new Map(stack?.containers.map((container) => [container.id, container]));
  const steps = new Map<string, Step>();
  const withoutRun = runRemover(run, stack);
  const describe = (event: StepEvent) => describeInputs(event, withoutRun);

  for (const event of events.steps) {
    const { urn, op, kind } = event;
    // The two halves of a replacement say more; a refresh is none of the run's making.
    if (op === "replace" || op === "refresh" || op.startsWith("discard")) continue;
    let step = steps.get(urn);
    if (!step) {
      step = newStep(event, known.get(urn)?.dependencies ?? [], describe(event));
      steps.set(urn, step);
    }
    const time = seconds(event.time);
    if (op.startsWith("delete")) {
      // What is replaced is gone before the end.
      if (kind === "begin") step.destroyed = { from: time, to: end };
      else if (step.destroyed) step.destroyed.to = time;
      continue;
    }
    if (kind === "begin") {
      step.made = { from: time, to: end };
      step.state = "unfinished";
      step.inputs = describe(event);
    } else {
      step.made = { from: step.made?.from ?? time, to: time };
      step.state = kind === "end" ? (op === "same" ? "unchanged" : "done") : whyFailed(event, events, run);
    }
    const container = event.id === undefined ? undefined : containers.get(event.id);
    if (container && step.kind === "container") {
      step.service = container.service;
      addEngineTimes(step, container, seconds);
    }
  }

  // A container that could not be made is still found by its log.
  for (const step of steps.values()) {
    if (step.kind !== "container" || step.service !== undefined) continue;
    const service = run.containers.find((container) => container.service === step.name)?.service;
    if (service !== undefined) step.service = service;
  }
  const all = [...steps.values()];
  // In a program that labels nothing the tests are what is attached last.
  if (!all.some(({ role }) => role === "tests")) {
    const attached = all.findLast(
      ({ kind, role, inputs }) => kind === "container" && !role && inputs.attach === "true",
    );
    if (attached) attached.role = "tests";
  }
  settleUnfinished(all, events);
  const criticalPath = findCriticalPath(all);
  for (const urn of criticalPath) steps.get(urn)!.critical = true;
  return { steps: all, criticalPath };
}

/** Seconds between the end of one step and the begin of the next, within which the one may have let the other begin. */
const slack = 0.03;

/**
 * The chain that ends with the tests, or else with what failed or was ready last: before each step the one of its
 * dependencies that was ready last. Where nobody knows a step's dependencies it is whatever was ready last before it
 * began.
 *
 * @returns URNs, the first first
 */
export function findCriticalPath(steps: Step[]): string[] {
  const made = steps.filter((step) => step.made && isCustom(step) && step.state !== "unchanged");
  const last = (candidates: Step[]): Step | undefined =>
    candidates.reduce<Step | undefined>(
      (best, step) => (!best || step.made!.to > best.made!.to ? step : best),
      undefined,
    );
  let current =
    made.find(({ role }) => role === "tests") ?? last(made.filter(({ state }) => state === "failed")) ?? last(made);
  const children = new Map<string, Step[]>();
  for (const step of steps) {
    if (step.parent === undefined) continue;
    const siblings = children.get(step.parent) ?? [];
    siblings.push(step);
    children.set(step.parent, siblings);
  }
  const path: string[] = [];
  const seen = new Set<string>();
  while (current && !seen.has(current.urn)) {
    path.unshift(current.urn);
    seen.add(current.urn);
    const before = current.made!.from + slack;
    const own = withChildren(current.dependencies, children);
    const waitedFor = (step: Step) => !seen.has(step.urn) && step.made!.to <= before;
    current =
      last(made.filter((step) => own.has(step.urn) && waitedFor(step))) ??
      // It waited for something that isn't told: a value that the program made of another's outputs.
      last(made.filter((step) => waitedFor(step) && step.made!.to >= current!.made!.from - 2 * slack));
  }
  return path;
}

function isCustom({ kind }: Step): boolean {
  return kind !== "component" && kind !== "provider";
}

/** Who depends on a component depends on all that is in it. */
function withChildren(urns: string[], children: Map<string, Step[]>): Set<string> {
  const all = new Set<string>();
  const visit = (urn: string): void => {
    if (all.has(urn)) return;
    all.add(urn);
    for (const child of children.get(urn) ?? []) visit(child.urn);
  };
  for (const urn of urns) visit(urn);
  return all;
}

function newStep(event: StepEvent, dependencies: string[], inputs: Record<string, string>): Step {
  const { urn, type, parent } = event;
  const kind = kindOf(event);
  const role = kind === "container" ? labelOf(event.inputs, "dev.seatrial.role") : undefined;
  return {
    urn,
    name: urn.slice(urn.lastIndexOf("::") + 2),
    type,
    kind,
    ...(role === undefined ? {} : { role }),
    state: "unchanged",
    critical: false,
    dependencies,
    ...(parent === undefined ? {} : { parent }),
    inputs,
  };
}

function kindOf({ type, custom }: StepEvent): Step["kind"] {
  if (type.startsWith("pulumi:providers:")) return "provider";
  if (!custom) return "component";
  const name = type.slice(type.lastIndexOf(":") + 1);
  if (/^docker(?:-build)?:/.test(type)) {
    if (name === "Container") return "container";
    if (name === "Network") return "network";
    if (name === "Volume") return "volume";
    if (/Image|Index/.test(name)) return "image";
  }
  return type.startsWith("command:") ? "command" : "other";
}

function labelOf(inputs: Record<string, unknown>, name: string): string | undefined {
  for (const entry of Array.isArray(inputs.labels) ? (inputs.labels as unknown[]) : []) {
    const { label, value } = (entry ?? {}) as { label?: unknown; value?: unknown };
    if (label === name && typeof value === "string") return value;
  }
  return undefined;
}

function whyFailed({ urn }: StepEvent, { errors }: EventsRead, run: Run): "failed" | "stopped" {
  // What fails since it is told to stop says so.
  const isFirst = run.failure?.resource === urn.slice(urn.lastIndexOf("::") + 2);
  return !isFirst && /cancell?ed|aborted/i.test(errors.get(urn) ?? "") ? "stopped" : "failed";
}

/** A step whose end no event tells, such as of an update that was given up, lasts no longer than the events. */
function settleUnfinished(steps: Step[], { steps: events }: EventsRead): void {
  const ends = steps.flatMap(({ made, state }) => (made && state !== "unfinished" ? [made.to] : []));
  if (events.length === 0) return;
  const last = Math.max(0, ...ends);
  for (const { state, made, destroyed } of steps) {
    if (state === "unfinished" && made) made.to = Math.max(made.from, destroyed?.from ?? last);
  }
}

function addEngineTimes(
  step: Step,
  { created, started, finished }: StackFile["containers"][number],
  seconds: (time: number) => number,
): void {
  const { from, to } = step.made ?? { from: 0, to: Number.POSITIVE_INFINITY };
  const own = { created, started, ended: finished };
  for (const key of ["created", "started", "ended"] as const) {
    const text = own[key];
    const time = text === undefined ? Number.NaN : seconds(Date.parse(text));
    // Another machine's clock may be wrong by more than this can bear; an earlier life of a container isn't told.
    if (Number.isNaN(time) || time < from - 0.05 || (key !== "ended" && time > to + 0.05)) continue;
    step[key] = Math.max(time, from);
  }
}

const mostInputs = 40;
const longestInput = 200;
/** They differ in every run by what they are. */
const ownInputs = new Set(["labels", "uploads", "__defaults", "__provider"]);

/** A resource's inputs by path, without what names the run, so that two runs of one stack have the same. */
function describeInputs({ inputs }: StepEvent, withoutRun: (text: string) => string): Record<string, string> {
  const flat: Record<string, string> = Object.create(null) as Record<string, string>;
  let count = 0;
  const visit = (path: string, value: unknown, depth: number): void => {
    if (count >= mostInputs || value === null || value === undefined) return;
    if (typeof value === "object" && depth < 4 && !("ciphertext" in value)) {
      for (const [key, inner] of Object.entries(value)) {
        if ((depth === 0 && ownInputs.has(key)) || key === "__defaults") continue;
        visit(path === "" ? key : Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, inner, depth + 1);
      }
      return;
    }
    if (path === "") return;
    count += 1;
    const text = typeof value === "string" ? value : typeof value === "object" ? secretOr(value) : String(value);
    flat[plainText(path).slice(0, longestInput)] = withoutRun(plainText(text)).slice(0, longestInput);
  };
  visit("", inputs, 0);
  const uploads = Array.isArray(inputs.uploads) ? inputs.uploads.length : 0;
  if (uploads > 0) flat.uploads = `${uploads} ${uploads === 1 ? "file" : "files"}`;
  return { ...flat };
}

function secretOr(value: object): string {
  return "ciphertext" in value ? "[secret]" : (JSON.stringify(value) ?? "");
}

/** Replaces what is another one in every run by what it stands for: the stack, the commit, ids of what was made. */
function runRemover({ stack, commit, run }: Run, file?: StackFile): (text: string) => string {
  const words: [string, string][] = [];
  if (stack) words.push([stack, "<stack>"]);
  if (commit) words.push([commit, "<commit>"]);
  if (run) words.push([run, "<run>"]);
  // An image's id says what is in it: that it is another one is news.
  const ids = new Map(
    file?.resources.flatMap(({ urn, id }) =>
      id && /^[0-9a-f]{64}$/.test(id) ? [[id, `<${urn.slice(urn.lastIndexOf("::") + 2)}>`]] : [],
    ),
  );
  return (text) => {
    let result = text.replace(/\b[0-9a-f]{64}\b/g, (id, at: number) =>
      text.startsWith("sha256:", at - 7) ? id : (ids.get(id) ?? id),
    );
    for (const [word, name] of words) result = result.replaceAll(word, name);
    return result;
  };
}
