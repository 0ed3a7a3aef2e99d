import type { Changes, Report, TestRow } from "./model";
import { fullName } from "./test-name";

/** Most entries of each list. */
const most = 100;
/** Slower by this factor and by so many seconds is told. */
const slowerBy = { factor: 1.5, seconds: 0.2 };

/** What is different from the last run whose report is known. */
export function compareReports(before: Report, now: Omit<Report, "changes">): Changes {
  const earlier = testsByName(before.tests);
  const present = testsByName(now.tests);
  const both = [...present].flatMap(([name, test]) => {
    const old = earlier.get(name);
    return old ? [{ name, old, test }] : [];
  });
  const slower = both
    .map(({ name, old, test }) => ({ name, before: old.seconds ?? 0, now: test.seconds ?? 0 }))
    .filter((test) => test.now > test.before * slowerBy.factor && test.now - test.before > slowerBy.seconds)
    .sort((a, b) => b.now - b.before - (a.now - a.before));
  // Tests that did not run are neither new nor gone.
  const ran = now.tests.length > 0 && before.tests.length > 0;
  return {
    since: {
      run: before.run,
      startedAt: before.startedAt,
      verdict: before.verdict,
      seconds: before.seconds,
      ...(before.commit ? { commit: before.commit } : {}),
    },
    newlyFailing: both
      .filter(({ old, test }) => test.status === "failed" && old.status !== "failed")
      .map(({ name }) => name)
      .slice(0, most),
    newlyPassing: both
      .filter(({ old, test }) => test.status === "passed" && old.status === "failed")
      .map(({ name }) => name)
      .slice(0, most),
    added: ran ? [...present.keys()].filter((name) => !earlier.has(name)).slice(0, most) : [],
    removed: ran ? [...earlier.keys()].filter((name) => !present.has(name)).slice(0, most) : [],
    slower: slower.slice(0, 20),
    phases: now.phases.flatMap(({ name, seconds }) => {
      const old = before.phases.find((phase) => phase.name === name);
      return old ? [{ name, before: old.seconds, now: seconds }] : [];
    }),
    resources: compareResources(before, now).slice(0, most),
  };
}

function testsByName(tests: TestRow[]): Map<string, TestRow> {
  return new Map(tests.map((test) => [fullName(test), test]));
}

function compareResources(before: Report, now: Omit<Report, "changes">): Changes["resources"] {
  const steps = (report: Omit<Report, "changes">) =>
    // By parents' types and the name: the stack is another one in every run.
    new Map(
      report.steps
        .filter(({ kind, made }) => made && kind !== "component" && kind !== "provider")
        .map((step) => [step.urn.split("::").slice(2).join("::"), step]),
    );
  const [earlier, present] = [steps(before), steps(now)];
  const changes: Changes["resources"] = [];
  for (const [key, step] of present) {
    const old = earlier.get(key);
    const { name, type } = step;
    if (!old) {
      changes.push({ name, type, change: "added", inputs: [] });
      continue;
    }
    const keys = [...new Set([...Object.keys(old.inputs), ...Object.keys(step.inputs)])].sort();
    const inputs = keys
      .filter((input) => old.inputs[input] !== step.inputs[input])
      .map((input) => ({
        key: input,
        ...(old.inputs[input] === undefined ? {} : { before: old.inputs[input] }),
        ...(step.inputs[input] === undefined ? {} : { now: step.inputs[input] }),
      }));
    if (inputs.length > 0) changes.push({ name, type, change: "changed", inputs });
  }
  // Of a run that got less far nobody knows what it would have had.
  if (now.verdict === "passed" || now.verdict === "failed") {
    for (const [key, { name, type }] of earlier) {
      if (!present.has(key)) changes.push({ name, type, change: "removed", inputs: [] });
    }
  }
  return changes;
}
