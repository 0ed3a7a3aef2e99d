import { stripControlCodes } from "../../run/control-codes";
import type { Result } from "../../run/result";
import type { Style } from "./style";

const shown = 5;

/** Attempts that failed before the last, and what is new in how the tests did, in a few lines of a run's summary. */
export function describeHistory(
  { retries = [], history, verdict }: Pick<Result, "retries" | "history" | "verdict">,
  style: Style,
): string[] {
  const lines = retries.map(({ attempt, exitCode, failed }) => {
    const which = failed.length > 0 ? `: ${list(failed)}` : "";
    return `  ${style.yellow("retried")}    attempt ${attempt} exited with ${exitCode}${which}`;
  });
  if (verdict === "passed" && retries.length > 0) {
    lines.push(`  ${style.yellow("flaky")}      passed only at attempt ${retries.length + 1}, in the same stack`);
  }
  if (!history) return lines;
  const { flaky, newlyFailing, newlyPassing } = history;
  if (flaky.length > 0) lines.push(`  ${style.yellow("flaky")}      passed and failed with one commit: ${list(flaky)}`);
  if (newlyFailing.length > 0)
    lines.push(`  ${style.red("new")}        failing since the last run: ${list(newlyFailing)}`);
  if (newlyPassing.length > 0)
    lines.push(`  ${style.green("new")}        passing since the last run: ${list(newlyPassing)}`);
  return lines;
}

function list(names: string[]): string {
  const first = names.slice(0, shown).map((name) => stripControlCodes(name).replace(/\s+/g, " "));
  return `${first.join(", ")}${names.length > shown ? ` and ${names.length - shown} more` : ""}`;
}
