/** `docker.Container`: created, connected, filled, started, waited for and followed, in that order. */
import type Docker from "dockerode";
import {
  InitializationError,
  type CheckRequest,
  type CheckResponse,
  type CreateRequest,
  type CreateResponse,
  type DeleteRequest,
  type DiffRequest,
  type DiffResponse,
  type ProviderContext,
  type ReadRequest,
  type ReadResponse,
  type UpdateRequest,
  type UpdateResponse,
} from "../../../engine/provider";
import { containsUnknown, isMap, type PropertyMap } from "../../../engine/values";
import { Attachment, brokenWait, ExitCode } from "../container/attach";
import { containerInputs, type ContainerInputs } from "../container/inputs";
import { inspectContainer, type Inspection } from "../container/inspection";
import { containerOutputs, importedOutputs } from "../container/outputs";
import { adjustableConfig, containerSpec, endpointSettings, gpuRequest } from "../container/spec";
import { putUploads, uploadProblem } from "../container/uploads";
import { ContainerEvents, NotHealthyError, waitHealthy } from "../container/wait";
import { explained, isAbort, isNotFound, reasonOf, statusOf } from "../engine/errors";
import { call, query } from "../engine/requests";
import { checkInputs } from "../schema/check";
import { adjustable, containerSchema } from "../schema/container";
import { differences, diffResponse, topName } from "../schema/diff";
import { importedInputs, refreshedInputs } from "../schema/extract-inputs";
import { isAbsent } from "../schema/field";
import { plannedOutputs, updatedOutputs } from "../schema/outputs";
import { metaOf, withTimeout, type Handler, type Session } from "./handler";
import { findOrPull } from "./local-images";

export const container: Handler = {
  schema: containerSchema,
  check,
  diff,
  create,
  read,
  update,
  delete: remove,
};

async function check(_: Session, request: CheckRequest): Promise<CheckResponse> {
  const response = checkInputs(containerSchema, request);
  const failures = [...(response.failures ?? []), ...combinations(response.inputs)];
  return failures.length > 0 ? { inputs: response.inputs, failures } : response;
}

/** What no single property can tell. */
function combinations(checked: PropertyMap): { property: string; reason: string }[] {
  const failures: { property: string; reason: string }[] = [];
  const fail = (property: string, reason: string | undefined) => reason && failures.push({ property, reason });
  const inputs = containerInputs(checked);
  const each = <T>(entries: T[] | undefined, property: string, problem: (entry: T) => string | undefined) => {
    if (!Array.isArray(entries)) return;
    entries.forEach((entry, i) => {
      if (isMap(entry as never) && !containsUnknown(entry as never)) fail(`${property}[${i}]`, problem(entry));
    });
  };
  each(inputs.uploads, "uploads", uploadProblem);
  each(inputs.volumes, "volumes", (volume) => {
    if (!volume.fromContainer && !volume.containerPath) return "needs a containerPath, or fromContainer";
    return volume.fromContainer && volume.containerPath ? "can't have both containerPath and fromContainer" : undefined;
  });
  if (typeof inputs.gpus === "string" && inputs.gpus !== "") {
    try {
      gpuRequest(inputs.gpus);
    } catch (error) {
      fail("gpus", (error as Error).message);
    }
  }
  return failures;
}

async function diff(_: Session, request: DiffRequest): Promise<DiffResponse> {
  const found = differences(containerSchema, request);
  // A container that isn't to be started doesn't run, and nothing is to be done about it.
  if (request.news.start === false && request.news.mustRun === true) delete found.mustRun;
  if (wasNeverFinished(request.olds)) {
    found.entrypoints ??= { kind: "add-replace", inputDiff: false };
    found.networkDatas = { kind: "add", inputDiff: false };
  }
  return diffResponse(containerSchema, request.news, found);
}

/** Its creation failed half-way, before anything was read: whatever it does now, it isn't what was asked for. */
const wasNeverFinished = (olds: PropertyMap): boolean =>
  isAbsent(olds.networkDatas) && isAbsent(olds.bridge) && isAbsent(olds.exitCode) && typeof olds.image === "string";

async function create(session: Session, request: CreateRequest, context: ProviderContext): Promise<CreateResponse> {
  const inputs = containerInputs(request.properties);
  const signal = withTimeout(context, request.timeout, `creating container ${inputs.name}`);
  const engine = await session.engine();
  let id: string;
  try {
    id = await createFromImage(session, engine, inputs, context, signal);
  } catch (error) {
    throw toError(inputs.name, signal.aborted ? signal.reason : error);
  }
  const planned = { ...metaOf(containerSchema), ...plannedOutputs(containerSchema, request.properties, null), id };
  try {
    await connectNetworks(engine, id, inputs, session.labels, signal);
    await putUploads(engine, id, inputs.uploads ?? [], signal);
    if (inputs.start === false) return { id, properties: await outputsOf(engine, id, planned, signal) };
    return { id, properties: await run(session, engine, id, inputs, planned, context, signal) };
  } catch (error) {
    const cause = signal.aborted ? signal.reason : error;
    const reason = cause instanceof NotHealthyError ? cause : toError(inputs.name, cause);
    // It is there, if not as it should be: it stays in the state, to be looked at, replaced or destroyed.
    throw new InitializationError(id, planned, undefined, [reason.message]);
  }
}

