import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { anyText, UsageError } from "./arguments";

const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*\??$/, {
  error: (issue) => `expected the name of a variable, with a "?" after it if it may be missing, got "${issue.input}"`,
});

/** The variables a container gets, and no others: name to value. */
export const environment = z.record(
  z.string().regex(/^[^=\0]+$/, { error: "expected the name of a variable" }),
  anyText,
);

/** Names of variables of the calling environment that a container gets too. `NAME?` may be missing, `NAME` may not. */
export const passthrough = z.strictObject({
  /** Credentials: encrypted in the state, masked in logs. */
  secret: z.array(variableName).default([]),
  /** Anything that everybody may see. */
  public: z.array(variableName).default([]),
});

export type Environment = z.input<typeof environment>;
export type Passthrough = z.input<typeof passthrough>;

/**
 * A container's environment in the docker provider's form, `NAME=value`, sorted by name. Only the values that are
 * secret are secret, so that a preview shows the others.
 *
 * @throws {UsageError} if a variable that must be passed through isn't there, or is also declared
 */
export function containerEnvironment(
  declared: Environment,
  passed: z.output<typeof passthrough>,
  what: string,
  calling: NodeJS.ProcessEnv = process.env,
): pulumi.Input<string>[] {
  const values = new Map<string, pulumi.Input<string>>(Object.entries(declared));
  for (const kind of ["secret", "public"] as const) {
    for (const declaration of passed[kind]) {
      const name = declaration.replace(/\?$/, "");
      const value = calling[name];
      if (values.has(name)) {
        throw new UsageError(`${what}: ${name} is declared twice; keep either its value or its passing through`);
      }
      if (value !== undefined) {
        values.set(name, kind === "secret" ? pulumi.secret(value) : value);
      } else if (declaration === name) {
        throw new UsageError(
          `${what}: ${name} is to be passed through but isn't set; set it, or allow that with "${name}?"`,
        );
      }
    }
  }
  return [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (typeof value === "string" ? `${name}=${value}` : pulumi.interpolate`${name}=${value}`));
}
