/** A registration as it travels: protobuf, and the options that transforms may change, to the engine's `Goal`. */
import { Alias as AliasMessage } from "@pulumi/pulumi/proto/alias_pb";
import {
  RegisterResourceRequest,
  TransformRequest,
  TransformResourceOptions,
  TransformResponse,
} from "@pulumi/pulumi/proto/resource_pb";
import type { SourcePosition } from "@pulumi/pulumi/proto/source_pb";
import type { Alias, CustomTimeouts, Goal } from "../resource";
import {
  mapValue,
  OutputValue,
  type PropertyMap,
  type PropertyValue,
  Secret,
  someValue,
  Unknown,
  withoutOutputs,
} from "../values";
import { readHooks, writeHooks } from "./hooks";
import { fromStruct, fromValue, toStruct, toValue } from "./structs";

/** A goal before its provider has been resolved. */
export interface Registration {
  goal: Goal;
  /** Providers for the package of each child, by package name. */
  providers: Record<string, string>;
  version: string;
  pluginDownloadUrl: string;
  remote: boolean;
  /** As they were written, for transforms. */
  timeouts: RegisterResourceRequest.CustomTimeouts | undefined;
}

export function readRegistration(request: RegisterResourceRequest): Registration {
  const inputs = fromStruct(request.getObject());
  const dependencies = request.getDependenciesList();
  const goal: Goal = {
    type: request.getType(),
    name: request.getName(),
    custom: request.getCustom(),
    parent: request.getParent(),
    inputs,
    provider: request.getProvider(),
    dependencies,
    propertyDependencies: propertyDependencies(request, inputs),
    protect: request.hasProtect() ? request.getProtect() : undefined,
    retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
    deletedWith: request.getDeletedwith(),
    deleteBeforeReplace: request.getDeletebeforereplacedefined()
      ? request.getDeletebeforereplace()
      : request.getDeletebeforereplace() || undefined,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    hideDiffs: request.getHidediffsList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    aliases: [...request.getAliasurnsList().map((urn): Alias => ({ urn })), ...request.getAliasesList().map(readAlias)],
    customTimeouts: readTimeouts(request.getCustomtimeouts()),
    importId: request.getImportid(),
    replaceWith: request.getReplaceWithList(),
    replacementTrigger: request.hasReplacementTrigger() ? fromValue(request.getReplacementTrigger()) : undefined,
    hooks: readHooks(request.getHooks()),
  };
  return {
    goal,
    providers: Object.fromEntries(request.getProvidersMap().entries()),
    version: request.getVersion(),
    pluginDownloadUrl: request.getPlugindownloadurl(),
    remote: request.getRemote(),
    timeouts: request.getCustomtimeouts(),
  };
}

/** An SDK that doesn't tell them apart has every property depend on everything. */
function propertyDependencies(request: RegisterResourceRequest, inputs: PropertyMap): Record<string, string[]> {
  const map = request.getPropertydependenciesMap();
  // Every SDK that knows components of plugins tells them apart.
  if (map.getLength() === 0 && !request.getRemote()) {
    return Object.fromEntries(Object.keys(inputs).map((key) => [key, request.getDependenciesList()]));
  }
  return Object.fromEntries(map.toArray().map(([key, value]: [string, unknown]) => [key, urnsOf(value)]));
}

/** `toArray` gives the messages as their field lists. */
function urnsOf(value: unknown): string[] {
  if (value instanceof RegisterResourceRequest.PropertyDependencies) return value.getUrnsList();
  return ((value as unknown[])[0] as string[] | undefined) ?? [];
}

function readAlias(message: AliasMessage): Alias {
  if (message.hasUrn()) return { urn: message.getUrn() };
  const spec = message.getSpec();
  if (!spec) return {};
  return {
    name: spec.getName(),
    type: spec.getType(),
    stack: spec.getStack(),
    project: spec.getProject(),
    parent: spec.getParenturn(),
    noParent: spec.getNoparent(),
  };
}

