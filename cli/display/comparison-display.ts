import type { Change, Comparison, ResourceChange } from "../../report/comparison/schema";
import { cut, type Screen } from "./screen";

/** Shows what a change does to a stack: a line for each resource, below it one for each thing that differs. */
export function showComparison(screen: Pick<Screen, "line" | "style">, comparison: Comparison): void {
  const { style } = screen;
  const { base, head, summary, resources, more } = comparison;
  const hash = (commit: string | undefined) => (commit ? ` (${commit.slice(0, 7)})` : "");
  const now = `the working tree${hash(head.commit)}${head.dirty ? " with local changes" : ""}`;
  screen.line(`${style.bold(comparison.project)} · ${base.ref}${hash(base.commit)} → ${now}`);
  if (base.absent) screen.line(`${base.ref} has no program of this project: everything is new`);
  for (const resource of resources) {
    screen.line(`  ${paint(screen, resource.status)(signs[resource.status])} ${titleOf(resource)}`);
    for (const change of resource.changes) {
      screen.line(`      ${paint(screen, change.kind)(signs[change.kind])} ${describe(change)}`);
    }
    if (resource.more) screen.line(`      … and ${resource.more} more`);
  }
  if (more) screen.line(`  … and ${more} more`);
  const counts = (["added", "removed", "changed"] as const).map((status) => `${summary[status]} ${status}`);
  screen.line(
    resources.length === 0
      ? `The stack stays the same: ${summary.same} resources.`
      : `${counts.join(", ")}, ${summary.same} the same`,
  );
}

const signs = { added: "+", removed: "-", changed: "~" };
/** More of a value doesn't fit into a line. */
const longestValue = 100;

function paint({ style }: Pick<Screen, "style">, status: keyof typeof signs): (text: string) => string {
  return { added: style.green, removed: style.red, changed: style.yellow }[status];
}

function titleOf({ kind, name, role, type }: ResourceChange): string {
  const what = kind === "resource" ? type : kind;
  return `${role === "tests" || role === "probe" ? `${role} ` : ""}${what} ${cut(name, longestValue)}`;
}

function describe({ aspect, key, kind, before, after, secret }: Change): string {
  const what = `${aspect}${key === undefined ? "" : ` ${cut(key, longestValue)}`}`;
  const [was, is] = [before, after].map((value) => (value === undefined ? undefined : cut(value, longestValue)));
  if (kind === "changed") {
    if (was === undefined && is === undefined) return `${what}: ${secret ? "another secret value" : "differs"}`;
    const hidden = secret ? "[secret]" : "(nothing)";
    return `${what}: ${was ?? hidden} → ${is ?? hidden}`;
  }
  const value = (kind === "added" ? is : was) ?? (secret ? "[secret]" : undefined);
  return value === undefined ? what : `${what}: ${value}`;
}
