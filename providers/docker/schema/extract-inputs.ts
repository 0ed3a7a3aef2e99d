/** Inputs brought up to date from what a read has found, so that drift shows as a difference from the program. */
import { equalValues, isMap, type PropertyMap, type PropertyValue } from "../../../engine/values";
import { isAbsent, isReserved, isZero, type Field, type Fields } from "./field";

/** For a refresh: the inputs that are there, with the values they have now. */
export function refreshedInputs(fields: Fields, inputs: PropertyMap, outputs: PropertyMap): PropertyMap {
  const result: PropertyMap = {};
  const isAsBefore = (name: string) => equalValues(inputs[name], result[name]);
  for (const [name, value] of Object.entries(inputs)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (isReserved(name) || !field) continue;
    const found = outputs[name];
    if (!isAbsent(found)) result[name] = refreshed(field, value, found);
    else if (isZero(value)) result[name] = value;
  }
  if (Array.isArray(inputs.__defaults)) {
    result.__defaults = inputs.__defaults.filter((name) => isAsBefore(name as string));
  }
  return result;
}

function refreshed(field: Field, input: PropertyValue, found: PropertyValue): PropertyValue {
  if (field.type === "object" && isMap(input) && isMap(found)) return refreshedInputs(field.fields!, input, found);
  if (field.type === "map" && isMap(input) && isMap(found)) {
    return Object.fromEntries(Object.keys(input).flatMap((key) => (key in found ? [[key, found[key]!]] : [])));
  }
  if (Array.isArray(input) && Array.isArray(found)) {
    const fields = field.fields;
    if (!fields) return found.slice(0, input.length);
    const matches = field.type === "set" ? matchByContent(input, found) : new Map(found.map((_, i) => [i, i]));
    return input.flatMap((element, i) => {
      const match = found[matches.get(i) ?? -1];
      return isMap(element) && isMap(match) ? [refreshedInputs(fields, element, match)] : [];
    });
  }
  if (field.same && !Array.isArray(found) && field.same(input, found)) return input;
  return found;
}

/** Pairs each element with the one that has most in common with it; sets have no order to go by. */
function matchByContent(inputs: PropertyValue[], found: PropertyValue[]): Map<number, number> {
  const candidates: { i: number; j: number; score: number }[] = [];
  inputs.forEach((input, i) => {
    found.forEach((other, j) => {
      if (!isMap(input) || !isMap(other)) return;
      const names = Object.keys(input).filter((name) => name in other);
      const equal = names.filter((name) => equalValues(input[name], other[name]));
      candidates.push({ i, j, score: names.length + 2 * equal.length });
    });
  });
  candidates.sort((a, b) => b.score - a.score);
  const matches = new Map<number, number>();
  const used = new Set<number>();
  for (const { i, j } of candidates) {
    if (matches.has(i) || used.has(j)) continue;
    matches.set(i, j);
    used.add(j);
  }
  return matches;
}

/** For an import: every input that isn't empty or its default. */
export function importedInputs(fields: Fields, outputs: PropertyMap): PropertyMap {
  const result: PropertyMap = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = outputs[name];
    if (field.output || isAbsent(value)) continue;
    const input = imported(field, value);
    if (!field.required && (field.default === undefined ? isZero(input) : input === field.default)) continue;
    result[name] = input;
  }
  result.__defaults = [];
  return result;
}

function imported(field: Field, value: PropertyValue): PropertyValue {
  const fields = field.fields;
  if (!fields) return value;
  if (Array.isArray(value)) return value.map((element) => (isMap(element) ? importedInputs(fields, element) : element));
  return isMap(value) ? importedInputs(fields, value) : value;
}
