/**
 * Running: one step, carried out. The step's `new` state gets its id and outputs here; nothing is recorded.
 */
import {
  type DiffKind,
  type DiffResponse,
  InitializationError,
  type PropertyDiff,
  type ReadResponse,
} from "../provider";
import type { ResourceState } from "../resource";
import { isProviderType, urnName } from "../urn";
import { equalValues, mapEntries, type PropertyMap, Secret, UNKNOWN_SENTINEL, withoutSecrets } from "../values";
import { callCheck, callCreate, callDiff, callUpdate, incoming, markSecrets, outgoingState } from "./provider-calls";
import type { ContextFor, ProviderInstance, ProviderRegistry } from "./provider-registry";
import type { FailedOperation } from "./hooks";
import type { Step } from "./step";

export interface StepOutcome {
  /** The step's new state exists (of a deletion: the old one is gone). */
  kept: boolean;
  error?: Error;
  /** What a refresh found. */
  found?: "same" | "update" | "delete";
}

/** A deletion was refused before anything was done. */
export class ProtectedError extends Error {}

export interface RunnerContext {
  registry: ProviderRegistry;
  contextFor: ContextFor;
  preview: boolean;
  /** What the resource is to be deleted with is deleted in this deployment, so that it needn't be itself. */
  isDeletedWith: (state: ResourceState) => boolean;
  /** Whether the program's error hooks want an operation that failed to be tried again. */
  wantsRetry: (step: Step, operation: FailedOperation, reasons: string[]) => Promise<boolean>;
  now: () => string;
}

/** How often error hooks may have an operation tried before it has failed for good. */
const MOST_TRIES = 100;

export async function runStep(step: Step, context: RunnerContext): Promise<StepOutcome> {
  const outcome = await run(step, context);
  if (step.new && outcome.kept) {
    step.new.outputs = withSecretsMarked(step.new);
    // What stays the same has one set of outputs: an event masks the old ones too.
    if (step.op === "same") step.old!.outputs = step.new.outputs;
  }
  return outcome;
}

async function run(step: Step, context: RunnerContext): Promise<StepOutcome> {
  switch (step.op) {
    case "same":
      Object.assign(step.new!, keptFrom(step.old!), { outputs: step.old!.outputs, initErrors: step.old!.initErrors });
      if (isProviderType(step.new!.type))
        await context.registry.configure(step.urn, step.new!.id, step.new!.type, step.new!.inputs);
      return { kept: true };
    case "create":
    case "create-replacement":
      return create(step, context);
    case "update":
      return update(step, context);
    case "read":
    case "read-replacement":
      return read(step, context);
    case "import":
    case "import-replacement":
      return step.asFound ? adoptAsFound(step, context) : adopt(step, context);
    case "refresh":
      return refresh(step, context);
    case "delete":
    case "delete-replaced":
    case "discard":
    case "discard-replaced":
      return remove(step, context);
    case "replace":
      return { kept: true };
    case "remove-pending-replace":
      return { kept: true };
  }
}

const keptFrom = (old: ResourceState): Partial<ResourceState> => ({
  id: old.id,
  rest: old.rest,
  refreshBeforeUpdate: old.refreshBeforeUpdate,
  ...(old.created ? { created: old.created } : {}),
  ...(old.modified ? { modified: old.modified } : {}),
});

function providerFor(state: ResourceState, { registry }: RunnerContext): Promise<ProviderInstance> {
  if (!isProviderType(state.type)) return registry.get(state.provider);
  return Promise.resolve({
    provider: registry.builtin,
    capabilities: { acceptSecrets: true, acceptResources: true, supportsPreview: true },
  });
}

const identity = (state: ResourceState): { urn: string; name: string; type: string } => ({
  urn: state.urn,
  name: urnName(state.urn),
  type: state.type,
});

