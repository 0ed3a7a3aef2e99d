import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

/** The report can't be made; the message says why and what to do, in one line. */
export class ReportError extends Error {
  override readonly name = "ReportError";
}

export const verdicts = ["passed", "failed", "stack-failed", "timed-out", "interrupted", "undetermined"] as const;

const json = z.json();

export const expectationsSchema = z.object({
  compared: z.number(),
  changed: z.array(
    z.object({
      name: z.string(),
      file: z.string(),
      status: z.enum(["changed", "new", "missing"]),
      level: z.enum(["warning", "failure"]),
      changes: z.array(
        z.object({
          path: z.string(),
          kind: z.enum(["added", "removed", "changed"]),
          expected: json.optional(),
          actual: json.optional(),
        }),
      ),
    }),
  ),
});

export const historySchema = z.object({
  runs: z.number(),
  flaky: z.array(z.string()),
  newlyFailing: z.array(z.string()),
  newlyPassing: z.array(z.string()),
});

export const retriesSchema = z.array(
  z.object({ attempt: z.number(), exitCode: z.number(), failed: z.array(z.string()) }),
);

const count = z.number().int().min(0).default(0);

/** What the report reads of `result.json`; what else is in it is nothing to it. */
const runSchema = z.object({
  verdict: z.enum(verdicts),
  exitCode: z.number(),
  tests: z.object({
    total: count,
    passed: count,
    failed: count,
    skipped: count,
    exitCode: z.number().optional(),
    end: z.string().optional(),
    signal: z.string().optional(),
    junit: z.array(z.string()).optional(),
  }),
  project: z.string().default(""),
  stack: z.string().default(""),
  commit: z.string().optional(),
  dirty: z.boolean().optional(),
  run: z.string().default(""),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  phases: z.array(z.object({ name: z.string(), seconds: z.number().min(0), at: z.number().optional() })).default([]),
  failure: z
    .object({ resource: z.string().optional(), message: z.string(), lastLines: z.array(z.string()).default([]) })
    .optional(),
  timedOut: z.object({ what: z.string(), seconds: z.number() }).optional(),
  containers: z
    .array(z.object({ service: z.string(), role: z.string().optional(), log: z.string().optional() }))
    .default([]),
  artifacts: z.object({ files: z.array(z.object({ path: z.string(), size: count })).default([]) }),
  notes: z.array(z.string()).default([]),
  kept: z.boolean().default(false),
  cleanup: z.object({
    clean: z.boolean(),
    left: z.array(z.object({ kind: z.string(), name: z.string(), reason: z.string() })).default([]),
  }),
  expectations: expectationsSchema.optional(),
  history: historySchema.optional(),
  retries: retriesSchema.optional(),
});

export type Run = z.infer<typeof runSchema>;

const stackSchema = z.object({
  resources: z.array(
    z.object({
      urn: z.string(),
      id: z.string().optional(),
      parent: z.string().optional(),
      dependencies: z.array(z.string()).default([]),
    }),
  ),
  containers: z.array(
    z.object({
      id: z.string(),
      service: z.string(),
      created: z.string().optional(),
      started: z.string().optional(),
      finished: z.string().optional(),
    }),
  ),
});

export type StackFile = z.infer<typeof stackSchema>;

/** A file of an artifacts folder that is larger isn't read: 64 MB. */
const largestJson = 64_000_000;

/** Reads `result.json` of an artifacts folder. Rejects with a {@link ReportError}. */
export async function readRun(folder: string): Promise<Run> {
  const file = join(folder, "result.json");
  const text = await readBounded(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
    throw new ReportError(
      `${folder} holds no result.json: name the folder that a run has left its results in, such as build/tests`,
    );
  });
  const parsed = runSchema.safeParse(parse(text, file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ReportError(`${file} is not a run's result: ${issue!.path.join(".") || "it"}: ${issue!.message}`);
}

/** Reads `stack.json`; without it, or with another than expected, there is less to show. */
export async function readStackFile(folder: string): Promise<StackFile | undefined> {
  return await readBounded(join(folder, "stack.json")).then(
    (text) => stackSchema.safeParse(JSON.parse(text)).data,
    () => undefined,
  );
}

/** Reads a text file that nobody vouches for. Rejects where it is too large. */
export async function readBounded(file: string, largest = largestJson): Promise<string> {
  const { size } = await stat(file);
  if (size > largest) throw new ReportError(`${file} is larger than ${largest / 1e6} MB`);
  return await readFile(file, "utf8");
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ReportError(`${file} can't be read: ${(error as Error).message}`);
  }
}
