/**
 * What must hold of any engine, whatever is asked of it and whatever goes wrong: random graphs, changes, failures and
 * crashes, and the laws that they are judged by. Imports nothing of the engine; `System` is all it knows of it.
 */
import fc from "fast-check";

/** A thing that a program asks for. */
export interface Wanted {
  name: string;
  size: number;
  /** A change of it takes a replacement. */
  fixed: number;
  /** Old and new can't be there at a time. */
  alone: boolean;
  /** Things whose ids it takes, by name; all of them come earlier in the plan. */
  needs: string[];
  /** Another set of ids makes it another thing; otherwise it can be changed in place. */
  bound: boolean;
  /** Things that it is made after, without taking anything of them. */
  after: string[];
  /** The thing that it lies in and goes with: one of `needs`. */
  within?: string;
  /** A name that it had before. */
  formerly?: string;
  /** It belongs to the group. */
  grouped: boolean;
  /** It is not to be deleted. */
  protect: boolean;
  /** When it is deleted, it stays, and nobody knows of it any more. */
  retain: boolean;
  /** A size that it has keeps it. */
  keepsSize: boolean;
  /** Another size makes it another thing. */
  fixedSize: boolean;
  /** The program says whether the old one goes before the new one comes. */
  oldFirst: boolean | undefined;
}

export type Plan = Wanted[];

export type Trouble = "fail" | "init";

/** What somebody else does to a thing. */
export type Mischief = "vanish" | "change";

export interface Act {
  kind: "update" | "refresh" | "destroy";
  plan: Plan;
  /** Names that alone are operated on, or that are not. */
  confined: { to: string[]; dependents: boolean } | { away: string[] } | undefined;
  /** Names of what is to be made anew though nothing changed. */
  replaces: string[];
  refreshFirst: boolean;
  /** What happens to things before it, by name. */
  mischief: Record<string, Mischief>;
  /** By call, such as `create b`. */
  troubles: Record<string, Trouble>;
  continueOnError: boolean;
  parallel: number | undefined;
  /** How many turns of the event loop a call takes. */
  latency: number;
  /** The engine dies at this moment of the cloud's history; absent where it lives. */
  crashAt?: number;
  /** Where between the last change and the crash the journal ends. */
  cut: number;
}

/** A thing that is there. */
export interface Held {
  id: string;
  name: string;
  /** The ids it was made of. */
  soft: string[];
  hard: string[];
  within: string | undefined;
  size: number;
  fixed: number;
}

/** A resource as a state tells it. */
export interface Recorded {
  urn: string;
  id: string;
  custom: boolean;
  isProvider: boolean;
  condemned: boolean;
  awaitsReplacement: boolean;
  protected: boolean;
  retained: boolean;
  /** URNs of what it depends on. */
  dependencies: string[];
}

export interface Memory {
  resources: Recorded[];
  /** Names of things that were being made. */
  making: string[];
  pending: number;
}

export interface Outcome {
  crashed: boolean;
  succeeded: boolean;
  errors: string[];
}

/** An engine with its cloud and its state. */
export interface System {
  act(act: Act, watch: Watch): Promise<Outcome>;
  things(): Held[];
  memory(): Promise<Memory>;
  /** Ids of things that have gone, with what they lay in or by mischief, or were changed by it: only a look tells. */
  strays(): ReadonlySet<string>;
  /** Takes the protection off everything that there is. */
  unprotect(): Promise<void>;
  /** How many calls that change something the last act made. */
  changes(): number;
}

/** Called by the cloud right before it makes or deletes a thing; throws where a law is broken. */
export interface Watch {
  creating(thing: Held, things: Held[], strays: ReadonlySet<string>): void;
  deleting(thing: Held, things: Held[]): void;
}

const NAMES = ["a", "b", "c", "d", "e", "f"];

/** True once in so many. */
const seldom = (often: number): fc.Arbitrary<boolean> => fc.integer({ min: 0, max: often }).map((n) => n === often);

const plan: fc.Arbitrary<Plan> = fc
  .record({
    order: fc.shuffledSubarray(NAMES),
    details: fc.array(
      fc.record({
        size: fc.nat(1),
        fixed: fc.nat(1),
        alone: fc.boolean(),
        needs: fc.nat(63),
        bound: fc.boolean(),
        after: fc.nat(63),
        within: fc.boolean(),
        grouped: seldom(5),
        protect: seldom(12),
        retain: seldom(12),
        keepsSize: seldom(8),
        fixedSize: seldom(8),
        oldFirst: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, true, false),
      }),
      { minLength: NAMES.length, maxLength: NAMES.length },
    ),
    renamed: fc.option(fc.tuple(fc.nat(NAMES.length - 1), fc.nat(NAMES.length - 1)), { freq: 3 }),
  })
  .map(({ order, details, renamed }) =>
    order.map((name, at) => {
      const detail = details[at]!;
      const pick = (bits: number): string[] => order.slice(0, at).filter((_, i) => bits & (1 << i));
      // Half of the bits, so that graphs are neither empty nor complete.
      const needs = pick(detail.needs & (detail.needs >> 1));
      const gone = NAMES.filter((other) => !order.includes(other));
      const formerly = renamed && renamed[0] === at ? gone[renamed[1] % Math.max(1, gone.length)] : undefined;
      return {
        ...detail,
        name,
        needs,
        after: pick(detail.after & (detail.after >> 1)),
        within: detail.within ? needs[0] : undefined,
        formerly,
      };
    }),
  );

