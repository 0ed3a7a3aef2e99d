import { z } from "zod";
import { type JunitCase, slowestTests } from "./cases";

/** How the tests went, as far as a note tells of it. */
export interface TestsOutcome {
  verdict: Outcome["verdict"];
  exitCode: number;
  project: string;
  commit?: string;
  /** From its begin to its end. */
  seconds: number;
  counts: { total: number; passed: number; failed: number; skipped: number };
  failures: { name: string; message: string }[];
  failure?: { resource?: string; message: string };
  slowest: { name: string; seconds: number }[];
  expectations?: Outcome["expectations"];
  history?: Outcome["history"];
}

/** The first of each list are enough. */
const most = 50;
const mostSlow = 5;
const text = z.string().transform((value) => value.slice(0, 2000));
const count = z.int().min(0);
const few = <S extends z.ZodType>(schema: S) =>
  z
    .array(z.unknown())
    .transform((list) => list.slice(0, most))
    .pipe(z.array(schema));

/** What is read of a `result.json`, which may be of another version, or anybody's. */
const outcomeSchema = z.object({
  version: z.literal(1),
  verdict: z.enum(["passed", "failed", "stack-failed", "timed-out", "interrupted", "undetermined"]),
  exitCode: z.int(),
  tests: z.object({
    total: count,
    passed: count,
    failed: count,
    skipped: count,
    failures: few(z.object({ name: text, message: text })),
  }),
  project: text,
  commit: z
    .string()
    .regex(/^[0-9a-f]{4,64}$/)
    .optional()
    .catch(undefined),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  failure: z.object({ resource: text.optional(), message: text }).optional(),
  expectations: z
    .object({
      compared: count,
      changed: few(
        z.object({
          name: text,
          status: z.enum(["changed", "new", "missing"]),
          level: z.enum(["warning", "failure"]),
          changes: z.array(z.unknown()).transform((list) => list.length),
        }),
      ),
    })
    .optional()
    .catch(undefined),
  history: z
    .object({ runs: count, flaky: few(text), newlyFailing: few(text), newlyPassing: few(text) })
    .optional()
    .catch(undefined),
});

type Outcome = z.output<typeof outcomeSchema>;

/**
 * What a note tells of a run.
 *
 * @param result the content of `result.json`
 * @param cases the tests of its JUnit files
 * @throws {z.ZodError} where that is none
 */
export function readOutcome(result: unknown, cases: JunitCase[] = []): TestsOutcome {
  const { tests, startedAt, finishedAt, ...rest } = outcomeSchema.parse(result);
  const { verdict, exitCode, project, commit, failure, expectations, history } = rest;
  const { failures, ...counts } = tests;
  return {
    ...{ verdict, exitCode, project, counts, failures },
    seconds: Math.max(0, (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000),
    slowest: slowestTests(cases, mostSlow),
    ...(commit ? { commit } : {}),
    ...(failure ? { failure } : {}),
    ...(expectations ? { expectations } : {}),
    ...(history ? { history } : {}),
  };
}
