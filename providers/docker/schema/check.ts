/** Inputs as a program gives them, made into inputs as the state keeps them: verified, with the defaults put in. */
import { createHash } from "node:crypto";
import type { CheckFailure, CheckRequest, CheckResponse } from "../../../engine/provider";
import { containsUnknown, isMap, Unknown, type PropertyMap, type PropertyValue } from "../../../engine/values";
import { isAbsent, isReserved, isZero, type Field, type Fields, type ResourceSchema } from "./field";
import { nearest } from "./nearest";

/** The inputs with defaults and `__defaults`, the names of those that the program didn't give. */
export function checkInputs(
  schema: ResourceSchema,
  request: Pick<CheckRequest, "olds" | "news" | "name" | "randomSeed">,
): CheckResponse {
  const failures: CheckFailure[] = [];
  const news = withName(schema, request);
  const inputs = checkFields(schema.fields, news.given, request.olds, "", failures);
  if (news.named) inputs.__defaults = ["name", ...(inputs.__defaults as string[])].sort();
  return failures.length > 0 ? { inputs, failures } : { inputs };
}

/** Arguments of a function: verified, with defaults, without `__defaults`. */
export function checkArguments(fields: Fields, args: PropertyMap): CheckResponse {
  const failures: CheckFailure[] = [];
  const { __defaults, ...inputs } = checkFields(fields, args, {}, "", failures, true);
  return failures.length > 0 ? { inputs, failures } : { inputs };
}

/**
 * A resource that is given no name is called after itself; the suffix lets a replacement live beside it. One that had a
 * name keeps it.
 */
function withName(
  schema: ResourceSchema,
  { olds, news, name, randomSeed }: Pick<CheckRequest, "olds" | "news" | "name" | "randomSeed">,
): { given: PropertyMap; named: boolean } {
  if (!schema.autonamed || !isAbsent(news.name)) return { given: news, named: false };
  const kept = typeof olds.name === "string" ? olds.name : undefined;
  return { given: { ...news, name: kept ?? uniqueName(name, randomSeed) }, named: true };
}

/** `<name>-<7 hexadecimal digits>`. */
function uniqueName(name: string, seed: Uint8Array): string {
  return `${name}-${createHash("sha512").update(seed).update(`${name}-`).digest("hex").slice(0, 7)}`;
}

function checkFields(
  fields: Fields,
  given: PropertyMap,
  olds: PropertyMap,
  path: string,
  failures: CheckFailure[],
  everyDefault = false,
): PropertyMap {
  const inputs: PropertyMap = {};
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  for (const [name, value] of Object.entries(given)) {
    if (isReserved(name) || isAbsent(value)) continue;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field || field.output) {
      failures.push({ property: at(name), reason: unknownInput(name, fields, field) });
      continue;
    }
    for (const other of field.conflicts ?? []) {
      if (!isAbsent(given[other])) failures.push({ property: at(name), reason: `can't be set together with ${other}` });
    }
    inputs[name] = checkValue(field, value, olds[name], at(name), failures);
  }
  const defaults: string[] = [];
  const oldDefaults = Array.isArray(olds.__defaults) ? olds.__defaults : [];
  for (const [name, field] of Object.entries(fields)) {
    if (name in inputs) continue;
    if (field.required && isAbsent(given[name])) failures.push({ property: at(name), reason: "is required" });
    if (field.default === undefined || field.conflicts?.some((other) => !isAbsent(given[other]))) continue;
    // What an earlier version wrote as a default stays, so that nothing seems to change.
    const old = oldDefaults.includes(name) ? olds[name] : undefined;
    const value = isAbsent(old) ? field.default : old;
    if (isAbsent(old) && isZero(value) && !everyDefault) continue;
    inputs[name] = value;
    defaults.push(name);
  }
  inputs.__defaults = defaults.sort();
  return inputs;
}

function checkValue(
  field: Field,
  value: PropertyValue,
  old: PropertyValue | undefined,
  path: string,
  failures: CheckFailure[],
): PropertyValue {
  if (value instanceof Unknown) return value;
  const fail = (reason: string): PropertyValue => {
    failures.push({ property: path, reason });
    return value;
  };
  const verified = (converted: PropertyValue): PropertyValue => {
    const reason = containsUnknown(converted) ? undefined : field.check?.(converted);
    return reason === undefined ? converted : fail(reason);
  };
  switch (field.type) {
    case "string": {
      const text = asString(value);
      return text === undefined ? fail(expected("a string", value)) : verified(text);
    }
    case "int": {
      const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
      return Number.isSafeInteger(number) ? verified(number) : fail(expected("a whole number", value));
    }
    case "bool": {
      const flag = value === "true" ? true : value === "false" ? false : value;
      return typeof flag === "boolean" ? verified(flag) : fail(expected("true or false", value));
    }
    case "map":
      if (!isMap(value)) return fail(expected("an object with string values", value));
      return verified(checkMap(value, path, failures));
    case "object": {
      const single = Array.isArray(value) && value.length === 1 ? value[0]! : value;
      if (single instanceof Unknown) return single;
      if (!isMap(single)) return fail(expected("an object", value));
      return verified(checkFields(field.fields!, single, isMap(old) ? old : {}, path, failures));
    }
    case "list":
    case "set": {
      if (!Array.isArray(value)) return fail(expected("an array", value));
      const oldElements = Array.isArray(old) && old.length === value.length ? old : [];
      const element: Field = field.fields ? { type: "object", fields: field.fields, check: field.check } : ELEMENT;
      return value.map((item, i) => {
        if (isAbsent(item)) return fail(`has no value at [${i}]`);
        return checkValue(element, item, oldElements[i], `${path}[${i}]`, failures);
      });
    }
  }
}

const ELEMENT: Field = { type: "string" };

function checkMap(value: PropertyMap, path: string, failures: CheckFailure[]): PropertyMap {
  const result: PropertyMap = {};
  for (const [key, entry] of Object.entries(value)) {
    if (isReserved(key) || isAbsent(entry)) continue;
    const text = entry instanceof Unknown ? entry : asString(entry);
    if (text === undefined) failures.push({ property: `${path}.${key}`, reason: expected("a string", entry) });
    result[key] = text ?? entry;
  }
  return result;
}

const asString = (value: PropertyValue): string | undefined =>
  typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined;

function unknownInput(name: string, fields: Fields, field: Field | undefined): string {
  if (field?.output) return "is an output, not an input";
  const inputs = Object.entries(fields).filter(([, f]) => !f.output);
  const near = nearest(
    name,
    inputs.map(([n]) => n),
  );
  return `is not an input here${near ? `; did you mean ${near}?` : ""}`;
}

function expected(what: string, value: PropertyValue): string {
  const got =
    value === null
      ? "null"
      : Array.isArray(value)
        ? "an array"
        : typeof value === "object"
          ? isMap(value)
            ? "an object"
            : `a ${value.constructor.name.toLowerCase()}`
          : `the ${typeof value} ${JSON.stringify(value)}`;
  return `must be ${what}, not ${got}`;
}