const names = fc.subarray(NAMES, { minLength: 1 });

const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom<Act["kind"]>("update", "update", "update", "update", "refresh", "destroy"),
  plan,
  confined: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.record({ to: names, dependents: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ away: names }) },
  ),
  replaces: fc.oneof({ weight: 6, arbitrary: fc.constant<string[]>([]) }, { weight: 1, arbitrary: names }),
  refreshFirst: seldom(6),
  mischief: fc.oneof(
    { weight: 5, arbitrary: fc.constant<Record<string, Mischief>>({}) },
    {
      weight: 1,
      arbitrary: fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom<Mischief>("vanish", "change"), {
        minKeys: 1,
        maxKeys: 2,
      }),
    },
  ),
  troubles: fc.dictionary(
    fc
      .tuple(fc.constantFrom("create", "update", "delete", "read", "find"), fc.constantFrom(...NAMES))
      .map((c) => c.join(" ")),
    fc.constantFrom<Trouble>("fail", "init"),
    { maxKeys: 3 },
  ),
  continueOnError: fc.boolean(),
  parallel: fc.constantFrom(undefined, undefined, 1, 2),
  latency: fc.nat(3),
  crashAt: fc.option(fc.integer({ min: 1, max: 14 }), { nil: undefined }),
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
});

export const history: fc.Arbitrary<Act[]> = fc.array(act, { minLength: 1, maxLength: 4 });

const untroubled = (kind: Act["kind"], plan: Plan): Act => ({
  kind,
  // What is held on to as it was is not as planned.
  plan: plan.map((wanted) => ({ ...wanted, protect: false, retain: false, keepsSize: false })),
  confined: undefined,
  replaces: [],
  refreshFirst: false,
  mischief: {},
  troubles: {},
  continueOnError: false,
  parallel: undefined,
  latency: 1,
  cut: 0,
});

/** Plays a history, checking the laws after each act; then everything must come right without trouble. */
export async function play(system: System, acts: Act[]): Promise<void> {
  const retained = new Set<string>();
  let before = await system.memory();
  for (const act of acts) {
    for (const { name, retain } of act.plan) if (retain) retained.add(name);
    const { crashed } = await system.act(act, watch(act, before, retained));
    // What can't be looked at can't be settled.
    const blind = Object.keys(act.troubles).some((call) => call.startsWith("read") || call.startsWith("find"));
    const memory = await system.memory();
    lawful(system, memory, retained, crashed || blind);
    before = memory;
  }
  await system.unprotect();
  const { plan } = acts[acts.length - 1]!;
  if (system.strays().size > 0) await succeeds(system, untroubled("refresh", plan), retained);
  await succeeds(system, untroubled("update", plan), retained);
  const memory = await system.memory();
  lawful(system, memory, retained, false);
  asPlanned(system.things(), memory, plan, retained);
  await succeeds(system, untroubled("update", plan), retained);
  if (system.changes() > 0) throw new Error("an update of what is as planned changed something");
  await succeeds(system, untroubled("destroy", plan), retained);
  const left = abandoned(system.things(), retained);
  if (left.length > 0) throw new Error(`left behind: ${left.map(({ id }) => id)}`);
  const { resources } = await system.memory();
  if (resources.length > 0) throw new Error(`still in the state: ${resources.map(({ urn }) => urn)}`);
}

async function succeeds(system: System, act: Act, retained: ReadonlySet<string>): Promise<void> {
  const { succeeded, errors } = await system.act(act, watch(act, await system.memory(), retained));
  if (!succeeded) throw new Error(`an untroubled ${act.kind} failed: ${errors.join("; ")}`);
}

/** Without what was to stay, and what lies in that. */
function abandoned(things: Held[], retained: ReadonlySet<string>): Held[] {
  const byId = new Map(things.map((thing) => [thing.id, thing]));
  const stays = ({ name, within }: Held): boolean =>
    retained.has(name) || (within !== undefined && byId.has(within) && stays(byId.get(within)!));
  return things.filter((thing) => !stays(thing));
}

