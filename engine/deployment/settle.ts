/**
 * Settling: what an interrupted operation had begun is looked up, so that the snapshot tells again what is.
 *
 * A pending operation says that a provider call was begun and not that it did anything. For a resource that has an id
 * its provider is asked to read it; one that was being created is looked for by what its provider recognizes it by.
 * Nothing is changed but the snapshot.
 */
import { InitializationError, type ReadResponse } from "../provider";
import { dependenciesOf, type ResourceState } from "../resource";
import type { PendingOperation, Snapshot } from "../state/checkpoint";
import { isProviderType, urnName } from "../urn";
import type { EventStream } from "./event-stream";
import { incoming, outgoingState } from "./provider-calls";
import type { ContextFor, ProviderRegistry } from "./provider-registry";

export interface SettleParts {
  registry: ProviderRegistry;
  contextFor: ContextFor;
  events: EventStream;
  now: () => string;
}

/** The snapshot with no operation pending, except those whose resource couldn't be looked at; each is told. */
export async function settlePending(snapshot: Snapshot, parts: SettleParts): Promise<Snapshot> {
  const findings = await Promise.all(
    snapshot.pendingOperations.map(async (operation) => ({ operation, apply: await look(operation, snapshot, parts) })),
  );
  const left = findings.filter(({ apply }) => apply === undefined).map(({ operation }) => operation);
  const resources = findings.reduce((states, { apply }) => (apply ? apply(states) : states), snapshot.resources);
  // An update that can't be looked at may have moved the resource away from the one it was to be deleted with.
  const isUncertain = (state: ResourceState): boolean =>
    left.some((operation) => operation.type === "updating" && isMeant(state, operation.resource));
  return {
    resources: resources.map((state) =>
      state.deletedWith && isUncertain(state) ? { ...state, deletedWith: "" } : state,
    ),
    pendingOperations: left,
  };
}

/** For previews, which change nothing: says what the next operation will look at. */
export function warnOfPending({ pendingOperations }: Snapshot, events: EventStream): void {
  for (const { type, resource } of pendingOperations) {
    const message = `an interrupted operation was ${type} ${resource.urn}: the next update, refresh or destroy looks what became of it`;
    events.diagnostic("warning", message, { urn: resource.urn });
  }
}

/** The CLI writes no id of what it was updating. */
const isMeant = (state: ResourceState, { type, urn, id }: ResourceState): boolean =>
  state.type === type && (id ? state.id === id : state.urn === urn && !state.delete);

type Change = (resources: ResourceState[]) => ResourceState[];

const unchanged: Change = (resources) => resources;

/** What the look tells about the snapshot; `undefined` where it couldn't be had. */
async function look(
  { type, resource }: PendingOperation,
  { resources }: Snapshot,
  parts: SettleParts,
): Promise<Change | undefined> {
  // Providers are nothing but state, and a read or an import has changed nothing yet.
  if (isProviderType(resource.type) || type === "reading" || type === "importing") return unchanged;
  // Another operation has dealt with it since.
  if (type !== "creating" && !resources.some((state) => isMeant(state, resource))) return unchanged;
  try {
    return type === "creating"
      ? await lookForCreated(resource, new Set(resources.map(({ id }) => id)), parts)
      : await lookAt(
          resources.find((state) => isMeant(state, resource))!,
          resource,
          `interrupted while it was being ${type === "deleting" ? "deleted" : "updated"}`,
          parts,
        );
  } catch (error) {
    const message = `an interrupted operation was ${type} ${resource.urn}, and what became of it can't be seen: ${(error as Error).message}`;
    parts.events.diagnostic("warning", message, { urn: resource.urn });
    return undefined;
  }
}