function toError(name: string, error: unknown): Error {
  if (isAbort(error)) return new Error(`creating container ${name} was cancelled`);
  return statusOf(error) === undefined && error instanceof Error ? error : explained(`start container ${name}`, error);
}

/** The image is there, most of the time: it is looked for where the Engine says that it isn't. */
async function createFromImage(
  session: Session,
  engine: Docker,
  inputs: ContainerInputs,
  context: ProviderContext,
  signal: AbortSignal,
): Promise<string> {
  const make = () => createContainer(engine, inputs, session.labels, signal);
  const find = () => findOrPull(session, inputs.image, { platform: inputs.platform, context, signal });
  if (inputs.platform) {
    await find();
    return await make();
  }
  try {
    return await make();
  } catch (error) {
    const { cause } = error as Error;
    if (!isNotFound(cause) || !/no such image/i.test(reasonOf(cause))) throw error;
    await find();
    return await make();
  }
}

async function createContainer(
  engine: Docker,
  inputs: ContainerInputs,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const { body } = containerSpec(engine, inputs, { ...labels });
  const path = `/containers/create?${query({ name: inputs.name, platform: inputs.platform })}`;
  signal.throwIfAborted();
  try {
    // Not aborted half-way: whether the container exists then couldn't be told. It takes a moment only.
    return (await call<{ Id: string }>(engine, { method: "POST", path, body })).Id;
  } catch (error) {
    throw explained(`create container ${inputs.name}`, error);
  }
}

async function connectNetworks(
  engine: Docker,
  id: string,
  inputs: ContainerInputs,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const { laterNetworks } = containerSpec(engine, inputs, { ...labels });
  for (const endpoint of laterNetworks) {
    const path = `/networks/${encodeURIComponent(endpoint.name)}/connect`;
    const body = { Container: id, EndpointConfig: endpointSettings(endpoint) };
    try {
      await call(engine, { method: "POST", path, body, signal });
    } catch (error) {
      throw explained(`connect container ${inputs.name} to network ${endpoint.name}`, error);
    }
  }
}

/** Starts the container and stays with it for as long as `wait` and `attach` ask. */
async function run(
  session: Session,
  engine: Docker,
  id: string,
  inputs: ContainerInputs,
  planned: PropertyMap,
  context: ProviderContext,
  signal: AbortSignal,
): Promise<PropertyMap> {
  const follow = new AbortController();
  const until = AbortSignal.any([signal, follow.signal]);
  const restarts = !["", "no"].includes(inputs.restart ?? "no");
  let logs = "";
  try {
    const events = inputs.wait ? new ContainerEvents(engine, id, until) : undefined;
    const attachment = inputs.attach
      ? Attachment.open(engine, id, {
          tty: inputs.tty ?? false,
          signal: until,
          onText: (streamId, text) => {
            if (inputs.logs) logs += text;
            context.log("info", text, { streamId });
          },
        })
      : undefined;
    const nextExit = inputs.attach && !restarts ? ExitCode.open(engine, id, "next-exit", until) : undefined;
    await Promise.all([attachment, nextExit]);
    // What happens before the events are told of is seen by looking, once both are there.
    await Promise.all([start(engine, id, inputs.name, signal), events?.opened()]);
    if (events) {
      await waitHealthy(engine, id, events, {
        timeout: inputs.waitTimeout ?? 60,
        quick: session.quickReadiness,
        signal,
      });
    }
    if (!inputs.attach) return await outputsOf(engine, id, planned, signal);
    // With rm the container is gone when it has ended, and all that could be read of it.
    const running = inputs.rm ? await inspectContainer(engine, id, signal) : undefined;
    const exit = await (nextExit ?? ExitCode.open(engine, id, "not-running", until));
    const exitCode = await exit.wait(signal);
    if (exit.wasInterrupted) {
      context.log("warning", `${brokenWait}: the exit code ${exitCode} is what the Engine says of it now`);
    }
    await (await attachment!).complete(restarts || exit.wasInterrupted);
    const found = (await inspectContainer(engine, id, signal)) ?? running;
    const outputs = found ? containerOutputs(planned, found) : planned;
    return { ...outputs, exitCode, containerLogs: inputs.logs ? logs : null };
  } finally {
    follow.abort();
  }
}

