/** Construct and Call: components that a plugin makes of resources of its own, and their methods. */
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { writeHooks } from "../monitor/hooks";
import { fromStruct, toStruct } from "../monitor/structs";
import { writeAlias } from "../monitor/registration";
import type { CallRequest, CallResponse, ConstructRequest, ConstructResponse, ProgramInfo } from "../provider";
import type { PropertyMap } from "../values";

export function constructRequest(request: ConstructRequest, acceptOutputs: boolean): proto.ConstructRequest {
  const { goal, providers, program, monitorAddress } = request;
  const message = new proto.ConstructRequest();
  message.setMonitorendpoint(monitorAddress);
  describeProgram(message, program);
  message.setType(goal.type);
  message.setName(goal.name);
  message.setParent(goal.parent);
  message.setInputs(toStruct(goal.inputs, { secrets: true, resources: true, outputs: acceptOutputs }));
  for (const [key, urns] of Object.entries(goal.propertyDependencies)) {
    const dependencies = new proto.ConstructRequest.PropertyDependencies();
    dependencies.setUrnsList(urns);
    message.getInputdependenciesMap().set(key, dependencies);
  }
  for (const [pkg, reference] of Object.entries(providers)) message.getProvidersMap().set(pkg, reference);
  message.setDependenciesList(goal.dependencies);
  message.setAliasesList(goal.aliases.map(writeAlias));
  if (goal.protect !== undefined) message.setProtect(goal.protect);
  if (goal.retainOnDelete !== undefined) message.setRetainondelete(goal.retainOnDelete);
  if (goal.deleteBeforeReplace !== undefined) message.setDeletebeforereplace(goal.deleteBeforeReplace);
  message.setDeletedwith(goal.deletedWith);
  message.setAdditionalsecretoutputsList(goal.additionalSecretOutputs);
  message.setIgnorechangesList(goal.ignoreChanges);
  message.setReplaceonchangesList(goal.replaceOnChanges);
  message.setReplaceWithList(goal.replaceWith);
  const timeouts = new proto.ConstructRequest.CustomTimeouts();
  const { create, update, delete: remove } = goal.customTimeouts;
  if (create) timeouts.setCreate(`${create}s`);
  if (update) timeouts.setUpdate(`${update}s`);
  if (remove) timeouts.setDelete(`${remove}s`);
  if (create || update || remove) message.setCustomtimeouts(timeouts);
  if (Object.keys(goal.hooks).length > 0) {
    message.setResourceHooks(writeHooks(new proto.ConstructRequest.ResourceHooksBinding(), goal.hooks));
  }
  message.setAcceptsOutputValues(true);
  return message;
}

export function constructResponse(response: proto.ConstructResponse): ConstructResponse {
  const dependencies: Record<string, string[]> = {};
  response.getStatedependenciesMap().forEach((value: proto.ConstructResponse.PropertyDependencies, key: string) => {
    dependencies[key] = value.getUrnsList();
  });
  return { urn: response.getUrn(), state: fromStruct(response.getState()), stateDependencies: dependencies };
}

export function callRequest(request: CallRequest, acceptOutputs: boolean): proto.CallRequest {
  const { token, args, argDependencies, program, monitorAddress } = request;
  const message = new proto.CallRequest();
  message.setMonitorendpoint(monitorAddress);
  describeProgram(message, program);
  message.setTok(token);
  message.setArgs(toStruct(args, { secrets: true, resources: true, outputs: acceptOutputs }));
  for (const [key, urns] of Object.entries(argDependencies)) {
    const dependencies = new proto.CallRequest.ArgumentDependencies();
    dependencies.setUrnsList(urns);
    message.getArgdependenciesMap().set(key, dependencies);
  }
  message.setAcceptsOutputValues(true);
  return message;
}

export function callResponse(response: proto.CallResponse): Omit<CallResponse, "failures"> {
  const dependencies: Record<string, string[]> = {};
  response.getReturndependenciesMap().forEach((value: proto.CallResponse.ReturnDependencies, key: string) => {
    dependencies[key] = value.getUrnsList();
  });
  const result: PropertyMap = fromStruct(response.getReturn());
  return { result, resultDependencies: dependencies };
}

/** What the plugin's SDK needs in order to register resources as a program does. */
function describeProgram(message: proto.ConstructRequest | proto.CallRequest, program: ProgramInfo): void {
  message.setProject(program.project);
  message.setStack(program.stack);
  message.setOrganization(program.organization);
  message.setDryrun(program.preview);
  message.setParallel(Math.min(program.parallel ?? Number.POSITIVE_INFINITY, 2 ** 31 - 1));
  for (const [key, { value }] of program.config) message.getConfigMap().set(key, value);
  message.setConfigsecretkeysList([...program.config].filter(([, { secret }]) => secret).map(([key]) => key));
}
