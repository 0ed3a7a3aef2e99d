import { AssertionError } from "node:assert";
import Ajv, { type ErrorObject, type ValidateFunction } from "ajv";
import Ajv2020 from "ajv/dist/2020";
import addFormats from "ajv-formats";

/** JSON Schemas that values, such as the answers of an API, are held against. */
export interface JsonSchemas {
  /**
   * @param schema a schema, or the `$id` of a known one
   * @param what what the value is, for the message: `GET /documents/1`
   * @throws {AssertionError} that names every fault, where it is and what is there
   */
  check(schema: object | string, value: unknown, what?: string): void;
  /** The faults, one line each; empty if there is none. */
  faults(schema: object | string, value: unknown): string[];
}

/**
 * Gets schemas ready. Those that are given may refer to each other by their `$id`. They are read as draft 2020-12 where
 * one of them says that it is, else as draft 7; `format` counts.
 *
 * @throws {Error} if one is no JSON Schema
 */
export function jsonSchemas(definitions: readonly object[] = []): JsonSchemas {
  const options = {
    allErrors: true,
    verbose: true,
    allowUnionTypes: true,
    strictRequired: false,
    strictTypes: false,
    strictTuples: false,
  } as const;
  const isNew = definitions.some((definition) =>
    String((definition as { $schema?: unknown }).$schema).includes("2020-12"),
  );
  const ajv = isNew ? new Ajv2020(options) : new Ajv(options);
  addFormats(ajv);
  for (const definition of definitions) ajv.addSchema(definition);

  const find = (schema: object | string): ValidateFunction => {
    // A schema that is known by its $id already may not be compiled again.
    const id = typeof schema === "string" ? schema : (schema as { $id?: string }).$id;
    const known = id === undefined ? undefined : ajv.getSchema(id);
    if (known) return known as ValidateFunction;
    if (typeof schema !== "string") return ajv.compile(schema);
    throw new Error(`there is no JSON Schema with the $id "${schema}"`);
  };
  const faults = (schema: object | string, value: unknown): string[] => {
    const validate = find(schema);
    return validate(value) ? [] : (validate.errors ?? []).map(describe);
  };
  return {
    faults,
    check(schema, value, what = "the value") {
      const found = faults(schema, value);
      if (found.length === 0) return;
      const id =
        typeof schema === "string"
          ? schema
          : ((schema as { $id?: string; title?: string }).$id ?? (schema as { title?: string }).title);
      const lines = [
        `${what} does not fit ${id ? `the JSON Schema ${id}` : "its JSON Schema"}:`,
        ...found.slice(0, 20).map((fault) => `  ${fault}`),
        ...(found.length > 20 ? [`  … and ${found.length - 20} more`] : []),
        `It is ${brief(value, 1000)}`,
      ];
      throw new AssertionError({ message: lines.join("\n"), actual: value, operator: "jsonSchemas.check" });
    },
  };
}

function describe({ instancePath, message = "is wrong", keyword, params, data }: ErrorObject): string {
  const place = instancePath || "(all of it)";
  const { additionalProperty, unevaluatedProperty, allowedValues, allowedValue } = params as Record<string, unknown>;
  const extra = additionalProperty ?? unevaluatedProperty;
  if (typeof extra === "string") return `${place}: has "${extra}", which is not allowed`;
  const allowed = allowedValues ?? (keyword === "const" ? allowedValue : undefined);
  const of = allowed === undefined ? "" : `: ${brief(allowed, 200)}`;
  return keyword === "required" ? `${place}: ${message}` : `${place}: ${message}${of}, got ${brief(data, 100)}`;
}

function brief(value: unknown, longest: number): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
