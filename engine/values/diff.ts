/** Differences between two property maps, for providers that leave the comparison to the engine. */
import type { PropertyDiff } from "../provider";
import { formatPath, type PropertyPath } from "./paths";
import { equalValues, isMap, type PropertyMap, type PropertyValue } from "./property-value";

/** Every difference by its path; a list is compared element by element, a map key by key, a secret as a whole. */
export function diffMaps(olds: PropertyMap, news: PropertyMap): Record<string, PropertyDiff> {
  const result: Record<string, PropertyDiff> = {};
  walk(olds, news, [], result);
  return result;
}

/** The top-level properties in which the maps differ, sorted. */
export function changedKeys(olds: PropertyMap, news: PropertyMap): string[] {
  const keys = [...new Set([...Object.keys(olds), ...Object.keys(news)])].sort();
  return keys.filter((key) => !key.startsWith("__") && !equalValues(olds[key], news[key]));
}

function walk(
  a: PropertyValue | undefined,
  b: PropertyValue | undefined,
  path: PropertyPath,
  into: Record<string, PropertyDiff>,
): void {
  if (equalValues(a, b)) return;
  if (isMap(a) && isMap(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (key.startsWith("__")) continue;
      walk(a[key], b[key], [...path, key], into);
    }
    return;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.max(a.length, b.length); i++) walk(a[i], b[i], [...path, i], into);
    return;
  }
  const kind = a === undefined || a === null ? "add" : b === undefined || b === null ? "delete" : "update";
  into[formatPath(path)] = { kind, inputDiff: true };
}
