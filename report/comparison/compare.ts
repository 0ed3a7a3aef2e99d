import type { Description, Fact } from "./describe";
import { type Change, type Comparison, most, type ResourceChange } from "./schema";

/** What is asked of values before they are shown. */
export interface Shown {
  /** Takes secrets out of a text that isn't declared one. */
  mask(text: string): string;
}

/** The parts of a comparison that come from the stacks themselves. */
export type StackChanges = Pick<Comparison, "summary" | "resources" | "more" | "graph">;

/** Compares two stacks, resource by resource and fact by fact. Values of secrets are compared, but not in the result. */
export function compareStacks(before: Description[], after: Description[], { mask }: Shown): StackChanges {
  const twice = ambiguous(before, after);
  const [old, now] = [byKey(before, twice), byKey(after, twice)];
  const changes: ResourceChange[] = [];
  let same = 0;
  for (const [key, description] of now) {
    const previous = old.get(key);
    const found = changesOf(previous ? factsWithNeeds(previous) : [], factsWithNeeds(description), mask);
    if (previous && found.length === 0) same += 1;
    else changes.push(resourceChange(previous ? "changed" : "added", description, found, mask));
  }
  for (const [key, description] of old) {
    if (now.has(key)) continue;
    changes.push(resourceChange("removed", description, changesOf(factsWithNeeds(description), [], mask), mask));
  }
  const count = (status: ResourceChange["status"]) => changes.filter((change) => change.status === status).length;
  const more = changes.length - most.resources;
  return {
    summary: { added: count("added"), removed: count("removed"), changed: count("changed"), same },
    resources: changes.sort(byKindAndName).slice(0, most.resources),
    ...(more > 0 ? { more } : {}),
    graph: graphOf(before, after, changes, mask),
  };
}

/** Kinds and names that one of the stacks has more than once. */
function ambiguous(...stacks: Description[][]): Set<string> {
  const twice = new Set<string>();
  for (const stack of stacks) {
    const seen = new Set<string>();
    for (const { type, name } of stack) {
      if (seen.has(`${type} ${name}`)) twice.add(`${type} ${name}`);
      seen.add(`${type} ${name}`);
    }
  }
  return twice;
}

/** By name, so that a service which another component makes now is still the same one; else by the whole URN. */
function byKey(stack: Description[], twice: Set<string>): Map<string, Description> {
  return new Map(
    stack.map((description) => {
      const short = `${description.type} ${description.name}`;
      // Of a URN without its stack, which has another name each time.
      return [twice.has(short) ? description.urn.split("::").slice(1).join("::") : short, description];
    }),
  );
}

function factsWithNeeds({ facts, dependsOn }: Description): Fact[] {
  return [...facts, ...dependsOn.map((name): Fact => ({ aspect: "dependency", key: name, value: "", secret: false }))];
}

function changesOf(before: Fact[], after: Fact[], mask: Shown["mask"]): Change[] {
  const old = groups(before);
  const now = groups(after);
  const changes: Change[] = [];
  for (const key of new Set([...now.keys(), ...old.keys()])) {
    const [was, is] = [old.get(key), now.get(key)];
    if (was && is && was.value === is.value) continue;
    // What the provider puts in by itself is only worth telling where it used to be otherwise.
    if (!(was && is) && (was ?? is)!.byDefault) continue;
    const { aspect, key: name } = (is ?? was)!;
    const secret = Boolean(was?.secret || is?.secret);
    changes.push({
      aspect,
      ...(name === undefined ? {} : { key: cut(mask(name), most.name) }),
      kind: !was ? "added" : !is ? "removed" : "changed",
      ...(was && !was.secret && was.value ? { before: cut(mask(was.value), most.text) } : {}),
      ...(is && !is.secret && is.value ? { after: cut(mask(is.value), most.text) } : {}),
      ...(secret ? { secret: true as const } : {}),
    });
  }
  return changes;
}

/** Facts of one key are one: a port may be published twice. */
function groups(facts: Fact[]): Map<string, Fact> {
  const found = new Map<string, Fact>();
  for (const fact of facts) {
    const key = JSON.stringify([fact.aspect, fact.key]);
    const same = found.get(key);
    found.set(
      key,
      same ? { ...same, value: `${same.value}, ${fact.value}`, secret: same.secret || fact.secret } : fact,
    );
  }
  return found;
}

function resourceChange(
  status: ResourceChange["status"],
  { kind, name, role, type }: Description,
  changes: Change[],
  mask: Shown["mask"],
): ResourceChange {
  const more = changes.length - most.changes;
  return {
    status,
    kind,
    name: cut(mask(name), most.name),
    ...(role ? { role: cut(mask(role), most.name) } : {}),
    type: cut(type, most.name),
    changes: changes.slice(0, most.changes),
    ...(more > 0 ? { more } : {}),
  };
}

const kindOrder = ["service", "image", "network", "volume", "command", "resource"];

function byKindAndName(a: ResourceChange, b: ResourceChange): number {
  const kinds = kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind);
  return kinds !== 0 ? kinds : a.name < b.name ? -1 : 1;
}

function graphOf(
  before: Description[],
  after: Description[],
  changes: ResourceChange[],
  mask: Shown["mask"],
): Comparison["graph"] {
  const services = (stack: Description[]) =>
    new Map(stack.filter(({ kind, role }) => kind === "service" && role !== "probe").map((it) => [it.name, it]));
  const [old, now] = [services(before), services(after)];
  const all = new Map([...old, ...now]);
  const serviceChanges = new Map(changes.filter(({ kind }) => kind === "service").map((it) => [it.name, it]));
  const shown = (name: string) => cut(mask(name), most.name);
  const nodes = [...all.values()].map(({ name, role }) => ({
    name: shown(name),
    ...(role ? { role: cut(mask(role), most.name) } : {}),
    status: serviceChanges.get(shown(name))?.status ?? ("same" as const),
  }));
  const edges = [...all.keys()].flatMap((from) => {
    const [was, is] = [old.get(from)?.dependsOn ?? [], now.get(from)?.dependsOn ?? []];
    return [...new Set([...is, ...was])].map((to) => ({
      from: shown(from),
      to: shown(to),
      status: !was.includes(to) ? ("added" as const) : !is.includes(to) ? ("removed" as const) : ("same" as const),
    }));
  });
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return { nodes: nodes.sort(byName).slice(0, most.nodes), edges: edges.slice(0, most.edges) };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
