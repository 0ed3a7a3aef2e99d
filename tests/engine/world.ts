/**
 * A stack in a folder of its own, over a fake cloud. Tests put a program in its place by registering goals; the rest,
 * from the lock to the checkpoint, is the engine's own `runOperation`.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent, OperationKind, OperationOptions, OperationResult, Project, Stack } from "../../engine";
import { openStack, runOperation } from "../../engine";
import { type Deployment, emptyGoal, Halted } from "../../engine/deployment/deployment";
import type { ProgramRunner } from "../../engine/operation";
import type { Goal, ResourceState } from "../../engine/resource";
import type { SerializedDeployment, SerializedResource } from "../../engine/state/checkpoint";
import { formatProviderReference, makeUrn, ROOT_STACK_TYPE } from "../../engine/urn";
import type { PropertyMap, PropertyValue } from "../../engine/values";
import { Cloud } from "./fake-cloud";

export const TYPE = "fake:index:Thing";
export const STACK = "test";
export const PROJECT = "trial";

export type Program = (stack: Registrar) => Promise<unknown>;
export type Options = Partial<Omit<OperationOptions, "kind" | "providers">>;

/** What a registration gave back. */
export interface Registered {
  urn: string;
  id: string;
  outputs: PropertyMap;
  result: "success" | "failed" | "skipped";
}

/** In memory where there is such a folder: thousands of stacks are made. */
export const SCRATCH = join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "seatrial-test-");

const worlds: World[] = [];

afterAll(() => worlds.splice(0).forEach((world) => world.remove()));

export class World {
  folder = mkdtempSync(SCRATCH);
  events: EngineEvent[] = [];

  constructor(
    readonly cloud = new Cloud(),
    readonly config: Record<string, string> = {},
  ) {
    worlds.push(this);
  }

  get project(): Project {
    return { name: PROJECT, root: this.folder, main: this.folder, runtime: "nodejs", config: new Map() };
  }

  get env(): NodeJS.ProcessEnv {
    return { PULUMI_BACKEND_URL: `file://${this.folder}`, PULUMI_CONFIG_PASSPHRASE: "trial" };
  }

  open(): Promise<Stack> {
    return openStack({ project: this.project, name: STACK, create: true, env: this.env, config: this.config });
  }

  async run(kind: OperationKind, program: Program, options: Options = {}): Promise<OperationResult> {
    this.events = [];
    this.cloud.log = [];
    this.cloud.spans = [];
    const onEvent = (event: EngineEvent): void => void this.events.push(event);
    const providers = { fake: this.cloud.provider };
    return runOperation(await this.open(), { kind, providers, onEvent, ...options }, asRunner(program));
  }

  preview = (program: Program, options?: Options): Promise<OperationResult> => this.run("preview", program, options);
  update = (program: Program, options?: Options): Promise<OperationResult> => this.run("update", program, options);
  destroy = (options?: Options): Promise<OperationResult> => this.run("destroy", noProgram, options);
  refresh = (options?: Options): Promise<OperationResult> => this.run("refresh", noProgram, options);

  /** An update that must succeed. */
  async up(program: Program, options?: Options): Promise<OperationResult> {
    const result = await this.update(program, options);
    if (result.result !== "succeeded") throw new Error(result.errors.map(({ message }) => message).join("\n"));
    return result;
  }

  async deployment(): Promise<SerializedDeployment> {
    return (await (await this.open()).export()).deployment as unknown as SerializedDeployment;
  }

  /** The resources of the state, without the stack and the providers. */
  async states(): Promise<SerializedResource[]> {
    return ((await this.deployment()).resources ?? []).filter(
      ({ type }) => type !== ROOT_STACK_TYPE && !type.startsWith("pulumi:providers:"),
    );
  }

  /** The one present state of a name. */
  async state(name: string): Promise<SerializedResource> {
    const found = (await this.states()).filter((state) => nameOf(state.urn) === name && !state["delete"]);
    if (found.length !== 1) throw new Error(`${name} is ${found.length} times in the state`);
    return found[0]!;
  }

