/**
 * A cloud in memory and its provider, package `fake`: it makes, changes and forgets things, remembers every call, and
 * fails, waits or stops in the middle where a test tells it to.
 */
import { InitializationError, type Provider, type ProviderContext, type ProviderFactory } from "../../engine/provider";
import { equalValues, type PropertyMap } from "../../engine/values";

export interface Thing {
  id: string;
  name: string;
  urn: string;
  type: string;
  inputs: PropertyMap;
  /** What it was made with: a provider recognizes by it what it made, whatever has become of it since. */
  born?: PropertyMap;
}

export type CallKind = "check" | "diff" | "create" | "read" | "find" | "update" | "delete";

export interface Call {
  kind: CallKind;
  name: string;
  urn: string;
  id: string;
  inputs: PropertyMap;
  signal: AbortSignal;
}

/** `fail`: nothing is done. `init`: it is done, and found out of order. `unwell`: it is read, and found out of order. */
export type Fault = "fail" | "init" | "unwell" | ((call: Call) => Promise<Fault | void> | Fault | void);

export class Cloud {
  readonly things = new Map<string, Thing>();
  /** Calls that change something, as they begin: `create a`. */
  log: string[] = [];
  /** The same with their ends: `+create a`, `-create a`. */
  spans: string[] = [];
  /** By call, such as `create a`. */
  readonly faults = new Map<string, Fault>();
  /** Things that have gone with what they lay in, or were changed or removed by somebody else. */
  readonly strays = new Set<string>();
  /** Input properties that can't be changed in place. */
  readonly fixed = new Set(["fixed"]);
  /** The provider can't have the old one and the new one at a time; a thing may also say so by an input `alone`. */
  deleteBeforeReplace = false;
  /** The provider can look for what it made (`Provider.find`). */
  canFind = true;
  acceptSecrets = true;
  supportsPreview = true;
  /** Things that the provider wants to be read before they are changed or deleted, by name. */
  readonly volatile = new Set<string>();
  /** DiffConfig of the provider asks for a replacement where this property of its configuration changes. */
  region = "region";
  /** Called before and after each change takes effect. */
  onChange: (moment: "before" | "after", call: Call) => void | Promise<void> = () => undefined;
  /** How many turns of the event loop a call takes. */
  latency = 0;
  /** Functions of the package, by token. */
  readonly functions = new Map<string, (args: PropertyMap) => PropertyMap>();
  readonly configured: PropertyMap[] = [];
  /** What each call was given, for a test of what reaches a provider. */
  readonly seen = new Map<string, PropertyMap>();
  private made = 0;
  private life = { over: false };

  /** The things there are, by name, sorted. */
  names(): string[] {
    return [...this.things.values()].map((thing) => thing.name).sort();
  }

  /** What lies within a thing goes with it. */
  drop(id: string): void {
    this.things.delete(id);
    for (const other of [...this.things.values()]) {
      if (other.inputs["within"] !== id) continue;
      this.strays.add(other.id);
      this.drop(other.id);
    }
  }

  /** Somebody else removes or changes a thing. */
  meddle(id: string, change: PropertyMap | undefined): void {
    this.strays.add(id);
    const thing = this.things.get(id)!;
    if (change) thing.inputs = { ...thing.inputs, ...change };
    else this.drop(id);
  }

  byName(name: string): Thing | undefined {
    return [...this.things.values()].find((thing) => thing.name === name);
  }

  readonly provider: ProviderFactory = () => makeProvider(this, this.life, () => `${++this.made}`);

  /** No provider that there is now reaches the cloud any more: the process that it was in is gone. */
  cutOff(): void {
    this.life.over = true;
    this.life = { over: false };
  }

  /** Does what a fault says, then the change. Tells whether the thing is out of order afterwards. */
  async carryOut(life: { over: boolean }, call: Call, change: () => void): Promise<boolean> {
    if (life.over) await never;
    const key = `${call.kind} ${call.name}`;
    this.log.push(key);
    this.spans.push(`+${key}`);
    try {
      let fault = this.faults.get(key) ?? this.faults.get(call.kind);
      if (typeof fault === "function") fault = (await fault(call)) ?? undefined;
      if (fault === "fail") throw new Error(`${key}: refused`);
      for (let turn = 0; turn < this.latency; turn++) await new Promise((done) => setImmediate(done));
      if (life.over) await never;
      // Without waiting in between, so that a test sees each change by itself.
      const before = this.onChange("before", call);
      if (before) await before;
      change();
      const after = this.onChange("after", call);
      if (after) await after;
      return fault === (call.kind === "read" ? "unwell" : "init");
    } finally {
      this.spans.push(`-${key}`);
    }
  }
}

const nothing = { acceptSecrets: true, acceptResources: true, supportsPreview: true };

const never = new Promise<never>(() => undefined);

