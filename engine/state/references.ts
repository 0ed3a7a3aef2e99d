/**
 * What resources of a snapshot say of each other, kept true while an operation brings, takes and renames them. The
 * order of a snapshot is part of it: a resource comes after everything that it refers to.
 */
import { dependenciesOf, type ResourceState } from "../resource";
import { formatProviderReference, parseProviderReference } from "../urn";

/**
 * References to a resource that an alias has given another URN follow it. Those to one that is condemned stay as long as
 * it is there: what is made of it has to be deleted before it.
 */
export function withRenamed(resources: ResourceState[], renamed: ReadonlyMap<string, string>): ResourceState[] {
  if (renamed.size === 0) return resources;
  const there = new Set(resources.map(({ urn }) => urn));
  const follow = (urn: string): string => (there.has(urn) ? urn : (renamed.get(urn) ?? urn));
  return resources.map((state) => {
    if (dependenciesOf(state).every((urn) => follow(urn) === urn)) return state;
    const provider = state.provider ? parseProviderReference(state.provider) : undefined;
    return {
      ...state,
      parent: follow(state.parent),
      dependencies: state.dependencies.map(follow),
      propertyDependencies: Object.fromEntries(
        Object.entries(state.propertyDependencies).map(([key, urns]) => [key, urns.map(follow)]),
      ),
      deletedWith: follow(state.deletedWith),
      replaceWith: state.replaceWith.map(follow),
      ...(provider ? { provider: formatProviderReference({ ...provider, urn: follow(provider.urn) }) } : {}),
    };
  });
}

/**
 * What refers to a resource that a refresh found gone refers to it no more; its children are its parent's. `gone` has
 * the URNs of those, each with its parent's.
 */
export function withoutGone(resources: ResourceState[], gone: ReadonlyMap<string, string>): ResourceState[] {
  if (gone.size === 0) return resources;
  // A URN may stand for several resources, of which only an earlier one can be meant.
  const there = new Set<string>();
  const isKept = (urn: string): boolean => there.has(urn) || !gone.has(urn);
  return resources.map((state) => {
    let { parent } = state;
    while (!isKept(parent)) parent = gone.get(parent)!;
    there.add(state.urn);
    if (dependenciesOf(state).every(isKept)) return state;
    return {
      ...state,
      parent,
      dependencies: state.dependencies.filter(isKept),
      propertyDependencies: Object.fromEntries(
        Object.entries(state.propertyDependencies)
          .map(([key, urns]): [string, string[]] => [key, urns.filter(isKept)])
          .filter(([, urns]) => urns.length > 0),
      ),
      deletedWith: isKept(state.deletedWith) ? state.deletedWith : "",
      replaceWith: state.replaceWith.filter(isKept),
    };
  });
}

/**
 * The same order, but for what would come too late: where a resource could be dealt with and something that it refers to
 * could not, the latter is still among the old ones, behind all that is new. A resource that hasn't changed may be made
 * of one that is condemned by now, and stays behind that too; `places` has where in the last snapshot those were.
 */
export function inOrder(resources: ResourceState[], places: (number | undefined)[]): ResourceState[] {
  const named = new Map<string, number[]>();
  resources.forEach(({ urn }, index) => {
    const namesakes = named.get(urn);
    if (namesakes) namesakes.push(index);
    else named.set(urn, [index]);
  });
  const ordered: ResourceState[] = [];
  const begun = new Set<number>();
  const there = new Set<string>();
  /** What is condemned is meant by what is older than its replacement. */
  const missing = (index: number): number[] =>
    dependenciesOf(resources[index]!).flatMap((urn) => {
      const namesakes = there.has(urn) ? [] : (named.get(urn) ?? []);
      return namesakes.find((at) => !resources[at]!.delete) ?? namesakes[0] ?? [];
    });
  const isFree = (index: number, above: number[] = []): boolean =>
    !begun.has(index) && !above.includes(index) && missing(index).every((at) => isFree(at, [...above, index]));
  const condemnedBefore = (index: number): number[] =>
    dependenciesOf(resources[index]!).flatMap((urn) =>
      (named.get(urn) ?? []).filter((at) => resources[at]!.delete && (places[at] ?? Infinity) < (places[index] ?? 0)),
    );
  const place = (index: number): void => {
    if (begun.has(index)) return;
    begun.add(index);
    missing(index).forEach(place);
    // Not where that one needs what comes only now.
    for (const at of condemnedBefore(index)) if (isFree(at)) place(at);
    there.add(resources[index]!.urn);
    ordered.push(resources[index]!);
  };
  resources.forEach((_, index) => place(index));
  return ordered;
}
