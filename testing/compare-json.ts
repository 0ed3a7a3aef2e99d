import diff from "microdiff";
import type { Change, Level } from "./expectations-file";
import { pointer, type Path, type Rules } from "./rules";

/** A difference that no rule allows. */
export interface Difference extends Change {
  level: Level;
}

export interface JsonComparison {
  /** What would be expected if the actual value were accepted: it, with all that may vary as it was expected before. */
  accepted: unknown;
  differences: Difference[];
}

/** Compares JSON values; `undefined` is none. */
export function compareJson(expected: unknown, actual: unknown, rules: Rules, level: Level): JsonComparison {
  const accepted = aligned(expected, actual, [], rules);
  const differences = diff(
    { value: keyed(expected, [], rules) } as Record<string, unknown>,
    { value: keyed(accepted, [], rules) } as Record<string, unknown>,
    { cyclesFix: false },
  ).map((difference): Difference => {
    const path = difference.path.slice(1).map(String);
    const before = "oldValue" in difference ? unkeyed(difference.oldValue) : undefined;
    const now = "value" in difference ? unkeyed(difference.value) : undefined;
    const common = { path: pointer(path), level: rules.level(path) ?? level };
    if (difference.type === "CREATE" || before === undefined) return { ...common, kind: "added", actual: now };
    if (difference.type === "REMOVE" || now === undefined) return { ...common, kind: "removed", expected: before };
    return { ...common, kind: "changed", expected: before, actual: now };
  });
  return { accepted, differences };
}

/** The actual value in the expected one's order, and with the expected one's values where a rule lets them vary. */
function aligned(expected: unknown, actual: unknown, path: Path, rules: Rules): unknown {
  if (rules.ignored(path)) return expected;
  if (expected === undefined || actual === undefined) return actual;
  if (rules.allows(path, actual)) return expected;
  if (typeof expected === "number" && typeof actual === "number") {
    return Math.abs(actual - expected) <= (rules.tolerance(path) ?? 0) ? expected : actual;
  }
  if (Array.isArray(expected) && Array.isArray(actual)) return alignedLists(expected, actual, path, rules);
  if (isObject(expected) && isObject(actual)) {
    const names = [...Object.keys(expected), ...Object.keys(actual).filter((name) => !Object.hasOwn(expected, name))];
    const entries = names.map((name) => [
      name,
      aligned(own(expected, name), own(actual, name), [...path, name], rules),
    ]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as unknown;
  }
  return actual;
}

function alignedLists(expected: unknown[], actual: unknown[], path: Path, rules: Rules): unknown[] {
  const key = rules.unordered(path);
  if (key === undefined) {
    const places = expected.length > actual.length ? expected : actual;
    return places
      .map((_, n) => aligned(expected[n], actual[n], [...path, String(n)], rules))
      .filter((item) => item !== undefined);
  }
  const before = byKey(expected, key);
  const now = byKey(actual, key);
  return [...new Set([...before.keys(), ...now.keys()])]
    .map((name) => aligned(before.get(name), now.get(name), [...path, name], rules))
    .filter((item) => item !== undefined);
}

/** Lists without an order as objects, so that an item is told by its key and not by where it stands. */
function keyed(value: unknown, path: Path, rules: Rules): unknown {
  if (Array.isArray(value)) {
    const key = rules.unordered(path);
    if (key === undefined) return value.map((item, n) => keyed(item, [...path, String(n)], rules));
    const list = bare([...byKey(value, key)].map(([name, item]) => [name, keyed(item, [...path, name], rules)]));
    keyedLists.add(list);
    return list;
  }
  if (!isObject(value)) return value;
  return bare(Object.entries(value).map(([name, item]) => [name, keyed(item, [...path, name], rules)]));
}

const keyedLists = new WeakSet<object>();

function unkeyed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unkeyed);
  if (!isObject(value)) return value;
  if (keyedLists.has(value)) return Object.values(value).map(unkeyed);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, unkeyed(item)]));
}

/** Without a prototype, whose members microdiff would take for the object's own. */
function bare(entries: [string, unknown][]): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of entries) object[name] = value;
  return object;
}

/** Items with the same key are numbered. */
function byKey(list: unknown[], key: string | true): Map<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const value = key !== true && isObject(item) ? own(item, key) : undefined;
    const name =
      value === undefined ? canonical(item) : `${key}=${typeof value === "string" ? value : canonical(value)}`;
    let free = name;
    for (let n = 2; items.has(free); n += 1) free = `${name} (${n})`;
    items.set(free, item);
  }
  return items;
}

/** JSON in which the order of names doesn't matter. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

function own(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
