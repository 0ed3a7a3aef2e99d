import type { OperationKind, OperationResult } from "../../engine/api";
import type { EngineEvent, Op } from "../../engine/events";
import { stripControlCodes } from "../../run/control-codes";
import { formatSeconds } from "../../run/duration";
import { nameInUrn } from "../../run/followed-containers";
import type { Screen } from "./screen";
import { followSteps, type EndedStep } from "./steps";

/** Shows one operation on a stack, in the manner of the Pulumi CLI. */
export interface OperationDisplay {
  event(event: EngineEvent): void;
  /** The outputs, the counts and the time. */
  end(result: OperationResult, outputs: Record<string, unknown>): void;
  close(): void;
}

const titles: Record<OperationKind, string> = {
  preview: "Previewing update",
  update: "Updating",
  refresh: "Refreshing",
  destroy: "Destroying",
};

/** Per operation: its sign, what a preview says of it, and what is said once it is done. */
const words: Record<Op, [sign: string, plan: string, done: string]> = {
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

export function operationDisplay(
  screen: Screen,
  options: { kind: OperationKind; stack: string; verbose: boolean },
): OperationDisplay {
  const { style } = screen;
  const preview = options.kind === "preview";
  const diagnostics = new Map<string, string[]>();
  const streams = new Map<string, string>();
  const reasons = new Map<string, string>();
  screen.line(style.bold(`${titles[options.kind]} (${options.stack}):`));
  const steps = followSteps(screen, { onEnd: row, all: options.verbose || preview });
  const since = performance.now();
  screen.status(
    () =>
      steps.summary() || `${titles[options.kind].toLowerCase()} ${formatSeconds((performance.now() - since) / 1000)}`,
  );

  function row(step: EndedStep): void {
    if ((step.op === "same" || step.type.startsWith("pulumi:providers:")) && !options.verbose && !step.failed) return;
    // A replacement is told when the new one is there.
    if (step.op === "replace" && !preview && !options.verbose) return;
    // In a refresh, one that is as it was.
    if (step.op === "refresh" && !step.failed && !options.verbose) return;
    const [sign, plan, done] = words[step.op];
    const what = step.failed ? style.red(`**${plan} failed**`) : preview ? plan : done;
    const time = preview ? "" : ` (${formatSeconds(step.seconds)})`;
    const why = reasons.get(step.urn) ?? "";
    screen.line(
      ` ${paint(step.op, sign.padEnd(2))} ${shortType(step.type)} ${style.bold(step.name)} ${what}${style.dim(`${time}${why}`)}`,
    );
  }

  function paint(op: Op, text: string): string {
    if (op.startsWith("delete")) return style.red(text);
    return op === "create" || op === "create-replacement" ? style.green(text) : style.yellow(text);
  }

  /** What a container or a command writes, line by line as its lines get whole. */
  function stream(key: string, name: string, text: string): void {
    const lines = ((streams.get(key) ?? "") + stripControlCodes(text)).split("\n");
    streams.set(key, lines.pop() ?? "");
    for (const line of lines) screen.line(`    ${style.dim(`${name} |`)} ${line}`);
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
    if (streamID) return stream(`${urn} ${streamID}`, name, message);
    const text = `${prefix ?? ""}${stripControlCodes(message)}`.trimEnd();
    if (text === "" || (severity === "info" && !options.verbose && urn)) return;
    diagnostics.set(urn, [...(diagnostics.get(urn) ?? []), text]);
    if (severity !== "error" && !urn) screen.line(text);
  }

  return {
    event(event) {
      const metadata = (event.resourcePreEvent ?? event.resOutputsEvent)?.metadata;
      if (metadata && ["update", "replace", "create-replacement"].includes(metadata.op)) {
        const paths = [...new Set([...Object.keys(metadata.detailedDiff ?? {}), ...(metadata.diffs ?? [])])];
        const names = [...new Set(paths.map((path) => path.split(/[.[]/)[0]!))];
        if (names.length > 0) reasons.set(metadata.urn, ` [diff: ~${names.join(",")}]`);
      }
      steps.event(event);
      if (event.diagnosticEvent) diagnostic(event.diagnosticEvent);
    },
    end(result, outputs) {
      screen.status(undefined);
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
      const names = Object.keys(outputs);
      if (names.length > 0) {
        screen.line(style.bold("Outputs:"));
        const width = Math.max(...names.map((name) => name.length));
        for (const name of names.sort()) screen.line(`    ${name.padEnd(width)}: ${show(outputs[name])}`);
        screen.line();
      }
      screen.line(style.bold("Resources:"));
      const counts = Object.entries(result.changes).filter(([, count]) => count);
      for (const [op, count] of counts.filter(([op]) => op !== "same")) {
        const [sign, plan, done] = words[op as Op];
        screen.line(`    ${paint(op as Op, sign.padEnd(2))}${count} ${preview ? `to ${plan}` : done}`);
      }
      if (result.changes.same) screen.line(`    ${result.changes.same} unchanged`);
      if (counts.length === 0) screen.line("    none");
      if (result.errors.length > 0) screen.line(style.red(`    ${result.errors.length} errored`));
      screen.line();
      const ending = result.cancelled ? " (cancelled)" : "";
      screen.line(`Duration: ${formatSeconds(result.durationSeconds)}${ending}`);
    },
    close() {
      steps.stop();
      for (const [key, rest] of streams) if (rest !== "") screen.line(`    ${nameInUrn(key.split(" ")[0]!)} | ${rest}`);
      screen.close();
    },
  };
}

/** A type without its module's file: `docker:index:Container`. */
export function shortType(type: string): string {
  return type.replace(/\/[^:]*/, "");
}

function typeInUrn(urn: string): string {
  return (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";
}

function show(value: unknown): string {
  return JSON.stringify(value, undefined, 2)?.replaceAll("\n", "\n      ") ?? "";
}