/** Tries until it works or no error hook of the resource wants it tried again. Rejects with the last reason. */
async function trying<T>(
  step: Step,
  operation: FailedOperation,
  context: RunnerContext,
  attempt: () => Promise<T>,
): Promise<T> {
  const { signal, log } = context.contextFor(step.urn);
  const reasons: string[] = [];
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      reasons.unshift((error as Error).message);
      if (signal.aborted) throw error;
      if (reasons.length >= MOST_TRIES) {
        throw new Error(`tried ${MOST_TRIES} times, which is the most that an error hook gets: ${reasons[0]}`);
      }
      let again: boolean;
      try {
        again = await context.wantsRetry(step, operation, [...reasons]);
      } catch (hook) {
        throw new Error(`${reasons[0]}; ${(hook as Error).message}`);
      }
      if (!again) throw error;
      log("warning", `trying the ${operation} again, as an error hook wants (${reasons.length} of ${MOST_TRIES})`);
    }
  }
}

async function create(step: Step, context: RunnerContext): Promise<StepOutcome> {
  const state = step.new!;
  const old = step.old;
  const done = (): StepOutcome => {
    state.created = state.modified = context.now();
    if (old && step.pendingDelete) old.delete = true;
    return { kept: true };
  };
  if (!state.custom) return done();
  const provider = await providerFor(state, context);
  const request = {
    ...identity(state),
    properties: state.inputs,
    timeout: state.customTimeouts.create ?? 0,
    preview: context.preview,
  };
  try {
    const { id, outputs, refreshBeforeUpdate } = await trying(step, "create", context, () =>
      callCreate(provider, request, context.contextFor),
    );
    if (!context.preview && !id) throw new Error(`the provider gave no id for ${state.urn}`);
    Object.assign(state, { id, outputs, refreshBeforeUpdate });
    return done();
  } catch (error) {
    return partial(error, state, provider, done);
  }
}

/** The resource is there, but not in order: it is kept, with the reasons, and the step has failed all the same. */
function partial(
  error: unknown,
  state: ResourceState,
  provider: ProviderInstance,
  done: () => StepOutcome,
): StepOutcome {
  if (!(error instanceof InitializationError)) return { kept: false, error: error as Error };
  state.id = error.id;
  state.outputs = incoming(error.properties, state.inputs, provider.capabilities ?? PLAIN);
  if (error.inputs) state.inputs = markSecrets(error.inputs, state.inputs);
  state.initErrors = error.reasons;
  return { ...done(), error };
}

const PLAIN = { acceptSecrets: false, acceptResources: false, supportsPreview: false };

async function update(step: Step, context: RunnerContext): Promise<StepOutcome> {
  const [old, state] = [step.old!, step.new!];
  Object.assign(state, keptFrom(old));
  const done = (): StepOutcome => {
    state.modified = context.now();
    return { kept: true };
  };
  if (!state.custom) return done();
  const provider = await providerFor(state, context);
  const request = {
    ...identity(state),
    id: old.id,
    oldInputs: old.inputs,
    olds: old.outputs,
    news: state.inputs,
    timeout: state.customTimeouts.update ?? 0,
    ignoreChanges: step.ignoreChanges ?? [],
    preview: context.preview,
  };
  try {
    const updated = await trying(step, "update", context, () => callUpdate(provider, request, context.contextFor));
    Object.assign(state, updated);
    return done();
  } catch (error) {
    return partial(error, state, provider, done);
  }
}

/** Runs in previews too. What is read by an id that a preview doesn't know yet has no outputs. */
async function read(step: Step, context: RunnerContext): Promise<StepOutcome> {
  const [state, old] = [step.new!, step.old];
  if (state.id === UNKNOWN_SENTINEL) return { kept: true };
  const provider = await providerFor(state, context);
  const inputs = outgoingState(state.inputs, provider);
  const done = (): StepOutcome => {
    if (old && step.pendingDelete) old.delete = true;
    if (old?.created) state.created = old.created;
    if (old?.modified) state.modified = equalValues(old.outputs, state.outputs) ? old.modified : context.now();
    return { kept: true };
  };
  try {
    // Providers have always been given the inputs as the state too.
    const request = { ...identity(state), id: state.id, inputs, properties: inputs };
    const response = await provider.provider.read(request, context.contextFor(state.urn));
    if (!response.id) return { kept: false, error: new Error(`resource '${state.id}' does not exist`) };
    state.id = response.id;
    state.outputs = incoming(response.properties, state.inputs, provider.capabilities ?? PLAIN);
    return done();
  } catch (error) {
    const { inputs: asked } = state;
    const outcome = partial(error, state, provider, done);
    state.inputs = asked;
    return outcome;
  }
}

