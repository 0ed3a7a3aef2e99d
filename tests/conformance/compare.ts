/** What differs between what the two engines have done. */
import { isObject, type Json, type NormalEvent } from "./normal-form";

/** Paths at which two values differ, with both sides. */
export function differences(ours: Json | undefined, theirs: Json | undefined, path = ""): string[] {
  if (JSON.stringify(ours) === JSON.stringify(theirs)) return [];
  if (isObject(ours) && isObject(theirs)) {
    const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
    return [...names].flatMap((name) => differences(ours[name], theirs[name], path ? `${path}.${name}` : name));
  }
  if (Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length) {
    return ours.flatMap((item, i) => differences(item, theirs[i], `${path}[${i}]`));
  }
  return [`${path}: ${JSON.stringify(ours)}, Pulumi's is ${JSON.stringify(theirs)}`];
}

const label = (resource: Json): string => {
  if (!isObject(resource)) return "";
  return `${String(resource["urn"])}${resource["delete"] ? " (to be deleted)" : ""}`;
};
const short = (urn: string): string => urn.split("::").slice(2).join("::");

/** The SDK finds dependencies side by side, in an order that varies. */
function withSets(resource: Json): Json {
  if (!isObject(resource)) return resource;
  const sorted = (value: Json | undefined): Json => (Array.isArray(value) ? [...value].sort() : (value ?? null));
  const properties = resource["propertyDependencies"];
  return {
    ...resource,
    ...(resource["dependencies"] ? { dependencies: sorted(resource["dependencies"]) } : {}),
    ...(isObject(properties)
      ? { propertyDependencies: Object.fromEntries(Object.entries(properties).map(([k, v]) => [k, sorted(v)])) }
      : {}),
  };
}

/** `ordered`: the snapshot's order counts too. */
export function compareStates(ours: Json[], theirs: Json[], ordered: boolean): string[] {
  const problems: string[] = [];
  const byLabel = (list: Json[]): Map<string, Json[]> => {
    const map = new Map<string, Json[]>();
    for (const resource of list) map.set(label(resource), [...(map.get(label(resource)) ?? []), resource]);
    return map;
  };
  const [a, b] = [byLabel(ours), byLabel(theirs)];
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [left, right] = [a.get(name) ?? [], b.get(name) ?? []];
    if (left.length !== right.length) {
      problems.push(`state: ${short(name)} is there ${left.length} times, in Pulumi's ${right.length} times`);
      continue;
    }
    left.forEach((resource, i) => {
      const texts = differences(withSets(resource), withSets(right[i]!));
      problems.push(...texts.map((text) => `state: ${short(name)} ${text}`));
    });
  }
  if (problems.length === 0 && ordered) {
    const [left, right] = [ours.map(label).map(short), theirs.map(label).map(short)];
    if (left.join() !== right.join()) {
      problems.push(`state: the order is ${left.join(", ")}; Pulumi's is ${right.join(", ")}`);
    }
  }
  return problems;
}

export function compareEvents(ours: NormalEvent[], theirs: NormalEvent[], ordered: boolean): string[] {
  const problems: string[] = [];
  const byUrn = (events: NormalEvent[]): Map<string, NormalEvent[]> => {
    const map = new Map<string, NormalEvent[]>();
    for (const event of events) map.set(event.urn, [...(map.get(event.urn) ?? []), event]);
    return map;
  };
  const words = (events: NormalEvent[]): string => events.map(({ kind, op }) => `${kind} ${op}`).join(", ");
  const [a, b] = [byUrn(ours), byUrn(theirs)];
  for (const urn of new Set([...a.keys(), ...b.keys()])) {
    const [left, right] = [a.get(urn) ?? [], b.get(urn) ?? []];
    if (words(left) !== words(right)) {
      problems.push(`events: ${short(urn)} has ${words(left) || "none"}; Pulumi's has ${words(right) || "none"}`);
      continue;
    }
    left.forEach((event, i) => {
      const texts = differences(event.metadata, right[i]!.metadata);
      problems.push(...texts.map((text) => `events: ${event.kind} ${event.op} ${short(urn)} ${text}`));
    });
  }
  if (problems.length === 0 && ordered) {
    // Whatever may go at the same time goes in no certain order, and a component says what it has when it likes.
    const isOrdered = ({ kind, op, metadata }: NormalEvent): boolean => {
      if (op.startsWith("delete") || op.startsWith("discard")) return false;
      const state = isObject(metadata) ? (metadata["new"] ?? metadata["old"]) : null;
      return kind !== "outputs" || (isObject(state) && state["custom"] === true);
    };
    const line = ({ kind, op, urn }: NormalEvent): string => `${kind} ${op} ${urn.split("::").at(-1)}`;
    const [left, right] = [ours.filter(isOrdered).map(line), theirs.filter(isOrdered).map(line)];
    const at = left.findIndex((text, i) => text !== right[i]);
    if (at >= 0) {
      problems.push(
        `events: the order is …${left.slice(at, at + 8).join(", ")}; Pulumi's is …${right.slice(at, at + 8).join(", ")}`,
      );
    }
  }
  return problems;
}