  /** Operations in the order in which they began, such as `create a`, without what merely stayed the same. */
  steps(): string[] {
    return this.events.flatMap(({ resourcePreEvent }) => {
      const metadata = resourcePreEvent?.metadata;
      if (!metadata || metadata.op === "same" || metadata.type === ROOT_STACK_TYPE) return [];
      return metadata.type.startsWith("pulumi:providers:") ? [] : [`${metadata.op} ${nameOf(metadata.urn)}`];
    });
  }

  messages(severity: string): string[] {
    return this.events.flatMap(({ diagnosticEvent }) =>
      diagnosticEvent?.severity === severity ? [diagnosticEvent.message.trimEnd()] : [],
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Registers as the SDK would: under the stack, with the package's default provider unless one is named. */
export class Registrar {
  readonly root = makeUrn(STACK, PROJECT, "", ROOT_STACK_TYPE, `${PROJECT}-${STACK}`);

  constructor(readonly deployment: Deployment) {}

  async start(): Promise<void> {
    await this.deployment.register({
      ...emptyGoal(ROOT_STACK_TYPE, `${PROJECT}-${STACK}`),
      custom: false,
    });
  }

  async add(name: string, inputs: PropertyMap = {}, options: Partial<Goal> = {}): Promise<Registered> {
    const type = options.type ?? TYPE;
    const provider = options.provider ?? (await this.deployment.defaultProvider("fake", "1.0.0"));
    return this.register({ ...emptyGoal(type, name), inputs, parent: this.root, ...options, provider });
  }

  component(name: string, options: Partial<Goal> = {}): Promise<Registered> {
    return this.register({ ...emptyGoal("test:index:Group", name), parent: this.root, ...options, custom: false });
  }

  /** An explicit provider; the result is the reference that resources name. */
  async provider(name: string, inputs: PropertyMap = {}, options: Partial<Goal> = {}): Promise<string> {
    const { urn, id } = await this.register({
      ...emptyGoal("pulumi:providers:fake", name),
      inputs,
      parent: this.root,
      ...options,
    });
    return formatProviderReference({ urn, id });
  }

  async get(name: string, id: string): Promise<ResourceState> {
    const provider = await this.deployment.defaultProvider("fake", "1.0.0");
    return this.deployment.read({ ...emptyGoal(TYPE, name), parent: this.root, provider }, id);
  }

  outputs(values: PropertyMap): Promise<void> {
    return this.deployment.registerOutputs(this.root, values);
  }

  private async register(goal: Goal): Promise<Registered> {
    const { state, result } = await this.deployment.register(goal);
    return { urn: state.urn, id: state.id, outputs: state.outputs, result };
  }
}

/** A property that was taken from another resource, so that it depends on it. */
export function takenFrom(...from: Registered[]): Pick<Goal, "dependencies" | "propertyDependencies"> & {
  value: PropertyValue;
} {
  const urns = from.map(({ urn }) => urn);
  return { dependencies: urns, propertyDependencies: { from: urns }, value: from.map(({ id }) => id) };
}

/** A thing whose property `from` is the ids of others. */
export function using(
  stack: Registrar,
  name: string,
  from: Registered[],
  inputs: PropertyMap = {},
  options: Partial<Goal> = {},
): Promise<Registered> {
  const { value, ...depends } = takenFrom(...from);
  return stack.add(name, { ...inputs, from: value }, { ...depends, ...options });
}

export const nameOf = (urn: string): string => urn.slice(urn.lastIndexOf("::") + 2);
export const urnOf = (name: string, type = TYPE): string => `urn:pulumi:${STACK}::${PROJECT}::${type}::${name}`;

/** Nothing is registered but the stack. */
export const empty: Program = async () => undefined;
const noProgram: Program = async () => {
  throw new Error("this operation runs no program");
};

export function asRunner(program: Program): ProgramRunner {
  return async (deployment) => {
    try {
      const registrar = new Registrar(deployment);
      await registrar.start();
      await program(registrar);
    } catch (error) {
      if (!(error instanceof Halted)) deployment.programFailed({ message: (error as Error).message });
    }
    await deployment.settled();
    if (deployment.mayDelete) await deployment.finish();
  };
}
