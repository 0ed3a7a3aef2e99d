/** Operations: preview, update, refresh, destroy and import of one stack, from its lock to its checkpoint. */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError, type ConfigValue, type OperationOptions, type OperationResult, type Project } from "./api";
import { builtinProvider, type OtherStacks } from "./deployment/builtin-provider";
import { Deployment } from "./deployment/deployment";
import { eventStream, type EventStream } from "./deployment/event-stream";
import { type Hooks, makeHooks } from "./deployment/hooks";
import { importResources } from "./deployment/import";
import { makeMasker, type Masker } from "./deployment/masker";
import { type ContextFor, ProviderRegistry } from "./deployment/provider-registry";
import { settlePending, warnOfPending } from "./deployment/settle";
import { type Step } from "./deployment/step";
import { selected, type Selection, StepGenerator } from "./deployment/step-generator";
import type { Op } from "./events";
import { pluginHost, type PluginHost } from "./plugins/host";
import { dependenciesOf, type ResourceState } from "./resource";
import type { SecretsManager } from "./secrets/passphrase";
import type { Snapshot } from "./state/checkpoint";
import { type Recorder } from "./state/recorder";
import { BUILTIN_PACKAGE, urnMatcher } from "./urn";
import { type PropertyMap, withoutSecrets } from "./values";

/** What an operation works on; `openStack` puts it together. */
export interface OperationTarget {
  project: Project;
  stack: string;
  config: Map<string, ConfigValue>;
  secrets: SecretsManager;
  /** What references to other stacks read. */
  otherStacks: OtherStacks;
  snapshot: Snapshot;
  recorder: (snapshot: Snapshot) => Recorder;
  /** What opening the stack found out that its user should know. */
  warnings?: string[];
  /** Makes a snapshot in the middle of the operation the one that later recording starts from. */
  save: (snapshot: Snapshot) => void;
}

/** What an operation leaves: its result, and the snapshot to be saved. */
export interface OperationOutcome {
  result: OperationResult;
  snapshot: Snapshot;
}

/** Brings the program's registrations to the deployment; resolves when all of it is done. */
export type ProgramRunner = (
  deployment: Deployment,
  target: OperationTarget,
  options: OperationOptions,
  events: EventStream,
  hooks: Hooks,
) => Promise<void>;

/** How long to wait for what a program's hooks have logged last. */
const LAST_WORDS_MS = 1_000;

const ORGANIZATION = "organization";

const NOTHING_DONE = {
  result: "succeeded",
  cancelled: false,
  changes: {},
  durationSeconds: 0,
  errors: [],
} satisfies Partial<OperationResult>;

/** `run` is another source of registrations than the project's program. */
export async function operate(
  target: OperationTarget,
  asked: OperationOptions,
  run: ProgramRunner = asked.kind === "import" ? runImport : runProgram,
): Promise<OperationOutcome> {
  const started = process.hrtime.bigint();
  const options = asked.excludeProtected ? withoutProtected(asked, target.snapshot.resources) : asked;
  if (options.kind === "destroy" || options.kind === "refresh") {
    const urns = new Set(target.snapshot.resources.map(({ urn }) => urn));
    const [missing] = missingTargets(options.targets, (urn) => urns.has(urn));
    if (missing) throw new UserError(missing);
  }
  const preview = isPreview(options);
  const masker = options.masker ?? makeMasker();
  masker.learnStack(target.config.values(), target.snapshot.resources);
  const events = eventStream((event) => options.onEvent?.(event), masker);
  const { resources } = target.snapshot;
  if (asked.excludeProtected && resources.length > 0 && resources.every(({ urn }) => options.excludes?.includes(urn))) {
    events.diagnostic("info", "every resource is protected or needed by one that is: there is nothing to destroy");
    return {
      result: { ...NOTHING_DONE, outputs: withoutSecrets(stackOutputsOf(target.snapshot)) },
      snapshot: target.snapshot,
    };
  }
  events.emit({ preludeEvent: { config: displayConfig(target.config) } });

  for (const warning of target.warnings ?? []) events.diagnostic("warning", warning);

  let snapshot = target.snapshot;
  if (preview) warnOfPending(snapshot, events);
  else if (snapshot.pendingOperations.length > 0) {
    snapshot = await settle(target, options, events);
    target.save(snapshot);
  }
  let changes: Partial<Record<Op, number>> = {};
  const errors: OperationResult["errors"] = [];
  let outputs: PropertyMap = {};
  const phases = phasesOf(options, snapshot);
  for (const phase of phases) {
    if (errors.length > 0 || options.signal?.aborted) break;
    const done = await runPhase(phase, { ...target, snapshot }, options, run, events, masker);
    snapshot = done.snapshot;
    if (phase === "refresh" && phases.length > 1 && !preview) target.save(snapshot);
    changes = phase === "refresh" && phases.length > 1 ? {} : done.changes;
    errors.push(...done.errors);
    outputs = done.outputs;
  }

  const cancelled = options.signal?.aborted ?? false;
  const failed = errors.length > 0 || cancelled;
  if (failed) events.diagnostic("error", cancelled ? `${options.kind} cancelled` : `${options.kind} failed`);
  const durationSeconds = Number(process.hrtime.bigint() - started) / 1e9;
  events.emit({
    summaryEvent: {
      maybeCorrupt: false,
      durationSeconds: Math.ceil(durationSeconds),
      resourceChanges: changes,
      PolicyPacks: {},
      isPreview: preview,
      result: failed ? "failed" : "succeeded",
    },
  });
  // As in Pulumi, what was done has succeeded; whoever asked for it is told that it's not what they expected.
  const hasChanges = Object.entries(changes).some(([op, n]) => op !== "same" && (n ?? 0) > 0);
  if (options.expectNoChanges && !failed && hasChanges) {
    const message = "no changes were expected but changes were proposed";
    errors.push({ message });
    events.diagnostic("error", message);
  }
  events.emit({ cancelEvent: {} });
  return {
    result: {
      result: failed || errors.length > 0 ? "failed" : "succeeded",
      cancelled,
      changes,
      durationSeconds,
      errors,
      outputs: withoutSecrets(outputs),
    },
    snapshot,
  };
}

