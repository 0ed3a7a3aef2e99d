/**
 * Property values: what flows between a program, the engine, the providers and the state.
 *
 * JSON values stand for themselves. What JSON has no word for has a class here: a value that isn't known yet, a secret,
 * an output with its dependencies, an asset, an archive, a reference to another resource.
 *
 * Source of the signatures: `sdk/nodejs/runtime/rpc.ts` in pulumi/pulumi.
 */

export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | PropertyValue[]
  | PropertyMap
  | Unknown
  | Secret
  | OutputValue
  | Asset
  | Archive
  | ResourceReference;

/** A resource's inputs or outputs. A key that is absent and one that is `undefined` mean the same. */
export interface PropertyMap {
  [key: string]: PropertyValue;
}

/** A value that only the operation itself will tell, such as the id of a container that a preview doesn't create. */
export class Unknown {
  private constructor() {}
  static readonly value = new Unknown();
}

/** The one unknown value. */
export const UNKNOWN: Unknown = Unknown.value;

/** A value to be encrypted in the state and masked wherever it is shown. Never nested directly in another secret. */
export class Secret {
  constructor(readonly element: PropertyValue) {}
}

/** A program's output as it travels to transforms and component providers: the value and what it depends on. */
export class OutputValue {
  constructor(
    readonly element: PropertyValue | undefined,
    readonly known: boolean,
    readonly secret: boolean,
    readonly dependencies: string[],
  ) {}
}

/** A single file's content: exactly one of `text`, `path` and `uri` is set; `hash` is the content's SHA-256, in hex. */
export class Asset {
  constructor(readonly fields: { hash?: string; text?: string; path?: string; uri?: string }) {}
}

/** A set of files: exactly one of `assets`, `path` and `uri` is set. */
export class Archive {
  constructor(readonly fields: { hash?: string; assets?: PropertyMap; path?: string; uri?: string }) {}
}

/** A resource passed as a value. `id` is `undefined` for a component, unknown in a preview. */
export class ResourceReference {
  constructor(
    readonly urn: string,
    readonly id: string | Unknown | undefined,
    readonly packageVersion: string,
  ) {}
}

/** True for a plain object, the one kind of value whose entries are values of their own. */
export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Rebuilds `value`, giving each of its leaves and special values to `visit`; what `visit` returns `undefined` for is walked into. */
export function mapValue(
  value: PropertyValue,
  visit: (value: PropertyValue) => PropertyValue | undefined,
): PropertyValue {
  const replaced = visit(value);
  if (replaced !== undefined) return replaced;
  if (Array.isArray(value)) return value.map((element) => mapValue(element, visit));
  if (value instanceof Secret) return new Secret(mapValue(value.element, visit));
  if (value instanceof OutputValue && value.element !== undefined) {
    return new OutputValue(mapValue(value.element, visit), value.known, value.secret, value.dependencies);
  }
  if (value instanceof Archive && value.fields.assets) {
    return new Archive({ ...value.fields, assets: mapValue(value.fields.assets, visit) as PropertyMap });
  }
  if (isMap(value)) return mapEntries(value, (element) => mapValue(element, visit));
  return value;
}

/** Applies `change` to every entry of `map`; entries that are `undefined` are dropped. */
export function mapEntries(
  map: PropertyMap,
  change: (value: PropertyValue, key: string) => PropertyValue,
): PropertyMap {
  const result: PropertyMap = {};
  for (const [key, value] of Object.entries(map)) if (value !== undefined) result[key] = change(value, key);
  return result;
}

/** True where `found` holds of the value or of anything inside it. */
export function someValue(value: PropertyValue | undefined, found: (value: PropertyValue) => boolean): boolean {
  if (value === undefined) return false;
  if (found(value)) return true;
  if (Array.isArray(value)) return value.some((element) => someValue(element, found));
  if (value instanceof Secret || value instanceof OutputValue) return someValue(value.element, found);
  if (value instanceof Archive) return someValue(value.fields.assets, found);
  if (isMap(value)) return Object.values(value).some((element) => someValue(element, found));
  return false;
}

export const containsUnknown = (value: PropertyValue | undefined): boolean =>
  someValue(value, (v) => v instanceof Unknown || (v instanceof OutputValue && !v.known));

export const containsSecret = (value: PropertyValue | undefined): boolean =>
  someValue(value, (v) => v instanceof Secret || (v instanceof OutputValue && v.secret));

/** The value with every secret replaced by what it holds. */
export function withoutSecrets<T extends PropertyValue>(value: T): T {
  return mapValue(value, (v) => (v instanceof Secret ? withoutSecrets(v.element) : undefined)) as T;
}

/** The value with outputs turned into what providers and the state know: plain values, unknowns and secrets. */
export function withoutOutputs<T extends PropertyValue>(value: T): T {
  return mapValue(value, (v) => {
    if (!(v instanceof OutputValue)) return undefined;
    const element = v.known && v.element !== undefined ? withoutOutputs(v.element) : UNKNOWN;
    return v.secret ? new Secret(element) : element;
  }) as T;
}

/** Deep equality as the engine means it: a missing entry equals an `undefined` one; a secret equals only a secret of an equal value. */
export function equalValues(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a === null || b === null) return false;
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (a instanceof Unknown || b instanceof Unknown) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((v, i) => equalValues(v, b[i]));
  }
  if (a instanceof Secret || b instanceof Secret) {
    return a instanceof Secret && b instanceof Secret && equalValues(a.element, b.element);
  }
  if (a instanceof Asset || b instanceof Asset) {
    return a instanceof Asset && b instanceof Asset && equalContents(a.fields, b.fields);
  }
  if (a instanceof Archive || b instanceof Archive) {
    return a instanceof Archive && b instanceof Archive && equalContents(a.fields, b.fields);
  }
  if (a instanceof ResourceReference || b instanceof ResourceReference) {
    return a instanceof ResourceReference && b instanceof ResourceReference && a.urn === b.urn && a.id === b.id;
  }
  if (!isMap(a) || !isMap(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) if (!equalValues(a[key], b[key])) return false;
  return true;
}

/** Assets and archives with a hash are equal when the hashes are, wherever the content lies. */
function equalContents(a: { hash?: string }, b: { hash?: string }): boolean {
  if (a.hash !== undefined && b.hash !== undefined) return a.hash === b.hash;
  return equalValues(a as PropertyMap, b as PropertyMap);
}
