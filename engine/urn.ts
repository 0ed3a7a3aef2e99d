/**
 * URNs: the engine's names for resources, `urn:pulumi:<stack>::<project>::<parent types$type>::<name>`.
 *
 * A resource is the same one from one deployment to the next where its URN is the same.
 */
export const ROOT_STACK_TYPE = "pulumi:pulumi:Stack";
/** The package of what is part of the engine itself. */
export const BUILTIN_PACKAGE = "pulumi";
const PROVIDER_TYPE_PREFIX = "pulumi:providers:";

/** `qualifiedType` holds the types of the resource's ancestors too, joined with `$`. */
export interface UrnParts {
  stack: string;
  project: string;
  qualifiedType: string;
  type: string;
  name: string;
}

export function makeUrn(stack: string, project: string, parent: string, type: string, name: string): string {
  const parentType = parent ? parseUrn(parent).qualifiedType : "";
  const qualifiedType = parentType && parentType !== ROOT_STACK_TYPE ? `${parentType}$${type}` : type;
  return `urn:pulumi:${stack}::${project}::${qualifiedType}::${name}`;
}

export function parseUrn(urn: string): UrnParts {
  const [prefix, project, qualifiedType, ...name] = urn.split("::");
  if (!prefix?.startsWith("urn:pulumi:") || project === undefined || !qualifiedType || name.length === 0) {
    throw new Error(`"${urn}" is not a URN`);
  }
  return {
    stack: prefix.slice("urn:pulumi:".length),
    project,
    qualifiedType,
    type: qualifiedType.slice(qualifiedType.lastIndexOf("$") + 1),
    name: name.join("::"),
  };
}

export const urnName = (urn: string): string => parseUrn(urn).name;
export const urnType = (urn: string): string => parseUrn(urn).type;

export const isProviderType = (type: string): boolean => type.startsWith(PROVIDER_TYPE_PREFIX);
export const providerType = (pkg: string): string => PROVIDER_TYPE_PREFIX + pkg;
/** The package that a provider type serves: `docker` of `pulumi:providers:docker`. */
export const providedPackage = (type: string): string => type.slice(PROVIDER_TYPE_PREFIX.length);
/** The package that a type token belongs to: `docker` of `docker:index/container:Container`. */
export const packageOf = (token: string): string => token.split(":")[0] ?? "";

/** A reference to a provider, `urn::id`; the id of a provider that a preview would create is unknown. */
export interface ProviderReference {
  urn: string;
  id: string;
}

export function parseProviderReference(reference: string): ProviderReference {
  const at = reference.lastIndexOf("::");
  if (at < 0) throw new Error(`"${reference}" is not a provider reference (urn::id)`);
  return { urn: reference.slice(0, at), id: reference.slice(at + 2) };
}

export const formatProviderReference = ({ urn, id }: ProviderReference): string => `${urn}::${id}`;

/**
 * A matcher for `--target` and the like: a URN in which `*` stands for any text without a colon, `**` for any text.
 */
export function urnMatcher(patterns: readonly string[]): (urn: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const source = pattern
      .split(/(\*\*|\*)/)
      .map((part) => (part === "**" ? ".*" : part === "*" ? "[^:]*" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
      .join("");
    return new RegExp(`^${source}$`);
  });
  return (urn) => expressions.some((expression) => expression.test(urn));
}
