/**
 * Snapshots in Pulumi's checkpoint format (version 3).
 *
 * Source: `sdk/go/common/apitype/core.go` and `pkg/resource/stack/deployment.go` in pulumi/pulumi.
 */
import { UserError } from "../api";
import type { CustomTimeouts, ResourceState } from "../resource";
import type { SecretsManager } from "../secrets/passphrase";
import {
  fromWire,
  fromWireMap,
  type Json,
  type JsonObject,
  type PropertyMap,
  type PropertyValue,
  Secret,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  toWire,
  toWireMap,
} from "../values";

export const DEPLOYMENT_VERSION = 3;

/** What an interrupted operation was about to do. */
export interface PendingOperation {
  type: "creating" | "updating" | "deleting" | "reading" | "importing";
  resource: ResourceState;
}

/** All resources of a stack, each after everything it depends on. */
export interface Snapshot {
  resources: ResourceState[];
  pendingOperations: PendingOperation[];
}

export const emptySnapshot = (): Snapshot => ({ resources: [], pendingOperations: [] });

/** `apitype.DeploymentV3` as JSON. */
export interface SerializedDeployment {
  manifest: { time: string; magic: string; version: string };
  secrets_providers?: { type: string; state?: { salt: string } };
  resources?: SerializedResource[];
  pending_operations?: { type: string; resource: SerializedResource }[];
  metadata?: Record<string, unknown>;
}

/** `apitype.ResourceV3` as JSON. */
export type SerializedResource = { urn: string; type: string; custom: boolean } & Record<string, unknown>;

/** With `showSecrets` they are in the clear, which is for people to read; the checkpoint file has them encrypted. */
export function serializeDeployment(
  snapshot: Snapshot,
  secrets: SecretsManager,
  { showSecrets = false } = {},
): SerializedDeployment {
  let encrypted = false;
  const seal: Seal = (plaintext) => {
    encrypted = true;
    return showSecrets ? { plaintext } : { ciphertext: secrets.encrypt(plaintext) };
  };
  const resources = snapshot.resources.map((state) => serialize(state, seal));
  const pending = snapshot.pendingOperations.map(({ type, resource }) => ({
    type,
    resource: serialize(resource, seal),
  }));
  return {
    manifest: { time: new Date().toISOString(), magic: "", version: "" },
    ...(encrypted ? { secrets_providers: { type: secrets.type, state: secrets.state } } : {}),
    resources,
    ...(pending.length > 0 ? { pending_operations: pending } : {}),
    metadata: {},
  };
}

export function serializeResource(state: ResourceState, encrypt: (plaintext: string) => string): SerializedResource {
  return serialize(state, (plaintext) => ({ ciphertext: encrypt(plaintext) }));
}

/** What stands for a secret, made of its plain JSON. */
type Seal = (plaintext: string) => { ciphertext: string } | { plaintext: string };

function serialize(state: ResourceState, seal: Seal): SerializedResource {
  const options = {
    resources: true,
    seal: (plain: Json): JsonObject => ({ [SIGNATURE_KEY]: SECRET_SIGNATURE, ...seal(JSON.stringify(plain)) }),
  };
  const map = (values: PropertyMap): JsonObject | undefined =>
    Object.keys(values).length > 0 ? toWireMap(values, options) : undefined;
  return compact({
    ...state.rest,
    urn: state.urn,
    custom: state.custom,
    delete: state.delete || undefined,
    id: state.id || undefined,
    type: state.type,
    inputs: map(state.inputs),
    outputs: map(state.outputs),
    parent: state.parent || undefined,
    protect: state.protect || undefined,
    external: state.external || undefined,
    dependencies: orNothing(state.dependencies),
    initErrors: orNothing(state.initErrors),
    taint: state.taint || undefined,
    refreshBeforeUpdate: state.refreshBeforeUpdate || undefined,
    provider: state.provider || undefined,
    propertyDependencies: Object.keys(state.propertyDependencies).length > 0 ? state.propertyDependencies : undefined,
    pendingReplacement: state.pendingReplacement || undefined,
    additionalSecretOutputs: orNothing(state.additionalSecretOutputs),
    aliases: orNothing(state.aliases),
    customTimeouts: serializeTimeouts(state.customTimeouts),
    importID: state.importId || undefined,
    retainOnDelete: state.retainOnDelete || undefined,
    deletedWith: state.deletedWith || undefined,
    replaceWith: orNothing(state.replaceWith),
    replacementTrigger: state.replacementTrigger === undefined ? undefined : toWire(state.replacementTrigger, options),
    created: state.created,
    modified: state.modified,
    sourcePosition: state.sourcePosition,
    ignoreChanges: orNothing(state.ignoreChanges),
    hideDiff: orNothing(state.hideDiffs),
    replaceOnChanges: orNothing(state.replaceOnChanges),
    resourceHooks: serializeHooks(state),
  }) as SerializedResource;
}

