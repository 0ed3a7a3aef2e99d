/**
 * Steps in the form in which the CLI's `preview --json` lists them.
 *
 * Source: `pkg/display/preview.go` and `pkg/backend/display/json.go` in pulumi/pulumi.
 */
import type { StepDigest } from "../api";
import { type Step, stepMetadata } from "../deployment/step";
import type { Op } from "../events";
import type { ResourceState } from "../resource";
import { mapValue, type PropertyMap, Secret } from "../values";
import { serializeResource, type SerializedResource } from "./checkpoint";
import type { Recorder } from "./recorder";

/** A recorder that also tells `onStep` of every step, and of what a refresh has found. */
export function digesting(recorder: Recorder, onStep: (digest: StepDigest) => void): Recorder {
  return {
    ...recorder,
    async begin(step) {
      onStep(digestOf(step, step.op));
      await recorder.begin(step);
    },
    async end(step, kept) {
      await recorder.end(step, kept);
      if (step.op !== "refresh" || !kept) return;
      if (!step.new) onStep(digestOf(step, "delete"));
      else if (step.detailedDiff) onStep(digestOf(step, "update"));
    },
  };
}

function digestOf(step: Step, op: Op): StepDigest {
  const { provider, diffs, keys, detailedDiff } = stepMetadata(step, op);
  return {
    op,
    urn: step.urn,
    ...(provider ? { provider } : {}),
    ...(step.old ? { oldState: plainState(step.old) } : {}),
    ...(step.new ? { newState: plainState(step.new) } : {}),
    ...(diffs ? { diffReasons: diffs } : {}),
    ...(keys ? { replaceReasons: keys } : {}),
    detailedDiff:
      detailedDiff &&
      Object.fromEntries(
        Object.entries(detailedDiff).map(([path, { diffKind, inputDiff }]) => [path, { kind: diffKind, inputDiff }]),
      ),
  };
}

function plainState(state: ResourceState): SerializedResource {
  const plain = (map: PropertyMap): PropertyMap =>
    mapValue(map, (value) => (value instanceof Secret ? "[secret]" : undefined)) as PropertyMap;
  return serializeResource({ ...state, inputs: plain(state.inputs), outputs: plain(state.outputs) }, () => "");
}
