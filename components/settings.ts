import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { complaints, port, UsageError } from "./arguments";
import { duration } from "./duration";

/** A setting that is a credential: kept from the state, the terminal and the log in the clear. */
export const secretSetting = z
  .string()
  .min(1)
  .transform((value) => pulumi.secret(value));

/** A setting that is a length of time, such as `90s` or `10m`; it stays text, as components take it. */
export const timeSetting = z.string().superRefine((value, context) => {
  const { error } = duration.safeParse(value);
  error?.issues.forEach(({ message }) => context.addIssue(message));
});

/** A setting that is a TCP port. */
export const portSetting = z.string().transform((value, context): number => {
  const result = port.safeParse(Number(value));
  if (!result.success) {
    context.addIssue(`expected a port, 1 to 65535, got "${value}"`);
    return z.NEVER;
  }
  return result.data;
});

/** A setting that is on or off. */
export const flag = z.stringbool({
  truthy: ["true"],
  falsy: ["false"],
  case: "sensitive",
  error: "expected true or false",
});

/** A setting that is a list or an object, written as YAML in a settings file and as JSON on the command line. */
export function structured<S extends z.ZodType>(schema: S) {
  return z.preprocess((value, context) => {
    try {
      return typeof value === "string" ? JSON.parse(value) : value;
    } catch {
      context.addIssue({ code: "custom", message: `expected JSON, got "${value}"` });
      return z.NEVER;
    }
  }, schema);
}

/**
 * Reads the project's settings, every one of them text as Pulumi hands them on.
 *
 * @param shape each setting's key, without the project's name, and what it may be
 * @throws {UsageError} one line for each setting that doesn't fit, or that nobody knows
 */
export function readSettings<S extends z.core.$ZodLooseShape>(shape: S): z.output<z.ZodObject<S>> {
  const prefix = `${pulumi.getProject()}:`;
  const given: Record<string, string> = {};
  for (const [key, value] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(prefix)) {
      given[key.slice(prefix.length)] = value;
    }
  }
  const unknown = Object.keys(given)
    .filter((key) => !(key in shape))
    .map((key) => `Setting ${prefix}${key}: no such setting; there are ${Object.keys(shape).sort().join(", ")}`);
  const result = z.object(shape).safeParse(given);
  const wrong = result.success ? [] : complaints(result.error, `Setting ${prefix}`);
  if (!result.success || unknown.length > 0) {
    throw new UsageError([...unknown, ...wrong].join("\n"));
  }
  return result.data as z.output<z.ZodObject<S>>;
}
