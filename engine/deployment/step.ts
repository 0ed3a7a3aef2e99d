/**
 * Steps: what the engine has decided to do to one resource. Data only; `runStep` carries them out and the recorder
 * records them.
 */
import type { Op, StepEventMetadata, StepEventStateMetadata } from "../events";
import type { PropertyDiff } from "../provider";
import { isProviderType } from "../urn";
import type { ResourceState } from "../resource";
import { toEvent } from "../values";

export interface Step {
  op: Op;
  urn: string;
  /** The resource in the last snapshot; absent for one that is new. */
  old?: ResourceState;
  /** The resource as it shall be; absent for one that goes. */
  new?: ResourceState;
  /** One step of those that replace a resource counts; the others are its parts. */
  logical: boolean;
  /** Properties that force a replacement. */
  keys?: string[];
  /** Properties that differ. */
  diffs?: string[];
  detailedDiff?: Record<string, PropertyDiff>;
  /** Of a deletion: the resource stays in the snapshot until its replacement is there. */
  pendingReplace?: boolean;
  /** Of a creation: the old one is deleted at the end. */
  pendingDelete?: boolean;
  ignoreChanges?: string[];
  /** Of one that stays the same: nobody has looked whether it should. */
  untouched?: boolean;
  /** Of a refresh: other steps of this operation go on from what it finds. */
  inPlace?: boolean;
  /** Of an import: what was found. An event tells of it as the old state. */
  found?: ResourceState;
  /** Of an import that no program asks for: the inputs are those that the provider reads. */
  asFound?: boolean;
}

export const isComponentStep = (step: Step): boolean => !(step.new ?? step.old)!.custom;

/** Providers made without being asked for are shown, but not counted. */
export function isDefaultProvider(state: ResourceState): boolean {
  return isProviderType(state.type) && /::default(_[^:]*)?$/.test(state.urn) && !state.parent;
}

export function sameStep(old: ResourceState, state: ResourceState): Step {
  return { op: "same", urn: state.urn, old, new: state, logical: true };
}

/** An operation that is confined to others leaves it alone. */
export function untouchedStep(old: ResourceState, state: ResourceState): Step {
  return { ...sameStep(old, state), untouched: true };
}

export function createStep(state: ResourceState): Step {
  return { op: "create", urn: state.urn, new: state, logical: true };
}

export function deleteStep(old: ResourceState): Step {
  return { op: old.external ? "discard" : "delete", urn: old.urn, old, logical: true };
}

/** Deletes what is or will be replaced; with `pendingReplace` ahead of its replacement. */
export function deleteReplacedStep(old: ResourceState, pendingReplace: boolean): Step {
  return {
    op: old.external ? "discard-replaced" : "delete-replaced",
    urn: old.urn,
    old,
    logical: false,
    pendingReplace,
  };
}

/** The event metadata of a step, with secrets masked. `op` overrides that of the step, for a refresh's result. */
export function stepMetadata(step: Step, op: Op = step.op): StepEventMetadata {
  const state = (step.new ?? step.old)!;
  const old = step.op.startsWith("import") ? step.found : step.old;
  const detailed = step.detailedDiff
    ? Object.fromEntries(
        Object.entries(step.detailedDiff).map(([path, { kind, inputDiff }]) => [path, { diffKind: kind, inputDiff }]),
      )
    : null;
  return {
    op,
    urn: step.urn,
    type: state.type,
    old: old ? stateMetadata(old) : null,
    new: step.new ? stateMetadata(step.new) : null,
    ...(step.keys?.length ? { keys: step.keys } : {}),
    ...(step.diffs?.length ? { diffs: step.diffs } : {}),
    detailedDiff: detailed && (step.op === "refresh" || Object.keys(detailed).length > 0) ? detailed : null,
    // A refresh counts, but isn't told of as a change to the resource.
    ...(step.logical && step.op !== "refresh" ? { logical: true } : {}),
    provider: state.provider,
  };
}

function stateMetadata(state: ResourceState): StepEventStateMetadata {
  return {
    type: state.type,
    urn: state.urn,
    ...(state.custom ? { custom: true } : {}),
    ...(state.delete ? { delete: true } : {}),
    id: state.id,
    parent: state.parent,
    ...(state.protect ? { protect: true } : {}),
    ...(state.external ? { external: true } : {}),
    ...(state.retainOnDelete ? { retainOnDelete: true } : {}),
    inputs: toEvent(state.inputs),
    outputs: toEvent(state.outputs),
    provider: state.provider,
    ...(state.initErrors.length > 0 ? { initErrors: state.initErrors } : {}),
    ...(state.hideDiffs.length > 0 ? { hideDiffs: state.hideDiffs } : {}),
  };
}