/** Takes over what exists, as it is; whether the program wants it so is decided afterwards. */
async function adopt(step: Step, context: RunnerContext): Promise<StepOutcome> {
  const state = step.new!;
  const provider = await providerFor(state, context);
  const can = provider.capabilities ?? PLAIN;
  const request = { ...identity(state), id: state.importId, inputs: {}, properties: {} };
  try {
    const read = provider.provider.read(request, context.contextFor(state.urn));
    const found = await read.catch((error: Error): ReadResponse => {
      if (!(error instanceof InitializationError)) throw error;
      state.initErrors = error.reasons;
      return { id: error.id, inputs: error.inputs ?? {}, properties: error.properties };
    });
    if (!found.id) return { kept: false, error: new Error(`resource '${state.importId}' does not exist`) };
    Object.assign(state, { id: found.id, inputs: incoming(found.inputs, {}, can) });
    state.outputs = incoming(found.properties, {}, can);
    state.refreshBeforeUpdate = found.refreshBeforeUpdate ?? false;
    state.created = state.modified = context.now();
    if (step.old && step.pendingDelete) step.old.delete = true;
    step.found = { ...state };
    return { kept: true };
  } catch (error) {
    return { kept: false, error: error as Error };
  }
}

/** Takes over what exists as it is: there is no program to compare it with. */
async function adoptAsFound(step: Step, context: RunnerContext): Promise<StepOutcome> {
  const state = step.new!;
  state.created = state.modified = context.now();
  if (!state.custom) return { kept: true };
  const provider = await providerFor(state, context);
  const call = context.contextFor(state.urn);
  try {
    const request = { ...identity(state), id: state.importId, inputs: {}, properties: {} };
    const found = await provider.provider.read(request, call);
    if (!found.id) return { kept: false, error: new Error(`resource '${state.importId}' does not exist`) };
    const can = provider.capabilities ?? PLAIN;
    Object.assign(state, { id: found.id, importId: "", inputs: incoming(found.inputs, {}, can) });
    state.outputs = incoming(found.properties, {}, can);
    state.refreshBeforeUpdate = found.refreshBeforeUpdate ?? false;
    step.found = { ...state };
    const checked = await callCheck(
      provider,
      { ...identity(state), olds: state.inputs, news: state.inputs, randomSeed: new Uint8Array(32) },
      context.contextFor,
    );
    for (const { property, reason } of checked.failures ?? []) {
      call.log("warning", `the provider doesn't accept what it has read: ${property ? `${property}: ` : ""}${reason}`);
    }
    return { kept: true };
  } catch (error) {
    return { kept: false, error: error as Error };
  }
}