/** Nothing is to be done, only to be found out. */
export function isPreview({ kind, previewOnly }: OperationOptions): boolean {
  return kind === "preview" || previewOnly === true;
}

type PhaseName = "refresh" | "main";

/** A program that is run refreshes what it registers as it goes. */
function phasesOf({ kind, refresh, runProgram: withProgram }: OperationOptions, snapshot: Snapshot): PhaseName[] {
  if (withProgram || kind === "import") return ["main"];
  if (kind === "refresh") return ["refresh"];
  return refresh || snapshot.resources.some(({ refreshBeforeUpdate }) => refreshBeforeUpdate)
    ? ["refresh", "main"]
    : ["main"];
}

/** What is read first: where nobody asked for a refresh, only what its provider wants to be. */
function toBeRead(
  { kind, refresh }: OperationOptions,
  resources: ResourceState[],
  selection: Selection,
): ResourceState[] {
  const all = [...selected(resources, selection)];
  return kind === "refresh" || refresh ? all : all.filter(({ refreshBeforeUpdate }) => refreshBeforeUpdate);
}

function providerContexts(signal: AbortSignal, events: EventStream): ContextFor {
  return (urn) => ({
    signal,
    log: (severity, message, { ephemeral, streamId } = {}) => {
      if (severity !== "debug") events.diagnostic(severity, message, { urn, ephemeral, streamId });
    },
  });
}

/** What an interrupted operation left in the balance is looked up before anything else is done. */
async function settle(target: OperationTarget, options: OperationOptions, events: EventStream): Promise<Snapshot> {
  const { snapshot } = target;
  const plugins = pluginsOf(target, options, events);
  const registry = new ProviderRegistry(
    { ...options.providers, [BUILTIN_PACKAGE]: builtinProvider(target.otherStacks, () => undefined) },
    new Map(snapshot.resources.filter((state) => !state.delete).map((state) => [state.urn, state])),
    plugins,
  );
  const contextFor = providerContexts(options.signal ?? new AbortController().signal, events);
  try {
    return await settlePending(snapshot, { registry, contextFor, events, now: () => new Date().toISOString() });
  } finally {
    await registry.close();
    await plugins.close();
  }
}

function pluginsOf(target: OperationTarget, options: OperationOptions, events: EventStream): PluginHost {
  return pluginHost({
    project: target.project,
    config: target.config,
    events,
    signal: options.signal ?? new AbortController().signal,
    debug: options.debug ?? false,
    env: process.env,
  });
}

interface Phase {
  snapshot: Snapshot;
  changes: Partial<Record<Op, number>>;
  errors: OperationResult["errors"];
  outputs: PropertyMap;
}