export function writeAlias(alias: Alias): AliasMessage {
  const message = new AliasMessage();
  if (alias.urn !== undefined) {
    message.setUrn(alias.urn);
    return message;
  }
  const spec = new AliasMessage.Spec();
  spec.setName(alias.name ?? "");
  spec.setType(alias.type ?? "");
  spec.setStack(alias.stack ?? "");
  spec.setProject(alias.project ?? "");
  if (alias.parent) spec.setParenturn(alias.parent);
  if (alias.noParent) spec.setNoparent(true);
  message.setSpec(spec);
  return message;
}

const DURATION_UNITS: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** Seconds of a Go duration such as `1h30m` or `1.5s`; throws where it isn't one. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (text === "0") return 0;
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) {
    throw new Error(`"${text}" is not a duration: write it like 90s, 5m or 1h30m`);
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * DURATION_UNITS[unit!]!, 0);
}

function readTimeouts(message: RegisterResourceRequest.CustomTimeouts | undefined): CustomTimeouts {
  const timeouts: CustomTimeouts = {};
  if (!message) return timeouts;
  if (message.getCreate()) timeouts.create = parseDuration(message.getCreate());
  if (message.getUpdate()) timeouts.update = parseDuration(message.getUpdate());
  if (message.getDelete()) timeouts.delete = parseDuration(message.getDelete());
  if (message.getRead()) timeouts.read = parseDuration(message.getRead());
  return timeouts;
}

/** What a transform is asked, as bytes. `tracked`: inputs carry what they depend on, so that transforms may change it. */
export function transformRequest(registration: Registration, tracked: boolean): Uint8Array {
  const { goal, providers } = registration;
  const options = new TransformResourceOptions();
  options.setDependsOnList(goal.dependencies);
  if (goal.protect !== undefined) options.setProtect(goal.protect);
  options.setIgnoreChangesList(goal.ignoreChanges);
  options.setReplaceOnChangesList(goal.replaceOnChanges);
  options.setVersion(registration.version);
  options.setAliasesList(goal.aliases.map(writeAlias));
  options.setProvider(goal.provider);
  options.setCustomTimeouts(registration.timeouts);
  options.setPluginDownloadUrl(registration.pluginDownloadUrl);
  if (goal.retainOnDelete !== undefined) options.setRetainOnDelete(goal.retainOnDelete);
  options.setDeletedWith(goal.deletedWith);
  if (goal.deleteBeforeReplace !== undefined) options.setDeleteBeforeReplace(goal.deleteBeforeReplace);
  options.setAdditionalSecretOutputsList(goal.additionalSecretOutputs);
  for (const [pkg, reference] of Object.entries(providers)) options.getProvidersMap().set(pkg, reference);
  options.setHooks(writeHooks(new RegisterResourceRequest.ResourceHooksBinding(), goal.hooks));
  options.setImport(goal.importId);
  options.setHideDiffList(goal.hideDiffs);
  options.setReplaceWithList(goal.replaceWith);
  if (goal.replacementTrigger !== undefined) options.setReplacementTrigger(toValue(goal.replacementTrigger, WHOLE));
  const request = new TransformRequest();
  request.setType(goal.type);
  request.setName(goal.name);
  request.setCustom(goal.custom);
  request.setParent(goal.parent);
  const inputs = upgraded(goal.inputs) as PropertyMap;
  request.setProperties(toStruct(tracked ? withDependencies(inputs, goal) : inputs, WHOLE));
  request.setOptions(options);
  return request.serializeBinary();
}

const WHOLE = { secrets: true, resources: true, outputs: true };

/** Secrets and unknowns as outputs, the only form in which a transform has them as values of its own. */
function upgraded(value: PropertyValue): PropertyValue {
  return mapValue(value, (inner) => {
    if (inner instanceof Unknown) return new OutputValue(undefined, false, false, []);
    if (!(inner instanceof Secret)) return undefined;
    const known = !(inner.element instanceof Unknown);
    return new OutputValue(known ? upgraded(inner.element) : undefined, known, true, []);
  });
}

