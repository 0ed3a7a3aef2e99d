/** The engine as the model sees it: a world whose engine can be killed at any moment of the cloud's history. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../../engine";
import type { Goal, ResourceState } from "../../engine/resource";
import { dependenciesOf } from "../../engine/resource";
import type { PropertyMap } from "../../engine/values";
import { isProviderType, urnName } from "../../engine/urn";
import { deserializeResource, type SerializedResource } from "../../engine/state/checkpoint";
import { Cloud, type Thing } from "./fake-cloud";
import type { Act, Held, Memory, Outcome, Plan, System, Watch } from "./model";
import { type Options, type Program, PROJECT, type Registered, type Registrar, SCRATCH, STACK, World } from "./world";

const never = new Promise<never>(() => undefined);

export class EngineUnderTest implements System {
  readonly cloud = new Cloud();
  readonly world = new World(this.cloud);
  private broken: Error | undefined;

  constructor() {
    this.cloud.fixed.add("hard");
  }

  things(): Held[] {
    return [...this.cloud.things.values()].map(held);
  }

  strays(): ReadonlySet<string> {
    return this.cloud.strays;
  }

  async unprotect(): Promise<void> {
    const stack = await this.world.open();
    const { version, deployment } = await stack.export();
    const text = JSON.stringify(deployment);
    const without = text.replaceAll('"protect":true', '"protect":false');
    if (text !== without) await stack.import({ version, deployment: JSON.parse(without) as Record<string, unknown> });
  }

  changes(): number {
    return this.cloud.log.filter((call) => !/^(read|find) /.test(call)).length;
  }

  async memory(): Promise<Memory> {
    const { resources = [], pending_operations = [] } = await this.world.deployment();
    return {
      resources: resources.map(recorded),
      making: pending_operations.flatMap(({ type, resource }) => (type === "creating" ? [urnName(resource.urn)] : [])),
      pending: pending_operations.length,
    };
  }

  async act(act: Act, watch: Watch): Promise<Outcome> {
    const { cloud, world } = this;
    this.broken = undefined;
    cloud.faults.clear();
    for (const [call, trouble] of Object.entries(act.troubles)) cloud.faults.set(call, trouble);
    const crash = this.watchOver(act, watch);
    for (const [name, mischief] of Object.entries(act.mischief)) {
      for (const thing of [...cloud.things.values()].filter((other) => other.name === name)) {
        // One may have gone with another.
        if (!cloud.things.has(thing.id)) continue;
        cloud.meddle(thing.id, mischief === "change" ? { size: 1 - (thing.inputs["size"] as number) } : undefined);
      }
    }
    const options: Options = {
      continueOnError: act.continueOnError,
      parallel: act.parallel,
      ...confinement(act.confined),
      ...(act.kind === "update" ? { replaces: patterns(act.replaces) } : {}),
      ...(act.kind === "refresh" ? {} : { refresh: act.refreshFirst }),
    };
    const run =
      act.kind === "update"
        ? world.update(programOf(act.plan), options)
        : act.kind === "refresh"
          ? world.refresh(options)
          : world.destroy(options);
    // One of a target that isn't there, for instance, doesn't begin.
    const refused = (error: Error): UserError => {
      if (error instanceof UserError) return error;
      throw error;
    };
    const result = await Promise.race([run.catch(refused), crash]);
    if (this.broken) throw this.broken as Error;
    if (result instanceof UserError) return { crashed: false, succeeded: false, errors: [result.message] };
    if (result === "crashed") return { crashed: true, succeeded: false, errors: [] };
    return {
      crashed: false,
      succeeded: result.result === "succeeded",
      errors: result.errors.map(({ urn, message }) => `${urn ?? ""} ${message}`),
    };
  }

  /** Resolves when the engine has been killed and its files put back as they were at that moment. */
  private watchOver({ crashAt, cut, latency }: Act, watch: Watch): Promise<"crashed"> {
    const { cloud, world } = this;
    let moment = 0;
    let written = 0;
    let died!: () => void;
    const crash = new Promise<"crashed">((resolve) => (died = () => resolve("crashed")));
    cloud.latency = latency;
    cloud.onChange = (when, call) => {
      if (when === "before" && call.kind !== "read" && call.kind !== "find") {
        try {
          const thing = cloud.things.get(call.id);
          if (call.kind === "create") watch.creating(held({ ...call, id: "" }), this.things(), cloud.strays);
          else if (call.kind === "delete" && thing) watch.deleting(held(thing), this.things());
        } catch (error) {
          this.broken ??= error as Error;
        }
      }
      if (crashAt === undefined) return;
      if (when === "after") written = lengthOf(journalOf(world));
      if (++moment !== crashAt) return;
      cloud.cutOff();
      const journal = existsSync(journalOf(world)) ? readFileSync(journalOf(world)) : Buffer.alloc(0);
      revive(world, journal.subarray(0, written + Math.round((journal.length - written) * cut)));
      died();
      return never;
    };
    return crash;
  }
}

