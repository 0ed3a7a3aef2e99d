/** What the displays of an operation have in common: the words for it, and what is said at its end. */
import type { OperationKind, OperationResult } from "../../engine/api";
import type { EngineEvent, Op, StepEventMetadata } from "../../engine/events";
import { fromEvent, type PropertyMap, Secret, Unknown } from "../../engine/values";
import { stripControlCodes } from "../../run/control-codes";
import { formatSeconds } from "../../run/duration";
import { nameInUrn } from "../../run/followed-containers";
import { mapDifference } from "./property-diff";
import { differenceLines, mapLines } from "./property-text";
import type { Screen } from "./screen";
import type { Style } from "./style";

/** Shows one operation on a stack, in the manner of the Pulumi CLI. */
export interface OperationDisplay {
  event(event: EngineEvent): void;
  /** The outputs, the counts and the time. */
  end(result: OperationResult): void;
  close(): void;
}

export interface OperationDisplayOptions {
  kind: OperationKind;
  stack: string;
  /** Nothing is done, only found out. */
  preview: boolean;
  /** Components, providers and resources that stay the same are shown too. */
  verbose: boolean;
  /** Resources that stay the same are shown too. */
  showSames: boolean;
  /** The creation and the deletion that a replacement is made of are shown each. */
  showReplacementSteps: boolean;
  /** Values are shown to their ends, however long. */
  showFullOutput: boolean;
  showSecrets: boolean;
  suppressOutputs: boolean;
}

/** Per operation: its sign, what a preview says of it, and what is said once it is done. */
export const words: Record<Op, [sign: string, plan: string, done: string]> = {
  same: [" ", "unchanged", "unchanged"],
  create: ["+", "create", "created"],
  update: ["~", "update", "updated"],
  delete: ["-", "delete", "deleted"],
  replace: ["+-", "replace", "replaced"],
  "create-replacement": ["++", "create replacement", "created replacement"],
  "delete-replaced": ["--", "delete original", "deleted original"],
  read: [">", "read", "read"],
  "read-replacement": [">>", "read", "read"],
  refresh: ["~", "refresh", "refreshed"],
  discard: ["<", "discard", "discarded"],
  "discard-replaced": ["<<", "discard", "discarded"],
  "remove-pending-replace": ["~", "", ""],
  import: ["=", "import", "imported"],
  "import-replacement": ["=>", "import", "imported"],
};

/** The parts that a replacement is made of. */
export const replacementParts: Op[] = [
  "create-replacement",
  "delete-replaced",
  "read-replacement",
  "discard-replaced",
  "import-replacement",
  "remove-pending-replace",
];

/** The first line: what is under way. */
export function titleOf({ kind, preview }: OperationDisplayOptions): string {
  if (preview) return `Previewing ${kind === "preview" ? "update" : kind}`;
  return { preview: "", update: "Updating", refresh: "Refreshing", destroy: "Destroying", import: "Importing" }[kind];
}

export function paintOp(op: Op, text: string, style: Style): string {
  if (op.startsWith("delete")) return style.red(text);
  if (op === "same") return text;
  return op === "create" || op === "create-replacement" ? style.green(text) : style.yellow(text);
}

export const isRootStack = ({ type }: { type: string }): boolean => type === "pulumi:pulumi:Stack";

/** A provider that no program asked for: how the engine works, not what it does. */
export const isDefaultProvider = ({ type, urn }: { type: string; urn: string }): boolean =>
  type.startsWith("pulumi:providers:") && /^default(_|$)/.test(nameInUrn(urn));

/** Values of an event. */
export function values(json: Record<string, unknown> | undefined): PropertyMap {
  return fromEvent(json ?? {});
}

/** The stack's outputs, with what the operation makes of them. */
export function outputLines(
  root: StepEventMetadata | undefined,
  result: OperationResult,
  indent: number,
  { preview, showSames, showSecrets, showFullOutput }: OperationDisplayOptions,
  style: Style,
): string[] {
  const look = { style, full: showFullOutput };
  if (showSecrets) return mapLines(result.outputs, indent, "", look);
  if (!root) return [];
  if (!root.old) return mapLines(values(root.new?.outputs), indent, "", look);
  const difference = mapDifference(values(root.old.outputs), values(root.new?.outputs));
  // What is made of something that changes may come out as it was.
  for (const [name, inner] of difference.elements) {
    if (inner.kind !== "update") continue;
    const now = inner.now instanceof Secret ? inner.now.element : inner.now;
    if (now instanceof Unknown) difference.elements.delete(name);
  }
  return differenceLines(difference, indent, look, { sames: !preview || showSames });
}

/** How many resources there were of each operation, and the time. */
export function showCounts(screen: Screen, result: OperationResult, preview: boolean): void {
  const { style } = screen;
  screen.line(style.bold("Resources:"));
  const { same = 0, ...changes } = result.changes;
  const counts = (Object.keys(words) as Op[]).flatMap((op): [Op, number][] => {
    const count = op === "same" ? 0 : (changes[op as keyof typeof changes] ?? 0);
    return count > 0 ? [[op, count]] : [];
  });
  for (const [op, count] of counts) {
    const [sign, plan, done] = words[op];
    screen.line(`    ${paintOp(op, sign.padEnd(2), style)}${count} ${preview ? `to ${plan}` : done}`);
  }
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const rest = [...(counts.length > 1 ? [`${total} changes`] : []), ...(same > 0 ? [`${same} unchanged`] : [])];
  if (rest.length > 0) screen.line(`    ${rest.join(", ")}`);
  if (counts.length === 0 && same === 0) screen.line("    none");
  if (result.errors.length > 0) screen.line(style.red(`    ${result.errors.length} errored`));
  screen.line();
  const ending = result.cancelled ? " (cancelled)" : "";
  screen.line(`Duration: ${formatSeconds(result.durationSeconds)}${ending}`);
}

/** What containers and commands write, line by line as their lines get whole. */
export interface StreamedOutput {
  push(key: string, name: string, text: string): void;
  close(): void;
}

export function streamedOutput(screen: Screen): StreamedOutput {
  const rests = new Map<string, { name: string; text: string }>();
  const show = (name: string, line: string) => screen.line(`    ${screen.style.dim(`${name} |`)} ${line}`);
  return {
    push(key, name, text) {
      const lines = ((rests.get(key)?.text ?? "") + stripControlCodes(text)).split("\n");
      rests.set(key, { name, text: lines.pop() ?? "" });
      for (const line of lines) show(name, line);
    },
    close() {
      for (const { name, text } of rests.values()) if (text !== "") show(name, text);
    },
  };
}

/** A type without its module's file: `docker:index:Container`. */
export function shortType(type: string): string {
  return type.replace(/\/[^:]*/, "");
}
