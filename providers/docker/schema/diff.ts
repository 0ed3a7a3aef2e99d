/** What differs between a resource's state and its new inputs, and what that means for it. */
import type { DiffKind, DiffRequest, DiffResponse, PropertyDiff } from "../../../engine/provider";
import { containsUnknown, isMap, Unknown, type PropertyMap, type PropertyValue } from "../../../engine/values";
import { isAbsent, isReserved, isZero, type Change, type Field, type Fields, type ResourceSchema } from "./field";
import { shaped } from "./outputs";

export type Differences = Record<string, PropertyDiff>;
type Base = "add" | "delete" | "update";

/**
 * The differences by path.
 *
 * An input that hasn't changed is no difference, whatever the Docker Engine makes of it: what has drifted in the
 * Engine reaches the inputs by a refresh. One that has changed is compared with the state, which it may only confirm.
 */
export function differences(
  schema: ResourceSchema,
  request: Pick<DiffRequest, "oldInputs" | "olds" | "news" | "ignoreChanges">,
): Differences {
  const found: Differences = {};
  const derived: Differences = {};
  for (const [name, field] of Object.entries(schema.fields)) {
    if (field.output) continue;
    const change = field.change ?? "update";
    const [was, old, news] = [request.oldInputs[name], request.olds[name], request.news[name]];
    if (field.emptyIsKept && isZero(news)) continue;
    if (!isAbsent(news)) {
      if (!field.live && sameInput(field, was, news)) continue;
      compare(found, name, field, change, old, shaped(field, news, null), news);
    } else if (!field.computed) {
      const into = field.derived && isAbsent(was) ? derived : found;
      removed(into, name, field, change, old);
    }
  }
  if (Object.keys(found).length > 0) Object.assign(found, derived);
  const differing = withoutIgnored(found, request.ignoreChanges);
  return isReplaced(schema, request, differing)
    ? differing
    : Object.fromEntries(Object.entries(differing).map(inPlace));
}

/**
 * True where something that differs can't be changed in place. What is in a mount can be said to change without the
 * container being made anew, although mounts can't come or go.
 */
function isReplaced(
  schema: ResourceSchema,
  { olds, news }: Pick<DiffRequest, "olds" | "news">,
  found: Differences,
): boolean {
  return Object.entries(found).some(([path, { kind }]) => {
    const field = schema.fields[topName(path)];
    if (!kind.endsWith("-replace") || !field) return kind.endsWith("-replace");
    if (!field.fields || Object.values(field.fields).every((nested) => nested.change !== "update")) return true;
    const [old, wanted] = [olds[topName(path)], news[topName(path)]];
    if (!Array.isArray(old) || !Array.isArray(wanted) || old.length !== wanted.length) return true;
    return Object.entries(field.fields).some(([name, nested]) => {
      const among = (elements: PropertyValue[]) =>
        elements.map((element) => (isMap(element) ? element[name] : element));
      return nested.change === "replace" && among(old).some((value, i) => isZero(value) !== isZero(among(wanted)[i]));
    });
  });
}

const inPlace = ([path, { kind, inputDiff }]: [string, PropertyDiff]): [string, PropertyDiff] => [
  path,
  { kind: kind.replace("-replace", "") as DiffKind, inputDiff },
];

/** The answer to the engine, as the official provider words it. */
export function diffResponse(schema: ResourceSchema, news: PropertyMap, detailedDiff: Differences): DiffResponse {
  const paths = Object.keys(detailedDiff);
  const replaces = paths
    .filter((path) => detailedDiff[path]!.kind.endsWith("-replace"))
    .map(topName)
    .sort();
  const stables = Object.keys(schema.fields)
    .filter((name) => schema.fields[name]!.change === "replace" && !replaces.includes(name))
    .sort();
  if (paths.length === 0) return { changes: "none", stables };
  return {
    changes: "some",
    replaces,
    stables,
    diffs: [...new Set(paths.map(topName))].sort(),
    deleteBeforeReplace: replaces.length > 0 && (schema.deleteBeforeReplace === true || isNamed(schema, news)),
    detailedDiff,
  };
}

/** A name that the program chose can't be held by two at once. */
function isNamed(schema: ResourceSchema, news: PropertyMap): boolean {
  if (!schema.autonamed || isAbsent(news.name) || !Array.isArray(news.__defaults)) return false;
  return !news.__defaults.includes("name");
}

