/** The note that a merge request gets: what changes in the stack, and how the tests went. */
import type { Change, Comparison, ResourceChange } from "../comparison/schema";
import { inlineCode, linkTarget } from "../escape/markdown";
import { plainLine } from "../escape/plain";
import { mermaidGraph } from "./graph";
import type { TestsOutcome } from "./outcome";

/** What the note is made from; it may be anybody's. */
export interface NoteData {
  comparison?: Comparison;
  outcome?: TestsOutcome;
  /** What couldn't be read, and why. */
  problems: string[];
}

/** From the CI system's own environment. */
export interface NoteLinks {
  job?: string;
  report?: string;
  artifacts?: string;
}

/** GitHub takes 65,536 characters, GitLab more. */
const longestNote = 60_000;

/** How many of each are shown. */
const shown = { resources: 40, changes: 30, tests: 10, warnings: 10 };

/** What a note of ours begins with, so that it is found again: of each project one. */
export function noteMarker(project: string): string {
  const slug = project
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 60);
  return `<!-- seatrial note: ${slug || "stack"} -->`;
}

/** The project that the data is of, as it says itself. */
export function projectOf({ comparison, outcome }: NoteData): string {
  return [comparison?.project, outcome?.project].map((name) => plainLine(name ?? "")).find(Boolean) ?? "";
}

/**
 * The note in Markdown. All that comes from programs, tests, logs and names is in it as code within a line, which nothing
 * acts on; every line begins with words of ours.
 */
export function renderNote(data: NoteData, links: NoteLinks = {}): string {
  const { comparison, outcome, problems } = data;
  const project = projectOf(data);
  const head = [noteMarker(project), `### Seatrial: ${headline(data)}`];
  const tail = [
    ...problems.slice(0, shown.warnings).map((problem) => `- Left out: ${inlineCode(problem)}`),
    linkLine(links),
    `<sub>${["Stack of project", inlineCode(project || "?"), outcome?.commit ? `at ${inlineCode(outcome.commit.slice(0, 12))}` : ""].filter(Boolean).join(" ")}</sub>`,
  ];
  const middle = [...(outcome ? outcomeBlocks(outcome) : []), ...(comparison ? comparisonBlocks(comparison) : [])];
  const blocks = [...head];
  let length = [...head, ...tail].join("\n\n").length;
  let left = 0;
  for (const block of middle) {
    length += block.length + 2;
    if (length > longestNote) left += 1;
    else blocks.push(block);
  }
  if (left > 0) blocks.push("The rest is too long for a note; it is in the artifacts.");
  return `${[...blocks, ...tail.filter(Boolean)].join("\n\n")}\n`;
}

function headline({ comparison, outcome }: NoteData): string {
  const parts: string[] = [];
  if (outcome) parts.push(verdicts[outcome.verdict]);
  if (comparison) parts.push(comparison.resources.length === 0 ? "the stack stays the same" : "the stack changes");
  return parts.length > 0 ? parts.join(", ") : "nothing to tell";
}

const verdicts: Record<TestsOutcome["verdict"], string> = {
  passed: "✅ tests passed",
  failed: "❌ tests failed",
  "stack-failed": "⚠️ the stack failed",
  "timed-out": "⚠️ time ran out",
  interrupted: "⚠️ interrupted",
  undetermined: "⚠️ undetermined",
};

function outcomeBlocks(outcome: TestsOutcome): string[] {
  const { counts, failures, failure, slowest, expectations, history, seconds } = outcome;
  const blocks = [
    `**${counts.total} tests**: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped · exit code ${outcome.exitCode} · ${duration(seconds)}`,
  ];
  if (failure) {
    blocks.push(
      `What failed: ${failure.resource ? `${inlineCode(failure.resource)}: ` : ""}${inlineCode(failure.message)}`,
    );
  }
  const newly = new Set(history?.newlyFailing ?? []);
  blocks.push(
    ...bulleted(
      "Failed tests",
      failures,
      ({ name, message }) =>
        `${inlineCode(name)}${newly.has(name) ? " (**newly failing**)" : ""}${message ? `: ${inlineCode(message)}` : ""}`,
      counts.failed,
    ),
  );
  const other = [...newly].filter((name) => !failures.some((failure) => failure.name === name));
  blocks.push(...bulleted("Newly failing", other, (name) => inlineCode(name)));
  blocks.push(...bulleted("Newly passing", history?.newlyPassing ?? [], (name) => inlineCode(name)));
  blocks.push(...bulleted("Flaky: both results on one commit", history?.flaky ?? [], (name) => inlineCode(name)));
  if (expectations && expectations.changed.length > 0) {
    blocks.push(
      ...bulleted(
        "Results other than expected",
        expectations.changed,
        ({ name, status, level, changes }) =>
          `${level === "failure" ? "❌" : "⚠️"} ${inlineCode(name)}: ${status}${changes > 0 ? `, ${changes} ${changes === 1 ? "difference" : "differences"}` : ""}`,
      ),
    );
  }
  if (slowest.length > 0) {
    const items = slowest.map(({ name, seconds }) => `- ${duration(seconds)}: ${inlineCode(name)}`);
    blocks.push(details("Slowest tests", items.join("\n")));
  }
  return blocks;
}