/** A state that is sound, but not for this engine to read. */
export class UnsupportedStateError extends UserError {}

/** What a checkpoint of version 4 may say that it uses. Without any, it is one of version 3. */
const FEATURES = new Set(["hooks", "refreshBeforeUpdate", "replaceWith", "taint"]);

/**
 * Reads `{version, deployment}`. Throws an UnsupportedStateError for a version or a feature that this engine doesn't know: what it
 * doesn't understand it must not write back.
 */
export function deserializeDeployment(
  untyped: { version: number; deployment: unknown; features?: string[] },
  secrets: Pick<SecretsManager, "decrypt">,
): Snapshot {
  if (untyped.version !== DEPLOYMENT_VERSION && untyped.version !== 4) {
    throw new UnsupportedStateError(
      `the state has version ${untyped.version}; this engine reads versions ${DEPLOYMENT_VERSION} and 4: use the Pulumi CLI for this stack`,
    );
  }
  const foreign = (untyped.features ?? []).filter((feature) => !FEATURES.has(feature));
  if (foreign.length > 0) {
    throw new UnsupportedStateError(
      `the state uses ${foreign.join(", ")}, which this engine doesn't know: use the Pulumi CLI for this stack`,
    );
  }
  const deployment = (untyped.deployment ?? {}) as Partial<SerializedDeployment>;
  const decrypt = (ciphertext: string): string => secrets.decrypt(ciphertext);
  return {
    resources: (deployment.resources ?? []).map((resource) => deserializeResource(resource, decrypt)),
    pendingOperations: (deployment.pending_operations ?? []).map(({ type, resource }) => ({
      type: type as PendingOperation["type"],
      resource: deserializeResource(resource, decrypt),
    })),
  };
}

