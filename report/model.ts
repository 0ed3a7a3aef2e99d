import { z } from "zod";
import { expectationsSchema, historySchema, retriesSchema, verdicts } from "./input";

const count = z.int().min(0);
const seconds = z.number().describe("Seconds after the run's start.");
const span = z.strictObject({ from: seconds, to: seconds });

const test = z.strictObject({
  name: z.string(),
  suite: z.string().describe("Its class or suite, as JUnit names it."),
  status: z.enum(["passed", "failed", "skipped"]),
  seconds: z.number().min(0).optional().describe("How long it took, as JUnit says."),
  message: z.string().optional().describe("The first line of why it failed or was skipped."),
  flaky: z.boolean().optional(),
  retried: count.optional().describe("In how many earlier attempts of this run it failed."),
});

const step = z
  .strictObject({
    urn: z.string(),
    name: z.string(),
    type: z.string(),
    kind: z.enum(["container", "image", "network", "volume", "command", "other", "component", "provider"]),
    role: z.string().optional().describe("Of a container: tests, service or probe, where it is labelled so."),
    service: z.string().optional().describe("Of a container: the name that its log has."),
    state: z.enum(["done", "unchanged", "failed", "stopped", "unfinished"]),
    made: span.optional().describe("From the start of its creation or update until it was ready."),
    created: seconds.optional().describe("Of a container, by the Docker Engine's clock."),
    started: seconds.optional().describe("Of a container, by the Docker Engine's clock."),
    ended: seconds.optional().describe("Of a container that ended by itself, by the Docker Engine's clock."),
    destroyed: span.optional(),
    critical: z.boolean().describe("It lies on the longest chain of things that waited for each other."),
    dependencies: z.array(z.string()).describe("URNs."),
    parent: z.string().optional().describe("A URN."),
    inputs: z.record(z.string(), z.string()).describe("What a change is told by, shortened; secrets are masked."),
  })
  .describe("A resource of the stack.");

const change = z.strictObject({ key: z.string(), before: z.string().optional(), now: z.string().optional() });

/** What `report/report.json` holds; docs/report.schema.json is made from it. */
export const reportSchema = z
  .strictObject({
    version: z.literal(1),
    verdict: z.enum(verdicts),
    exitCode: z.int(),
    reason: z.string().describe("One line that says why the verdict is what it is."),
    project: z.string(),
    stack: z.string(),
    commit: z.string().optional(),
    dirty: z.boolean().optional(),
    run: z.string(),
    startedAt: z.string(),
    seconds: z.number().min(0).describe("How long the run took."),
    counts: z.strictObject({ total: count, passed: count, failed: count, skipped: count, flaky: count }),
    cleanup: z.strictObject({
      clean: z.boolean(),
      kept: z.boolean(),
      left: z.array(z.strictObject({ kind: z.string(), name: z.string(), reason: z.string() })),
    }),
    failure: z
      .strictObject({ resource: z.string().optional(), message: z.string(), lastLines: z.array(z.string()) })
      .optional(),
    phases: z.array(z.strictObject({ name: z.string(), seconds: z.number().min(0), at: seconds.optional() })),
    exactTimes: z.boolean().describe("False where events only tell whole seconds."),
    steps: z.array(step),
    criticalPath: z.array(z.string()).describe("URNs, the first first."),
    tests: z.array(test),
    logs: z.array(
      z.strictObject({
        service: z.string(),
        file: z.string().describe("Relative to the artifacts folder."),
        bytes: count,
        lines: count.describe("That the page shows."),
        leftOut: count.describe("Bytes in the middle that the page leaves out."),
        from: seconds.optional(),
        to: seconds.optional(),
      }),
    ),
    artifacts: z.array(z.strictObject({ path: z.string(), bytes: count })),
    expectations: expectationsSchema.optional(),
    history: historySchema.optional(),
    retries: retriesSchema.optional(),
    changes: z
      .strictObject({
        since: z.strictObject({
          run: z.string(),
          startedAt: z.string(),
          verdict: z.string(),
          seconds: z.number(),
          commit: z.string().optional(),
        }),
        newlyFailing: z.array(z.string()),
        newlyPassing: z.array(z.string()),
        added: z.array(z.string()).describe("Tests."),
        removed: z.array(z.string()).describe("Tests."),
        slower: z.array(z.strictObject({ name: z.string(), before: z.number(), now: z.number() })),
        phases: z.array(z.strictObject({ name: z.string(), before: z.number(), now: z.number() })),
        resources: z.array(
          z.strictObject({
            name: z.string(),
            type: z.string(),
            change: z.enum(["added", "removed", "changed"]),
            inputs: z.array(change),
          }),
        ),
      })
      .optional()
      .describe("Compared with the last run whose report was there."),
    notes: z.array(z.string()),
  })
  .describe("The data of a run's report page.");

export type Report = z.infer<typeof reportSchema>;
export type Step = Report["steps"][number];
export type TestRow = Report["tests"][number];
export type Changes = NonNullable<Report["changes"]>;

/** The JSON Schema of `report.json`. */
export function reportJsonSchema(): object {
  return { title: "report.json", ...z.toJSONSchema(reportSchema, { target: "draft-2020-12" }) };
}
