/** Rules for single values and the equivalences between their spellings. */
import type { PropertyValue } from "../../../engine/values";
import { durationNanoseconds } from "./duration";

type Check = (value: PropertyValue) => string | undefined;

export const atLeast =
  (minimum: number): Check =>
  (value) =>
    (value as number) < minimum ? `must be at least ${minimum}, not ${value as number}` : undefined;

export const oneOf =
  (...values: string[]): Check =>
  (value) =>
    values.includes(value as string) ? undefined : `must be one of ${values.join(", ")}, not "${value as string}"`;

export const matching =
  (pattern: RegExp, expected: string): Check =>
  (value) =>
    pattern.test(value as string) ? undefined : `must be ${expected}, not "${value as string}"`;

export const duration: Check = (value) => {
  const nanoseconds = durationNanoseconds(value as string);
  if (nanoseconds === undefined) return `must be a duration such as 500ms, 10s or 1m30s, not "${value as string}"`;
  return nanoseconds < 0 ? `must not be negative, as "${value as string}" is` : undefined;
};

export const base64: Check = (value) =>
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test((value as string).replace(/[\r\n]/g, ""))
    ? undefined
    : "is not base64";

export const absolutePath = matching(/^(?:[a-zA-Z]:[\\/]|\/)/, "an absolute path");

export const sameDuration = (a: PropertyValue, b: PropertyValue): boolean =>
  durationNanoseconds(String(a)) === durationNanoseconds(String(b));

export const sameNumber = (a: PropertyValue, b: PropertyValue): boolean => Number(a) === Number(b);

/** The Docker Engine keeps no more of `linux/amd64` than `linux`. */
export const samePlatform = (a: PropertyValue, b: PropertyValue): boolean =>
  `${String(a)}/`.startsWith(`${String(b)}/`) || `${String(b)}/`.startsWith(`${String(a)}/`);

/** Docker adds the prefix CAP_ and takes either case. */
export const sameCapability = (a: PropertyValue, b: PropertyValue): boolean => capability(a) === capability(b);

const capability = (value: PropertyValue): string => String(value).toUpperCase().replace(/^CAP_/, "");
