/**
 * A deployment: registrations come in, steps are decided one after the other, run side by side and recorded; when the
 * program has ended, what it didn't ask for is deleted.
 *
 * The monitor calls it on behalf of the program. It knows no protocol.
 */
import type { OperationError } from "../api";
import type { EventStream } from "./event-stream";
import type { Op } from "../events";
import type { CallRequest, CallResponse, ConstructRequest, ConstructResponse, InvokeResponse } from "../provider";
import { dependenciesOf, type Goal, newState, type ResourceState } from "../resource";
import type { Recorder } from "../state/recorder";
import {
  BUILTIN_PACKAGE,
  formatProviderReference,
  isProviderType,
  makeUrn,
  providerType,
  ROOT_STACK_TYPE,
} from "../urn";
import {
  containsSecret,
  containsUnknown,
  mapEntries,
  type PropertyMap,
  type PropertyValue,
  Secret,
  withoutOutputs,
  withoutSecrets,
} from "../values";
import type { ConfigValue } from "../api";
import { pushTo } from "./lists";
import type { Masker } from "./masker";
import type { ContextFor, ProviderRegistry } from "./provider-registry";
import { makeSemaphore, type Semaphore } from "./semaphore";
import { type Decision, ResourceError, type StepGenerator } from "./step-generator";
import { ProtectedError, runStep, type RunnerContext, type StepOutcome } from "./step-runner";
import { isComponentStep, isDefaultProvider, type Step, sameStep, stepMetadata } from "./step";
import type { Hooks } from "./hooks";

/** The deployment is over for this caller: it failed elsewhere or was cancelled. */
export class Halted extends Error {
  constructor() {
    super("the deployment has stopped");
  }
}

export type RegisterResult =
  | { result: "success"; state: ResourceState; unknown?: boolean }
  /** With continue-on-error: it failed, or something that it depends on did. */
  | { result: "failed" | "skipped"; state: ResourceState };

export interface DeploymentParts {
  stack: string;
  project: string;
  preview: boolean;
  config: Map<string, ConfigValue>;
  generator: StepGenerator;
  registry: ProviderRegistry;
  recorder: Recorder;
  events: EventStream;
  masker: Masker;
  hooks: Hooks;
  contextFor: ContextFor;
  parallel: number | undefined;
  continueOnError: boolean;
  /** What is registered is read first; the matcher tells what of the last snapshot. */
  refreshes?: (old: ResourceState) => boolean;
  /** The program is run to refresh: what it doesn't register is read too, not deleted. */
  keepsUnregistered: boolean;
  now: () => string;
}

export class Deployment {
  readonly errors: OperationError[] = [];
  readonly changes: Partial<Record<Op, number>> = {};
  private readonly running = new Set<Promise<unknown>>();
  private readonly slots: Semaphore;
  private readonly failedUrns = new Set<string>();
  /** Deleted in this deployment: resources as they are, and those that have been replaced. */
  private readonly deletedUrns = new Set<string>();
  private readonly deletedReplacedUrns = new Set<string>();
  /** Resources deleted ahead of a replacement, with the chain of steps that does it. */
  private readonly deletedAhead = new Map<ResourceState, Promise<boolean>>();
  private readonly defaultProviders = new Map<string, Promise<string>>();
  private readonly componentSteps = new Map<string, Step>();
  private readonly halt: PromiseWithResolvers<void> = withResolvers();
  private readonly runner: RunnerContext;
  private deciding: Promise<unknown> = Promise.resolve();
  private stackOutputs: PropertyMap | undefined;
  private stopped = false;
  private programHasFailed = false;
  /** Errors that nothing else has to wait for: of hooks that are called after their step, and of plans. */
  private afterthoughts = 0;

  constructor(private readonly parts: DeploymentParts) {
    this.slots = makeSemaphore(parts.parallel ?? Number.POSITIVE_INFINITY);
    this.runner = {
      registry: parts.registry,
      contextFor: parts.contextFor,
      preview: parts.preview,
      isDeletedWith: ({ deletedWith, delete: condemned }) =>
        (condemned ? this.deletedReplacedUrns : this.deletedUrns).has(deletedWith),
      wantsRetry: (step, operation, reasons) => parts.hooks.wantsRetry(step, operation, reasons),
      now: parts.now,
    };
  }

