/** Resource hooks: functions of the program that are called around the steps of its resources. */
import type { HookBindings } from "../resource";
import { type PropertyMap, withoutOutputs } from "../values";
import { urnName, urnType } from "../urn";
import type { Step } from "./step";

export interface HookRequest {
  urn: string;
  id: string;
  name: string;
  type: string;
  newInputs?: PropertyMap;
  oldInputs?: PropertyMap;
  newOutputs?: PropertyMap;
  oldOutputs?: PropertyMap;
}

export interface Hook {
  onDryRun: boolean;
  ignoreErrors: boolean;
  /** Rejects with the hook's own error. */
  call(request: HookRequest): Promise<void>;
}

export interface Hooks {
  register(name: string, hook: Hook): void;
  before(step: Step, preview: boolean): Promise<void>;
  after(step: Step, preview: boolean): Promise<void>;
}

export function makeHooks(warn: (message: string, urn: string) => void): Hooks {
  const hooks = new Map<string, Hook>();
  const run = async (names: string[] | undefined, step: Step, preview: boolean): Promise<void> => {
    for (const name of names ?? []) {
      const hook = hooks.get(name);
      if (!hook) {
        // A destroy runs no program, so that nothing has registered the hook.
        throw new Error(
          `the hook "${name}" of ${step.urn} is not registered: its program must run (seatrial up) to call it`,
        );
      }
      if (preview && !hook.onDryRun) continue;
      try {
        await hook.call(requestFor(step));
      } catch (error) {
        if (!hook.ignoreErrors) throw new Error(`the hook "${name}" failed: ${(error as Error).message}`);
        warn(`the hook "${name}" failed: ${(error as Error).message}`, step.urn);
      }
    }
  };
  const bindings = (step: Step): HookBindings => (step.new ?? step.old)!.hooks;
  return {
    register(name, hook) {
      if (hooks.has(name)) throw new Error(`the hook "${name}" is registered twice`);
      hooks.set(name, hook);
    },
    async before(step, preview) {
      if (isCreation(step)) await run(bindings(step).beforeCreate, step, preview);
      else if (step.op === "update") await run(bindings(step).beforeUpdate, step, preview);
      else if (isDeletion(step)) await run(bindings(step).beforeDelete, step, preview);
    },
    async after(step, preview) {
      if (isCreation(step)) await run(bindings(step).afterCreate, step, preview);
      else if (step.op === "update") await run(bindings(step).afterUpdate, step, preview);
      else if (isDeletion(step)) await run(bindings(step).afterDelete, step, preview);
    },
  };
}

const isCreation = (step: Step): boolean => step.op === "create" || step.op === "create-replacement";
const isDeletion = (step: Step): boolean => step.op === "delete" || step.op === "delete-replaced";

function requestFor(step: Step): HookRequest {
  const plain = (map: PropertyMap | undefined): PropertyMap | undefined => (map ? withoutOutputs(map) : undefined);
  const state = (step.new ?? step.old)!;
  return {
    urn: step.urn,
    // An update's new state gets its id with the update.
    id: state.id || (step.op === "update" ? step.old!.id : ""),
    name: urnName(step.urn),
    type: urnType(step.urn),
    ...(step.new ? { newInputs: plain(step.new.inputs)!, newOutputs: plain(step.new.outputs)! } : {}),
    ...(step.old ? { oldInputs: plain(step.old.inputs)!, oldOutputs: plain(step.old.outputs)! } : {}),
  };
}
