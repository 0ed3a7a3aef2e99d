import { z } from "zod";

/** `retries` of `result.json`. */
export const retries = z
  .array(
    z.strictObject({
      attempt: z.int().min(1),
      exitCode: z.int().describe("The tests container's own."),
      failed: z.array(z.string()).describe("The tests that failed in it, as JUnit says; the first 100."),
    }),
  )
  .describe("The attempts that failed before the last one; absent where there was one attempt only.");

export type FailedAttempt = z.infer<typeof retries>[number];