async function runPhase(
  phase: PhaseName,
  target: OperationTarget,
  options: OperationOptions,
  run: ProgramRunner,
  events: EventStream,
  masker: Masker,
): Promise<Phase> {
  const preview = isPreview(options);
  const signal = options.signal ?? new AbortController().signal;
  const contextFor = providerContexts(signal, events);
  const previous = target.snapshot.resources.map((state) => ({ ...state }));
  const snapshot = { resources: previous, pendingOperations: target.snapshot.pendingOperations };
  const builtin = builtinProvider(target.otherStacks, (urn) => generator.registered(urn));
  const plugins = pluginsOf(target, options, events);
  const registry = new ProviderRegistry(
    { ...options.providers, [BUILTIN_PACKAGE]: builtin },
    new Map(previous.filter((state) => !state.delete).map((state) => [state.urn, state])),
    plugins,
  );
  const selection = selectTargets(options);
  const generator: StepGenerator = new StepGenerator(previous, registry, contextFor, {
    stack: target.stack,
    project: target.project.name,
    preview,
    selection,
    isTargetedReplace: urnMatcher(options.replaces ?? []),
    mode: options.kind === "destroy" || options.kind === "refresh" ? options.kind : "update",
  });
  const toRefresh =
    options.runProgram && (options.refresh || options.kind === "refresh") ? selected(previous, selection) : undefined;
  const hooks = makeHooks((message, urn) => events.diagnostic("warning", message, { urn }));
  const recorder = target.recorder(snapshot);
  const deployment = new Deployment({
    stack: target.stack,
    project: target.project.name,
    preview,
    config: target.config,
    generator,
    registry,
    recorder,
    events,
    masker,
    hooks,
    contextFor,
    parallel: options.parallel,
    continueOnError: options.continueOnError ?? false,
    ...(toRefresh ? { refreshes: (old) => toRefresh.has(old) } : {}),
    keepsUnregistered: options.kind === "refresh",
    now: () => new Date().toISOString(),
  });
  const cancel = (): void => deployment.stop();
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const isOld = (urn: string): boolean => previous.some((state) => state.urn === urn && !state.delete);
    const missing = phase === "main" ? missingTargets(options.replaces, isOld) : [];
    for (const message of missing) deployment.programFailed({ message });
    if (missing.length > 0) deployment.stop();
    else if (phase === "refresh") await deployment.runAll(refreshSteps(toBeRead(options, previous, selection)));
    else if (options.kind === "destroy" && !options.runProgram) await destroyWithoutProgram(deployment, previous);
    else await run(deployment, { ...target, snapshot }, options, events, hooks);
    await deployment.settled();
    const outputs =
      phase === "main" && options.kind !== "destroy"
        ? await deployment.closeStack()
        : stackOutputsOf(recorder.snapshot());
    const result = recorder.snapshot();
    if (phase === "refresh" || options.kind === "refresh") dropEmptyLists(result);
    return { snapshot: result, changes: deployment.changes, errors: deployment.errors, outputs };
  } finally {
    signal.removeEventListener("abort", cancel);
    await registry.close();
    await plugins.close();
    recorder.close();
  }
}

/** Nothing can call the hooks of a program that isn't run. */
async function destroyWithoutProgram(deployment: Deployment, previous: ResourceState[]): Promise<void> {
  for (const { urn, hooks } of previous) {
    const names = [...(hooks.beforeDelete ?? []), ...(hooks.afterDelete ?? [])].map((name) => `"${name}"`);
    if (names.length === 0) continue;
    deployment.programFailed({
      urn,
      message: `its deletion has hooks (${[...new Set(names)].join(", ")}), which only the program can run: destroy with --run-program`,
    });
  }
  if (deployment.mayDelete) await deployment.finish();
}

async function runImport(
  deployment: Deployment,
  { snapshot, stack, project }: OperationTarget,
  { imports = [], providers }: OperationOptions,
): Promise<void> {
  await importResources(deployment, imports, {
    stack,
    project: project.name,
    resources: snapshot.resources,
    providers,
  });
}