  urnOf(goal: Goal): string {
    return this.parts.generator.urnOf(goal);
  }

  get preview(): boolean {
    return this.parts.preview;
  }

  /** The resource is in the last snapshot, or has been registered. */
  knows(urn: string): boolean {
    return this.parts.generator.registered(urn) !== undefined || this.parts.generator.old(urn) !== undefined;
  }

  /** Resolves when no new step will start any more. */
  get halted(): Promise<void> {
    return this.halt.promise;
  }

  get isHalted(): boolean {
    return this.stopped;
  }

  /** No new step starts; what runs comes to its end. */
  stop(): void {
    this.stopped = true;
    this.halt.resolve();
  }

  /** Records an error of the program. It goes on as far as it gets, but nothing is deleted afterwards. */
  programFailed(error: OperationError): void {
    this.programHasFailed = true;
    this.errors.push(error);
    this.parts.events.diagnostic("error", error.message, error.urn ? { urn: error.urn } : {});
  }

  /** The program has come to its end: the last that it does is to register these. */
  get hasStackOutputs(): boolean {
    return this.stackOutputs !== undefined;
  }

  /** The program's end says what it doesn't ask for: it has ended well, and nothing failed that doesn't let it go on. */
  get mayDelete(): boolean {
    const failures = this.errors.length - this.afterthoughts;
    return !this.programHasFailed && (failures === 0 || this.parts.continueOnError);
  }

  /** Records an error of a resource; the deployment fails and, unless it goes on after errors, stops. */
  private fail(error: { urn: string; message: string }): void {
    this.failedUrns.add(error.urn);
    this.report(error);
    if (!this.parts.continueOnError) this.stop();
  }

  private report(error: { urn: string; message: string }): void {
    this.errors.push(error);
    this.parts.events.diagnostic("error", error.message, { urn: error.urn });
  }

  /** Everything that was started has ended. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.allSettled([...this.running]);
  }

  /** Throws `Halted` where the deployment stops before the resource is there. */
  async register(goal: Goal): Promise<RegisterResult> {
    this.parts.masker.learn(goal.inputs);
    const urn = this.parts.generator.urnOf(goal);
    if (this.parts.continueOnError && this.dependsOnFailed(goal)) {
      this.failedUrns.add(urn);
      await this.decide(urn, async () => {
        this.parts.generator.skip(goal);
        return undefined;
      });
      return { result: "skipped", state: newState(goal, urn) };
    }
    if (!(await this.refreshFirst(goal))) return this.failedOrHalted(goal, urn);
    const decision = await this.decide(urn, () => this.parts.generator.decide(goal));
    if (!decision) return this.failedOrHalted(goal, urn);
    if (decision.passedOver) this.showPassedOver(decision.state);
    if (decision.steps.length === 0) return { result: "success", state: decision.state, unknown: true };
    this.announceDeletions(decision.steps);
    const done = this.track(this.execute(decision.steps));
    for (const { old, pendingReplace } of decision.steps) if (old && pendingReplace) this.deletedAhead.set(old, done);
    if (!(await done)) return this.failedOrHalted(goal, urn);
    return decision.imports
      ? this.registerImported(goal, decision.state)
      : { result: "success", state: decision.state };
  }

  private async registerImported(goal: Goal, imported: ResourceState): Promise<RegisterResult> {
    const decision = await this.decide(imported.urn, () => this.parts.generator.decideImported(goal, imported));
    if (!decision || !(await this.track(this.execute(decision.steps)))) return this.failedOrHalted(goal, imported.urn);
    return { result: "success", state: decision.state };
  }