function makeProvider(cloud: Cloud, life: { over: boolean }, nextId: () => string): Provider {
  const outputsOf = (thing: Thing): PropertyMap => ({ ...thing.inputs, ref: thing.id, token: `token-of-${thing.id}` });
  const call = (
    kind: CallKind,
    request: { urn: string; name: string; id?: string },
    inputs: PropertyMap,
    { signal }: ProviderContext,
  ): Call => ({ kind, name: request.name, urn: request.urn, id: request.id ?? "", inputs, signal });
  const outOfOrder = (thing: Thing): InitializationError =>
    new InitializationError(thing.id, outputsOf(thing), undefined, ["it does not get ready"]);
  return {
    pkg: "fake",
    version: "1.0.0",
    checkConfig: async ({ news }) => ({ inputs: news }),
    diffConfig: async ({ oldInputs, news }) => {
      const same = equalValues(oldInputs, news);
      const moved = !equalValues(oldInputs[cloud.region], news[cloud.region]);
      return { changes: same ? "none" : "some", replaces: moved ? [cloud.region] : [] };
    },
    configure: async (args) => {
      cloud.configured.push(args);
      return { ...nothing, acceptSecrets: cloud.acceptSecrets, supportsPreview: cloud.supportsPreview };
    },
    check: async ({ news, olds, name }) => {
      cloud.seen.set(`check ${name}`, news);
      if (news["bad"] !== undefined)
        return { inputs: news, failures: [{ property: "bad", reason: "must not be set" }] };
      // A default that is kept from one deployment to the next, as an auto-name is.
      if (news["auto"] !== true || news["label"] !== undefined) return { inputs: news };
      return { inputs: { ...news, label: olds["label"] ?? `${name}-${nextId()}` } };
    },
    diff: async ({ oldInputs, news, name, ignoreChanges }) => {
      cloud.seen.set(`diff ${name}`, news);
      const ignored = new Set(ignoreChanges);
      const keys = [...new Set([...Object.keys(oldInputs), ...Object.keys(news)])].sort();
      const diffs = keys.filter((key) => !ignored.has(key) && !equalValues(oldInputs[key], news[key]));
      const replaces = diffs.filter((key) => cloud.fixed.has(key));
      return {
        changes: diffs.length > 0 ? "some" : "none",
        diffs,
        replaces,
        deleteBeforeReplace: cloud.deleteBeforeReplace || news["alone"] === true,
        detailedDiff: Object.fromEntries(
          diffs.map((key) => [
            key,
            { kind: replaces.includes(key) ? ("update-replace" as const) : ("update" as const), inputDiff: true },
          ]),
        ),
      };
    },
    async create({ urn, name, type, properties, preview }, context) {
      cloud.seen.set(`create ${name}`, properties);
      if (preview) return { id: "", properties };
      const thing: Thing = { id: `${name}#${nextId()}`, name, urn, type, inputs: properties, born: properties };
      const broken = await cloud.carryOut(life, call("create", { urn, name }, properties, context), () =>
        cloud.things.set(thing.id, thing),
      );
      if (broken) throw outOfOrder(thing);
      return { id: thing.id, properties: outputsOf(thing), refreshBeforeUpdate: cloud.volatile.has(name) };
    },
    async read({ urn, id, name }, context) {
      const request = call("read", { urn, id, name }, {}, context);
      const broken = await cloud.carryOut(life, request, () => undefined);
      const thing = cloud.things.get(id);
      if (!thing) return { id: "", inputs: {}, properties: {} };
      if (broken) throw outOfOrder(thing);
      return {
        id,
        inputs: thing.inputs,
        properties: outputsOf(thing),
        refreshBeforeUpdate: cloud.volatile.has(name),
      };
    },
    async update({ urn, id, name, news, preview }, context) {
      cloud.seen.set(`update ${name}`, news);
      if (preview) return { properties: news };
      const broken = await cloud.carryOut(life, call("update", { urn, id, name }, news, context), () => {
        const thing = cloud.things.get(id);
        if (!thing) throw new Error(`there is no ${id}`);
        thing.inputs = news;
      });
      const thing = cloud.things.get(id)!;
      if (broken) throw outOfOrder(thing);
      return { properties: outputsOf(thing), refreshBeforeUpdate: cloud.volatile.has(name) };
    },
    async delete({ urn, id, name }, context) {
      await cloud.carryOut(life, call("delete", { urn, id, name }, cloud.things.get(id)?.inputs ?? {}, context), () => {
        cloud.drop(id);
      });
    },
    async invoke({ token, args }) {
      const run = cloud.functions.get(token);
      if (!run) return { result: {}, failures: [{ property: "", reason: `there is no ${token}` }] };
      return { result: run(args) };
    },
    ...(cloud.canFind
      ? {
          async find({ urn, name, inputs, known }, context) {
            await cloud.carryOut(life, call("find", { urn, name }, inputs, context), () => undefined);
            const thing = [...cloud.things.values()].find(
              (one) => one.urn === urn && equalValues(one.born, inputs) && !known.includes(one.id),
            );
            return thing && { id: thing.id, inputs: thing.inputs, properties: outputsOf(thing) };
          },
        }
      : {}),
    close: async () => undefined,
  };
}