export function deserializeResource(json: SerializedResource, decrypt: (ciphertext: string) => string): ResourceState {
  const unseal = (sealed: JsonObject): PropertyValue => {
    if (typeof sealed["ciphertext"] === "string") {
      return new Secret(fromWire(JSON.parse(decrypt(sealed["ciphertext"])), unseal));
    }
    // `stack export --show-secrets` writes the plain JSON instead.
    if (typeof sealed["plaintext"] === "string") return new Secret(fromWire(JSON.parse(sealed["plaintext"]), unseal));
    return new Secret(fromWire(sealed["value"], unseal));
  };
  const {
    urn,
    custom,
    id,
    type,
    inputs,
    outputs,
    parent,
    protect,
    external,
    dependencies,
    initErrors,
    taint,
    refreshBeforeUpdate,
    provider,
    propertyDependencies,
    pendingReplacement,
    additionalSecretOutputs,
    aliases,
    customTimeouts,
    importID,
    retainOnDelete,
    deletedWith,
    replaceWith,
    replacementTrigger,
    created,
    modified,
    sourcePosition,
    ignoreChanges,
    hideDiff,
    replaceOnChanges,
    resourceHooks,
    delete: condemned,
    ...rest
  } = json as unknown as CheckpointFields;
  const map = (values: unknown): PropertyMap => fromWireMap((values ?? {}) as Record<string, unknown>, unseal);
  const lists = (values: Record<string, string[] | null> | undefined): Record<string, string[]> =>
    Object.fromEntries(Object.entries(values ?? {}).map(([key, urns]) => [key, urns ?? []]));
  return {
    urn,
    type,
    custom: custom ?? false,
    id: id ?? "",
    inputs: map(inputs),
    outputs: map(outputs),
    parent: parent ?? "",
    provider: provider ?? "",
    dependencies: dependencies ?? [],
    propertyDependencies: lists(propertyDependencies),
    protect: protect ?? false,
    external: external ?? false,
    retainOnDelete: retainOnDelete ?? false,
    deletedWith: deletedWith ?? "",
    delete: condemned ?? false,
    pendingReplacement: pendingReplacement ?? false,
    initErrors: initErrors ?? [],
    taint: taint ?? false,
    refreshBeforeUpdate: refreshBeforeUpdate ?? false,
    additionalSecretOutputs: additionalSecretOutputs ?? [],
    ignoreChanges: ignoreChanges ?? [],
    replaceOnChanges: replaceOnChanges ?? [],
    hideDiffs: hideDiff ?? [],
    aliases: aliases ?? [],
    customTimeouts: customTimeouts ?? {},
    importId: importID ?? "",
    replaceWith: replaceWith ?? [],
    replacementTrigger: replacementTrigger === undefined ? undefined : fromWire(replacementTrigger, unseal),
    hooks: hooksFrom(resourceHooks),
    ...(created ? { created } : {}),
    ...(modified ? { modified } : {}),
    ...(sourcePosition ? { sourcePosition } : {}),
    rest,
  };
}

const orNothing = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined);

function serializeTimeouts(timeouts: CustomTimeouts): CustomTimeouts | undefined {
  return Object.values(timeouts).some((seconds) => seconds) ? timeouts : undefined;
}

/** The fields of `apitype.ResourceV3` that this engine knows. */
interface CheckpointFields {
  urn: string;
  type: string;
  custom?: boolean;
  delete?: boolean;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  parent?: string;
  protect?: boolean;
  external?: boolean;
  dependencies?: string[];
  initErrors?: string[];
  taint?: boolean;
  refreshBeforeUpdate?: boolean;
  provider?: string;
  propertyDependencies?: Record<string, string[] | null>;
  pendingReplacement?: boolean;
  additionalSecretOutputs?: string[];
  aliases?: string[];
  customTimeouts?: CustomTimeouts;
  importID?: string;
  retainOnDelete?: boolean;
  deletedWith?: string;
  replaceWith?: string[];
  replacementTrigger?: unknown;
  created?: string;
  modified?: string;
  sourcePosition?: string;
  ignoreChanges?: string[];
  hideDiff?: string[];
  replaceOnChanges?: string[];
  resourceHooks?: Record<string, string[]>;
}

/** The checkpoint's names of the lists in `HookBindings`. */
const HOOK_KEYS = [
  ["beforeCreate", "BeforeCreate"],
  ["afterCreate", "AfterCreate"],
  ["beforeUpdate", "BeforeUpdate"],
  ["afterUpdate", "AfterUpdate"],
  ["beforeDelete", "BeforeDelete"],
  ["afterDelete", "AfterDelete"],
  ["onError", "OnError"],
] as const;

function serializeHooks({ hooks }: ResourceState): Record<string, string[]> | undefined {
  const entries = HOOK_KEYS.flatMap(([name, key]): [string, string[]][] =>
    hooks[name]?.length ? [[key, hooks[name]]] : [],
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

function hooksFrom(json: Record<string, string[]> | undefined): ResourceState["hooks"] {
  const hooks: ResourceState["hooks"] = {};
  for (const [name, key] of HOOK_KEYS) if (json?.[key]?.length) hooks[name] = json[key];
  return hooks;
}

function compact(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
