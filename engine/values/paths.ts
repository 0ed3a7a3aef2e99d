/**
 * Property paths, as resource options and diffs write them: `networks[0].name`, `labels["dev.x/y"]`, `ports[*].external`.
 *
 * Source: `sdk/go/common/resource/property_path.go` in pulumi/pulumi.
 */
import { isMap, mapEntries, type PropertyMap, type PropertyValue, Secret } from "./property-value";

export type PathStep = string | number;
/** `*` stands for every element or entry. */
export type PropertyPath = PathStep[];

export const WILDCARD = "*";

/** Throws an Error that quotes `text` where it can't be read. */
export function parsePath(text: string): PropertyPath {
  const path: PropertyPath = [];
  let rest = text;
  while (rest !== "") {
    if (rest.startsWith(".")) {
      rest = rest.slice(1);
      // `a.[0]` isn't strictly a path either, but older providers write it.
      if (rest === "") throw new Error(`"${text}" is not a property path`);
      continue;
    }
    if (rest.startsWith('["')) {
      const quoted = /^\["((?:[^"\\]|\\.)*)"\]/.exec(rest);
      if (!quoted) throw new Error(`"${text}" is not a property path: a quote or bracket isn't closed`);
      path.push(JSON.parse(`"${quoted[1]}"`) as string);
      rest = rest.slice(quoted[0].length);
      continue;
    }
    if (rest.startsWith("[")) {
      const index = /^\[(\d+|\*)\]/.exec(rest);
      if (!index) throw new Error(`"${text}" is not a property path: an index is a number or *`);
      path.push(index[1] === WILDCARD ? WILDCARD : Number(index[1]));
      rest = rest.slice(index[0].length);
      continue;
    }
    const name = /^[^.[\]]+/.exec(rest);
    if (!name) throw new Error(`"${text}" is not a property path`);
    path.push(name[0]);
    rest = rest.slice(name[0].length);
  }
  return path;
}

/** The path, or `undefined` for a text that isn't one: Pulumi passes over those in `ignoreChanges`. */
export function tryParsePath(text: string): PropertyPath | undefined {
  try {
    return parsePath(text);
  } catch {
    return undefined;
  }
}

/** The inverse of {@link parsePath}: quotes what isn't a plain word. */
export function formatPath(path: PropertyPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/[^A-Za-z0-9_]/.test(step)) text += `["${step.replaceAll('"', '\\"')}"]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** True where `path` names `other` or something that holds it. */
export function pathContains(path: PropertyPath, other: PropertyPath): boolean {
  return path.length <= other.length && path.every((step, i) => step === WILDCARD || String(step) === String(other[i]));
}

/**
 * `target` with what lies at `path` made what it is in `source`: changed, put back or taken away. A path that leads
 * nowhere leaves it as it is; a list neither grows nor shrinks.
 */
export function resetPath(target: PropertyMap, source: PropertyMap, path: PropertyPath): PropertyMap {
  return path.length === 0 ? target : (resetIn(target, source, path, false) as PropertyMap);
}

/**
 * False where {@link resetPath} can't make the two agree at `path`: a list would have to grow or shrink, or there is
 * nothing in `target` to put an entry of `source` into.
 */
export function canReset(
  target: PropertyValue | undefined,
  source: PropertyValue | undefined,
  [step, ...rest]: PropertyPath,
): boolean {
  if (step === undefined) return true;
  const [now, old] = [bare(target), bare(source)];
  const isLeaf = rest.length === 0;
  if (typeof step === "number") {
    if (!Array.isArray(now) || !Array.isArray(old)) return Array.isArray(now) === Array.isArray(old);
    if (step < now.length && step < old.length) return canReset(now[step], old[step], rest);
    return isLeaf && step >= now.length && step >= old.length;
  }
  if (step === WILDCARD) {
    if (Array.isArray(now) && Array.isArray(old)) {
      return now.length === old.length && now.every((element, i) => canReset(element, old[i], rest));
    }
    if (isLeaf) return isMap(now) || Array.isArray(now);
    return (
      isMap(now) && isMap(old) && Object.keys(old).every((key) => key in now && canReset(now[key], old[key], rest))
    );
  }
  if (isLeaf) return isMap(now) || !isMap(old) || old[step] === undefined;
  if (!isMap(now) || !isMap(old)) return isMap(now) === isMap(old);
  if (now[step] === undefined) return old[step] === undefined;
  return canReset(now[step], old[step], rest);
}

const bare = (value: PropertyValue | undefined): PropertyValue | undefined =>
  value instanceof Secret ? value.element : value;

/** `exposed`: what comes from `source` lay in a secret there and doesn't in `target`. */
function resetIn(
  target: PropertyValue,
  source: PropertyValue | undefined,
  path: PropertyPath,
  exposed: boolean,
): PropertyValue {
  if (target instanceof Secret) {
    const inner = source instanceof Secret ? source.element : source;
    return new Secret(resetIn(target.element, inner, path, false));
  }
  if (source instanceof Secret) return resetIn(target, source.element, path, true);
  const [step, ...rest] = path as [PathStep, ...PropertyPath];
  const put = (value: PropertyValue): PropertyValue =>
    exposed && !(value instanceof Secret) ? new Secret(value) : value;
  const resetEntry = (old: PropertyValue, now: PropertyValue): PropertyValue =>
    rest.length === 0 ? put(old) : resetIn(now, old, rest, exposed);

  if (Array.isArray(target)) {
    if (!Array.isArray(source)) return target;
    return target.map((element, i) =>
      (step === WILDCARD || step === i) && i < source.length ? resetEntry(source[i]!, element) : element,
    );
  }
  if (!isMap(target) || typeof step === "number") return target;
  const olds = isMap(source) ? source : undefined;
  if (step === WILDCARD) {
    if (!olds) return target;
    if (rest.length === 0) return mapEntries(olds, put);
    return mapEntries(target, (value, key) => (olds[key] === undefined ? value : resetEntry(olds[key], value)));
  }
  const [old, now] = [olds?.[step], target[step]];
  if (rest.length > 0) {
    if (now === undefined || !olds) return target;
    return { ...target, [step]: resetIn(now, old, rest, exposed) };
  }
  const { [step]: _, ...others } = target;
  return old === undefined ? others : { ...target, [step]: put(old) };
}
