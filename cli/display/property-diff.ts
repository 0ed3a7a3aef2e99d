/** Differences between two values of Pulumi, as a tree. Only that: `property-text.ts` shows it to people. */
import {
  equalValues,
  isMap,
  parsePath,
  pathContains,
  type PathStep,
  type PropertyMap,
  type PropertyValue,
  Secret,
  tryParsePath,
  UNKNOWN,
} from "../../engine/values";

export type Difference =
  | { kind: "same" | "add" | "delete"; value: PropertyValue }
  | { kind: "update"; old: PropertyValue; now: PropertyValue }
  | MapDifference
  | ListDifference;

export interface MapDifference {
  kind: "map";
  elements: Map<PathStep, Difference>;
}

export interface ListDifference {
  kind: "list";
  elements: Map<PathStep, Difference>;
}

/** One difference as a provider's Diff tells it. */
export interface ToldDifference {
  diffKind: string;
  /** Between the old inputs and the new, not between the old outputs and the new inputs. */
  inputDiff: boolean;
}

/** Everything in which the values differ, and what is the same. Keys that begin with `__` are the provider's own. */
export function differenceOf(old: PropertyValue | undefined, now: PropertyValue | undefined): Difference {
  if (old === undefined || now === undefined) {
    return old === undefined ? { kind: "add", value: now ?? null } : { kind: "delete", value: old };
  }
  if (equalValues(old, now)) return { kind: "same", value: now };
  if (isMap(old) && isMap(now)) return mapDifference(old, now);
  if (Array.isArray(old) && Array.isArray(now)) {
    const length = Math.max(old.length, now.length);
    const elements = Array.from({ length }, (_, i): [number, Difference] => [i, differenceOf(old[i], now[i])]);
    return { kind: "list", elements: new Map(elements) };
  }
  return { kind: "update", old, now };
}

export function mapDifference(old: PropertyMap, now: PropertyMap): MapDifference {
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((key) => !key.startsWith("__"));
  return { kind: "map", elements: new Map(keys.map((key) => [key, differenceOf(old[key], now[key])])) };
}

/** The differences that a provider told by their paths; `undefined` where there is none. */
export function toldDifference(
  told: Record<string, ToldDifference>,
  oldInputs: PropertyMap,
  oldOutputs: PropertyMap,
  now: PropertyMap,
): MapDifference | undefined {
  const root: MapDifference = { kind: "map", elements: new Map() };
  for (const [text, { diffKind, inputDiff }] of Object.entries(told)) {
    insert(root, stepsOf(text), diffKind, inputDiff ? oldInputs : oldOutputs, now);
  }
  return root.elements.size > 0 ? root : undefined;
}

/** Takes out what lies at `paths`, which the program doesn't want to be shown. @returns those with a difference */
export function hide(difference: MapDifference, paths: string[]): string[] {
  const found = new Set<string>();
  const prune = (parent: MapDifference | ListDifference, above: PathStep[]): void => {
    for (const [step, child] of [...parent.elements]) {
      const place = [...above, step];
      const hiding = paths.find((path) => isHidden(place, [path]));
      if (hiding !== undefined) {
        if (child.kind !== "same") found.add(hiding);
        parent.elements.delete(step);
      } else if ("elements" in child) {
        prune(child, place);
        if ([...child.elements.values()].every(({ kind }) => kind === "same")) parent.elements.delete(step);
      }
    }
  };
  if (paths.length > 0) prune(difference, []);
  return [...found].sort();
}

/** True where one of `paths` names `place` or something that holds it. */
export function isHidden(place: string | PathStep[], paths: string[]): boolean {
  const steps = typeof place === "string" ? stepsOf(place) : place;
  return paths.some((text) => {
    const path = tryParsePath(text);
    return path !== undefined && pathContains(path, steps);
  });
}

function insert(
  parent: MapDifference | ListDifference,
  [step, ...rest]: PathStep[],
  kind: string,
  olds: PropertyValue | undefined,
  news: PropertyValue | undefined,
): void {
  if (step === undefined) return;
  const [old, now] = [at(olds, step), at(news, step)];
  const isSecret = old instanceof Secret || now instanceof Secret;
  if (rest.length === 0 || isSecret || isNothing(old) || isNothing(now)) {
    parent.elements.set(step, leaf(rest.length === 0 ? kind : "update", old, now));
    return;
  }
  const known = parent.elements.get(step);
  const child: MapDifference | ListDifference =
    known && "elements" in known
      ? known
      : { kind: typeof rest[0] === "number" ? "list" : "map", elements: new Map<PathStep, Difference>() };
  parent.elements.set(step, child);
  insert(child, rest, kind, old, now);
}

function leaf(kind: string, old: PropertyValue | undefined, now: PropertyValue | undefined): Difference {
  if (kind.startsWith("add")) return { kind: "add", value: now ?? UNKNOWN };
  if (kind.startsWith("delete")) return { kind: "delete", value: old ?? UNKNOWN };
  if (isNothing(old) || isNothing(now)) return differenceOf(old ?? undefined, now ?? undefined);
  const difference = differenceOf(old, now);
  // The provider knows of a difference that the masked values don't show.
  return difference.kind === "same" ? { kind: "update", old, now } : difference;
}

const isNothing = (value: PropertyValue | undefined): value is null | undefined =>
  value === undefined || value === null;

function at(value: PropertyValue | undefined, step: PathStep): PropertyValue | undefined {
  if (Array.isArray(value)) return typeof step === "number" ? value[step] : undefined;
  return isMap(value) ? value[String(step)] : undefined;
}

function stepsOf(text: string): PathStep[] {
  try {
    return parsePath(text);
  } catch {
    return [text];
  }
}