  /** As in Pulumi, a resource that isn't made counts as one that stays the same. */
  private showPassedOver(state: ResourceState): void {
    const unchecked = { ...state, inputs: {} };
    const metadata = stepMetadata(sameStep(unchecked, unchecked));
    this.changes.same = (this.changes.same ?? 0) + 1;
    this.parts.events.emit({ resourcePreEvent: { metadata, ...this.planning } });
    if (state.custom) this.parts.events.emit({ resOutputsEvent: { metadata, ...this.planning } });
  }

  /** False where it couldn't be read. */
  private async refreshFirst(goal: Goal): Promise<boolean> {
    const { generator, refreshes, keepsUnregistered } = this.parts;
    const old = refreshes && goal.custom && !isProviderType(goal.type) ? generator.findPrevious(goal) : undefined;
    if (!old || !refreshes?.(old)) return true;
    const step: Step = { op: "refresh", urn: old.urn, old, new: old, logical: keepsUnregistered, inPlace: true };
    const done = await this.track(this.execute([step]));
    if (done && !step.new) generator.forget(old);
    return done;
  }

  async read(goal: Goal, id: string): Promise<ResourceState> {
    this.parts.masker.learn(goal.inputs);
    const urn = this.parts.generator.urnOf(goal);
    const decision = await this.decide(urn, () => Promise.resolve(this.parts.generator.decideRead(goal, id)));
    if (decision && (await this.track(this.execute(decision.steps)))) return decision.state;
    throw new Halted();
  }

  /** A component, or the stack, says what it gives back. The stack's outputs are kept until the end. */
  async registerOutputs(urn: string, outputs: PropertyMap): Promise<void> {
    if (this.stopped && !this.isStack(urn)) throw new Halted();
    const state = this.parts.generator.registered(urn);
    if (!state) throw new Error(`there is no resource ${urn} to have outputs`);
    this.parts.masker.learnOutputs(outputs);
    if (this.isStack(urn)) {
      this.stackOutputs = withoutOutputs(outputs);
      return;
    }
    state.outputs = withoutOutputs(outputs);
    await this.parts.recorder.outputs(state);
    const step = this.componentSteps.get(urn);
    if (!step) return;
    await this.callAfterHooks(step);
    this.parts.events.emit({ resOutputsEvent: { metadata: stepMetadata(step), ...this.planning } });
  }

  /**
   * The reference of the provider that serves `pkg` where a program names none. `plugin` says which plugin that is,
   * where it isn't the one of this name and version.
   */
  defaultProvider(pkg: string, version: string, plugin: PropertyMap = {}): Promise<string> {
    const key = `${pkg}@${version}${JSON.stringify(plugin)}`;
    let reference = this.defaultProviders.get(key);
    if (!reference) {
      reference = this.makeDefaultProvider(pkg, version, plugin);
      this.defaultProviders.set(key, reference);
    }
    return reference;
  }

  async invoke(token: string, args: PropertyMap, provider: string): Promise<InvokeResponse> {
    const instance = await this.parts.registry.get(provider);
    // What isn't configured yet can't be asked.
    if (!instance.capabilities) return { result: {} };
    const plain = withoutOutputs(args);
    const secrets = instance.capabilities.acceptSecrets;
    const request = { token, args: secrets ? plain : withoutSecrets(plain), preview: this.preview };
    try {
      const response = await instance.provider.invoke(request, this.parts.contextFor(""));
      if (secrets || !containsSecret(plain)) return response;
      // What was made of a secret is one, and a provider that takes none can't say which property was.
      return { ...response, result: mapEntries(response.result, asSecret) };
    } catch (error) {
      throw new Error(`invocation of ${token} returned an error: ${(error as Error).message}`);
    }
  }

  /** Has a provider make a component. Its resources, and the component itself, are registered meanwhile. */
  async construct(provider: string, request: ConstructRequest): Promise<ConstructResponse> {
    const { goal } = request;
    const urn = this.parts.generator.urnOf(goal);
    return this.throughProvider(urn, async () => {
      const instance = await this.parts.registry.get(provider);
      // What isn't known can't be made anything of, not even in a preview.
      if (!instance.capabilities) return { urn, state: {}, stateDependencies: {} };
      if (!instance.provider.construct) throw new Error(`${goal.type}: this provider has no components`);
      return instance.provider.construct(request);
    });
  }

