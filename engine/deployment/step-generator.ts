/**
 * Deciding: from what a program asks for and what the last snapshot holds to the steps that lead from one to the other.
 *
 * One registration is decided at a time. Nothing is changed here and no provider is asked to do anything: Check and
 * Diff only tell.
 *
 * Source: `docs/architecture/deployment-execution/{resource-registration,steps}.md` in pulumi/pulumi.
 */
import { createHash } from "node:crypto";
import type { CheckFailure, CheckRequest, DiffKind, DiffResponse, PropertyDiff } from "../provider";
import { type Alias, dependenciesOf, type Goal, newState, type ResourceState } from "../resource";
import {
  isProviderType,
  makeUrn,
  packageOf,
  parseProviderReference,
  parseUrn,
  ROOT_STACK_TYPE,
  urnName,
  urnType,
} from "../urn";
import {
  canReset,
  containsUnknown,
  equalValues,
  parsePath,
  pathContains,
  type PropertyMap,
  type PropertyValue,
  resetPath,
  tryParsePath,
  UNKNOWN,
  withoutOutputs,
  withoutSecrets,
} from "../values";
import { callCheck, callDiff } from "./provider-calls";
import type { ContextFor, ProviderInstance, ProviderRegistry } from "./provider-registry";
import { createStep, deleteReplacedStep, deleteStep, sameStep, type Step, untouchedStep } from "./step";

