import { z } from "zod";
import type { HistoryRecord } from "./store";

const names = z.array(z.string());

/** `history` of `result.json`. */
export const history = z
  .strictObject({
    runs: z.int().min(0).describe("How many earlier runs were looked at."),
    flaky: names.describe(
      "Tests of this run that have both passed and failed with one commit, in this run or earlier ones; the first 100.",
    ),
    newlyFailing: names.describe(
      "Failed, and passed in the last run of the branch that a merge request goes into, else in the last run; the first 100.",
    ),
    newlyPassing: names.describe("The other way round; the first 100."),
  })
  .describe("How the tests did before, where JUnit tells of them.");

export type History = z.infer<typeof history>;

const most = 100;

/**
 * Holds a run against earlier ones.
 *
 * @param past the newest first
 * @param base the branch that the run's own is to go into
 */
export function compareWithHistory(run: HistoryRecord, past: HistoryRecord[], base?: string): History {
  const earlier = past.filter((record) => record.run !== run.run);
  const reference = (base === undefined ? undefined : earlier.find(({ branch }) => branch === base)) ?? earlier[0];
  const mixed = flakyTests([run, ...earlier]);
  const now = [...run.tests.failed, ...run.tests.passed];
  const both = (here: string[], there: string[] = []) => {
    const known = new Set(there);
    return here.filter((name) => known.has(name)).slice(0, most);
  };
  return {
    runs: earlier.length,
    flaky: now.filter((name) => mixed.has(name)).slice(0, most),
    newlyFailing: both(run.tests.failed, reference?.tests.passed),
    newlyPassing: both(run.tests.passed, reference?.tests.failed),
  };
}

/** Those that have had both results where the same thing was tried, or in one run. */
function flakyTests(records: HistoryRecord[]): Set<string> {
  const flaky = new Set(records.flatMap((record) => record.flaky ?? []));
  const seen = new Map<string, { passed: Set<string>; failed: Set<string> }>();
  for (const record of records) {
    const { commit, dirty, inputs, tests } = record;
    // With local changes only the same images and files are the same.
    if (!commit || (dirty && !inputs)) continue;
    const key = dirty ? `${commit} ${inputs}` : commit;
    const group = seen.get(key) ?? { passed: new Set(), failed: new Set() };
    seen.set(key, group);
    for (const name of tests.passed) group.passed.add(name);
    for (const name of tests.failed) group.failed.add(name);
  }
  for (const { passed, failed } of seen.values()) for (const name of failed) if (passed.has(name)) flaky.add(name);
  return flaky;
}