async function refresh(step: Step, context: RunnerContext): Promise<StepOutcome> {
  const old = step.old!;
  if (!old.custom || isProviderType(old.type) || old.pendingReplacement) {
    step.new = { ...old };
    return { kept: true, found: "same" };
  }
  const provider = await providerFor(old, context);
  try {
    const response = await provider.provider.read(
      {
        ...identity(old),
        id: old.id,
        inputs: outgoingState(old.inputs, provider),
        properties: outgoingState(old.outputs, provider),
      },
      context.contextFor(old.urn),
    );
    if (!response.id) {
      delete step.new;
      return { kept: true, found: "delete" };
    }
    const can = provider.capabilities ?? PLAIN;
    const state: ResourceState = {
      ...old,
      id: response.id,
      inputs: Object.keys(response.inputs).length > 0 ? incoming(response.inputs, old.inputs, can) : old.inputs,
      outputs: incoming(incoming(response.properties, old.inputs, can), old.outputs, can),
      initErrors: [],
      refreshBeforeUpdate: response.refreshBeforeUpdate ?? false,
    };
    step.new = state;
    const isSame = (before: PropertyMap, now: PropertyMap): boolean =>
      JSON.stringify(sorted(now)) === JSON.stringify(sorted(before));
    const same = isSame(old.outputs, state.outputs);
    if (!same || !isSame(old.inputs, state.inputs)) state.modified = context.now();
    if (old.external) return { kept: true, found: same ? "same" : "update" };
    const diff = await driftOf(old, state, provider, context);
    step.diffs = diff.diffs;
    step.detailedDiff = diff.detailedDiff;
    return { kept: true, found: diff.changes === "none" ? "same" : "update" };
  } catch (error) {
    if (error instanceof InitializationError) {
      const { properties, inputs, reasons } = error;
      context.contextFor(old.urn).log("warning", `it is there, but out of order: ${reasons.join("; ")}`);
      step.new = {
        ...old,
        inputs: inputs ? incoming(inputs, old.inputs, PLAIN) : old.inputs,
        outputs: incoming(properties, old.inputs, PLAIN),
        initErrors: reasons,
      };
      return { kept: true, found: "update" };
    }
    return { kept: false, error: error as Error };
  }
}

/** What an update to the old inputs would have to change, told the other way round: what has changed since. */
async function driftOf(
  old: ResourceState,
  found: ResourceState,
  provider: ProviderInstance,
  { contextFor }: RunnerContext,
): Promise<DiffResponse> {
  const diff = await callDiff(
    provider,
    {
      ...identity(found),
      id: found.id,
      oldInputs: found.inputs,
      olds: found.outputs,
      news: old.inputs,
      ignoreChanges: old.ignoreChanges,
    },
    contextFor,
  );
  const detailed = Object.entries(diff.detailedDiff ?? {}).map(
    ([path, { kind, inputDiff }]): [string, PropertyDiff] => [path, { kind: INVERSE[kind], inputDiff }],
  );
  return { ...diff, detailedDiff: Object.fromEntries(detailed) };
}

const INVERSE: Record<DiffKind, DiffKind> = {
  add: "delete",
  "add-replace": "delete-replace",
  delete: "add",
  "delete-replace": "add-replace",
  update: "update",
  "update-replace": "update-replace",
};

/** Properties in a form that two of them can be compared in. */
function sorted(value: unknown): unknown {
  if (value instanceof Secret) return { secret: sorted(value.element) };
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith("__"))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

async function remove(step: Step, context: RunnerContext): Promise<StepOutcome> {
  const old = step.old!;
  if (old.protect && !step.op.endsWith("-replaced")) {
    return {
      kept: false,
      error: new ProtectedError(
        `resource "${old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either remove the \`protect\` flag from the resource in your Pulumi program and run \`pulumi up\`, or use the command:\n\`pulumi state unprotect '${old.urn}'\``,
      ),
    };
  }
  const spared = old.external || old.retainOnDelete || (old.deletedWith !== "" && context.isDeletedWith(old));
  // One that was deleted ahead of its replacement is gone already.
  if (!context.preview && old.custom && !spared && !old.pendingReplacement) {
    try {
      const provider = await providerFor(old, context);
      const request = {
        ...identity(old),
        id: old.id,
        oldInputs: outgoingState(old.inputs, provider),
        properties: outgoingState(old.outputs, provider),
        timeout: old.customTimeouts.delete ?? 0,
      };
      await trying(step, "delete", context, () => provider.provider.delete(request, context.contextFor(old.urn)));
    } catch (error) {
      return { kept: false, error: error as Error };
    }
  }
  if (step.pendingReplace) old.pendingReplacement = true;
  return { kept: true };
}

/** What the program says is secret; what a provider's inputs say has been marked when it answered. */
function withSecretsMarked(state: ResourceState): PropertyMap {
  return mapEntries(state.outputs, (value, key) =>
    state.additionalSecretOutputs.includes(key) && !(value instanceof Secret)
      ? new Secret(withoutSecrets(value))
      : value,
  );
}
