/** The outputs that follow from the inputs alone, in the shape that the official provider gives them. */
import { isMap, Unknown, type PropertyMap, type PropertyValue } from "../../../engine/values";
import { isAbsent, isReserved, type Field, type Fields, type ResourceSchema } from "./field";

/** What stands for a value that the Docker Engine decides: unknown in a preview, `null` until it has been read. */
export type Pending = Unknown | null;

/**
 * Every property of the resource: what the inputs say, else the default, else `pending` where the Engine decides, else
 * empty.
 */
export function plannedOutputs(schema: ResourceSchema, inputs: PropertyMap, pending: Pending): PropertyMap {
  const outputs: PropertyMap = {};
  for (const [name, field] of Object.entries(schema.fields)) outputs[name] = topLevel(field, inputs[name], pending);
  return outputs;
}

/**
 * The outputs of a resource that is updated in place: what the program gives, in a preview too. What it leaves out is
 * kept where the Engine decides it, and emptied elsewhere.
 */
export function updatedOutputs(schema: ResourceSchema, olds: PropertyMap, news: PropertyMap): PropertyMap {
  const planned = plannedOutputs(schema, news, null);
  const outputs: PropertyMap = { ...olds };
  for (const [name, field] of Object.entries(schema.fields)) {
    const isKept = field.computed || (field.emptyIsKept && !isAbsent(olds[name]));
    if (field.output || (isKept && isAbsent(news[name]))) continue;
    outputs[name] = planned[name] ?? emptied(field, olds[name]);
  }
  return outputs;
}

/** Where there was something, there is its type's zero. */
function emptied(field: Field, old: PropertyValue | undefined): PropertyValue {
  if (isAbsent(old)) return null;
  return { string: "", int: 0, bool: false, map: {}, list: null, set: null, object: null }[field.type];
}

function topLevel(field: Field, value: PropertyValue | undefined, pending: Pending): PropertyValue {
  if (!isAbsent(value)) return shaped(field, value, pending);
  if (field.default !== undefined) return field.default === "" ? null : field.default;
  if ((field.computed || field.output) && pending) return pending;
  if (field.type === "set" && (field.fields || field.computed)) return [];
  return field.type === "list" && field.fields && !field.output ? [] : null;
}

/** A value with all of its nested properties; sets in the order in which the official provider keeps them. */
export function shaped(field: Field, value: PropertyValue, pending: Pending): PropertyValue {
  if (value instanceof Unknown) return value;
  if (field.type === "object" && isMap(value)) return shapedObject(field.fields!, value, pending);
  if ((field.type === "list" || field.type === "set") && Array.isArray(value)) {
    const fields = field.fields;
    const elements = fields
      ? value.map((element) => (isMap(element) ? shapedObject(fields, element, pending) : element))
      : value;
    return field.type === "set" ? ordered(elements) : elements;
  }
  if (field.type === "map" && isMap(value)) return withoutReserved(value);
  return value;
}

function shapedObject(fields: Fields, value: PropertyMap, pending: Pending): PropertyMap {
  const result: PropertyMap = {};
  for (const [name, field] of Object.entries(fields)) {
    const given = value[name];
    result[name] = isAbsent(given) ? emptyNested(field, pending) : shaped(field, given, pending);
  }
  return result;
}

function emptyNested(field: Field, pending: Pending): PropertyValue {
  if (field.default !== undefined) return field.default;
  if ((field.computed || field.output) && pending) return pending;
  if (field.type === "string") return field.computed || field.output ? null : "";
  return field.type === "list" || field.type === "set" ? [] : null;
}

const withoutReserved = (map: PropertyMap): PropertyMap =>
  Object.fromEntries(Object.entries(map).filter(([key]) => !isReserved(key)));

/**
 * Elements of a set: each once, strings in alphabetical order, objects in that of their values.
 * Source: `setRules.Less` and `makeSetHashBytes` in zclconf/go-cty.
 */
export function ordered(elements: PropertyValue[]): PropertyValue[] {
  const keyed = new Map(elements.map((element) => [sortKey(element), element] as const));
  return [...keyed].sort(([a], [b]) => compareBytes(a, b)).map(([, element]) => element);
}

const compareBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function sortKey(value: PropertyValue): string {
  return typeof value === "string" ? value : contentKey(value);
}

function contentKey(value: PropertyValue): string {
  if (value instanceof Unknown) return "?";
  if (isAbsent(value)) return "~";
  if (typeof value === "boolean") return value ? "T" : "F";
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((element) => `${contentKey(element)};`).join("")}]`;
  if (isMap(value)) {
    const names = Object.keys(value).sort();
    return `<${names.map((name) => `${contentKey(value[name]!)};`).join("")}>`;
  }
  return String(value);
}
