/** Resource hooks as they travel: what a registered callback is asked, and its answer. */
import {
  ErrorHookRequest,
  ErrorHookResponse,
  type RegisterErrorHookRequest,
  type RegisterResourceHookRequest,
  RegisterResourceRequest,
  ResourceHookRequest,
  ResourceHookResponse,
  ResourceOptions,
} from "@pulumi/pulumi/proto/resource_pb";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb";
import { Alias } from "@pulumi/pulumi/proto/alias_pb";
import type { ErrorHook, Hook, HookRequest } from "../deployment/hooks";
import type { HookBindings, ResourceState } from "../resource";
import type { PropertyMap } from "../values";
import type { CallbackClients } from "./callbacks";
import { toStruct } from "./structs";

export function hookOf(request: RegisterResourceHookRequest, callbacks: CallbackClients): Hook {
  const callback = callbackOf(request);
  return {
    onDryRun: request.getOnDryRun(),
    ignoreErrors: request.getIgnoreErrors(),
    async call(hook) {
      const message = new ResourceHookRequest();
      describe(message, hook);
      if (hook.newOutputs) message.setNewOutputs(struct(hook.newOutputs));
      const answer = ResourceHookResponse.deserializeBinary(
        await callbacks.invoke(callback, message.serializeBinary()),
      );
      if (answer.getError()) throw new Error(answer.getError());
    },
  };
}

export function errorHookOf(request: RegisterErrorHookRequest, callbacks: CallbackClients): ErrorHook {
  const callback = callbackOf(request);
  return async (hook, operation, reasons) => {
    const message = new ErrorHookRequest();
    describe(message, hook);
    message.setFailedOperation(operation);
    message.setErrorsList(reasons);
    const answer = ErrorHookResponse.deserializeBinary(await callbacks.invoke(callback, message.serializeBinary()));
    if (answer.getError()) throw new Error(answer.getError());
    return answer.getRetry();
  };
}

/** Fills in `message`, which registrations and constructions have each of a class of its own. */
export function writeHooks<T extends RegisterResourceRequest.ResourceHooksBinding>(message: T, hooks: HookBindings): T {
  message.setBeforeCreateList(hooks.beforeCreate ?? []);
  message.setAfterCreateList(hooks.afterCreate ?? []);
  message.setBeforeUpdateList(hooks.beforeUpdate ?? []);
  message.setAfterUpdateList(hooks.afterUpdate ?? []);
  message.setBeforeDeleteList(hooks.beforeDelete ?? []);
  message.setAfterDeleteList(hooks.afterDelete ?? []);
  message.setOnErrorList(hooks.onError ?? []);
  return message;
}

export function readHooks(message: RegisterResourceRequest.ResourceHooksBinding | undefined): HookBindings {
  if (!message) return {};
  const hooks: HookBindings = {
    beforeCreate: message.getBeforeCreateList(),
    afterCreate: message.getAfterCreateList(),
    beforeUpdate: message.getBeforeUpdateList(),
    afterUpdate: message.getAfterUpdateList(),
    beforeDelete: message.getBeforeDeleteList(),
    afterDelete: message.getAfterDeleteList(),
    onError: message.getOnErrorList(),
  };
  return Object.fromEntries(Object.entries(hooks).filter(([, names]) => names.length > 0));
}

function callbackOf(request: RegisterResourceHookRequest | RegisterErrorHookRequest): Callback {
  const callback = request.getCallback();
  if (!callback) throw new Error("a hook without a callback");
  return callback;
}

const struct = (map: PropertyMap) => toStruct(map, { secrets: true, resources: true });

function describe(message: ResourceHookRequest | ErrorHookRequest, hook: HookRequest): void {
  message.setUrn(hook.urn);
  message.setId(hook.id);
  message.setName(hook.name);
  message.setType(hook.type);
  if (hook.newInputs) message.setNewInputs(struct(hook.newInputs));
  if (hook.oldInputs) message.setOldInputs(struct(hook.oldInputs));
  if (hook.oldOutputs) message.setOldOutputs(struct(hook.oldOutputs));
  if (hook.newState) message.setNewOptions(optionsOf(hook.newState));
  if (hook.oldState) message.setOldOptions(optionsOf(hook.oldState));
}

function optionsOf(state: ResourceState): ResourceOptions {
  const options = new ResourceOptions();
  options.setDependsOnList(state.dependencies);
  options.setProtect(state.protect);
  options.setRetainOnDelete(state.retainOnDelete);
  options.setIgnoreChangesList(state.ignoreChanges);
  options.setReplaceOnChangesList(state.replaceOnChanges);
  options.setProvider(state.provider);
  options.setDeletedWith(state.deletedWith);
  options.setReplaceWithList(state.replaceWith);
  options.setImport(state.importId);
  options.setHideDiffList(state.hideDiffs);
  options.setAdditionalSecretOutputsList(state.additionalSecretOutputs);
  options.setParent(state.parent);
  options.setAliasesList(state.aliases.map((urn) => new Alias().setUrn(urn)));
  if (Object.keys(state.hooks).length > 0)
    options.setHooks(writeHooks(new RegisterResourceRequest.ResourceHooksBinding(), state.hooks));
  const { create, update, delete: remove, read } = state.customTimeouts;
  if (create || update || remove || read) {
    const timeouts = new RegisterResourceRequest.CustomTimeouts();
    if (create) timeouts.setCreate(`${create}s`);
    if (update) timeouts.setUpdate(`${update}s`);
    if (remove) timeouts.setDelete(`${remove}s`);
    if (read) timeouts.setRead(`${read}s`);
    options.setCustomTimeouts(timeouts);
  }
  return options;
}
