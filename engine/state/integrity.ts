/** What makes a snapshot sound. An operation refuses to start on one that isn't. */
import { dependenciesOf } from "../resource";
import { isProviderType } from "../urn";
import type { Snapshot } from "./checkpoint";

/** The first thing that is wrong, as a sentence; `undefined` where nothing is. */
export function integrityProblem({ resources }: Snapshot): string | undefined {
  const seen = new Set<string>();
  const present = new Set<string>();
  const providers = new Set<string>();
  for (const state of resources) {
    if (!state.urn) return "a resource has no URN";
    if (!state.type) return `${state.urn} has no type`;
    if (!state.custom && state.id) return `${state.urn} is a component, yet it has the id ${state.id}`;
    if (state.custom && !state.id) return `${state.urn} has no id`;
    if (!state.delete && present.has(state.urn)) return `${state.urn} is there twice`;
    if (state.provider && !providers.has(state.provider)) {
      return `${state.urn} refers to the provider ${state.provider}, which isn't before it`;
    }
    for (const urn of dependenciesOf(state)) {
      if (urn !== state.urn && !seen.has(urn)) return `${state.urn} refers to ${urn}, which isn't before it`;
    }
    seen.add(state.urn);
    if (!state.delete) present.add(state.urn);
    if (isProviderType(state.type)) providers.add(`${state.urn}::${state.id}`);
  }
  return undefined;
}
