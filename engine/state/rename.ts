/** A stack under another name: the name is a part of every URN in its state. */
import type { ResourceState } from "../resource";
import { parseUrn, ROOT_STACK_TYPE } from "../urn";
import { mapValue, type PropertyValue, ResourceReference } from "../values";
import type { Snapshot } from "./checkpoint";

export function renameSnapshot(snapshot: Snapshot, project: string, from: string, to: string): Snapshot {
  const prefix = `urn:pulumi:${from}::${project}::`;
  const rename = (urn: string): string => {
    if (!urn.startsWith(prefix)) return urn;
    const rest = urn.slice(prefix.length);
    const isRoot = parseUrn(urn).qualifiedType === ROOT_STACK_TYPE && rest.endsWith(`::${project}-${from}`);
    return `urn:pulumi:${to}::${project}::${isRoot ? `${ROOT_STACK_TYPE}::${project}-${to}` : rest}`;
  };
  const renameValue = <T extends PropertyValue>(value: T): T =>
    mapValue(value, (inner) =>
      inner instanceof ResourceReference
        ? new ResourceReference(rename(inner.urn), inner.id, inner.packageVersion)
        : undefined,
    ) as T;
  const renameState = (state: ResourceState): ResourceState => ({
    ...state,
    urn: rename(state.urn),
    parent: rename(state.parent),
    provider: rename(state.provider),
    dependencies: state.dependencies.map(rename),
    propertyDependencies: Object.fromEntries(
      Object.entries(state.propertyDependencies).map(([key, urns]) => [key, urns.map(rename)]),
    ),
    deletedWith: rename(state.deletedWith),
    replaceWith: state.replaceWith.map(rename),
    aliases: state.aliases.map(rename),
    inputs: renameValue(state.inputs),
    outputs: renameValue(state.outputs),
  });
  return {
    resources: snapshot.resources.map(renameState),
    pendingOperations: snapshot.pendingOperations.map(({ type, resource }) => ({
      type,
      resource: renameState(resource),
    })),
  };
}
