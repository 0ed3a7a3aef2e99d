/** What a program asks for (a goal) and what is (a resource's state). */
import type { PropertyMap, PropertyValue } from "./values";

/** Seconds. */
export interface CustomTimeouts {
  create?: number;
  update?: number;
  delete?: number;
  read?: number;
}

/** Names of hooks to be called around the steps of a resource, or where one of them fails. */
export interface HookBindings {
  beforeCreate?: string[];
  afterCreate?: string[];
  beforeUpdate?: string[];
  afterUpdate?: string[];
  beforeDelete?: string[];
  afterDelete?: string[];
  onError?: string[];
}

/** Another name a resource may have had: a whole URN, or the parts in which the old one differed. */
export type Alias =
  | { urn: string }
  | {
      urn?: undefined;
      name?: string;
      type?: string;
      stack?: string;
      project?: string;
      parent?: string;
      noParent?: boolean;
    };

/** One registration: the state that a program wants a resource to be in, and how to get there. */
export interface Goal {
  type: string;
  name: string;
  custom: boolean;
  parent: string;
  inputs: PropertyMap;
  /** `urn::id` of the provider; empty for components. */
  provider: string;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  protect: boolean | undefined;
  retainOnDelete: boolean | undefined;
  deletedWith: string;
  deleteBeforeReplace: boolean | undefined;
  ignoreChanges: string[];
  replaceOnChanges: string[];
  hideDiffs: string[];
  additionalSecretOutputs: string[];
  aliases: Alias[];
  customTimeouts: CustomTimeouts;
  /** The id of an existing resource to be adopted; empty for none. */
  importId: string;
  replaceWith: string[];
  replacementTrigger: PropertyValue | undefined;
  hooks: HookBindings;
  sourcePosition?: string;
}

/** A resource in a snapshot. The engine never changes `inputs` and `outputs` in place. */
export interface ResourceState {
  urn: string;
  type: string;
  custom: boolean;
  /** Empty for components and for what doesn't exist yet. */
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
  parent: string;
  provider: string;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  protect: boolean;
  /** Read, not managed: never deleted. */
  external: boolean;
  retainOnDelete: boolean;
  deletedWith: string;
  /** Replaced by a newer one of the same URN; to be deleted. */
  delete: boolean;
  /** Deleted ahead of its replacement, which isn't there yet. */
  pendingReplacement: boolean;
  /** Why the resource, though it exists, isn't in order. */
  initErrors: string[];
  /** Marked by `pulumi state taint`: the next update replaces it. */
  taint: boolean;
  /** Its provider wants it to be read before it is changed or deleted. */
  refreshBeforeUpdate: boolean;
  additionalSecretOutputs: string[];
  ignoreChanges: string[];
  replaceOnChanges: string[];
  hideDiffs: string[];
  aliases: string[];
  customTimeouts: CustomTimeouts;
  importId: string;
  replaceWith: string[];
  replacementTrigger: PropertyValue | undefined;
  hooks: HookBindings;
  created?: string;
  modified?: string;
  sourcePosition?: string;
  /** Fields of the checkpoint that this engine has no use for, kept as they were. */
  rest: Record<string, unknown>;
}

export function newState(goal: Goal, urn: string): ResourceState {
  return {
    urn,
    type: goal.type,
    custom: goal.custom,
    id: "",
    inputs: goal.inputs,
    outputs: {},
    parent: goal.parent,
    provider: goal.provider,
    dependencies: goal.dependencies,
    propertyDependencies: goal.propertyDependencies,
    protect: goal.protect ?? false,
    external: false,
    retainOnDelete: goal.retainOnDelete ?? false,
    deletedWith: goal.deletedWith,
    delete: false,
    pendingReplacement: false,
    initErrors: [],
    taint: false,
    refreshBeforeUpdate: false,
    additionalSecretOutputs: goal.additionalSecretOutputs,
    ignoreChanges: goal.ignoreChanges,
    replaceOnChanges: goal.replaceOnChanges,
    hideDiffs: goal.hideDiffs,
    aliases: [],
    customTimeouts: goal.customTimeouts,
    importId: goal.importId,
    replaceWith: goal.replaceWith,
    replacementTrigger: goal.replacementTrigger,
    hooks: goal.hooks,
    ...(goal.sourcePosition ? { sourcePosition: goal.sourcePosition } : {}),
    rest: {},
  };
}

/** Everything that must come before `state` in a snapshot and be deleted after it. */
export function dependenciesOf(state: ResourceState): string[] {
  const urns = new Set<string>(state.dependencies);
  for (const list of Object.values(state.propertyDependencies)) for (const urn of list) urns.add(urn);
  if (state.parent) urns.add(state.parent);
  if (state.deletedWith) urns.add(state.deletedWith);
  for (const urn of state.replaceWith) urns.add(urn);
  if (state.provider) urns.add(state.provider.slice(0, state.provider.lastIndexOf("::")));
  return [...urns];
}
