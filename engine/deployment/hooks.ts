/** Resource hooks: functions of the program that are called around the steps of its resources, and when one fails. */
import type { HookBindings, ResourceState } from "../resource";
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
  /** The states whose options the hook may want to know. */
  newState?: ResourceState;
  oldState?: ResourceState;
}

export interface Hook {
  onDryRun: boolean;
  ignoreErrors: boolean;
  /** Rejects with the hook's own error. */
  call(request: HookRequest): Promise<void>;
}

export type FailedOperation = "create" | "update" | "delete";

/** Told what has failed and every reason so far, the latest first, it says whether to try again. */
export type ErrorHook = (request: HookRequest, operation: FailedOperation, reasons: string[]) => Promise<boolean>;

export interface Hooks {
  register(name: string, hook: Hook): void;
  registerErrorHook(name: string, hook: ErrorHook): void;
  before(step: Step, preview: boolean): Promise<void>;
  after(step: Step, preview: boolean): Promise<void>;
  /** Asks the resource's error hooks whether to try a failed operation again. */
  wantsRetry(step: Step, operation: FailedOperation, reasons: string[]): Promise<boolean>;
}

export function makeHooks(warn: (message: string, urn: string) => void): Hooks {
  const hooks = new Map<string, Hook>();
  const errorHooks = new Map<string, ErrorHook>();
  const refuseTwice = (name: string): void => {
    if (name === "") throw new Error("a hook needs a name");
    if (hooks.has(name) || errorHooks.has(name)) throw new Error(`the hook "${name}" is registered twice`);
  };
  const run = async (step: Step, preview: boolean, moment: "before" | "after"): Promise<void> => {
    const binding = bindingOf(step, moment);
    for (const name of (binding && bindings(step)[binding]) ?? []) {
      const hook = hooks.get(name);
      if (!hook) throw new Error(`the hook "${name}" of ${step.urn} is not registered`);
      if (preview && !hook.onDryRun) continue;
      try {
        await hook.call(requestFor(step, moment));
      } catch (error) {
        const message = `the ${binding} hook "${name}" failed: ${(error as Error).message}`;
        if (!hook.ignoreErrors) throw new Error(message);
        warn(message, step.urn);
      }
    }
  };
  return {
    register(name, hook) {
      refuseTwice(name);
      hooks.set(name, hook);
    },
    registerErrorHook(name, hook) {
      refuseTwice(name);
      errorHooks.set(name, hook);
    },
    before: (step, preview) => run(step, preview, "before"),
    after: (step, preview) => run(step, preview, "after"),
    async wantsRetry(step, operation, reasons) {
      let retry = false;
      for (const name of bindings(step).onError ?? []) {
        const hook = errorHooks.get(name);
        if (!hook) throw new Error(`the error hook "${name}" of ${step.urn} is not registered`);
        try {
          retry = (await hook(requestFor(step, "before"), operation, reasons)) || retry;
        } catch (error) {
          throw new Error(`the error hook "${name}" failed: ${(error as Error).message}`);
        }
      }
      return retry;
    },
  };
}

const bindings = (step: Step): HookBindings => (step.new ?? step.old)!.hooks;

function bindingOf(step: Step, moment: "before" | "after"): keyof HookBindings | undefined {
  switch (step.op) {
    case "create":
    case "create-replacement":
      return `${moment}Create`;
    case "update":
      return `${moment}Update`;
    case "delete":
    case "delete-replaced":
    case "discard":
    case "discard-replaced":
      return `${moment}Delete`;
    default:
      return undefined;
  }
}

/** A new resource has nothing old, even where it replaces another; before a step there are no new outputs. */
function requestFor(step: Step, moment: "before" | "after"): HookRequest {
  const state = (step.new ?? step.old)!;
  const old = step.op.startsWith("create") ? undefined : step.old;
  return {
    urn: step.urn,
    id: state.id,
    name: urnName(step.urn),
    type: urnType(step.urn),
    ...(step.new ? { newInputs: withoutOutputs(step.new.inputs), newState: step.new } : {}),
    ...(step.new && moment === "after" ? { newOutputs: withoutOutputs(step.new.outputs) } : {}),
    ...(old ? { oldInputs: withoutOutputs(old.inputs), oldOutputs: withoutOutputs(old.outputs), oldState: old } : {}),
  };
}
