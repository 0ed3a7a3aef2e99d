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
}

export type Plan = Wanted[];

export type Trouble = "fail" | "init";

export interface Act {
  kind: "update" | "refresh" | "destroy";
  plan: Plan;
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
  /** Ids of things that have gone with what they lay in. */
  swallowed(): ReadonlySet<string>;
  /** How many calls that change something the last act made. */
  changes(): number;
}

/** Called by the cloud right before it makes or deletes a thing; throws where a law is broken. */
export interface Watch {
  creating(thing: Held, things: Held[]): void;
  deleting(thing: Held, things: Held[]): void;
}

const NAMES = ["a", "b", "c", "d", "e", "f"];

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
        grouped: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
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

const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom<Act["kind"]>("update", "update", "update", "update", "refresh", "destroy"),
  plan,
  troubles: fc.dictionary(
    fc.tuple(fc.constantFrom("create", "update", "delete", "read"), fc.constantFrom(...NAMES)).map((c) => c.join(" ")),
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
  plan,
  troubles: {},
  continueOnError: false,
  parallel: undefined,
  latency: 1,
  cut: 0,
});

/** Plays a history, checking the laws after each act; then everything must come right without trouble. */
export async function play(system: System, acts: Act[]): Promise<void> {
  for (const act of acts) {
    const { crashed } = await system.act(act, watch(act.plan));
    // What can't be looked at can't be settled.
    const blind = Object.keys(act.troubles).some((call) => call.startsWith("read"));
    lawful(system, await system.memory(), crashed || blind);
  }
  const { plan } = acts[acts.length - 1]!;
  // One that was to leave its host, and failed to, has gone with that all the same: only a look tells.
  if (system.swallowed().size > 0) await succeeds(system, untroubled("refresh", plan));
  await succeeds(system, untroubled("update", plan));
  lawful(system, await system.memory(), false);
  asPlanned(system.things(), await system.memory(), plan);
  await succeeds(system, untroubled("update", plan));
  if (system.changes() > 0) throw new Error("an update of what is as planned changed something");
  await succeeds(system, untroubled("destroy", plan));
  if (system.things().length > 0) throw new Error(`left behind: ${system.things().map(({ id }) => id)}`);
  const { resources } = await system.memory();
  if (resources.length > 0) throw new Error(`still in the state: ${resources.map(({ urn }) => urn)}`);
}

async function succeeds(system: System, act: Act): Promise<void> {
  const { succeeded, errors } = await system.act(act, watch(act.plan));
  if (!succeeded) throw new Error(`an untroubled ${act.kind} failed: ${errors.join("; ")}`);
}

/** After any act: the state is in order, and knows everything there is. */
function lawful(system: System, { resources, making, pending }: Memory, unsettled: boolean): void {
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
    if (known.has(id) || (within !== undefined && ids.has(within))) continue;
    if (!unsettled || !making.includes(name)) throw new Error(`${id} exists, and the state doesn't know it`);
  }
  if (unsettled) return;
  if (pending > 0) throw new Error(`${pending} operations are still pending`);
  for (const { id, custom, isProvider, awaitsReplacement } of resources) {
    if (system.swallowed().has(id)) continue;
    if (custom && !isProvider && !awaitsReplacement && !ids.has(id)) throw new Error(`${id} is in the state only`);
  }
}

/** After an update without trouble: what is, is what was asked for, once. */
function asPlanned(all: Held[], { resources }: Memory, plan: Plan): void {
  const known = new Set(resources.map(({ id }) => id));
  // What was to go with a host that then stayed is the host's: it goes when that does.
  const things = all.filter(({ id, within }) => known.has(id) || within === undefined);
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

function watch(plan: Plan): Watch {
  return {
    creating(thing, things) {
      const ids = new Set(things.map(({ id }) => id));
      const missing = [...thing.soft, ...thing.hard].find((id) => !ids.has(id));
      if (missing) throw new Error(`${thing.name} is made of ${missing}, which isn't there`);
    },
    deleting(thing, things) {
      const someGoAhead = plan.some(({ alone }) => alone);
      for (const other of things) {
        // What goes with its host counts as gone from the moment that that is to go.
        if (other.within !== undefined || ![...other.soft, ...other.hard].includes(thing.id)) continue;
        // What has to go ahead of its replacement takes along only what couldn't be changed to the new one.
        if (someGoAhead && (!other.hard.includes(thing.id) || releases(plan, other, thing))) continue;
        throw new Error(`${thing.id} is deleted before ${other.id}, which is made of it`);
      }
    },
  };
}

/** The plan has the one thing no longer made of the other, so that it may have been dealt with already. */
function releases(plan: Plan, other: Held, thing: Held): boolean {
  const wanted = plan.find(({ name, formerly }) => name === other.name || formerly === other.name);
  return wanted !== undefined && !wanted.needs.some((name) => name === thing.name);
}