  /** Calls a method of a component. */
  async call(provider: string, request: CallRequest): Promise<CallResponse> {
    return this.throughProvider("", async () => {
      const instance = await this.parts.registry.get(provider);
      if (!instance.capabilities) return { result: {}, resultDependencies: {} };
      if (!instance.provider.call) throw new Error(`${request.token}: this provider has no methods`);
      return instance.provider.call(request);
    });
  }

  /** What fails in a provider that works on the program's behalf stops the deployment, as a failed step does. */
  private async throughProvider<T>(urn: string, work: () => Promise<T>): Promise<T> {
    const halted = this.halted.then(() => {
      throw new Halted();
    });
    try {
      return await Promise.race([work(), halted]);
    } catch (error) {
      if (!this.stopped) {
        this.fail({ urn, message: (error as Error).message });
        this.stop();
      }
      throw new Halted();
    }
  }

  /** The program has ended well: deletes what it didn't ask for. */
  async finish(): Promise<void> {
    await this.settled();
    if (this.stopped) return;
    if (this.parts.keepsUnregistered) {
      const left = this.parts.generator.unregistered().filter((old) => this.parts.refreshes?.(old));
      await this.runAll(left.map((old) => ({ op: "refresh", urn: old.urn, old, new: old, logical: true })));
      return;
    }
    const { sames, steps, refusals } = this.parts.generator.deletions(
      (state) => this.parts.recorder.isLeft(state),
      this.parts.recorder.unsettled,
    );
    for (const refusal of refusals) this.report(refusal);
    if (refusals.length === 0 || this.preview) {
      await this.track(this.execute(sames));
      await this.deleteAll(steps);
    }
    await this.settled();
  }

  /**
   * Deletes side by side whatever nothing else that goes depends on, then what is free by that. A resource whose
   * dependent could not be deleted stays.
   */
  private async deleteAll(steps: Step[]): Promise<void> {
    this.announceDeletions(steps);
    const dependents = dependentsAmong(steps);
    const ended = new Map<Step, Promise<boolean>>();
    const end = (step: Step): Promise<boolean> => {
      let promise = ended.get(step);
      if (!promise) {
        promise = (async () => {
          const gone = await Promise.all((dependents.get(step) ?? []).map(end));
          if (!gone.every(Boolean)) return false;
          return this.execute([step]);
        })();
        ended.set(step, promise);
      }
      return promise;
    };
    // Dependents come first in `steps`, so that each is asked for before what waits for it.
    await this.track(Promise.all(steps.map(end)));
  }

  /** Runs steps that don't come from a registration, such as refreshes, side by side. */
  async runAll(steps: Step[]): Promise<void> {
    await this.track(Promise.all(steps.map((step) => this.execute([step]))));
  }

  /** Gives the stack its outputs: those of this run, after an error laid over the old ones. */
  async closeStack(): Promise<PropertyMap> {
    const urn = makeUrn(
      this.parts.stack,
      this.parts.project,
      "",
      ROOT_STACK_TYPE,
      `${this.parts.project}-${this.parts.stack}`,
    );
    const state = this.parts.generator.registered(urn);
    if (!state) return this.parts.generator.old(urn)?.outputs ?? {};
    const step = this.componentSteps.get(urn);
    if (this.stackOutputs) {
      // What a failed update doesn't know stays as it was, since that is recorded.
      const outputs = this.preview ? this.stackOutputs : known(this.stackOutputs);
      state.outputs = this.errors.length > 0 ? { ...state.outputs, ...outputs } : this.stackOutputs;
      await this.parts.recorder.outputs(state);
      if (step) this.parts.events.emit({ resOutputsEvent: { metadata: stepMetadata(step), ...this.planning } });
    }
    return state.outputs;
  }

  private get planning(): { planning?: boolean } {
    return this.parts.preview ? { planning: true } : {};
  }

