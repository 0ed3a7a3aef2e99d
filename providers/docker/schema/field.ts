/**
 * The words in which a resource's properties are declared: one table a resource, from which its checks, defaults,
 * differences and outputs all follow.
 */
import type { PropertyMap, PropertyValue } from "../../../engine/values";

/** What a change of a property does to the resource. */
export type Change = "replace" | "update";

export interface Field {
  /** `object` is a single nested object; `list` and `set` hold strings or objects; `map` holds strings. */
  type: "string" | "int" | "bool" | "map" | "list" | "set" | "object";
  /** The fields of the object, or of the objects in the list or set. */
  fields?: Fields;
  required?: boolean;
  /** Value where the program gives none. Only those that aren't false, 0 or empty are written into the inputs. */
  default?: boolean | number | string;
  /** The Docker Engine fills it in where the program gives none; leaving it out again changes nothing. */
  computed?: boolean;
  /** Never an input. */
  output?: boolean;
  /** `update` where absent. Nested fields follow the property they are in unless they say otherwise. */
  change?: Change;
  /** What is wrong with a known value, such as "must not be negative". */
  check?: (value: PropertyValue) => string | undefined;
  /** Names of properties that can't be set beside this one. */
  conflicts?: readonly string[];
  /** Two spellings of one value, such as "60s" and "1m". */
  same?: (a: PropertyValue, b: PropertyValue) => boolean;
  /** Leaving it out, or empty, means "as it is". */
  emptyIsKept?: boolean;
  /** Of a list: the state may have its elements in another order than the program. */
  anyOrder?: boolean;
  /**
   * The Engine derives a value from another property. The official provider then sees a difference for ever; it is
   * shown only beside a real one.
   */
  derived?: boolean;
  /** Compared with the state even where the input is unchanged, since a read writes what it finds there. */
  live?: boolean;
  secret?: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

export interface ResourceSchema {
  /** Type token, such as `docker:index/network:Network`. */
  token: string;
  fields: Fields;
  /** `name` is made from the resource's own where it isn't given. */
  autonamed?: boolean;
  /** A replacement always starts with the deletion. */
  deleteBeforeReplace?: boolean;
  /** Written as `__meta`, so that the official provider doesn't take the state for one of its first version. */
  version?: number;
  /** The official provider's own timeouts go into `__meta` too. */
  timeouts?: boolean;
}

type Options = Omit<Field, "type" | "fields">;

export const string = (options: Options = {}): Field => ({ type: "string", ...options });
export const int = (options: Options = {}): Field => ({ type: "int", ...options });
export const bool = (options: Options = {}): Field => ({ type: "bool", ...options });
/** Values by name; all of them strings. */
export const map = (options: Options = {}): Field => ({ type: "map", ...options });
/** Strings whose order matters. */
export const list = (options: Options = {}): Field => ({ type: "list", ...options });
/** Strings whose order doesn't matter. */
export const set = (options: Options = {}): Field => ({ type: "set", ...options });
export const object = (fields: Fields, options: Options = {}): Field => ({ type: "object", fields, ...options });
export const objects = (fields: Fields, options: Options = {}): Field => ({ type: "set", fields, ...options });
export const orderedObjects = (fields: Fields, options: Options = {}): Field => ({ type: "list", fields, ...options });

/** `label`, `value` pairs, as networks, volumes, containers and mounts have them. */
export const labels = (options: Options = {}): Field =>
  objects({ label: string({ required: true }), value: string({ required: true }) }, options);

/** Marks every field as one whose change replaces the resource, except those that say otherwise. */
export function replacing(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      field.output ? field : { change: "replace" as const, ...field },
    ]),
  );
}

/** True for the names that carry a record of their own instead of a property, such as `__defaults`. */
export const isReserved = (key: string): boolean => key.startsWith("__");

/** A property that is absent: `undefined` and `null` mean the same. */
export const isAbsent = (value: PropertyValue | undefined): value is null | undefined =>
  value === undefined || value === null;

/** Empty in the sense of the official provider, which can't tell an unset value from its type's zero. */
export function isZero(value: PropertyValue | undefined): boolean {
  if (isAbsent(value) || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype
    ? Object.keys(value as PropertyMap).every(isReserved)
    : false;
}
