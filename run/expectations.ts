import { readFile, stat } from "node:fs/promises";
import { isAbsolute, join, posix, relative, resolve } from "node:path";
import { z } from "zod";
import type { Extraction } from "./extract";

const level = z.enum(["warning", "failure"]);

const change = z.strictObject({
  path: z.string().max(5000).describe("A JSON pointer; empty for the whole result."),
  kind: z.enum(["added", "removed", "changed"]),
  expected: z.unknown().optional(),
  actual: z.unknown().optional(),
});

const status = z.enum(["changed", "new", "missing"]);
const count = z.int().min(0).max(1_000_000_000);

/** What tests leave as `expectations.json`; docs/expectations.schema.json is made from it. */
const expectationsFile = z
  .strictObject({
    version: z.literal(1),
    compared: count.describe("How many results were compared with what is expected of them."),
    changed: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(1000).describe("What a person knows the result by."),
          file: z.string().min(1).max(4096).describe("The expected file's absolute path in the tests container."),
          actual: z
            .string()
            .min(1)
            .max(4096)
            .optional()
            .describe(
              "Relative to the folder of artifacts: the JSON file to expect from now on, if the change is accepted. " +
                "Required unless the status is missing.",
            ),
          status: status.describe("new: there is no expected file; missing: there is no such result any longer."),
          level: level.describe("A failure has failed a test too."),
          changes: z.array(change).max(1000),
          more: count.optional().describe("How many changes of it there are besides."),
        }),
      )
      .max(5000),
    more: count.optional().describe("How many results have changed besides."),
  })
  .describe("How the results of tests compare with what is expected of them.");

type ExpectationsFile = z.infer<typeof expectationsFile>;

/** `expectations` of `result.json`. */
export const expectations = z
  .strictObject({
    compared: z.int().min(0),
    changed: z
      .array(
        z.strictObject({
          name: z.string(),
          file: z
            .string()
            .describe(
              "The expected file, relative to the project, with forward slashes; absolute, as it is in the tests " +
                "container, where no declared input tells where it comes from.",
            ),
          actual: z
            .string()
            .optional()
            .describe("The artifact to expect from now on, relative to this file; absent where there is none."),
          status,
          level,
          changes: z.array(change).describe("The first ones."),
          more: z.int().min(0).optional().describe("How many changes of it there are besides."),
        }),
      )
      .describe("The first 1000."),
    more: z.int().min(0).optional().describe("How many results have changed besides."),
  })
  .describe("How results compare with what is expected of them, where the tests left an expectations.json.");

export type Expectations = z.infer<typeof expectations>;

/** The JSON Schema of `expectations.json`. */
export function expectationsJsonSchema(): object {
  return { title: "expectations.json", ...z.toJSONSchema(expectationsFile, { target: "draft-2020-12" }) };
}

/** Where the tests' input files come from. */
export interface InputSource {
  /** The file or folder of this machine, relative to the program's folder. */
  source: string;
  /** Its path in the container. */
  target: string;
}

/** Bytes of an `expectations.json`, and of all of them together. */
const largest = 10_000_000;
/** What `result.json` takes over. */
const limits = { results: 1000, changes: 20, text: 500, file: 2_000_000 };

/**
 * Reads what the tests say of their results, which nobody vouches for: `expectations.json` among the artifacts, and
 * `expectations-….json` of further processes.
 *
 * @param options.since files older than this are an earlier run's and don't count
 * @returns `undefined` where there is no such file; what can't be used is in the notes
 */