async function start(engine: Docker, id: string, name: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await call(engine, { method: "POST", path: `/containers/${id}/start` });
  } catch (error) {
    throw explained(`start container ${name}`, error);
  }
}

async function outputsOf(engine: Docker, id: string, planned: PropertyMap, signal: AbortSignal): Promise<PropertyMap> {
  const found = await inspectContainer(engine, id, signal);
  if (found) return containerOutputs(planned, found);
  if (planned.rm === true) return { ...planned, networkDatas: [], exitCode: null };
  throw new Error(`container ${String(planned.name)} was removed by somebody else while it was being created`);
}

async function read(session: Session, request: ReadRequest): Promise<ReadResponse | undefined> {
  const found = await inspectContainer(await session.engine(), request.id);
  if (!found) return undefined;
  const isImport = Object.keys(request.properties).length === 0;
  if (isImport) return imported(found);
  const outputs = containerOutputs(request.properties, found);
  return {
    id: found.Id,
    inputs: refreshedInputs(containerSchema.fields, request.inputs, outputs),
    properties: outputs,
  };
}

function imported(found: Inspection): ReadResponse {
  const base = plannedOutputs(containerSchema, {}, null);
  const outputs = {
    ...metaOf(containerSchema),
    ...containerOutputs({ ...base, networkMode: null, restart: null }, found),
  };
  Object.assign(outputs, importedOutputs(found));
  return { id: found.Id, inputs: importedInputs(containerSchema.fields, outputs), properties: outputs };
}

async function update(session: Session, request: UpdateRequest, context: ProviderContext): Promise<UpdateResponse> {
  const inputs = containerInputs(request.news);
  const signal = withTimeout(context, request.timeout, `updating container ${inputs.name}`);
  const engine = await session.engine();
  const changed = new Set(Object.keys(differences(containerSchema, request)).map(topName));
  const late = [...changed].filter((name) => NOT_WHILE_IT_EXISTS.includes(name));
  if (late.length > 0) {
    context.log(
      "warning",
      `${late.join(", ")} of container ${inputs.name} takes effect when the container is next made; --replace makes it now`,
    );
  }
  if (Object.keys(adjustable).some((name) => changed.has(name))) {
    try {
      const body = adjustableConfig(inputs);
      await call(engine, { method: "POST", path: `/containers/${request.id}/update`, body, signal });
    } catch (error) {
      throw explained(`update container ${inputs.name}`, error);
    }
  }
  const isStarted = changed.has("mustRun") && inputs.mustRun !== false && inputs.start !== false;
  if (isStarted) await start(engine, request.id, inputs.name, signal);
  const found = await inspectContainer(engine, request.id, signal);
  if (!found) throw new Error(`container ${inputs.name} is gone; run refresh, then up makes it again`);
  const planned = { ...metaOf(containerSchema), ...updatedOutputs(containerSchema, request.olds, request.news) };
  if (!isStarted) return { properties: planned };
  // With the start it has got other addresses, and other ports where it is the Engine that chooses them.
  const { networkDatas = null, ports = null, exitCode = null } = containerOutputs(planned, found);
  return { properties: { ...planned, networkDatas, ports, exitCode } };
}

/** What can change in the program without the container being made anew, and the Engine takes at its creation only. */
const NOT_WHILE_IT_EXISTS = ["init", "mounts", "tmpfs"];

async function remove(session: Session, request: DeleteRequest, context: ProviderContext): Promise<void> {
  const { attach, destroyGraceSeconds, name, removeVolumes } = containerInputs(request.properties);
  const signal = withTimeout(context, request.timeout, `deleting container ${name}`);
  const engine = await session.engine();
  try {
    if (!attach && destroyGraceSeconds && destroyGraceSeconds > 0) {
      const path = `/containers/${request.id}/stop?${query({ t: destroyGraceSeconds })}`;
      await call(engine, { method: "POST", path, signal });
    }
    await removeNow(engine, request.id, removeVolumes !== false, signal);
  } catch (error) {
    if (!isNotFound(error)) throw explained(`delete container ${name ?? request.id.slice(0, 12)}`, error);
  }
}

/** Kills and removes the container; one that is being removed already is waited for. */
async function removeNow(engine: Docker, id: string, volumes: boolean, signal?: AbortSignal): Promise<void> {
  try {
    await call(engine, { method: "DELETE", path: `/containers/${id}?${query({ force: true, v: volumes })}`, signal });
  } catch (error) {
    if (isNotFound(error)) return;
    if (statusOf(error) !== 409 || !/already in progress/i.test(reasonOf(error))) throw error;
    await call(engine, { method: "POST", path: `/containers/${id}/wait?condition=removed`, signal }).catch((late) => {
      if (!isNotFound(late)) throw late;
    });
  }
}
