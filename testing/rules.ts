/** The types of JSON Schema. */
export type JsonType = "string" | "number" | "integer" | "boolean" | "null" | "object" | "array";

/**
 * What may vary at a place of a result, and how bad a change there is. `path` is a JSON pointer (RFC 6901) in which `*`
 * stands for any one step and `**` for any number of them: `/items/*\/id`.
 */
export type Rule = { path: string } & (
  | { /** Anything goes, or nothing at all. */ ignore: true }
  | { /** A number may be so much larger or smaller. */ tolerance: number }
  | { /** Any text that this regular expression matches. */ pattern: string | RegExp }
  | { /** Anything of this type. */ type: JsonType }
  | {
      /** The order of the list doesn't matter; its items are told apart by this member, with `true` as a whole. */ unordered:
        string | true;
    }
  | {
      /** What changes here, by whatever is allowed to vary, fails the test, or only warns. */ level:
        "warning" | "failure";
    }
);

/** The rules of one kind that hold at a place, the last one first: it wins. */
export interface Rules {
  ignored(path: Path): boolean;
  tolerance(path: Path): number | undefined;
  /** Whether a value of this kind is allowed in place of the expected one. */
  allows(path: Path, value: unknown): boolean;
  unordered(path: Path): string | true | undefined;
  level(path: Path): "warning" | "failure" | undefined;
}

/** The steps from the top of a result to a place in it. */
export type Path = readonly string[];

/** @throws {TypeError} if a rule's path is no JSON pointer, or its pattern no regular expression */
export function rules(given: readonly Rule[]): Rules {
  const compiled = given.map((rule) => ({ rule, steps: stepsOf(rule.path) })).reverse();
  const at = <K extends string>(path: Path, kind: K) =>
    compiled
      .filter(({ rule, steps }) => kind in rule && matches(steps, path))
      .map(({ rule }) => (rule as unknown as Record<K, unknown>)[kind]);
  for (const rule of given) if ("pattern" in rule) expression(rule.pattern);
  return {
    ignored: (path) => at(path, "ignore").length > 0,
    tolerance: (path) => at(path, "tolerance")[0] as number | undefined,
    allows: (path, value) =>
      at(path, "pattern").some((it) => typeof value === "string" && expression(it as string | RegExp).test(value)) ||
      at(path, "type").some((type) => isOfType(value, type as JsonType)),
    unordered: (path) => at(path, "unordered")[0] as string | true | undefined,
    level: (path) => at(path, "level")[0] as "warning" | "failure" | undefined,
  };
}

/** A place as a JSON pointer. */
export function pointer(path: Path): string {
  return path.map((step) => `/${step.replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");
}

function stepsOf(path: string): string[] {
  if (path === "") return [];
  if (!path.startsWith("/")) throw new TypeError(`the path of a rule begins with "/", or is empty; got "${path}"`);
  return path
    .slice(1)
    .split("/")
    .map((step) => step.replace(/~1/g, "/").replace(/~0/g, "~"));
}

function matches(steps: Path, path: Path): boolean {
  const [step, ...rest] = steps;
  if (step === undefined) return path.length === 0;
  if (step === "**") return matches(rest, path) || (path.length > 0 && matches(steps, path.slice(1)));
  return path.length > 0 && (step === "*" || step === path[0]) && matches(rest, path.slice(1));
}

/** Without the flags that make a regular expression remember where it stood. */
function expression(pattern: string | RegExp): RegExp {
  return typeof pattern === "string"
    ? new RegExp(pattern, "u")
    : new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
}

function isOfType(value: unknown, type: JsonType): boolean {
  if (value === null || type === "null") return value === null && type === "null";
  if (type === "integer") return Number.isInteger(value);
  if (Array.isArray(value) || type === "array") return Array.isArray(value) && type === "array";
  return typeof value === type;
}
