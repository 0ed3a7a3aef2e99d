/** What belongs to packages of plugins: their registration, components and methods. */
import { randomUUID } from "node:crypto";
import { type RegisterPackageRequest, RegisterPackageResponse } from "@pulumi/pulumi/proto/resource_pb";
import { formatProviderReference, isProviderType } from "../urn";
import { OutputValue, type PropertyMap, type PropertyValue, ResourceReference, someValue } from "../values";

/** A package as a program's SDK describes it. */
export interface RegisteredPackage {
  name: string;
  version: string;
  /** Which plugin makes the package of a parameter; empty where the plugin has its name and version. */
  plugin: PropertyMap;
}

export interface RegisteredPackages {
  register(request: RegisterPackageRequest): RegisterPackageResponse;
  /** Throws for a reference that wasn't given out. */
  get(reference: string): RegisteredPackage;
  /** The inputs of an explicit provider, with which plugin it is. */
  providerInputs(inputs: PropertyMap, version: string, request: { getPackageref(): string }): PropertyMap;
}

export function registeredPackages(): RegisteredPackages {
  const packages = new Map<string, RegisteredPackage>();
  const get = (reference: string): RegisteredPackage => {
    const found = packages.get(reference);
    if (!found) throw new Error(`the package ${reference} has not been registered`);
    return found;
  };
  return {
    get,
    register(request) {
      const asked = readPackage(request);
      const known = [...packages].find(([, one]) => JSON.stringify(one) === JSON.stringify(asked));
      const reference = known?.[0] ?? randomUUID();
      packages.set(reference, asked);
      const message = new RegisterPackageResponse();
      message.setRef(reference);
      return message;
    },
    providerInputs(inputs, version, request) {
      const asked = request.getPackageref() ? get(request.getPackageref()) : { version, plugin: {} };
      if (!asked.version) return inputs;
      return { ...inputs, version: asked.version, __internal: asked.plugin };
    },
  };
}

/** In the state it is the other way round than in the request: the package, and below it the plugin. */
function readPackage(request: RegisterPackageRequest): RegisteredPackage {
  const [name, version] = [request.getName(), request.getVersion()];
  const parameter = request.getParameterization();
  if (!parameter) return { name, version, plugin: {} };
  return {
    name: parameter.getName(),
    version: parameter.getVersion(),
    plugin: { name, version, parameterization: parameter.getValue_asB64() },
  };
}

/** `urn::id` of a method's own provider: that of the resource it belongs to, or the provider that it is a method of. */
export function providerOfReceiver(
  token: string,
  receiver: PropertyValue | undefined,
  providerOf: (urn: string) => string | undefined,
): string | undefined {
  if (!(receiver instanceof ResourceReference)) return undefined;
  if (!isProviderType(token)) return providerOf(receiver.urn);
  return typeof receiver.id === "string" ? formatProviderReference({ urn: receiver.urn, id: receiver.id }) : undefined;
}

/** What each property depends on, as it is said and as outputs in it say. */
export function withOutputDependencies(
  values: PropertyMap,
  dependencies: Record<string, string[]>,
): Record<string, string[]> {
  const result = { ...dependencies };
  for (const [key, value] of Object.entries(values)) {
    const urns = new Set(dependencies[key]);
    someValue(value, (inner) => {
      if (inner instanceof OutputValue) inner.dependencies.forEach((urn) => urns.add(urn));
      return false;
    });
    result[key] = [...urns];
  }
  return result;
}