  private isStack(urn: string): boolean {
    return this.parts.generator.registered(urn)?.type === ROOT_STACK_TYPE;
  }

  private track<T>(promise: Promise<T>): Promise<T> {
    this.running.add(promise);
    void promise.then(
      () => this.running.delete(promise),
      () => this.running.delete(promise),
    );
    return promise;
  }

  /** One at a time, in the order of the calls; `undefined` where it failed (which has been reported). */
  private decide(urn: string, decide: () => Promise<Decision | undefined>): Promise<Decision | undefined> {
    const turn = this.deciding.then(async () => {
      if (this.stopped) return undefined;
      try {
        const decision = await decide();
        if (decision?.problem) {
          this.afterthoughts++;
          this.report({ urn, message: decision.problem });
        }
        return decision;
      } catch (error) {
        const blamed = error instanceof ResourceError ? error.urn : urn;
        this.fail({ urn: blamed, message: (error as Error).message });
        this.failedUrns.add(urn);
        return undefined;
      }
    });
    this.deciding = turn;
    return this.track(turn);
  }

  private failedOrHalted(goal: Goal, urn: string): RegisterResult {
    this.failedUrns.add(urn);
    if (!this.parts.continueOnError || this.stopped) throw new Halted();
    return { result: "failed", state: newState(goal, urn) };
  }

  private dependsOnFailed(goal: Goal): boolean {
    const urns = [
      goal.parent,
      goal.deletedWith,
      ...goal.dependencies,
      ...Object.values(goal.propertyDependencies).flat(),
    ];
    return urns.some((urn) => this.failedUrns.has(urn));
  }

  /** Runs a chain of steps, one after the other; false where one failed or the deployment stopped. */
  private async execute(steps: Step[]): Promise<boolean> {
    for (const step of steps) {
      if (!(await this.isOutOfTheWay(step, steps))) return false;
      const release = await this.slots.acquire();
      try {
        if (this.stopped) return false;
        if (!(await this.step(step))) return false;
      } finally {
        release();
      }
    }
    return true;
  }

  /** What is deleted with one of these needn't be itself, though its turn comes first. */
  private announceDeletions(steps: Step[]): void {
    for (const { op, urn, pendingReplace } of steps) {
      if (op === "delete" || pendingReplace) this.deletedUrns.add(urn);
      else if (op === "delete-replaced") this.deletedReplacedUrns.add(urn);
    }
  }

  /** What another chain deletes ahead of its replacement must be gone before that is made. */
  private async isOutOfTheWay({ op, old }: Step, chain: Step[]): Promise<boolean> {
    if (!old || (op !== "replace" && op !== "create-replacement")) return true;
    const deletion = this.deletedAhead.get(old);
    if (!deletion || chain.some((step) => step.pendingReplace && step.old === old)) return true;
    await deletion;
    return old.pendingReplacement;
  }

  private async step(step: Step): Promise<boolean> {
    const { events, recorder, hooks } = this.parts;
    events.emit({ resourcePreEvent: { metadata: stepMetadata(step), ...this.planning } });
    if (isComponentStep(step)) this.componentSteps.set(step.urn, step);
    let outcome: StepOutcome;
    try {
      await recorder.begin(step);
      // It stays the same resource, even where a hook keeps it from being updated.
      if (step.op === "update") step.new!.id = step.old!.id;
      await hooks.before(step, this.preview);
      outcome = await runStep(step, this.runner);
    } catch (error) {
      outcome = { kept: false, error: error as Error };
    }
    if (step.new) {
      this.parts.masker.learnResource(step.new);
    }
    await recorder.end(step.inPlace && outcome.kept ? inPlace(step) : step, outcome.kept);
    if (outcome.error) {
      const error = { urn: step.urn, message: outcome.error.message };
      // Nothing was done about it, so that the others can go on, and all that is protected is told at once.
      if (outcome.error instanceof ProtectedError) this.report(error);
      else this.fail(error);
      // As in Pulumi, what a preview finds in the way is only said.
      if (!this.preview) {
        events.emit({
          resOpFailedEvent: { metadata: stepMetadata(step), status: outcome.kept ? 1 : 0, steps: this.count() },
        });
      }
      return false;
    }
    // A component is there when its children are.
    if (!isComponentStep(step) || step.op === "delete") await this.callAfterHooks(step);
    // What a refresh has found is told where that was asked for; where something else follows, only that it was done.
    const op: Op = this.parts.keepsUnregistered ? (outcome.found ?? step.op) : step.op;
    // As in Pulumi, what is only read doesn't count.
    if (step.logical && op !== "read" && !isDefaultProvider((step.new ?? step.old)!))
      this.changes[op] = (this.changes[op] ?? 0) + 1;
    if (!isComponentStep(step) || step.op === "delete" || step.op === "refresh") {
      events.emit({ resOutputsEvent: { metadata: stepMetadata(step, op), ...this.planning } });
    }
    return true;
  }