export const topName = (path: string): string => path.split(/[.[]/, 1)[0]!;

function withoutIgnored(found: Differences, ignored: readonly string[]): Differences {
  const names = new Set(ignored.map(topName));
  return Object.fromEntries(Object.entries(found).filter(([path]) => !names.has(topName(path))));
}

/** True where the inputs say the same now (`b`) as they did (`a`), in whatever order or spelling. */
export function sameInput(field: Field, a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (isAbsent(a) || isAbsent(b)) return isAbsent(a) && isAbsent(b);
  if (a instanceof Unknown || b instanceof Unknown) return false;
  if (field.type === "object") return isMap(a) && isMap(b) && sameFields(field.fields!, a, b);
  if (field.type === "map") return isMap(a) && isMap(b) && sameMap(a, b);
  if (field.type === "list" || field.type === "set") {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    const element = elementOf(field);
    if (field.type === "list" && !field.anyOrder) return a.every((value, i) => sameInput(element, value, b[i]));
    return a.every((value) => b.some((other) => sameInput(element, value, other)));
  }
  return a === b || field.same?.(a, b) === true;
}

const elementOf = (field: Field): Field =>
  field.fields ? { type: "object", fields: field.fields } : { type: "string", same: field.same };

function sameFields(fields: Fields, a: PropertyMap, b: PropertyMap): boolean {
  return Object.entries(fields).every(
    ([name, field]) => sameInput(field, a[name], b[name]) || (field.computed && isAbsent(b[name])),
  );
}

function sameMap(a: PropertyMap, b: PropertyMap): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)].filter((key) => !isReserved(key)));
  return [...keys].every((key) => a[key] === b[key]);
}

/** The input is no longer given: a difference unless the state had nothing there, or its default. */
function removed(into: Differences, name: string, field: Field, change: Change, old: PropertyValue | undefined): void {
  const planned = field.default;
  if (planned !== undefined) {
    if ((isZero(old) && isZero(planned)) || old === planned || isAbsent(old)) return;
    record(into, name, "update", change);
  } else if (!isZero(old)) {
    if (isMap(old) && field.type === "map") compare(into, name, field, change, old, {}, {});
    else record(into, name, "delete", asWhole(field, change));
  }
}

/** `given` is the program's own value, whose order the paths of a set's elements follow. */
function compare(
  into: Differences,
  path: string,
  field: Field,
  change: Change,
  old: PropertyValue | undefined,
  planned: PropertyValue | undefined,
  given: PropertyValue | undefined,
): void {
  if (isNothing(planned) && isNothing(old)) return;
  if (isNothing(planned)) {
    const isKept = field.computed && (isAbsent(planned) || field.fields !== undefined);
    return isKept || isZero(old) ? undefined : record(into, path, "delete", asWhole(field, change));
  }
  if (isNothing(old))
    return isZero(planned) && path.includes(".") ? undefined : record(into, path, "add", asWhole(field, change));
  if (planned instanceof Unknown) return record(into, path, "update", asWhole(field, change));
  if (field.type === "object" && isMap(old) && isMap(planned)) {
    for (const [name, nested] of Object.entries(field.fields!)) {
      if (nested.output) continue;
      const inner = isMap(given) ? given[name] : undefined;
      const inherited = change === "replace" ? change : (nested.change ?? change);
      compare(into, `${path}.${name}`, nested, inherited, old[name], planned[name], inner);
    }
  } else if (field.type === "map" && isMap(old) && isMap(planned)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(planned)])) {
      if (!isReserved(key)) compare(into, subpath(path, key), ENTRY, change, old[key], planned[key], undefined);
    }
  } else if (Array.isArray(old) && Array.isArray(planned)) {
    if (field.anyOrder && sameInput(field, old, planned)) return;
    if (field.type === "set") compareSets(into, path, field, change, old, planned, Array.isArray(given) ? given : []);
    else if (field.fields) compareObjects(into, path, field, change, old, planned);
    else compareLists(into, path, change, old, planned);
  } else if (old !== planned && field.same?.(old, planned) !== true && !(isZero(old) && isZero(planned))) {
    record(into, path, "update", change);
  }
}

/** The official provider doesn't tell an empty list from none. */
const isNothing = (value: PropertyValue | undefined): value is null | undefined | never[] =>
  isAbsent(value) || (Array.isArray(value) && value.length === 0);

