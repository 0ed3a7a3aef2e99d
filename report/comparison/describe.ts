import { createHash } from "node:crypto";
import { type InputValue, nameInUrn, notKnown, type PreviewedResource, SecretInput } from "./resource";
import type { Aspect, ResourceKind } from "./schema";

/** A resource in the words in which people compare stacks. */
export interface Description {
  kind: ResourceKind;
  name: string;
  type: string;
  urn: string;
  /** What a container is there for, where its labels say so. */
  role?: string;
  facts: Fact[];
  /** Names of the services that it waits for. */
  dependsOn: string[];
}

/** One thing that can be said of a resource; `aspect` and `key` together tell it from the others. */
export interface Fact {
  aspect: Aspect;
  key?: string;
  /** In full; of a secret for comparing only. */
  value: string;
  secret: boolean;
  /** The provider chose it; the program says nothing of it. */
  byDefault?: true;
}

/** What is compared of a program's resources: all but its components, which are only names around them. */
export function describeStack(resources: PreviewedResource[]): Description[] {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const needs = (resource: PreviewedResource) => servicesBehind(resource, byUrn);
  return resources.filter(isCompared).map((resource) => {
    const { urn, type } = resource;
    const kind = kindOf(type);
    const labels = labelsOf(resource.inputs.labels);
    const role = kind === "service" ? labels.get("dev.seatrial.role") : undefined;
    const facts = factsOf(kind, resource, byUrn);
    const name = nameInUrn(urn);
    return {
      kind,
      name,
      type,
      urn,
      ...(role ? { role } : {}),
      facts,
      dependsOn: kind === "service" ? needs(resource) : [],
    };
  });
}

const kinds: Record<string, ResourceKind> = {
  "docker:index/container:Container": "service",
  "docker:index/image:Image": "image",
  "docker:index/remoteImage:RemoteImage": "image",
  "docker:index/registryImage:RegistryImage": "image",
  "docker:index/network:Network": "network",
  "docker:index/volume:Volume": "volume",
  "command:local:Command": "command",
};

function kindOf(type: string): ResourceKind {
  return kinds[type] ?? "resource";
}

function isCompared({ type, custom }: PreviewedResource): boolean {
  return custom && !type.startsWith("pulumi:");
}

/** The services whose being ready is waited for, directly or by way of probes, commands and the like. */
function servicesBehind(resource: PreviewedResource, byUrn: Map<string, PreviewedResource>): string[] {
  const found = new Set<string>();
  const seen = new Set<string>([resource.urn]);
  const walk = (urns: string[]): void => {
    for (const urn of urns) {
      if (seen.has(urn)) continue;
      seen.add(urn);
      const needed = byUrn.get(urn);
      if (!needed) continue;
      if (kindOf(needed.type) === "service" && !isHelper(needed)) found.add(nameInUrn(urn));
      else walk(needed.dependencies);
    }
  };
  walk(resource.dependencies);
  return [...found].sort();
}

/** A container that only finds out whether another is ready. */
function isHelper({ inputs }: PreviewedResource): boolean {
  return labelsOf(inputs.labels).get("dev.seatrial.role") === "probe";
}