  /** What the step has done stays done, whatever becomes of its hooks; the deployment goes on and has failed. */
  private async callAfterHooks(step: Step): Promise<void> {
    try {
      await this.parts.hooks.after(step, this.preview);
    } catch (error) {
      this.afterthoughts++;
      this.report({ urn: step.urn, message: (error as Error).message });
    }
  }

  private count(): number {
    return Object.values(this.changes).reduce((sum, n) => sum + (n ?? 0), 0);
  }

  private async makeDefaultProvider(pkg: string, version: string, plugin: PropertyMap): Promise<string> {
    const inputs: PropertyMap = pkg === BUILTIN_PACKAGE ? {} : { __internal: plugin };
    if (version) inputs["version"] = version;
    for (const [key, { value, secret }] of this.parts.config) {
      if (key.startsWith(`${pkg}:`)) inputs[key.slice(pkg.length + 1)] = secret ? new Secret(value) : value;
    }
    const name = version ? `default_${version.replaceAll(".", "_")}` : "default";
    const outcome = await this.register({ ...emptyGoal(providerType(pkg), name), inputs });
    return formatProviderReference({ urn: outcome.state.urn, id: outcome.state.id });
  }
}

/**
 * The step as it is recorded, with what a refresh has found in the old state itself, since later steps go on from that;
 * the step keeps a copy of how it was.
 */
function inPlace(step: Step): Step {
  const old = step.old!;
  if (!step.new) return { ...step };
  step.old = { ...old };
  Object.assign(old, step.new);
  return { ...step, old, new: old };
}

/** A goal with nothing asked for. */
export function emptyGoal(type: string, name: string): Goal {
  return {
    type,
    name,
    custom: true,
    parent: "",
    inputs: {},
    provider: "",
    dependencies: [],
    propertyDependencies: {},
    protect: undefined,
    retainOnDelete: undefined,
    deletedWith: "",
    deleteBeforeReplace: undefined,
    ignoreChanges: [],
    replaceOnChanges: [],
    hideDiffs: [],
    additionalSecretOutputs: [],
    aliases: [],
    customTimeouts: {},
    importId: "",
    replaceWith: [],
    replacementTrigger: undefined,
    hooks: {},
  };
}

/**
 * For each deletion the deletions that must come before it. `steps` has dependents first; of several resources of one
 * URN, the condemned ones and the present one, only those that come later can be meant.
 */
function dependentsAmong(steps: Step[]): Map<Step, Step[]> {
  const later = new Map<string, Step[]>();
  const dependents = new Map<Step, Step[]>();
  for (const step of [...steps].reverse()) {
    for (const urn of dependenciesOf(step.old!)) {
      for (const other of later.get(urn) ?? []) pushTo(dependents, other, step);
    }
    pushTo(later, step.urn, step);
  }
  return dependents;
}

const asSecret = (value: PropertyValue): PropertyValue =>
  value instanceof Secret ? value : new Secret(withoutSecrets(value));

function known(outputs: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(outputs).filter(([, value]) => !containsUnknown(value)));
}

interface PromiseWithResolvers<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
