import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { retries } from "./retries";
import { expectations } from "./expectations";
import { history } from "./history/compare";

const failure = z
  .strictObject({
    resource: z.string().optional().describe("The resource's name; absent where the failure is about none."),
    container: z.string().optional().describe("Docker's name of its container."),
    message: z.string(),
    lastLines: z.array(z.string()).describe("The container's last log lines."),
  })
  .describe("Why, where the verdict is neither passed nor failed.");

const thing = z.strictObject({
  kind: z.enum(["container", "network", "volume", "resource"]),
  name: z.string(),
  reason: z.string(),
});

const count = z.int().min(0);
const seconds = z.number().min(0);

/** What `result.json` holds; docs/result.schema.json is made from it. */
export const resultSchema = z
  .strictObject({
    version: z.literal(1),
    verdict: z.enum(["passed", "failed", "stack-failed", "timed-out", "interrupted", "undetermined"]),
    exitCode: z.int().describe("What the process exits with."),
    tests: z
      .strictObject({
        total: count,
        passed: count,
        failed: count,
        skipped: count,
        exitCode: z
          .int()
          .optional()
          .describe("The tests container's own; absent where the run stopped it, or nobody knows."),
        end: z
          .enum(["exited", "out-of-memory", "killed", "timed-out", "stopped", "unknown"])
          .optional()
          .describe(
            "How the tests container ended: by itself; killed as memory ran out; by a signal that somebody had the " +
              "Docker Engine send; stopped by the run as time ran out, or for another reason. Absent where it never ran.",
          ),
        signal: z.string().optional().describe("With the end killed: the signal, such as SIGKILL."),
        failures: z.array(z.strictObject({ name: z.string(), message: z.string() })).describe("The first 50."),
        junit: z.array(z.string()).optional().describe("The JUnit files that were counted, among the artifacts."),
      })
      .describe("Counted in the JUnit files of this run; zeros where there are none."),
    project: z.string().describe("Empty where Pulumi.yaml can't be read."),
    stack: z.string().describe("Empty where the run ended before it had one."),
    commit: z.string().optional().describe("The full hash."),
    dirty: z.boolean().optional().describe("The checkout held changes that are not in the commit."),
    run: z.string().describe("The run's id; empty where the run ended before it had one."),
    startedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime(),
    phases: z.array(
      z.strictObject({
        name: z.enum(["set-up", "build", "up", "tests", "collect", "destroy", "sweep"]),
        seconds,
        at: seconds.optional().describe("So many seconds after the start it was first entered."),
      }),
    ),
    failure: failure.optional(),
    timedOut: z
      .strictObject({
        what: z.enum(["run", "set-up", "build", "up", "tests", "collect"]),
        seconds: seconds.describe("The deadline."),
      })
      .optional()
      .describe("What ran out of time, with the verdict timed-out."),
    containers: z.array(
      z.strictObject({
        service: z.string(),
        name: z.string().describe("Docker's name."),
        role: z.string().optional(),
        image: z.string(),
        status: z.string().describe("As the Docker Engine says: running, exited, created and so on."),
        exitCode: z.int().optional().describe("Absent while it runs."),
        oomKilled: z.boolean(),
        readySeconds: seconds.optional().describe("From the start of its creation until it was ready."),
        log: z.string().optional().describe("Its log's file, relative to this one."),
      }),
    ),
    artifacts: z.strictObject({
      directory: z.string().describe("Absolute: the folder of this file."),
      files: z.array(z.strictObject({ path: z.string(), size: count })).describe("The tests' own files."),
      skipped: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
    }),
    expectations: expectations.optional(),
    history: history.optional(),
    retries: retries.optional(),
    notes: z.array(z.string()).describe("What went wrong beside the verdict, such as a log that could not be read."),
    unchanged: z
      .literal(true)
      .optional()
      .describe("Of --if-changed with --json only: nothing was run; this is the result of the run that had passed."),
    kept: z.boolean().describe("The stack was left as it is."),
    cleanup: z.strictObject({
      clean: z.boolean().describe("Nothing of this run is left but what was to be kept."),
      left: z.array(thing),
    }),
  })
  .describe("The result of one run of seatrial test or rerun.");

export type Result = z.infer<typeof resultSchema>;

/** The JSON Schema of `result.json`. */
export function resultJsonSchema(): object {
  return { title: "result.json", ...z.toJSONSchema(resultSchema, { target: "draft-2020-12" }) };
}

/** Writes `result.json` whole or not at all. */
export async function writeResult(folder: string, result: Result): Promise<void> {
  const file = join(folder, "result.json");
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(result, undefined, 2)}\n`, { mode: 0o600 });
  await rename(temporary, file);
}