function factsOf(kind: ResourceKind, resource: PreviewedResource, byUrn: Map<string, PreviewedResource>): Fact[] {
  const facts: Fact[] = [];
  const defaults = defaultsOf(resource.inputs);
  for (const [name, value] of Object.entries(resource.inputs)) {
    if (value === undefined || name === "__defaults") continue;
    const explain = explainers[kind]?.[name] ?? settingOf(name);
    const sources = (resource.propertyDependencies[name] ?? []).flatMap((urn) => byUrn.get(urn) ?? []);
    const isDefault = defaults.includes(name) || name === "containerReadRefreshTimeoutMilliseconds";
    for (const fact of explain(value, { name: nameInUrn(resource.urn), sources })) {
      facts.push(isDefault ? { ...fact, byDefault: true } : fact);
    }
  }
  const order = (fact: Fact) => `${fact.aspect} ${fact.key ?? ""}`;
  return facts.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

interface Surroundings {
  /** The resource's own name. */
  name: string;
  /** What the input was made from. */
  sources: PreviewedResource[];
}

type Explainer = (value: InputValue, surroundings: Surroundings) => Fact[];

const nothing: Explainer = () => [];

function one(aspect: Aspect, key?: string): Explainer {
  return (value) => [fact(aspect, key, value)];
}

/** What another resource makes or finds has no name yet: then it is told which. */
function made(aspect: Aspect, key?: string): Explainer {
  return (value, { sources }) => {
    const from = sources.map(({ urn, type }) => `${kindOf(type)} ${nameInUrn(urn)}`).sort();
    return [fact(aspect, key, value === notKnown && from.length > 0 ? `of ${from.join(", ")}` : value)];
  };
}

/** A limit, a setting: a map as one fact for each of its entries. */
function settingOf(name: string, aspect: Aspect = "setting"): Explainer {
  return (value) => {
    const { value: open, secret } = opened(value);
    if (!isMap(open)) return [fact(aspect, name, value)];
    return entries(open).map(([key, inner]) => fact(aspect, `${name}.${key}`, secret ? new SecretInput(inner) : inner));
  };
}

const service: Record<string, Explainer> = {
  image: made("image"),
  name: (value, { name }) => (isAutomatic(value, name) ? [] : [fact("setting", "name", value)]),
  command: one("command"),
  entrypoints: one("command", "entrypoint"),
  envs: (value) => environment(value),
  volumes: (value) =>
    list(value, (map, secret) => {
      const from = map.volumeName ?? map.hostPath ?? map.fromContainer ?? "an anonymous volume";
      const kind = map.volumeName ? "volume " : map.hostPath ? "host path " : map.fromContainer ? "container " : "";
      return fact(
        "mount",
        text(map.containerPath),
        joined(kind, from, map.readOnly === true ? ", read-only" : ""),
        secret,
      );
    }),
  mounts: (value) => list(value, (map, secret) => fact("mount", text(map.target), without(map, "target"), secret)),
  tmpfs: (value) =>
    entries(mapOf(value)).map(([path, options]) => fact("mount", path, joined("in memory, ", options, ""))),
  ports: (value) =>
    list(value, (map, secret) => {
      const protocol = typeof map.protocol === "string" ? map.protocol : "tcp";
      const at = map.external === undefined ? "any free port" : map.external;
      return fact(
        "port",
        `${text(map.internal)}/${protocol}`,
        joined(map.ip ? `${text(map.ip)}:` : "", at, ""),
        secret,
      );
    }),
  healthcheck: (value) => {
    const defaults = defaultsOf(mapOf(value));
    return entries(mapOf(value)).map(([key, inner]) => ({
      ...fact("health check", key, inner),
      ...(defaults.includes(key) ? { byDefault: true as const } : {}),
    }));
  },
  wait: one("health check", "wait"),
  waitTimeout: one("health check", "waitTimeout"),
  networksAdvanced: (value) =>
    list(value, (map, secret) => fact("network", text(map.name), without(map, "name"), secret)),
  networkMode: made("network", "mode"),
  labels: (value) =>
    [...labelsOf(value)].flatMap(([name, its]) => (name.startsWith("dev.seatrial.") ? [] : [fact("label", name, its)])),
  uploads: (value) =>
    list(value, (map, secret) => {
      const content = map.content || map.contentBase64 || map.sourceHash || map.source || "";
      return fact("file", text(map.file), digest(content), secret);
    }),
  ...Object.fromEntries(
    [
      ...["memory", "memorySwap", "memoryReservation", "cpus", "cpuSet", "cpuShares", "cpuPeriod", "cpuQuota"],
      ...["shmSize", "ulimits", "storageOpts"],
    ].map((name) => [name, settingOf(name, "limit")]),
  ),
};

const explainers: Partial<Record<ResourceKind, Record<string, Explainer>>> = {
  service,
  image: {
    imageName: one("image", "name"),
    name: one("image", "name"),
    build: (value) => {
      const build = mapOf(value);
      return entries(build).flatMap(([key, inner]) => {
        if (key === "contextDigest") return [fact("build", filesKey, inner)];
        if (key !== "args") return [fact("build", key, inner)];
        return entries(mapOf(inner)).map(([name, argument]) => fact("build", `argument ${name}`, argument));
      });
    },
    // What asks whom to log in is no part of the stack.
    registry: nothing,
    labels: service.labels!,
  },
  network: { name: service.name!, labels: service.labels! },
  volume: { name: service.name!, labels: service.labels! },
  command: {
    ...Object.fromEntries(["create", "update", "delete"].map((name) => [name, one("command", name)])),
    environment: (value) => entries(mapOf(value)).map(([name, its]) => fact("environment", name, its)),
  },
};

/** The key of the fact that tells of the files that an image is built from. */
export const filesKey = "files";

/** `NAME=value`, each of which may be secret, or all of them. */
function environment(value: InputValue): Fact[] {
  const { value: variables, secret } = unwrapped(value);
  if (!Array.isArray(variables)) return [fact("environment", undefined, value)];
  return variables.map((variable) => {
    const { value: open, secret: own } = opened(variable);
    if (typeof open !== "string") return fact("environment", undefined, open, true);
    const at = open.indexOf("=");
    const name = at < 0 ? open : open.slice(0, at);
    return fact("environment", name, at < 0 ? "" : open.slice(at + 1), secret || own);
  });
}

/** The docker provider's labels: a list of pairs. */
function labelsOf(value: InputValue | undefined): Map<string, string> {
  const { value: labels } = opened(value ?? []);
  if (!Array.isArray(labels)) return new Map();
  return new Map(labels.map(mapOf).map((map) => [text(map.label), text(map.value)]));
}

/** Named by the provider, with a random end. */
function isAutomatic(value: InputValue, name: string): boolean {
  return (
    typeof value === "string" && value.startsWith(`${name}-`) && /^[0-9a-f]{7}$/.test(value.slice(name.length + 1))
  );
}

function fact(aspect: Aspect, key: string | undefined, given: InputValue, secret = false): Fact {
  const { value, secret: own } = opened(given);
  return { aspect, ...(key === undefined ? {} : { key }), value: text(value), secret: secret || own };
}

function list(value: InputValue, tell: (map: { [key: string]: InputValue }, secret: boolean) => Fact): Fact[] {
  const { value: open, secret } = unwrapped(value);
  return Array.isArray(open) ? open.map((element) => tell(mapOf(element), secret || hasSecret(element))) : [];
}

function without(map: { [key: string]: InputValue }, name: string): InputValue {
  return Object.fromEntries(entries(map).filter(([key]) => key !== name));
}

function joined(before: string, value: InputValue, after: string): InputValue {
  const { value: open, secret } = opened(value);
  const whole = `${before}${text(open)}${after}`;
  return secret ? new SecretInput(whole) : whole;
}

/** Files may be of any length, and hold anything. */
function digest(value: InputValue): InputValue {
  const { value: open, secret } = opened(value);
  const hash = `sha256 ${createHash("sha256").update(text(open)).digest("hex").slice(0, 12)}`;
  return secret ? new SecretInput(hash) : hash;
}

function unwrapped(value: InputValue): { value: Exclude<InputValue, SecretInput>; secret: boolean } {
  return value instanceof SecretInput ? { value: opened(value).value, secret: true } : { value, secret: false };
}

/** A value that is secret in any of its parts is secret as a whole. */
function opened(value: InputValue): { value: Exclude<InputValue, SecretInput>; secret: boolean } {
  if (value instanceof SecretInput) return { value: opened(value.value).value, secret: true };
  return { value, secret: !Array.isArray(value) && !isMap(value) ? false : hasSecret(value) };
}

function hasSecret(value: InputValue): boolean {
  if (value instanceof SecretInput) return true;
  if (Array.isArray(value)) return value.some(hasSecret);
  return isMap(value) && Object.values(value).some(hasSecret);
}

function isMap(value: InputValue): value is { [key: string]: InputValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof SecretInput);
}

function mapOf(value: InputValue): { [key: string]: InputValue } {
  const { value: open } = opened(value);
  return isMap(open) ? open : {};
}

function entries(map: { [key: string]: InputValue }): [string, InputValue][] {
  return Object.entries(map).filter(([key, value]) => key !== "__defaults" && value !== undefined);
}

/** The names of the inputs that the provider has put in. */
function defaultsOf(map: { [key: string]: InputValue }): InputValue[] {
  return Array.isArray(map.__defaults) ? map.__defaults : [];
}

function text(value: InputValue | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (value === notKnown) return "(not known yet)";
  return JSON.stringify(plain(value));
}

function plain(value: InputValue): unknown {
  if (value === notKnown) return "(not known yet)";
  if (value instanceof SecretInput) return plain(value.value);
  if (Array.isArray(value)) return value.map(plain);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, plain(inner)]),
  );
}
