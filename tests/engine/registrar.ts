/** Programs of tests: they register goals as the SDK would, with no SDK in between. */
import { type Deployment, emptyGoal, Halted } from "../../engine/deployment/deployment";
import type { ProgramRunner } from "../../engine/operation";
import type { Goal, ResourceState } from "../../engine/resource";
import { formatProviderReference, makeUrn, ROOT_STACK_TYPE } from "../../engine/urn";
import type { PropertyMap, PropertyValue } from "../../engine/values";

export const TYPE = "fake:index:Thing";
export const STACK = "test";
export const PROJECT = "trial";

export type Program = (stack: Registrar) => Promise<unknown>;

/** What a registration gave back. */
export interface Registered {
  urn: string;
  id: string;
  outputs: PropertyMap;
  result: "success" | "failed" | "skipped";
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
