import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

/**
 * What a user wrote doesn't fit: an argument, a setting, a variable or a file. The message is one line a fault, names
 * what is wrong and says what was expected; Pulumi prints it without a stack trace.
 */
export class UsageError extends pulumi.RunError {
  override readonly name = "UsageError";
}

/** A `pulumi.Input<string>`: text, or a promise or output of it. A literal may not be empty unless allowed. */
export const text = z.custom<pulumi.Input<string>>(
  (value) => (typeof value === "string" && value !== "") || isPending(value),
  { error: (issue) => `expected text, got ${described(issue.input)}` },
);

/** As `text`, but may be empty: the value of an environment variable, say. */
export const anyText = z.custom<pulumi.Input<string>>((value) => typeof value === "string" || isPending(value), {
  error: (issue) => `expected text, got ${described(issue.input)}`,
});

/** A TCP port, 1 to 65535. */
export const port = z.int().min(1).max(65535);

/** An absolute path in a container. */
export const containerPath = z
  .string()
  .refine((path) => path.startsWith("/"), { error: (issue) => `expected an absolute path, got "${issue.input}"` });

/**
 * Checks what was passed to a component or read from settings.
 *
 * @param what what the value belongs to, put before each complaint, such as `Service "api"`
 * @throws {UsageError} one line for each fault: `Service "api": readiness.port: expected number, received string`
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) {
    return result.data;
  }
  throw new UsageError(complaints(result.error, `${what}: `).join("\n"));
}

/** The faults zod found, one line each: `prefix`, the path to the value that has it, and what was expected. */
export function complaints(error: z.ZodError, prefix: string): string[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String).join(".");
    return `${prefix}${path ? `${path}: ` : ""}${issue.message.replace(/^Invalid input: /, "")}`;
  });
}

function isPending(value: unknown): boolean {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

function described(value: unknown): string {
  if (value === undefined) {
    return "nothing";
  }
  return value === "" ? "an empty text" : Array.isArray(value) ? "a list" : typeof value;
}