function comparisonBlocks(comparison: Comparison): string[] {
  const { base, head, summary, resources, graph } = comparison;
  const from = `${inlineCode(base.ref)}${base.commit ? ` (${inlineCode(base.commit.slice(0, 7))})` : ""}`;
  const to = head.commit
    ? `${inlineCode(head.commit.slice(0, 7))}${head.dirty ? " with local changes" : ""}`
    : "these files";
  const blocks = [
    "#### The stack",
    `From ${from} to ${to}: ${summary.added} added, ${summary.removed} removed, ${summary.changed} changed, ${summary.same} the same.` +
      (base.absent ? " There is no program yet in the former." : ""),
  ];
  // One block each, so that the note ends between two of them where it gets too long.
  for (const resource of resources.slice(0, shown.resources)) blocks.push(resourceBlock(resource));
  const more = resources.length - shown.resources + (comparison.more ?? 0);
  if (more > 0) blocks.push(`And ${more} more; all are in \`preview.json\`.`);
  const chart = resources.length > 0 ? mermaidGraph(graph) : undefined;
  if (chart) blocks.push(details("What waits for what", `\`\`\`mermaid\n${chart}\n\`\`\``, true));
  return blocks;
}

function resourceBlock({ status, kind, name, role, changes, more = 0 }: ResourceChange): string {
  const what = `**${status}** ${role === "tests" || role === "probe" ? `${role} ` : ""}${kind} ${inlineCode(name)}`;
  const lines = changes.slice(0, shown.changes).map((change) => `  - ${changeText(change)}`);
  const left = changes.length - shown.changes + more;
  if (left > 0) lines.push(`  - and ${left} more`);
  if (lines.length === 0) return `- ${what}`;
  // What is new is told in full, which may be long.
  if (status !== "changed")
    return `- ${what}\n\n${details("what it is", lines.map((line) => line.slice(2)).join("\n"))}`;
  return [`- ${what}`, ...lines].join("\n");
}

function changeText({ aspect, key, kind, before, after, secret }: Change): string {
  const what = `${kind === "changed" ? "" : `${kind} `}${aspect}${key === undefined ? "" : ` ${inlineCode(key)}`}`;
  const [was, is] = [before, after].map((value) => (value === undefined ? undefined : inlineCode(value, 120)));
  if (kind === "changed") {
    if (was === undefined && is === undefined) return `${what}: ${secret ? "another secret value" : "differs"}`;
    const hidden = secret ? "a secret" : "nothing";
    return `${what}: ${was ?? hidden} → ${is ?? hidden}`;
  }
  const value = kind === "added" ? is : was;
  return value === undefined ? `${what}${secret ? ": a secret" : ""}` : `${what}: ${value}`;
}

function bulleted<T>(title: string, items: T[], line: (item: T) => string, total = items.length): string[] {
  if (items.length === 0) return [];
  const lines = items.slice(0, shown.tests).map((item) => `- ${line(item)}`);
  const more = Math.max(total, items.length) - lines.length;
  return [[`**${title}**`, "", ...lines, ...(more > 0 ? [`- and ${more} more`] : [])].join("\n")];
}

/** `summary` is a word of ours. */
function details(summary: string, content: string, open = false): string {
  return `<details${open ? " open" : ""}><summary>${summary}</summary>\n\n${content}\n\n</details>`;
}

function linkLine({ job, report, artifacts }: NoteLinks): string {
  const link = (title: string, address: string | undefined) => {
    const target = linkTarget(address);
    return target ? `[${title}](<${target}>)` : undefined;
  };
  return [link("Job", job), link("Report", report), link("Artifacts", artifacts)].filter(Boolean).join(" · ");
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