/** A registration that can't go on; `urn` is the resource to blame. */
export class ResourceError extends Error {
  constructor(
    readonly urn: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Decision {
  /** The resource as it shall be; steps fill in its id and outputs. */
  state: ResourceState;
  steps: Step[];
  /** The steps take over an existing resource; `decideImported` tells what is to be done about it then. */
  imports?: boolean;
  /** A new resource that this operation doesn't make. */
  passedOver?: boolean;
  /** Of a preview: why the steps can't be carried out. */
  problem?: string;
}

export interface PlanOptions {
  stack: string;
  project: string;
  preview: boolean;
  selection: Selection;
  isTargetedReplace: (urn: string) => boolean;
  /**
   * What the program is run for. A `destroy` or a `refresh` makes and changes nothing but its components and providers,
   * so that what is there is deleted or read with providers configured as they are wanted now.
   */
  mode: "update" | "destroy" | "refresh";
}

/** What an operation is confined to; everything where both matchers are absent. */
export interface Selection {
  /** URNs that alone are operated on. */
  isTarget?: (urn: string) => boolean;
  /** What depends on a target is one too. */
  targetDependents: boolean;
  /** URNs that are not operated on. */
  isExcluded?: (urn: string) => boolean;
  /** What depends on something excluded is excluded too. */
  excludeDependents?: boolean;
}

/** What an operation confined to `selection` works on, of `resources` in the order of a snapshot. */
export function selected(
  resources: ResourceState[],
  { isTarget, isExcluded, targetDependents, excludeDependents = false }: Selection,
): Set<ResourceState> {
  if (!isTarget) {
    const excluded = new Set<string>();
    return new Set(
      resources.filter((state) => {
        const isOut =
          isExcluded?.(state.urn) || (excludeDependents && dependenciesOf(state).some((urn) => excluded.has(urn)));
        if (isOut) excluded.add(state.urn);
        return !isOut;
      }),
    );
  }
  const urns = new Set<string>();
  const result = new Set<ResourceState>();
  for (const state of resources) {
    if (!isTarget(state.urn) && !(targetDependents && dependenciesOf(state).some((urn) => urns.has(urn)))) continue;
    urns.add(state.urn);
    result.add(state);
  }
  return result;
}

export class StepGenerator {
  private readonly olds = new Map<string, ResourceState>();
  /** URNs that the program has registered. */
  private readonly seen = new Set<string>();
  /** New URN to the URN it had in the last snapshot, and back. */
  private readonly renamedFrom = new Map<string, string>();
  private readonly renamedTo = new Map<string, string>();
  /** Resources deleted ahead of their own or somebody else's replacement, with what forced that. */
  private readonly deletedAhead = new Map<string, string[] | undefined>();
  private readonly deletedStates = new Set<ResourceState>();
  private readonly decided = new Map<string, ResourceState>();
  private readonly replaced = new Set<string>();
  /** Of an operation with targets: those registered so far, and new resources that it doesn't make. */
  private readonly targeted = new Set<string>();
  private readonly notMade = new Set<string>();
  /** Of an operation with excludes: those registered so far. */
  private readonly excluded = new Set<string>();
  /** Resources that the program has dropped, kept for an untargeted one that depends on them. */
  private readonly carried = new Set<ResourceState>();
  /** Of a destroy: what the program has registered, in that order. */
  private readonly doomed: ResourceState[] = [];

  constructor(
    private readonly previous: ResourceState[],
    private readonly registry: ProviderRegistry,
    private readonly contextFor: ContextFor,
    private readonly options: PlanOptions,
  ) {
    for (const state of previous) if (!state.delete) this.olds.set(state.urn, state);
  }

  /** The new state of a resource that has been registered in this deployment. */
  registered(urn: string): ResourceState | undefined {
    return this.decided.get(urn);
  }

  old(urn: string): ResourceState | undefined {
    return this.olds.get(this.renamedFrom.get(urn) ?? urn);
  }

  urnOf(goal: Pick<Goal, "parent" | "type" | "name">): string {
    return makeUrn(this.options.stack, this.options.project, goal.parent, goal.type, goal.name);
  }

  async decide(goal: Goal): Promise<Decision> {
    const urn = this.urnOf(goal);
    if (goal.parent && !this.seen.has(goal.parent)) {
      throw new ResourceError(urn, `could not find parent resource ${goal.parent}`);
    }
    this.claim(urn);
    const old = this.findOld(urn, goal);
    const state = newState(goal, urn);
    this.decided.set(urn, state);

    const settled = this.decideUnmade(goal, state, old);
    if (settled) return settled;
    const recreating = this.deletedAhead.has(old?.urn ?? urn);
    const isIncluded = this.isIncluded(state);
    if (!isIncluded && !recreating) return this.decideUntargeted(urn, state, old);
    this.refuseNotMade(state);

    const provider = await this.providerOf(state);
    if (goal.custom && goal.importId && (!old || old.external || (old.importId || old.id) !== goal.importId)) {
      return { state, steps: this.importSteps(state, old, recreating), imports: true };
    }

    if (old && !old.external && !recreating) state.inputs = this.keepIgnored(state, goal, old);
    if (old && !isIncluded) {
      // It had to go ahead of another's replacement; what else the program wants of it waits.
      state.inputs = old.inputs;
    } else if (provider) {
      const fresh = !old || old.external || recreating || this.isReplacementAsked(urn, old);
      state.inputs = await this.check(provider, goal, urn, fresh ? goal.inputs : state.inputs, fresh ? {} : old.inputs);
    } else {
      state.inputs = withoutOutputs(state.inputs);
    }

    if (!old) return { state, steps: [createStep(state)] };
    if (recreating) return { state, steps: this.recreate(old, state) };
    if (old.external) return { state, steps: replaceByCreation(old, state, {}) };
    return this.decideFromDiff(goal, urn, old, state, provider);
  }

  /** What was imported is made what the program wants. */
  async decideImported(goal: Goal, imported: ResourceState): Promise<Decision> {
    const { urn } = imported;
    const state = newState(goal, urn);
    const provider = await this.providerOf(state);
    state.inputs = this.keepIgnored(state, goal, imported);
    if (provider) state.inputs = await this.check(provider, goal, urn, state.inputs, imported.inputs);
    const decision = await this.decideFromDiff(goal, urn, imported, state, provider);
    if (decision.steps.every(({ op }) => op === "same")) return { state: imported, steps: [] };
    this.decided.set(urn, state);
    return decision;
  }

  private async decideFromDiff(
    goal: Goal,
    urn: string,
    old: ResourceState,
    state: ResourceState,
    provider: ProviderInstance | undefined,
  ): Promise<Decision> {
    const problems: string[] = [];
    const steps = await this.stepsFromDiff(goal, urn, old, state, provider, problems);
    return { state, steps, ...(problems.length > 0 ? { problem: problems.join("\n") } : {}) };
  }

  /** Of an operation that makes nothing: a custom resource stays as it is, and one that isn't there is passed over. */
  private decideUnmade(goal: Goal, state: ResourceState, old: ResourceState | undefined): Decision | undefined {
    const { mode } = this.options;
    if (mode === "update") return undefined;
    const isComponentOrProvider = !goal.custom || isProviderType(goal.type);
    const lacksSomething = dependenciesOf(state).some((urn) => this.notMade.has(urn));
    if (lacksSomething || (!isComponentOrProvider && !old)) {
      this.notMade.add(state.urn);
      if (old) state.outputs = old.outputs;
      return { state, steps: [], passedOver: true };
    }
    if (mode === "destroy") this.doomed.push(state);
    if (isComponentOrProvider || !old) return undefined;
    if (mode === "refresh") {
      this.decided.set(state.urn, old);
      return { state: old, steps: [] };
    }
    state.inputs = old.inputs;
    return { state, steps: [sameStep(old, state)] };
  }

  /** The resource of the last snapshot that a goal is about; nothing is decided by asking. */
  findPrevious(goal: Goal): ResourceState | undefined {
    const urn = this.urnOf(goal);
    const found = [urn, ...this.aliasesOf(goal)].find((alias) => this.olds.has(alias));
    const old = found === undefined ? undefined : this.olds.get(found);
    return old && !this.deletedStates.has(old) ? old : undefined;
  }

  /** A resource of the last snapshot turned out to be gone. */
  forget(old: ResourceState): void {
    this.olds.delete(old.urn);
    this.previous.splice(this.previous.indexOf(old), 1);
  }

  /** What of the last snapshot the program hasn't registered. */
  unregistered(): ResourceState[] {
    return this.previous.filter(({ urn }) => !this.seen.has(this.renamedTo.get(urn) ?? urn));
  }

  /** A resource that can't be operated on, since something that it depends on failed: it stays as it was. */
  skip(goal: Goal): void {
    const urn = this.urnOf(goal);
    this.claim(urn);
    this.findOld(urn, goal);
  }

  /** A resource that is read, not managed. */
  decideRead(goal: Goal, id: string): Decision {
    const urn = this.urnOf(goal);
    this.claim(urn);
    const old = this.findOld(urn, goal);
    const state: ResourceState = { ...newState(goal, urn), id, external: true };
    this.decided.set(urn, state);
    if (this.options.mode === "destroy") this.doomed.push(state);
    if (old && !old.external && old.id !== id) {
      return {
        state,
        steps: [
          { op: "read-replacement", urn, old, new: state, logical: false, pendingDelete: true },
          { op: "replace", urn, old, new: state, logical: true },
        ],
      };
    }
    return { state, steps: [{ op: "read", urn, ...(old ? { old } : {}), new: state, logical: true }] };
  }

  /**
   * Once the program has ended: everything it didn't ask for, and what has been replaced. What a resource that stays
   * depends on stays too, and so does what is needed to settle what an earlier operation was doing to `unsettled`.
   * `isLeft` tells which resources of the last snapshot no step has dealt with.
   *
   * Of an operation with targets: what would have to go with one and isn't one itself is refused. Of one that is confined
   * at all: what it leaves alone is told of as the same.
   */
  deletions(
    isLeft: (state: ResourceState) => boolean,
    unsettled: ResourceState[],
  ): { sames: Step[]; steps: Step[]; refusals: ResourceError[] } {
    const { isTarget, targetDependents } = this.options.selection;
    const going = this.mayGo();
    const steps = new Map<ResourceState, Step>();
    for (const state of [...this.previous].reverse()) {
      const step = this.carried.has(state) ? undefined : this.deletionOf(state, going);
      if (step) steps.set(state, step);
    }
    const refusals = [...steps.keys()]
      .filter(({ urn }) => isTarget && !targetDependents && !isTarget(urn))
      .map(
        ({ urn }) =>
          new ResourceError(
            urn,
            `Resource '${urn}' will be destroyed but was not specified in --target list.\nEither include resource in --target list or pass --target-dependents to proceed.`,
          ),
      );
    const needed = new Set(unsettled.flatMap(dependenciesOf));
    for (const state of [...this.previous].reverse()) {
      if (steps.has(state) && !needed.has(state.urn)) continue;
      steps.delete(state);
      if (isLeft(state)) for (const urn of dependenciesOf(state)) needed.add(urn);
    }
    const isGoing = ({ urn }: ResourceState): boolean =>
      [...going].some((state) => (this.renamedTo.get(state.urn) ?? state.urn) === urn) ||
      (!this.old(urn) && (!isTarget || isTarget(urn)));
    for (const state of [...this.doomed].reverse()) {
      if (isGoing(state) && !needed.has(state.urn)) steps.set(state, deleteStep(state));
      else for (const urn of dependenciesOf(state)) needed.add(urn);
    }
    const isConfined = isTarget !== undefined || this.options.selection.isExcluded !== undefined;
    const sames = this.previous
      .filter((state) => isConfined && !steps.has(state) && this.isUntold(state))
      .map((state) => untouchedStep(state, { ...state, id: "" }));
    return { sames, steps: [...steps.values()], refusals };
  }

  /**
   * What of the last snapshot the operation may delete, by the targets and excludes. With one that is excluded stays all
   * that it depends on, and so does what has been replaced under these names.
   */
  private mayGo(): Set<ResourceState> {
    const going = selected(this.previous, { ...this.options.selection, targetDependents: true });
    if (!this.options.selection.isExcluded) return going;
    const needed = new Set<string>();
    /** A component that is depended on, other than as the parent, is so with all of its children. */
    const wholly = new Set<string>();
    for (const state of [...this.previous].reverse()) {
      const isPart = wholly.has(state.parent) && this.olds.get(state.parent)?.custom === false;
      if (going.has(state) && !needed.has(state.urn) && !isPart) continue;
      going.delete(state);
      if (isPart) wholly.add(state.urn);
      for (const urn of dependenciesOf(state)) {
        needed.add(urn);
        if (urn !== state.parent) wholly.add(urn);
      }
    }
    return going;
  }

  /** No step has been about it so far. */
  private isUntold(state: ResourceState): boolean {
    const isWanted = this.seen.has(this.renamedTo.get(state.urn) ?? state.urn);
    return !isWanted && !state.delete && !this.deletedStates.has(state) && !this.carried.has(state);
  }

  private deletionOf(state: ResourceState, going: ReadonlySet<ResourceState>): Step | undefined {
    const { urn } = state;
    const forgotten: Step = { op: "remove-pending-replace", urn, old: state, logical: false };
    const isWanted = this.seen.has(this.renamedTo.get(urn) ?? urn);
    // Deleted ahead of a replacement that the program then didn't ask for.
    if (this.deletedStates.has(state)) return state.pendingReplacement && !isWanted ? forgotten : undefined;
    if (!going.has(state)) return undefined;
    if (state.delete) return deleteReplacedStep(state, false);
    if (isWanted) return undefined;
    return state.pendingReplacement ? forgotten : deleteStep(state);
  }

  private isIncluded(state: ResourceState): boolean {
    const { isTarget, isExcluded, targetDependents, excludeDependents } = this.options.selection;
    if (isProviderType(state.type) || state.type === ROOT_STACK_TYPE) return true;
    if (!isTarget) {
      const isOut =
        isExcluded?.(state.urn) || (excludeDependents && dependenciesOf(state).some((urn) => this.excluded.has(urn)));
      if (isOut) this.excluded.add(state.urn);
      return !isOut;
    }
    const included =
      isTarget(state.urn) || (targetDependents && dependenciesOf(state).some((urn) => this.targeted.has(urn)));
    if (included) this.targeted.add(state.urn);
    return included;
  }

  /** By the caller, or by somebody who has marked it in the state. */
  private isReplacementAsked(urn: string, old: ResourceState): boolean {
    return this.options.isTargetedReplace(urn) || old.taint;
  }

  private refuseNotMade(state: ResourceState): void {
    const missing = dependenciesOf(state).find((urn) => this.notMade.has(urn));
    if (!missing) return;
    throw new ResourceError(
      state.urn,
      `Resource '${state.urn}' depends on '${missing}' which was not specified in --target list.`,
    );
  }

  private claim(urn: string): void {
    if (this.seen.has(urn)) {
      throw new ResourceError(urn, `Duplicate resource URN '${urn}'; try giving it a unique name`);
    }
    if (this.renamedTo.has(urn)) {
      throw new ResourceError(
        urn,
        `${urn} is there under its old name already: ${this.renamedTo.get(urn)} has it as an alias`,
      );
    }
    this.seen.add(urn);
  }

  private findOld(urn: string, goal: Goal): ResourceState | undefined {
    const own = this.olds.get(urn);
    if (own) return own;
    for (const alias of this.aliasesOf(goal)) {
      const old = this.olds.get(alias);
      if (!old) continue;
      const taken = this.renamedTo.get(alias) ?? (this.seen.has(alias) ? alias : undefined);
      if (taken) {
        throw new ResourceError(urn, `the alias ${alias} of ${urn} can't be used: ${taken} is that resource already`);
      }
      this.renamedTo.set(alias, urn);
      this.renamedFrom.set(urn, alias);
      return old;
    }
    return undefined;
  }

  private aliasesOf(goal: Goal): string[] {
    const parentOld = goal.parent ? this.renamedFrom.get(goal.parent) : undefined;
    const own = goal.aliases.map((alias) => this.aliasUrn(alias, goal));
    if (!parentOld) return own;
    const inherited = [
      { type: goal.type, name: goal.name },
      ...own.map((urn) => ({ type: urnType(urn), name: urnName(urn) })),
    ];
    return [
      ...own,
      ...inherited.map(({ type, name }) => this.inheritedAlias(type, name, urnName(goal.parent), parentOld)),
    ];
  }

  private aliasUrn(alias: Alias, goal: Goal): string {
    if (alias.urn !== undefined) return alias.urn;
    let parent = alias.parent ? (this.renamedFrom.get(alias.parent) ?? alias.parent) : goal.parent;
    if (alias.noParent || (parent && parseUrn(parent).qualifiedType === ROOT_STACK_TYPE)) parent = "";
    return makeUrn(
      alias.stack || this.options.stack,
      alias.project || this.options.project,
      parent,
      alias.type || goal.type,
      alias.name || goal.name,
    );
  }

  /** A child that is named after its parent was named after the parent's old name. */
  private inheritedAlias(type: string, name: string, parentName: string, parentOld: string): string {
    const oldName = name.startsWith(parentName) ? urnName(parentOld) + name.slice(parentName.length) : name;
    return makeUrn(this.options.stack, this.options.project, parentOld, type, oldName);
  }

  private async providerOf(state: ResourceState): Promise<ProviderInstance | undefined> {
    if (!state.custom) return undefined;
    if (isProviderType(state.type)) {
      return {
        provider: this.registry.builtin,
        capabilities: { acceptSecrets: true, acceptResources: true, supportsPreview: true },
      };
    }
    return this.registry.get(state.provider);
  }

  private keepIgnored(state: ResourceState, goal: Goal, old: ResourceState): PropertyMap {
    const lost = goal.ignoreChanges.filter((text) => {
      const path = tryParsePath(text);
      return path !== undefined && !canReset(state.inputs, old.inputs, path);
    });
    if (lost.length > 0) {
      const message = `ignoreChanges can't put back what has no place in the new inputs or in the old: ${lost.join(", ")}`;
      this.contextFor(state.urn).log("info", message);
    }
    return goal.ignoreChanges.reduce((inputs, text) => {
      const path = tryParsePath(text);
      return path ? resetPath(inputs, old.inputs, path) : inputs;
    }, state.inputs);
  }

  private async check(
    provider: ProviderInstance,
    goal: Goal,
    urn: string,
    news: PropertyMap,
    olds: PropertyMap,
  ): Promise<PropertyMap> {
    const request: CheckRequest = { urn, name: goal.name, type: goal.type, olds, news, randomSeed: seed(urn) };
    const { inputs, failures } = await callCheck(provider, request, this.contextFor);
    if (failures?.length) throw new ResourceError(urn, describeFailures(goal, failures));
    return inputs;
  }

  private decideUntargeted(urn: string, state: ResourceState, old: ResourceState | undefined): Decision {
    if (!old) {
      this.notMade.add(urn);
      return { state, steps: [], passedOver: true };
    }
    // Nothing is done about it, not even a renaming: it goes by its old name, for the program too.
    Object.assign(state, { ...old, id: "", rest: old.rest });
    this.decided.set(old.urn, state);
    this.seen.add(old.urn);
    this.refuseNotMade(state);
    return { state, steps: [...this.carryDependencies(old), untouchedStep(old, state)] };
  }

  /** What an untargeted resource depends on and the program has dropped comes before it all the same. */
  private carryDependencies(old: ResourceState): Step[] {
    return dependenciesOf(old).flatMap((urn) => {
      const state = this.olds.get(urn);
      if (!state || this.seen.has(this.renamedTo.get(urn) ?? urn) || this.carried.has(state)) return [];
      this.carried.add(state);
      this.seen.add(urn);
      return [...this.carryDependencies(state), untouchedStep(state, { ...state })];
    });
  }

  private importSteps(state: ResourceState, old: ResourceState | undefined, recreating: boolean): Step[] {
    if (old && !recreating) {
      this.replaced.add(state.urn);
      return [
        { op: "import-replacement", urn: state.urn, old, new: state, logical: false, pendingDelete: true },
        { op: "replace", urn: state.urn, old, new: state, logical: true },
      ];
    }
    return [{ op: "import", urn: state.urn, ...(old ? { old } : {}), new: state, logical: true }];
  }

  /** It was deleted because of another's replacement, and the program still wants it. */
  private recreate(old: ResourceState, state: ResourceState): Step[] {
    const keys = this.deletedAhead.get(old.urn);
    this.deletedAhead.delete(old.urn);
    this.replaced.add(state.urn);
    return [
      { op: "replace", urn: state.urn, old, new: state, logical: true },
      { op: "create-replacement", urn: state.urn, old, new: state, logical: false, ...(keys ? { keys } : {}) },
    ];
  }

  private async stepsFromDiff(
    goal: Goal,
    urn: string,
    old: ResourceState,
    state: ResourceState,
    provider: ProviderInstance | undefined,
    problems: string[],
  ): Promise<Step[]> {
    const triggered = isTriggered(goal.replacementTrigger, old.replacementTrigger);
    if (!this.options.preview && containsUnknown(goal.replacementTrigger)) {
      throw new ResourceError(urn, "its replacementTrigger isn't known");
    }
    const diff = applyReplaceOnChanges(
      triggered ? { changes: "some" } : await this.diff(urn, old, state, provider, goal),
      goal.replaceOnChanges,
      old.initErrors.length > 0,
    );
    const replaces = forcesReplacement(diff) || old.pendingReplacement || triggered || old.custom !== state.custom;
    if (replaces) return this.replace(goal, urn, old, state, provider, diff, problems);
    if (diff.changes === "some" || old.initErrors.length > 0) {
      return [
        {
          op: "update",
          urn,
          old,
          new: state,
          logical: true,
          ignoreChanges: goal.ignoreChanges,
          ...differences(diff, false),
        },
      ];
    }
    return [sameStep(old, state)];
  }

  private async diff(
    urn: string,
    old: ResourceState,
    state: ResourceState,
    provider: ProviderInstance | undefined,
    goal: Goal,
  ): Promise<DiffResponse> {
    const blamed = this.isReplacementAsked(urn, old)
      ? "id"
      : state.replaceWith.some((other) => this.replaced.has(other))
        ? "replaceWith"
        : this.replaced.has(state.deletedWith)
          ? "deletedWith"
          : undefined;
    if (!provider) {
      if (blamed) return { changes: "some", replaces: [blamed] };
      return { changes: equalValues(old.inputs, state.inputs) ? "none" : "some" };
    }
    if (await this.providerForcesReplacement(urn, old, state)) {
      return { changes: "some", replaces: ["provider"], deleteBeforeReplace: false };
    }
    const request = {
      urn,
      name: urnName(urn),
      type: state.type,
      id: old.id,
      oldInputs: old.inputs,
      olds: old.outputs,
      news: state.inputs,
      ignoreChanges: goal.ignoreChanges,
    };
    const diff = await callDiff(provider, request, this.contextFor);
    // The provider alone knows that two of them can't be there at once, under one name for instance.
    return blamed ? { changes: "some", replaces: [blamed], deleteBeforeReplace: diff.deleteBeforeReplace } : diff;
  }

  /** A resource moves to another provider as it is, unless that one's DiffConfig says it can't. */
  private async providerForcesReplacement(urn: string, old: ResourceState, state: ResourceState): Promise<boolean> {
    if (old.provider === state.provider || isProviderType(state.type)) return false;
    if (!old.provider || !state.provider) return true;
    const [oldUrn, newUrn] = [parseProviderReference(old.provider).urn, parseProviderReference(state.provider).urn];
    if (packageOf(urnType(oldUrn)) !== packageOf(urnType(newUrn)) || urnType(oldUrn) !== urnType(newUrn)) return true;
    const oldState = this.olds.get(oldUrn);
    const newProvider = this.decided.get(newUrn);
    if (!oldState || !newProvider || this.renamedTo.get(oldUrn) === newUrn) return false;
    const { provider } = await this.registry.get(state.provider);
    const diff = await provider.diffConfig(
      {
        urn: newUrn,
        name: urnName(newUrn),
        type: urnType(newUrn),
        id: oldState.id,
        oldInputs: oldState.inputs,
        olds: oldState.outputs,
        news: newProvider.inputs,
        ignoreChanges: [],
      },
      this.contextFor(urn),
    );
    return (diff.replaces?.length ?? 0) > 0;
  }

  private async replace(
    goal: Goal,
    urn: string,
    old: ResourceState,
    state: ResourceState,
    provider: ProviderInstance | undefined,
    diff: DiffResponse,
    problems: string[],
  ): Promise<Step[]> {
    // A preview shows what would have to be done, and all that is in the way of it.
    const refuse = (message: string): void => {
      if (!this.options.preview) throw new ResourceError(urn, message);
      problems.push(message);
    };
    if (state.protect && old.protect) {
      refuse(
        `unable to replace resource "${urn}"\nas it is currently marked for protection. To unprotect the resource, remove the \`protect\` flag from the resource in your Pulumi program and run \`pulumi up\``,
      );
    }
    if (goal.importId) {
      const message = `it was imported and would have to be replaced (${(diff.replaces ?? []).join(", ")}), so that its id would change: remove \`import\` from its options`;
      if (!this.options.preview) throw new ResourceError(urn, message);
      this.contextFor(urn).log("warning", message);
    }
    this.replaced.add(urn);
    // Defaults were carried over from the old resource; a replacement has its own.
    if (provider && !this.isReplacementAsked(urn, old))
      state.inputs = await this.check(provider, goal, urn, goal.inputs, {});

    const deletesFirst = goal.deleteBeforeReplace ?? diff.deleteBeforeReplace ?? false;
    if (!old.pendingReplacement && !deletesFirst) {
      return [
        {
          op: "create-replacement",
          urn,
          old,
          new: state,
          logical: false,
          pendingDelete: true,
          ...differences(diff, true),
        },
        { op: "replace", urn, old, new: state, logical: true, ...differences(diff, true) },
      ];
    }
    const steps: Step[] = [];
    // One that is gone already, and needn't have gone first, takes nothing along any more.
    const followers = deletesFirst ? await this.dependentReplacements(old) : [];
    const protectedOne = followers.find(({ dependent }) => dependent.protect && !this.deletedStates.has(dependent));
    if (protectedOne) {
      throw new ResourceError(
        urn,
        `unable to replace resource "${protectedOne.dependent.urn}" as part of replacing "${urn}" as it is currently marked for protection: remove the \`protect\` flag from it first`,
      );
    }
    for (const { dependent, keys } of followers.reverse()) {
      if (this.deletedStates.has(dependent)) continue;
      steps.push(dependent.delete ? deleteStep(dependent) : deleteReplacedStep(dependent, true));
      this.deletedStates.add(dependent);
      // One that has been replaced already is not to be made again.
      if (!dependent.delete) this.deletedAhead.set(dependent.urn, keys);
    }
    if (!old.pendingReplacement) {
      steps.push(deleteReplacedStep(old, true));
      this.deletedStates.add(old);
    }
    return [
      ...steps,
      { op: "replace", urn, old, new: state, logical: true, ...differences(diff, true) },
      { op: "create-replacement", urn, old, new: state, logical: false, ...differences(diff, true) },
    ];
  }

  /**
   * The resources that would have to be replaced if `root` were, in the order they depend on each other: those whose
   * own Diff says so when unknowns stand for what they took from a replaced one.
   */
  private async dependentReplacements(root: ResourceState): Promise<{ dependent: ResourceState; keys?: string[] }[]> {
    // What this very operation has imported has no dependents yet.
    if (!this.previous.includes(root)) return [];
    const related = new Set([root.urn]);
    const replaced = new Set([root.urn]);
    const result: { dependent: ResourceState; keys?: string[] }[] = [];
    for (const state of this.previous.slice(this.previous.indexOf(root) + 1)) {
      const urn = this.renamedTo.get(state.urn) ?? state.urn;
      // What has been registered already can't depend on what is being registered only now.
      if (this.seen.has(urn) || state.urn === root.urn) continue;
      if (!dependenciesOf({ ...state, parent: "" }).some((on) => related.has(on))) continue;
      related.add(state.urn);
      const keys = await this.mustFollow(state, replaced);
      if (!keys) continue;
      replaced.add(state.urn);
      result.push({ dependent: state, ...(keys.length > 0 ? { keys } : {}) });
    }
    return result;
  }

  private async mustFollow(state: ResourceState, replaced: Set<string>): Promise<string[] | undefined> {
    if (!state.custom || state.external) return undefined;
    if (state.provider && replaced.has(parseProviderReference(state.provider).urn)) return [];
    if (state.deletedWith && replaced.has(state.deletedWith)) return [];
    if (state.replaceWith.some((urn) => replaced.has(urn))) return [];
    const news: PropertyMap = { ...state.inputs };
    let touched = false;
    for (const [key, urns] of Object.entries(state.propertyDependencies)) {
      if (!(key in news) || !urns.some((urn) => replaced.has(urn))) continue;
      news[key] = UNKNOWN;
      touched = true;
    }
    if (!touched) return undefined;
    const provider = await this.providerOf(state);
    if (!provider) return undefined;
    const request = {
      urn: state.urn,
      name: urnName(state.urn),
      type: state.type,
      id: state.id,
      oldInputs: state.inputs,
      olds: state.outputs,
      news,
      ignoreChanges: state.ignoreChanges,
    };
    const diff = applyReplaceOnChanges(
      await callDiff(provider, request, this.contextFor),
      state.replaceOnChanges,
      false,
    );
    return forcesReplacement(diff) ? (diff.replaces ?? []) : undefined;
  }
}

const forcesReplacement = (diff: DiffResponse): boolean =>
  (diff.replaces?.length ?? 0) > 0 ||
  Object.values(diff.detailedDiff ?? {}).some(({ kind }) => kind.endsWith("-replace"));

function replaceByCreation(old: ResourceState, state: ResourceState, diff: Partial<Step>): Step[] {
  return [
    { op: "create-replacement", urn: state.urn, old, new: state, logical: false, pendingDelete: true, ...diff },
    { op: "replace", urn: state.urn, old, new: state, logical: true, ...diff },
  ];
}

function differences(diff: DiffResponse, replacing: boolean): Pick<Step, "keys" | "diffs" | "detailedDiff"> {
  return {
    ...(replacing && diff.replaces?.length ? { keys: diff.replaces } : {}),
    ...(diff.diffs?.length ? { diffs: diff.diffs } : {}),
    ...(diff.detailedDiff && Object.keys(diff.detailedDiff).length > 0 ? { detailedDiff: diff.detailedDiff } : {}),
  };
}

/** A trigger that isn't known may have changed; where there is none, there is nothing to compare. */
function isTriggered(trigger: PropertyValue | undefined, old: PropertyValue | undefined): boolean {
  if (containsUnknown(trigger) || containsUnknown(old)) return true;
  if (trigger === undefined || trigger === null || old === undefined || old === null) return false;
  return !equalValues(withoutSecrets(withoutOutputs(trigger)), withoutSecrets(withoutOutputs(old)));
}

/** The option's name for "the last create or update left it out of order". */
const INIT_ERROR = "#initerror";

function applyReplaceOnChanges(diff: DiffResponse, replaceOnChanges: string[], hasInitErrors: boolean): DiffResponse {
  if (replaceOnChanges.length === 0) return diff;
  const replaces = new Set(diff.replaces ?? []);
  let changes = diff.changes;
  const paths = replaceOnChanges.map(parsePath);
  if (hasInitErrors && paths.some((option) => pathContains(option, [INIT_ERROR]))) {
    replaces.add(INIT_ERROR);
    changes = "some";
  }
  const detailedDiff: Record<string, PropertyDiff> = {};
  for (const [text, difference] of Object.entries(diff.detailedDiff ?? {})) {
    const path = parsePath(text);
    const forced = paths.some((option) => pathContains(option, path));
    detailedDiff[text] = forced ? { ...difference, kind: replacing(difference.kind) } : difference;
  }
  for (const key of diff.diffs ?? []) {
    const path = tryParsePath(key);
    if (path && paths.some((option) => pathContains(option, path))) replaces.add(key);
  }
  return {
    ...diff,
    changes,
    replaces: [...replaces],
    ...(diff.detailedDiff ? { detailedDiff } : {}),
  };
}

const replacing = (kind: DiffKind): DiffKind => (kind.endsWith("-replace") ? kind : (`${kind}-replace` as DiffKind));

function describeFailures({ type, name }: Goal, failures: CheckFailure[]): string {
  return failures
    .map(({ property, reason }) =>
      property
        ? `${type} resource '${name}': property ${property} ${reason}`
        : `${type} resource '${name}' has a problem: ${reason}`,
    )
    .join("\n");
}

/** The same for one URN every time, so that a name derived from it stays. */
function seed(urn: string): Uint8Array {
  return createHash("sha256").update(urn).digest();
}
