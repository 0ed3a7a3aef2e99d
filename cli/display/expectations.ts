import { stripControlCodes } from "../../run/control-codes";
import type { Result } from "../../run/result";
import type { Style } from "./style";

type Expectations = NonNullable<Result["expectations"]>;

const shown = { results: 5, changes: 3 };

/** The results that are not as expected, in a few lines of a run's summary; none where all are. */
export function describeExpectations({ expectations }: Pick<Result, "expectations">, style: Style): string[] {
  if (!expectations || expectations.changed.length === 0) return [];
  const { compared, changed } = expectations;
  const total = changed.length + (expectations.more ?? 0);
  const failed = changed.filter(({ level }) => level === "failure").length;
  const of = `${total} of ${Math.max(compared, total)} results ${total === 1 ? "is" : "are"} not as expected`;
  const lines = [
    `  ${style.yellow("expected")}   ${of}${failed > 0 ? `, ${failed} of them a failure` : ""}; seatrial accept takes over the new ones`,
  ];
  for (const result of changed.slice(0, shown.results)) {
    const { name, status, level, changes, more = 0 } = result;
    const paint = level === "failure" ? style.red : style.yellow;
    lines.push(`    ${paint(status.padEnd(7))} ${stripControlCodes(name).replace(/\n/g, " ")}`);
    if (status !== "changed") continue;
    lines.push(...changes.slice(0, shown.changes).map((change) => `            ${describeChange(change)}`));
    const left = changes.length - Math.min(changes.length, shown.changes) + more;
    if (left > 0) lines.push(`            … and ${left} more`);
  }
  const left = total - Math.min(changed.length, shown.results);
  if (left > 0) lines.push(`    … and ${left} more`);
  return lines;
}

function describeChange({ path, kind, expected, actual }: Expectations["changed"][number]["changes"][number]): string {
  const text = (value: unknown) => {
    const json = JSON.stringify(value) ?? "";
    return json.length > 80 ? `${json.slice(0, 80)}…` : json;
  };
  const values = {
    added: `+ ${text(actual)}`,
    removed: `- ${text(expected)}`,
    changed: `${text(expected)} → ${text(actual)}`,
  };
  return stripControlCodes(`${path || "(all of it)"}: ${values[kind]}`).replace(/\n/g, " ");
}