/** After any act: the state is in order, and knows everything there is. */
function lawful(
  system: System,
  { resources, making, pending }: Memory,
  retained: ReadonlySet<string>,
  unsettled: boolean,
): void {
  const things = system.things();
  const seen = new Map<string, Recorded>();
  for (const resource of resources) {
    const missing = resource.dependencies.find((urn) => !seen.has(urn));
    if (missing) throw new Error(`${resource.urn} comes before ${missing}, which it depends on`);
    const twin = seen.get(resource.urn);
    if (twin && !twin.condemned && !resource.condemned) throw new Error(`${resource.urn} is there twice`);
    if (!twin || twin.condemned) seen.set(resource.urn, resource);
  }
  const known = new Set(resources.map(({ id }) => id));
  const ids = new Set(things.map(({ id }) => id));
  for (const { id, name, within } of things) {
    if (known.has(id) || retained.has(name) || (within !== undefined && ids.has(within))) continue;
    if (!unsettled || !making.includes(name)) throw new Error(`${id} exists, and the state doesn't know it`);
  }
  if (unsettled) return;
  if (pending > 0) throw new Error(`${pending} operations are still pending`);
  for (const { id, custom, isProvider, awaitsReplacement } of resources) {
    if (system.strays().has(id)) continue;
    if (custom && !isProvider && !awaitsReplacement && !ids.has(id)) throw new Error(`${id} is in the state only`);
  }
}

/** After an update without trouble: what is, is what was asked for, once. */
function asPlanned(all: Held[], { resources }: Memory, plan: Plan, retained: ReadonlySet<string>): void {
  const known = new Set(resources.map(({ id }) => id));
  // What was to go with a host that then stayed is the host's: it goes when that does.
  const things = all.filter(({ id, name, within }) => known.has(id) || (within === undefined && !retained.has(name)));
  const names = things.map(({ name }) => name).sort();
  // A thing keeps the name that it was made under.
  if (names.length !== plan.length) throw new Error(`there are ${names}, wanted were ${plan.map(({ name }) => name)}`);
  const ids = new Set(things.map(({ id }) => id));
  for (const thing of things) {
    const stale = [...thing.soft, ...thing.hard].find((id) => !ids.has(id));
    if (stale) throw new Error(`${thing.id} was made of ${stale}, which is gone`);
  }
  const wanted = plan.map(({ size, fixed, needs }) => `${size} ${fixed} ${needs.length}`).sort();
  const got = things.map(({ size, fixed, soft, hard }) => `${size} ${fixed} ${soft.length + hard.length}`).sort();
  if (wanted.join() !== got.join()) throw new Error(`things are ${got}, wanted were ${wanted}`);
}

function watch({ kind, plan, confined }: Act, before: Memory, retained: ReadonlySet<string>): Watch {
  const recorded = new Map(before.resources.map((resource) => [resource.id, resource]));
  /** By any of its names; a dependent of a target may or may not be operated on. */
  const isLeftAlone = (thing: Held): boolean => {
    if (!confined) return false;
    const urn = recorded.get(thing.id)?.urn ?? "";
    const names = [thing.name, urn.slice(urn.lastIndexOf(":") + 1), wish(plan, thing)?.name ?? thing.name];
    return names.some((name) => ("away" in confined ? confined.away.includes(name) : !confined.to.includes(name)));
  };
  return {
    creating(thing, things, strays) {
      const ids = new Set(things.map(({ id }) => id));
      const missing = [...thing.soft, ...thing.hard].find((id) => !ids.has(id) && !strays.has(id));
      // What is not operated on is told to the program as it was, though a thing that it is made of may have gone since.
      if (missing && !confined) throw new Error(`${thing.name} is made of ${missing}, which isn't there`);
    },
    deleting(thing, things) {
      const was = recorded.get(thing.id);
      const wanted = kind === "update" ? wish(plan, thing) : undefined;
      // What was being made when a crash came replaces it where it is found.
      const isReplaced = was?.condemned || before.making.includes(thing.name);
      if (was?.protected && !isReplaced && (!wanted || wanted.protect)) {
        throw new Error(`${thing.id} is deleted, though it is protected`);
      }
      if (was?.retained && !wanted) throw new Error(`${thing.id} is deleted, though it was to be retained`);
      const someGoAhead = plan.some(({ alone, oldFirst }) => alone || oldFirst);
      for (const other of things) {
        // What goes with its host counts as gone from the moment that that is to go.
        if (other.within !== undefined || ![...other.soft, ...other.hard].includes(thing.id)) continue;
        // What has to go ahead of its replacement takes along only what couldn't be changed to the new one.
        if (someGoAhead && (!other.hard.includes(thing.id) || releases(plan, other, thing))) continue;
        // What isn't operated on stays as it is, whatever becomes of others, and so does what has been forgotten.
        if (isLeftAlone(other) || retained.has(other.name)) continue;
        throw new Error(`${thing.id} is deleted before ${other.id}, which is made of it`);
      }
    },
  };
}

const wish = (plan: Plan, { name }: Held): Wanted | undefined =>
  plan.find((wanted) => wanted.name === name || wanted.formerly === name);

/** The plan has the one thing no longer made of the other, so that it may have been dealt with already. */
function releases(plan: Plan, other: Held, thing: Held): boolean {
  const wanted = wish(plan, other);
  return wanted !== undefined && !wanted.needs.some((name) => name === thing.name);
}