export async function readExpectations(
  folder: string,
  { files }: Pick<Extraction, "files">,
  options: {
    since?: Date;
    inputs: InputSource[];
    projectRoot: string;
    programFolder: string;
    mask(text: string): string;
  },
): Promise<{ found?: Expectations; notes: string[] }> {
  const notes: string[] = [];
  const note = (text: string) => void (notes.length < 10 && notes.push(`expected results: ${text}`));
  const parts: ExpectationsFile[] = [];
  let size = 0;
  for (const file of files.filter(({ path }) => /^expectations(?:-[\w.-]+)?\.json$/.test(path))) {
    // Times in an archive are whole seconds.
    if (options.since && file.modified.getTime() < Math.floor(options.since.getTime() / 1000) * 1000) continue;
    if ((size += file.size) > largest) {
      note(`${file.path} is left out: there may be ${largest / 1e6} MB of them in all`);
      continue;
    }
    const part = parse(await readFile(join(folder, file.path), "utf8"));
    if (typeof part === "string") note(`${file.path} can't be used: ${part}`);
    else parts.push(part);
  }
  if (parts.length === 0) return { notes };

  const all = parts.flatMap((part) => part.changed);
  const changed: Expectations["changed"] = [];
  for (const result of all.slice(0, limits.results)) {
    const actual = result.status === "missing" ? undefined : await usableArtifact(result.actual);
    changed.push({
      name: text(result.name),
      file: sourceOf(result.file, options) ?? text(posix.resolve("/", result.file)),
      ...(actual ? { actual } : {}),
      status: result.status,
      level: result.level,
      changes: result.changes.slice(0, limits.changes).map(briefChange),
      ...more((result.more ?? 0) + Math.max(result.changes.length - limits.changes, 0)),
    });
  }
  const left = parts.reduce((sum, part) => sum + (part.more ?? 0), Math.max(all.length - limits.results, 0));
  const compared = parts.reduce((sum, part) => sum + part.compared, 0);
  return { found: bounded({ compared, changed, ...more(left) }), notes };

  async function usableArtifact(path: string | undefined): Promise<string | undefined> {
    if (path === undefined) return void note("a result names no file that holds it");
    const isThere = files.some((file) => file.path === path) && (await stat(join(folder, path)).catch(() => undefined));
    return isThere ? path : void note(`${path} is missing among the artifacts`);
  }

  function text(value: string): string {
    const masked = options.mask(value);
    return masked.length > limits.text ? `${masked.slice(0, limits.text)}…` : masked;
  }

  function briefChange({ path, kind, expected, actual }: z.infer<typeof change>): z.infer<typeof change> {
    return {
      path: text(path),
      kind,
      ...(expected === undefined ? {} : { expected: briefValue(expected) }),
      ...(actual === undefined ? {} : { actual: briefValue(actual) }),
    };
  }

  function briefValue(value: unknown): unknown {
    const masked = maskAll(value, options.mask);
    const json = JSON.stringify(masked);
    return json.length > limits.text ? `${json.slice(0, limits.text)}…` : masked;
  }
}

/** The checkout's file behind a path of the tests container, relative to the project; a later input hides an earlier. */
function sourceOf(
  path: string,
  { inputs, projectRoot, programFolder }: { inputs: InputSource[]; projectRoot: string; programFolder: string },
): string | undefined {
  const file = posix.normalize(path);
  if (!file.startsWith("/") || file.includes("\0")) return undefined;
  const input = inputs.findLast(({ target }) => file === target || file.startsWith(`${target.replace(/\/$/, "")}/`));
  if (!input || isAbsolute(input.source)) return undefined;
  const rest = file.slice(input.target.replace(/\/$/, "").length);
  return relative(projectRoot, resolve(programFolder, input.source, `.${rest}`)).replace(/\\/g, "/");
}

/** @returns what is wrong with it, as text */
function parse(json: string): ExpectationsFile | string {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return "it is no JSON";
  }
  const { data, error } = expectationsFile.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  const place = issue!.path.map(String).join(".");
  return `${place ? `${place}: ` : ""}${issue!.message}`.slice(0, 300);
}

function more(n: number): { more?: number } {
  return n > 0 ? { more: n } : {};
}

/** Keeps the results, and lets changes go, until it is no larger than the limit. */
function bounded(found: Expectations): Expectations {
  let room = limits.file;
  const changed = found.changed.map((result) => {
    room -= JSON.stringify(result).length;
    if (room >= 0 || result.changes.length === 0) return result;
    return { ...result, changes: [], more: (result.more ?? 0) + result.changes.length };
  });
  return { ...found, changed };
}

/** Past some depth nothing is told: what recurses over it later must not run out of stack. */
function maskAll(value: unknown, mask: (text: string) => string, depth = 0): unknown {
  if (depth > 50) return "…";
  if (typeof value === "string") return mask(value);
  if (Array.isArray(value)) return value.map((item) => maskAll(item, mask, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [mask(name), maskAll(item, mask, depth + 1)]));
}