/** An object that comes or goes as a whole replaces the resource if anything in it does. */
const asWhole = (field: Field, change: Change): Change =>
  Object.values(field.fields ?? {}).some((nested) => nested.change === "replace") ? "replace" : change;

const ENTRY: Field = { type: "string" };

const subpath = (path: string, key: string): string =>
  /^\w+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;

/**
 * Elements that are gone by their place in the state, new ones by their place in the program: where that can't be told
 * of all of them, the set as a whole has changed.
 *
 * Source: `makeSetDiff` in pulumi/pulumi-terraform-bridge.
 */
function compareSets(
  into: Differences,
  path: string,
  field: Field,
  change: Change,
  old: PropertyValue[],
  planned: PropertyValue[],
  given: PropertyValue[],
): void {
  const element = elementOf(field);
  const alike = (a: PropertyValue, b: PropertyValue) =>
    !containsUnknown(a) && !containsUnknown(b) && Object.keys(elementDiff(element, change, a, b)).length === 0;
  const gone = old.flatMap((value, i) => (planned.some((other) => alike(value, other)) ? [] : [i]));
  const added = planned.filter((value) => !old.some((other) => alike(other, value)));
  const places = new Map<number, PropertyValue>();
  for (const value of added) {
    const place = given.findIndex((item, i) => !places.has(i) && isLiterally(element, item, value));
    if (place < 0 || given.length < planned.length) return record(into, path, "update", change);
    places.set(place, value);
  }
  for (const i of new Set([...gone, ...places.keys()])) {
    const [before, after] = [gone.includes(i) ? old[i] : undefined, places.get(i)];
    compare(into, `${path}[${i}]`, element, change, before, after, after);
  }
}

/** True where a planned value is what the program has written, with nothing filled in but what is computed. */
function isLiterally(field: Field, given: PropertyValue | undefined, planned: PropertyValue | undefined): boolean {
  if (field.computed && isAbsent(given)) return true;
  if (isAbsent(given) || isAbsent(planned)) {
    const filled = isAbsent(given) ? planned : given;
    return isAbsent(filled) || (isAbsent(given) && typeof filled === "object" && isZero(filled));
  }
  if (field.type === "object" && isMap(given) && isMap(planned)) {
    return Object.entries(field.fields!).every(([name, nested]) => isLiterally(nested, given[name], planned[name]));
  }
  if (Array.isArray(given) && Array.isArray(planned)) {
    const element = elementOf(field);
    return given.length === planned.length && given.every((value, i) => isLiterally(element, value, planned[i]));
  }
  return isMap(given) && isMap(planned) ? sameMap(given, planned) : given === planned;
}

function elementDiff(element: Field, change: Change, a: PropertyValue, b: PropertyValue): Differences {
  const into: Differences = {};
  compare(into, "x", element, change, a, b, b);
  return into;
}

function compareObjects(
  into: Differences,
  path: string,
  field: Field,
  change: Change,
  old: PropertyValue[],
  planned: PropertyValue[],
): void {
  const element = elementOf(field);
  for (let i = 0; i < Math.max(old.length, planned.length); i++) {
    compare(into, `${path}[${i}]`, element, change, old[i], planned[i], planned[i]);
  }
}

/** The fewest insertions and removals; one of each at the same place is an update. */
function compareLists(
  into: Differences,
  path: string,
  change: Change,
  old: PropertyValue[],
  planned: PropertyValue[],
): void {
  const common = longestCommon(old, planned);
  const kept = { old: new Set(common.map(([i]) => i)), planned: new Set(common.map(([, j]) => j)) };
  const isGone = (i: number) => i < old.length && !kept.old.has(i);
  const isNew = (i: number) => i < planned.length && !kept.planned.has(i);
  for (let i = 0; i < Math.max(old.length, planned.length); i++) {
    if (isGone(i) || isNew(i)) {
      record(into, `${path}[${i}]`, isGone(i) && isNew(i) ? "update" : isNew(i) ? "add" : "delete", change);
    }
  }
}

/** Pairs of places of the longest common subsequence. */
function longestCommon(a: PropertyValue[], b: PropertyValue[]): [number, number][] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i]![j] = a[i] === b[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i++;
    else j++;
  }
  return pairs;
}

function record(into: Differences, path: string, base: Base, change: Change): void {
  const kind: DiffKind = change === "replace" ? `${base}-replace` : base;
  into[path] = { kind, inputDiff: false };
}
