/** Where a run's time went, as a waterfall in text, with the chain of steps that everything waited for. */

/** One step of the engine's, in seconds after the run's start. */
export interface ProfiledStep {
  name: string;
  /** In a word or two, such as `create` or `delete`. */
  op: string;
  from: number;
  to: number;
}

export interface ProfiledPhase {
  name: string;
  from: number;
  to: number;
}

export interface Profile {
  phases: ProfiledPhase[];
  /** In the order they began. */
  steps: ProfiledStep[];
}

/** Seconds between the end of one step and the begin of the next, within which the one may have let the other begin. */
const slack = 0.05;
const longestName = 32;

/**
 * The chain of steps in which each begins when the one before has ended: back from the step that ended last, each time
 * to the one that ended last before it began. Events don't tell what depends on what.
 *
 * @returns the first first
 */
export function criticalPath(steps: ProfiledStep[]): ProfiledStep[] {
  const last = (candidates: ProfiledStep[]): ProfiledStep | undefined =>
    candidates.reduce<ProfiledStep | undefined>((best, step) => (!best || step.to > best.to ? step : best), undefined);
  const path: ProfiledStep[] = [];
  for (let current = last(steps); current;) {
    path.unshift(current);
    const { from } = current;
    current = last(steps.filter((step) => !path.includes(step) && step.to <= from + slack && step.from < from));
  }
  return path;
}

/** The lines to print, as wide as `width` columns. Names are cut; whoever prints them takes control codes out first. */
export function profileLines({ phases, steps }: Profile, width: number): string[] {
  const end = Math.max(0, ...phases.map(({ to }) => to), ...steps.map(({ to }) => to));
  if (end === 0) return [];
  const making = criticalPath(steps.filter(({ op }) => op !== "delete"));
  const taking = criticalPath(steps.filter(({ op }) => op === "delete"));
  const critical = new Set([...making, ...taking]);
  const names = Math.min(longestName, Math.max(...[...phases, ...steps].map(({ name }) => name.length + 2)));
  const columns = Math.max(20, width - names - 20);
  const at = (seconds: number) => Math.round((seconds / end) * columns);
  const line = (name: string, span: { from: number; to: number }, mark: string, note: string) => {
    const from = Math.min(at(span.from), columns - 1);
    const bar = `${" ".repeat(from)}${mark.repeat(Math.max(1, at(span.to) - from))}`.padEnd(columns);
    return `${cut(name, names).padEnd(names)} ${bar} ${figure(span.to - span.from)}${note}`.trimEnd();
  };
  return [
    `${"".padEnd(names)} 0s${`${end.toFixed(1)}s`.padStart(columns - 2)}`,
    ...phases.map((phase) => line(phase.name, phase, "─", "")),
    ...steps.map((step) => line(`  ${step.name}`, step, critical.has(step) ? "█" : "▒", ` ${step.op}`)),
    ...(making.length > 0 ? [`waited for, while it came up:   ${chain(making)}`] : []),
    ...(taking.length > 0 ? [`waited for, while it went down: ${chain(taking)}`] : []),
  ];
}

function chain(steps: ProfiledStep[]): string {
  return steps.map(({ name, from, to }) => `${name} ${(to - from).toFixed(2)}s`).join(" → ");
}

function figure(seconds: number): string {
  return `${seconds.toFixed(2)}s`.padStart(7);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
