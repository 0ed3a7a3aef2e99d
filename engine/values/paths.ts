/**
 * Property paths, as resource options and diffs write them: `networks[0].name`, `labels["dev.x/y"]`, `ports[*].external`.
 *
 * Source: `sdk/go/common/resource/property_path.go` in pulumi/pulumi.
 */
import { isMap, type PropertyMap, type PropertyValue } from "./property-value";

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
      if (rest === "" || rest.startsWith("[")) throw new Error(`"${text}" is not a property path`);
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

/** The inverse of {@link parsePath}: quotes only what needs it. */
export function formatPath(path: PropertyPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/[."[\]]/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** True where `path` names `other` or something that holds it. */
export function pathContains(path: PropertyPath, other: PropertyPath): boolean {
  return path.length <= other.length && path.every((step, i) => step === WILDCARD || String(step) === String(other[i]));
}

function getStep(container: PropertyValue | undefined, step: PathStep): PropertyValue | undefined {
  if (Array.isArray(container) && typeof step === "number") return container[step];
  if (isMap(container) && typeof step === "string") return container[step];
  return undefined;
}

/**
 * `target` with what lies at `path` made what it is in `source`: changed, put back or taken away. A path that leads
 * nowhere in either leaves it as it is.
 */
export function resetPath(target: PropertyMap, source: PropertyMap, path: PropertyPath): PropertyMap {
  return resetIn(target, source, path) as PropertyMap;
}

function resetIn(
  target: PropertyValue | undefined,
  source: PropertyValue | undefined,
  path: PropertyPath,
): PropertyValue | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return source;
  if (step === WILDCARD) {
    if (Array.isArray(target) && Array.isArray(source)) {
      return target.map((element, i) => (i < source.length ? (resetIn(element, source[i], rest) ?? null) : element));
    }
    if (isMap(target) && isMap(source)) {
      let result: PropertyValue | undefined = target;
      for (const key of new Set([...Object.keys(target), ...Object.keys(source)])) {
        result = resetIn(result, source, [key, ...rest]);
      }
      return result;
    }
    return target;
  }
  if (Array.isArray(target) && typeof step === "number") {
    if (step >= target.length || !Array.isArray(source) || step >= source.length) return target;
    return target.map((element, i) => (i === step ? (resetIn(element, source[i], rest) ?? null) : element));
  }
  if (!isMap(target)) return target;
  const key = String(step);
  // A parent that is missing on either side leaves nothing to reset below it.
  if (rest.length > 0 && (target[key] === undefined || getStep(source, key) === undefined)) return target;
  const value = resetIn(target[key], getStep(source, key), rest);
  const result = { ...target };
  if (value === undefined) delete result[key];
  else result[key] = value;
  return result;
}