/** Inputs with what each depends on, which a transform must not lose. */
function withDependencies(inputs: PropertyMap, { propertyDependencies }: Goal): PropertyMap {
  return Object.fromEntries(
    Object.entries(inputs).map(([key, value]) => {
      const urns = new Set(propertyDependencies[key] ?? []);
      if ([...urns].every((urn) => dependenciesOf(value).has(urn))) return [key, value];
      if (!(value instanceof OutputValue)) return [key, new OutputValue(value, true, false, [...urns])];
      return [
        key,
        new OutputValue(value.element, value.known, value.secret, [...new Set([...value.dependencies, ...urns])]),
      ];
    }),
  );
}

/** What the outputs in a value depend on. */
function dependenciesOf(value: PropertyValue): Set<string> {
  const urns = new Set<string>();
  someValue(value, (inner) => {
    if (inner instanceof OutputValue) inner.dependencies.forEach((urn) => urns.add(urn));
    return false;
  });
  return urns;
}

/** The registration as a transform left it. */
export function applyTransform(registration: Registration, bytes: Uint8Array): Registration {
  const response = TransformResponse.deserializeBinary(bytes);
  const options = response.getOptions();
  const goal = { ...registration.goal };
  const result: Registration = { ...registration, goal };
  if (response.hasProperties()) goal.inputs = fromStruct(response.getProperties());
  if (!options) return result;
  goal.dependencies = options.getDependsOnList();
  goal.protect = options.hasProtect() ? options.getProtect() : undefined;
  goal.ignoreChanges = options.getIgnoreChangesList();
  goal.replaceOnChanges = options.getReplaceOnChangesList();
  goal.aliases = options.getAliasesList().map(readAlias);
  goal.provider = options.getProvider();
  result.timeouts = options.getCustomTimeouts();
  goal.customTimeouts = readTimeouts(result.timeouts);
  goal.retainOnDelete = options.hasRetainOnDelete() ? options.getRetainOnDelete() : undefined;
  goal.deletedWith = options.getDeletedWith();
  goal.deleteBeforeReplace = options.hasDeleteBeforeReplace() ? options.getDeleteBeforeReplace() : undefined;
  goal.additionalSecretOutputs = options.getAdditionalSecretOutputsList();
  goal.importId = options.getImport();
  goal.hideDiffs = options.getHideDiffList();
  goal.replaceWith = options.getReplaceWithList();
  goal.hooks = readHooks(options.getHooks());
  goal.replacementTrigger = fromValue(options.getReplacementTrigger());
  result.providers = Object.fromEntries(options.getProvidersMap().entries());
  result.version = options.getVersion();
  result.pluginDownloadUrl = options.getPluginDownloadUrl();
  return result;
}

/**
 * The goal with plain inputs, unknowns and secrets in place of outputs, and what those depend on in the lists. As in
 * Pulumi, only transforms of its own (`tracked`) can take a dependency away.
 */
export function withoutTransforms(asked: Goal, transformed: Goal, tracked: boolean): Goal {
  const propertyDependencies: Record<string, string[]> = tracked ? {} : { ...asked.propertyDependencies };
  for (const [key, value] of Object.entries(transformed.inputs)) {
    propertyDependencies[key] = [...new Set([...(propertyDependencies[key] ?? []), ...dependenciesOf(value)])];
  }
  const found = Object.values(propertyDependencies).flat();
  const dependencies = tracked ? [...new Set([...transformed.dependencies, ...found])] : asked.dependencies;
  return { ...transformed, inputs: withoutOutputs(transformed.inputs), dependencies, propertyDependencies };
}

/** `project:///index.ts#10,14` of a position inside the project, which doesn't tell where the project lies. */
export function projectPosition(position: SourcePosition | undefined, root: string): string | undefined {
  const uri = position?.getUri();
  if (!position || !uri?.startsWith("file://")) return undefined;
  const path = uri.slice("file://".length);
  if (!path.startsWith(`${root}/`)) return undefined;
  const column = position.getColumn() ? `,${position.getColumn()}` : "";
  return `project:///${path.slice(root.length + 1)}#${position.getLine()}${column}`;
}