async function runProgram(
  deployment: Deployment,
  target: OperationTarget,
  options: OperationOptions,
  events: EventStream,
  hooks: Hooks,
): Promise<void> {
  // An operation that runs no program needs none of this, nor the gRPC behind it.
  const { serveMonitor } = await import("./monitor/server");
  const { startProgram } = await import("./program/program");
  const monitor = await serveMonitor({
    deployment,
    events,
    hooks,
    projectRoot: target.project.root,
    program: {
      project: target.project.name,
      stack: target.stack,
      organization: ORGANIZATION,
      config: target.config,
      preview: deployment.preview,
      parallel: options.parallel,
    },
    debug: options.debug ?? false,
  });
  try {
    const program = startProgram({
      project: target.project,
      stack: target.stack,
      organization: ORGANIZATION,
      config: target.config,
      address: monitor.address,
      preview: isPreview(options),
      parallel: options.parallel,
      isolated: options.isolated ?? false,
      debug: options.debug ?? false,
      ...(options.workingDirectory ? { workingDirectory: options.workingDirectory } : {}),
      onError: (message) => {
        // A stopped deployment has told its reason; what the program makes of it is a consequence.
        if (!deployment.isHalted) deployment.programFailed({ message });
      },
      onOutput: (stream, line) => {
        // Nor is what it says of being stopped, such as that promises are left.
        if (!deployment.isHalted) events.diagnostic(stream === "stdout" ? "info" : "info#err", line);
      },
      onWarning: (message) => events.diagnostic("warning", message),
      onDetail: (message) => events.diagnostic("debug", message),
      hasFailed: () => deployment.errors.length > 0,
    });
    try {
      await Promise.race([program.ended, monitor.programEnded, deployment.halted.then(() => deployment.settled())]);
      if (deployment.mayDelete && !deployment.isHalted && !deployment.hasStackOutputs) {
        deployment.programFailed({ message: "the program broke off before it had registered the stack's outputs" });
      }
      if (deployment.mayDelete && !deployment.isHalted) {
        const missing = missingTargets(options.targets, (urn) => deployment.knows(urn));
        for (const message of missing) deployment.programFailed({ message });
      }
      if (deployment.mayDelete) await deployment.finish();
      if (!deployment.isHalted) await Promise.race([program.sent(), sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    } finally {
      monitor.release();
      await program.disconnect(options.signal?.aborted ? "cancelled" : deployment.isHalted ? "stopped" : "ended");
    }
  } finally {
    await monitor.close();
  }
}

/** What to say of the URNs, other than patterns, that name no resource. */
function missingTargets(targets: string[] = [], isThere: (urn: string) => boolean): string[] {
  return targets
    .filter((target) => !target.includes("*") && !isThere(target))
    .map((urn) => `there is no resource ${urn} in this stack (a $ in a URN has to be quoted in a shell)`);
}

function selectTargets(options: OperationOptions): Selection {
  const { targets, excludes, targetDependents = false, excludeDependents = false } = options;
  if (targets?.length && excludes?.length)
    throw new UserError("--target and --exclude can't be used together: name one or the other");
  return {
    targetDependents,
    excludeDependents,
    ...(targets?.length ? { isTarget: urnMatcher(targets) } : {}),
    ...(excludes?.length ? { isExcluded: urnMatcher(excludes) } : {}),
  };
}

/** Only what is neither protected nor needed by something that is. */
function withoutProtected(options: OperationOptions, resources: ResourceState[]): OperationOptions {
  if (options.targets?.length)
    throw new UserError("--target and --exclude-protected can't be used together: name one or the other");
  const spared = new Set<string>();
  for (const state of [...resources].reverse()) {
    if (!state.protect && !spared.has(state.urn)) continue;
    spared.add(state.urn);
    for (const urn of dependenciesOf(state)) spared.add(urn);
  }
  return { ...options, excludes: [...(options.excludes ?? []), ...spared] };
}

function refreshSteps(resources: Iterable<ResourceState>): Step[] {
  return [...resources].map((state) => ({ op: "refresh", urn: state.urn, old: state, new: state, logical: true }));
}

/** As after every refresh of Pulumi's, only properties that depend on something are listed. */
function dropEmptyLists(snapshot: Snapshot): void {
  snapshot.resources = snapshot.resources.map((state) => ({
    ...state,
    propertyDependencies: Object.fromEntries(
      Object.entries(state.propertyDependencies).filter(([, urns]) => urns.length > 0),
    ),
  }));
}

export function stackOutputsOf(snapshot: Snapshot): PropertyMap {
  return snapshot.resources.find((state) => state.type === "pulumi:pulumi:Stack" && !state.delete)?.outputs ?? {};
}

function displayConfig(config: Map<string, ConfigValue>): Record<string, string> {
  return Object.fromEntries([...config].map(([key, { value, secret }]) => [key, secret ? "[secret]" : value]));
}