async function lookForCreated(
  resource: ResourceState,
  known: ReadonlySet<string>,
  { registry, contextFor, events, now }: SettleParts,
): Promise<Change> {
  const { urn, type } = resource;
  const instance = registry.knows(resource.provider) ? await registry.get(resource.provider) : undefined;
  if (!instance?.provider.find) {
    const message = `${urn} was being created when an operation was interrupted, and there is nobody to look for it: if it is there, it has to be removed by hand`;
    events.diagnostic("warning", message, { urn });
    return unchanged;
  }
  const { provider, capabilities } = instance;
  const inputs = outgoingState(resource.inputs, instance);
  const found = await provider.find!({ urn, type, name: urnName(urn), inputs, known: [...known] }, contextFor(urn));
  if (!found?.id || known.has(found.id)) return unchanged;
  const time = now();
  const state: ResourceState = {
    ...resource,
    id: found.id,
    outputs: capabilities ? incoming(found.properties, resource.inputs, capabilities) : found.properties,
    initErrors: ["interrupted while it was being created"],
    created: time,
    modified: time,
  };
  events.diagnostic("info", `found ${urn}, which was being created when an operation was interrupted`, { urn });
  return (resources) => takeIn(resources, state);
}

async function lookAt(
  state: ResourceState,
  intended: ResourceState,
  reason: string,
  parts: SettleParts,
): Promise<Change> {
  const there = await exists(state, parts);
  return (resources) => {
    const at = resources.indexOf(state);
    if (at < 0) return resources;
    const before = new Set(resources.slice(0, at).map(({ urn }) => urn));
    if (there) return resources.with(at, { ...eitherOf(state, intended, before), initErrors: [reason] });
    const others = resources.toSpliced(at, 1);
    // What others still refer to, and can't refer to another of that URN, was deleted ahead of its replacement.
    const twin = others.findIndex(({ urn }) => urn === state.urn);
    const isNeeded = (twin < 0 ? others : others.slice(0, twin)).some((other) =>
      dependenciesOf(other).includes(state.urn),
    );
    return isNeeded ? resources.with(at, { ...state, pendingReplacement: true }) : others;
  };
}

/** It may be as it was or as it was to be: the state as it was, with the dependencies of both. */
function eitherOf(state: ResourceState, intended: ResourceState, before: ReadonlySet<string>): ResourceState {
  const both = (a: string[] = [], b: string[] = []): string[] => [
    ...new Set([...a, ...b.filter((urn) => before.has(urn))]),
  ];
  const keys = [...Object.keys(state.propertyDependencies), ...Object.keys(intended.propertyDependencies)];
  return {
    ...state,
    dependencies: both(state.dependencies, intended.dependencies),
    propertyDependencies: Object.fromEntries(
      keys.map((key) => [key, both(state.propertyDependencies[key], intended.propertyDependencies[key])]),
    ),
    deletedWith: state.deletedWith === intended.deletedWith ? state.deletedWith : "",
  };
}

async function exists(resource: ResourceState, { registry, contextFor }: SettleParts): Promise<boolean> {
  const { urn, type, id } = resource;
  const instance = await registry.get(resource.provider);
  const request = {
    urn,
    type,
    name: urnName(urn),
    id,
    inputs: outgoingState(resource.inputs, instance),
    properties: outgoingState(resource.outputs, instance),
  };
  let response: ReadResponse;
  try {
    response = await instance.provider.read(request, contextFor(urn));
  } catch (error) {
    if (error instanceof InitializationError) return true;
    throw error;
  }
  return response.id !== "";
}

/** Puts a resource behind what it depends on; one of the same URN has been replaced by it. */
function takeIn(resources: ResourceState[], state: ResourceState): ResourceState[] {
  const others = resources.flatMap((other) => {
    if (other.urn !== state.urn || other.delete) return [other];
    return other.pendingReplacement ? [] : [{ ...other, delete: true }];
  });
  const needs = new Set(dependenciesOf(state));
  const at = others.findLastIndex((other) => needs.has(other.urn) && !other.delete) + 1;
  return others.toSpliced(at, 0, state);
}