const journalOf = ({ folder }: World): string => join(folder, ".pulumi", "seatrial", PROJECT, `${STACK}.jsonl`);
const checkpointOf = ({ folder }: World): string => join(folder, ".pulumi", "stacks", PROJECT, `${STACK}.json`);
const lengthOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);

/** What is left of the engine: its files, in another folder, so that nothing of the dead one can still reach them. */
function revive(world: World, journal: Buffer): void {
  const checkpoint = readFileSync(checkpointOf(world));
  world.remove();
  world.folder = mkdtempSync(SCRATCH);
  for (const [file, content] of [
    [checkpointOf(world), checkpoint],
    [journalOf(world), journal],
  ] as const) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

const list = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : []);

function held({ id, name, inputs }: Pick<Thing, "id" | "name" | "inputs">): Held {
  return {
    id,
    name,
    soft: list(inputs["soft"]),
    hard: list(inputs["hard"]),
    within: inputs["within"] as string | undefined,
    size: inputs["size"] as number,
    fixed: inputs["fixed"] as number,
  };
}

function recorded(resource: SerializedResource): Memory["resources"][number] {
  const state: ResourceState = deserializeResource(resource, (text) => text);
  return {
    urn: state.urn,
    id: state.id,
    custom: state.custom,
    isProvider: isProviderType(state.type),
    condemned: state.delete,
    awaitsReplacement: state.pendingReplacement,
    protected: state.protect,
    retained: state.retainOnDelete,
    dependencies: dependenciesOf(state),
  };
}

const patterns = (names: string[]): string[] => names.map((name) => `**::${name}`);

function confinement(confined: Act["confined"]): Options {
  if (!confined) return {};
  if ("away" in confined) return { excludes: patterns(confined.away) };
  return { targets: patterns(confined.to), targetDependents: confined.dependents };
}

/** Registers each thing as soon as what it needs is there, as the SDK does. */
function programOf(plan: Plan): Program {
  return async (stack) => {
    const made = new Map<string, Promise<Registered>>();
    const group = plan.some(({ grouped }) => grouped) ? stack.component("group") : undefined;
    for (const wanted of plan) made.set(wanted.name, register(stack, wanted, made, group));
    await Promise.all(made.values());
  };
}

async function register(
  stack: Registrar,
  wanted: Plan[number],
  made: ReadonlyMap<string, Promise<Registered>>,
  group: Promise<Registered> | undefined,
): Promise<Registered> {
  const { name, size, fixed, alone, needs, bound, after, within, formerly, grouped } = wanted;
  const get = (names: string[]): Promise<Registered[]> => Promise.all(names.map((other) => made.get(other)!));
  const [used, others] = [await get(needs), await get(after)];
  const host = within === undefined ? undefined : await made.get(within)!;
  const urns = used.map(({ urn }) => urn);
  const key = bound ? "hard" : "soft";
  const inputs: PropertyMap = { size, fixed, alone, [key]: used.map(({ id }) => id) };
  if (host) inputs["within"] = host.id;
  const options: Partial<Goal> = {
    dependencies: [...new Set([...urns, ...others.map(({ urn }) => urn)])],
    propertyDependencies: { [key]: urns, ...(host ? { within: [host.urn] } : {}) },
    deletedWith: host?.urn ?? "",
    aliases: formerly ? [{ name: formerly }] : [],
    protect: wanted.protect,
    retainOnDelete: wanted.retain,
    ignoreChanges: wanted.keepsSize ? ["size"] : [],
    replaceOnChanges: wanted.fixedSize ? ["size"] : [],
    deleteBeforeReplace: wanted.oldFirst,
    ...(grouped ? { parent: (await group!).urn } : {}),
  };
  return stack.add(name, inputs, options);
}
