import type { EngineEvent, StepEventMetadata, StepEventStateMetadata } from "../../engine/events";
import { stripControlCodes } from "../../run/control-codes";
import { nameInUrn } from "../../run/followed-containers";
import {
  isDefaultProvider,
  isRootStack,
  type OperationDisplay,
  type OperationDisplayOptions,
  outputLines,
  paintOp,
  replacementParts,
  shortType,
  showCounts,
  streamedOutput,
  titleOf,
  values,
  words,
} from "./operation-summary";
import { hide, type MapDifference, mapDifference, toldDifference } from "./property-diff";
import { differenceLines, indentation, mapLines, paint, type Sign } from "./property-text";
import type { Screen } from "./screen";

/** Each resource that something is done to, below its parent, with every property that differs. */
export function diffDisplay(screen: Screen, options: OperationDisplayOptions): OperationDisplay {
  const { style } = screen;
  const { preview } = options;
  const look = { style, full: options.showFullOutput };
  const seen = new Map<string, StepEventMetadata>();
  const streams = streamedOutput(screen);
  let root: StepEventMetadata | undefined;
  screen.line(style.bold(`${titleOf(options)} (${options.stack}):`));

  function isShown(metadata: StepEventMetadata): boolean {
    if (isRootStack(metadata)) return true;
    if (isDefaultProvider(metadata) && !options.verbose) return false;
    const { op, old, new: now } = metadata;
    if (op === "same") return options.showSames || options.verbose || Boolean(old?.protect) !== Boolean(now?.protect);
    return options.showReplacementSteps || !replacementParts.includes(op);
  }

  /** The number of ancestors that are shown. */
  function depthOf(metadata: StepEventMetadata): number {
    const parent = seen.get((metadata.new ?? metadata.old)?.parent ?? "");
    return parent ? depthOf(parent) + (isShown(parent) ? 1 : 0) : 0;
  }

  function show(metadata: StepEventMetadata): void {
    const { op, type, urn, old, new: now } = metadata;
    const depth = depthOf(metadata);
    const inner = indentation(depth + 1);
    const retained = old?.retainOnDelete && (op.includes("delete") || op.includes("replace")) ? "[retain]" : "";
    screen.line(
      `${indentation(depth)}${paintOp(op, `${words[op][0].padEnd(2)}${shortType(type)}: (${op}${retained})`, style)}${protection(metadata)}`,
    );
    if (old?.id) screen.line(`${inner}[id=${old.id}]`);
    screen.line(`${inner}[urn=${urn}]`);
    if (old?.provider && now?.provider && old.provider !== now.provider) {
      screen.line(`${inner}[provider: ${style.red(old.provider)} => ${style.green(now.provider)}]`);
    } else if (metadata.provider) {
      screen.line(`${inner}[provider=${metadata.provider}]`);
    }
    for (const line of details(metadata, depth + 1)) screen.line(line);
  }

  /** The properties: of what comes or goes all of them, else those that differ. */
  function details({ op, old, new: now, detailedDiff, diffs }: StepEventMetadata, indent: number): string[] {
    if (op === "same") return [];
    if (!now) return mapLines(values(old?.inputs), indent, "", look);
    const [inputs, outputs] = [values(now.inputs), values(now.outputs)];
    if (!old || op === "import") return mapLines(inputs, indent, "", look);
    const [oldInputs, oldOutputs] = [values(old.inputs), values(old.outputs)];
    const refreshed = seen.get(now.urn)?.op === "refresh";
    if (detailedDiff) {
      const told = toldDifference(detailedDiff, oldInputs, oldOutputs, refreshed ? outputs : inputs);
      return told ? unhiddenLines(told, now, indent) : mapLines(oldInputs, indent, "", look);
    }
    const difference = refreshed ? mapDifference(oldOutputs, outputs) : mapDifference(oldInputs, inputs);
    if (diffs && !refreshed) {
      for (const key of difference.elements.keys()) if (!diffs.includes(String(key))) difference.elements.delete(key);
    }
    return unhiddenLines(difference, now, indent, { sames: !refreshed });
  }

  /** The differences but those that the program hides, of which only the paths are told. */
  function unhiddenLines(
    difference: MapDifference,
    { hideDiffs = [] }: StepEventStateMetadata,
    indent: number,
    which?: { sames: boolean },
  ): string[] {
    const hidden = hide(difference, hideDiffs);
    return [
      ...hidden.map((path) => paint("~", `${indentation(indent, "~")}${path} (hidden)`, style)),
      ...differenceLines(difference, indent, look, which),
    ];
  }

  /** What came out that wasn't put in. */
  function showOutputs(metadata: StepEventMetadata): void {
    const { old, new: now } = metadata;
    if (options.suppressOutputs || preview || !now || old?.initErrors?.length) return;
    const outputs = values(now.outputs);
    const inputs = values(now.inputs);
    for (const key of Object.keys(inputs)) {
      if (mapDifference({ key: inputs[key]! }, { key: outputs[key] ?? null }).elements.get("key")?.kind === "same") {
        delete outputs[key];
      }
    }
    const depth = depthOf(metadata) + 1;
    const lines = old
      ? unhiddenLines(mapDifference(only(values(old.outputs), outputs), outputs), now, depth, { sames: false })
      : mapLines(outputs, depth, "" as Sign, look);
    if (lines.length === 0) return;
    screen.line(`${indentation(depth)}--outputs:--`);
    for (const line of lines) screen.line(line);
  }

  function protection({ old, new: now }: StepEventMetadata): string {
    if (now && old?.protect && !now.protect) return " 🔓";
    return now?.protect || (!now && old?.protect) ? " 🔒" : "";
  }

  function ended(metadata: StepEventMetadata): void {
    if (isRootStack(metadata)) root = metadata;
    if (!isShown(metadata)) return;
    const isRefresh = seen.get(metadata.urn)?.op === "refresh";
    if (isRefresh && metadata.op === "refresh") return;
    if (metadata.op === "import" || isRefresh) show(metadata);
    else if (!isRootStack(metadata)) showOutputs(metadata);
  }

  function diagnostic(event: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    const { urn = "", severity, message, prefix = "", ephemeral, streamID } = event;
    if (ephemeral || severity === "debug") return;
    const name = urn && nameInUrn(urn);
    if (streamID) return streams.push(`${urn} ${streamID}`, name, message);
    const text = `${prefix}${name && `${name}: `}${stripControlCodes(message)}`.trimEnd();
    if (text !== "") screen.line(severity === "error" ? style.red(text) : text);
  }

  return {
    event({ resourcePreEvent, resOutputsEvent, diagnosticEvent }) {
      if (resourcePreEvent) {
        const { metadata } = resourcePreEvent;
        seen.set(metadata.urn, metadata);
        // What a refresh or an import is about shows only when it has read the resource.
        if (metadata.op !== "refresh" && metadata.op !== "import" && isShown(metadata)) show(metadata);
      }
      if (resOutputsEvent) ended(resOutputsEvent.metadata);
      if (diagnosticEvent) diagnostic(diagnosticEvent);
    },
    end(result) {
      const outputs = options.suppressOutputs ? [] : outputLines(root, result, 1, options, style);
      if (outputs.length > 0) {
        screen.line(`${indentation(1)}--outputs:--`);
        for (const line of outputs) screen.line(line);
      }
      showCounts(screen, result, preview);
    },
    close() {
      streams.close();
      screen.close();
    },
  };
}

const only = <T extends object>(map: T, keys: object): T =>
  Object.fromEntries(Object.entries(map).filter(([key]) => key in keys)) as T;
