import type { EngineEvent, Op, StepEventMetadata } from "../../engine/events";
import { stripControlCodes } from "../../run/control-codes";
import { formatSeconds } from "../../run/duration";
import { nameInUrn } from "../../run/followed-containers";
import {
  isRootStack,
  type OperationDisplay,
  type OperationDisplayOptions,
  outputLines,
  paintOp,
  shortType,
  showCounts,
  streamedOutput,
  titleOf,
  words,
} from "./operation-summary";
import { isHidden } from "./property-diff";
import type { Screen } from "./screen";
import { followSteps, type EndedStep } from "./steps";

/** A resource and what a preview has planned for it. */
interface PlannedRow {
  urn: string;
  op: Op;
  type: string;
  name: string;
  what: string;
  why: string;
}

/** One row for each resource that something is done to: as it is done, or of a preview at its end, as a tree. */
export function operationDisplay(screen: Screen, options: OperationDisplayOptions): OperationDisplay {
  const { style } = screen;
  const { preview } = options;
  const title = titleOf(options);
  const diagnostics = new Map<string, string[]>();
  const streams = streamedOutput(screen);
  const reasons = new Map<string, string>();
  const parents = new Map<string, string>();
  const planned: PlannedRow[] = [];
  const begun = new Map<string, StepEventMetadata>();
  let rows = 0;
  let root: StepEventMetadata | undefined;
  screen.line(style.bold(`${title} (${options.stack}):`));
  const steps = followSteps(screen, { onEnd: row, all: options.verbose || preview });
  const since = performance.now();
  screen.status(() => steps.summary() || `${title.toLowerCase()} ${formatSeconds((performance.now() - since) / 1000)}`);

  function row(step: EndedStep): void {
    begun.delete(step.urn);
    const isProvider = step.type.startsWith("pulumi:providers:");
    if (step.op === "same" && !options.verbose && !options.showSames && !step.failed) return;
    if (isProvider && !options.verbose && !step.failed) return;
    // A replacement is told when the new one is there.
    if (step.op === "replace" && !preview && !options.verbose) return;
    // In a refresh, one that is as it was.
    if (step.op === "refresh" && !step.failed && !options.verbose) return;
    const [sign, plan, done] = words[step.op];
    const what = step.failed ? style.red(`**${plan} failed**`) : preview ? plan : done;
    const why = reasons.get(step.urn) ?? "";
    rows++;
    if (preview) {
      planned.push({ urn: step.urn, op: step.op, type: shortType(step.type), name: step.name, what, why });
      return;
    }
    const time = ` (${formatSeconds(step.seconds)})`;
    screen.line(
      ` ${paintOp(step.op, sign.padEnd(2), style)} ${shortType(step.type)} ${style.bold(step.name)} ${what}${style.dim(`${time}${why}`)}`,
    );
  }

  /** Each below the nearest of its ancestors that is shown, in columns. */
  function showPlan(): void {
    const rowsOf = groupBy(planned, ({ urn }) => urn);
    const above = (urn: string): string => {
      const parent = parents.get(urn) ?? "";
      return parent === "" || rowsOf.has(parent) ? parent : above(parent);
    };
    const shown = [...parents.keys()].filter((urn) => rowsOf.has(urn));
    const children = groupBy(shown, above);
    const below = (parent: string, depth: number): [PlannedRow, string][] =>
      (children.get(parent) ?? []).flatMap((urn) => [
        ...rowsOf.get(urn)!.map((row): [PlannedRow, string] => [row, "  ".repeat(depth) + row.type]),
        ...below(urn, depth + 1),
      ]);
    const tree = below("", 0);
    const typeWidth = Math.max(0, ...tree.map(([, type]) => type.length));
    const nameWidth = Math.max(0, ...planned.map(({ name }) => name.length));
    for (const [{ op, name, what, why }, type] of tree) {
      const sign = paintOp(op, words[op][0].padEnd(2), style);
      screen.line(
        ` ${sign} ${type.padEnd(typeWidth)}  ${style.bold(name.padEnd(nameWidth))}  ${what}${style.dim(why)}`,
      );
    }
  }

  function diagnostic({
    urn = "",
    severity,
    message,
    prefix,
    ephemeral,
    streamID,
  }: NonNullable<EngineEvent["diagnosticEvent"]>) {
    const name = urn && nameInUrn(urn);
    if (ephemeral || (severity === "debug" && !options.verbose)) return;
    if (streamID) return streams.push(`${urn} ${streamID}`, name, message);
    const text = `${prefix ?? ""}${stripControlCodes(message)}`.trimEnd();
    if (text === "") return;
    diagnostics.set(urn, [...(diagnostics.get(urn) ?? []), text]);
    if (severity !== "error" && !urn) screen.line(text);
  }

  return {
    event(event) {
      const metadata = (event.resourcePreEvent ?? event.resOutputsEvent)?.metadata;
      if (metadata && ["update", "replace", "create-replacement"].includes(metadata.op)) {
        const reason = reasonOf(metadata);
        if (reason !== "") reasons.set(metadata.urn, ` [diff: ${reason}]`);
      }
      if (event.resourcePreEvent) begun.set(event.resourcePreEvent.metadata.urn, event.resourcePreEvent.metadata);
      if (metadata && !parents.has(metadata.urn)) {
        parents.set(metadata.urn, (metadata.new ?? metadata.old)?.parent ?? "");
      }
      if (event.resOutputsEvent && isRootStack(event.resOutputsEvent.metadata)) root = event.resOutputsEvent.metadata;
      steps.event(event);
      if (event.diagnosticEvent) diagnostic(event.diagnosticEvent);
    },
    end(result) {
      screen.status(undefined);
      // A component that registers no outputs has no end.
      if (preview) {
        for (const { urn, type, op } of begun.values()) {
          row({ urn, name: nameInUrn(urn), type, op, seconds: 0, failed: false });
        }
      }
      showPlan();
      if (rows > 0) screen.line();
      const shown = [...diagnostics].filter(
        ([urn, texts]) => urn !== "" || texts.some((text) => text.startsWith("error")),
      );
      if (shown.length > 0) {
        screen.line(style.bold("Diagnostics:"));
        for (const [urn, texts] of shown) {
          screen.line(`  ${urn ? `${shortType(typeInUrn(urn))} (${nameInUrn(urn)})` : options.stack}:`);
          for (const text of texts) {
            const colored = text.startsWith("error") ? style.red(text) : text;
            screen.line(
              colored
                .split("\n")
                .map((line) => `    ${line}`)
                .join("\n"),
            );
          }
          screen.line();
        }
      }
      const outputs = options.suppressOutputs ? [] : outputLines(root, result, 1, options, style);
      if (outputs.length > 0) {
        screen.line(style.bold("Outputs:"));
        for (const line of outputs) screen.line(line);
        screen.line();
      }
      showCounts(screen, result, preview);
    },
    close() {
      steps.stop();
      streams.close();
      screen.close();
    },
  };
}

/** The properties that differ, each with what became of it: `+env~image-ports`. Hidden ones are left out. */
function reasonOf({ detailedDiff, diffs, new: now }: StepEventMetadata): string {
  const signs = new Map<string, string>();
  const told = new Set<string>();
  const isShown = (path: string): boolean => !isHidden(path, now?.hideDiffs ?? []);
  for (const [path, { diffKind }] of Object.entries(detailedDiff ?? {})) {
    const name = path.split(/[.[]/)[0]!;
    told.add(name);
    if (!isShown(path)) continue;
    const whole = name === path;
    const sign = whole && diffKind.startsWith("add") ? "+" : whole && diffKind.startsWith("delete") ? "-" : "~";
    signs.set(name, signs.has(name) && signs.get(name) !== sign ? "~" : sign);
  }
  for (const name of diffs ?? []) if (!told.has(name) && isShown(name)) signs.set(name, "~");
  return [...signs].map(([name, sign]) => `${sign}${name}`).join("");
}

function groupBy<T>(list: T[], keyOf: (element: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const element of list) {
    const key = keyOf(element);
    const group = groups.get(key);
    if (group) group.push(element);
    else groups.set(key, [element]);
  }
  return groups;
}

function typeInUrn(urn: string): string {
  return (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";
}
