/**
 * A plugin as a provider: what the engine asks becomes calls of Pulumi's `ResourceProvider` service.
 *
 * Source: `proto/pulumi/provider.proto` and `sdk/go/common/resource/plugin/provider_plugin.go` in pulumi/pulumi.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { PluginAttach, type PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { fromStruct, toStruct } from "../monitor/structs";
import type {
  Capabilities,
  CheckFailure,
  CheckRequest,
  CheckResponse,
  DiffKind,
  DiffRequest,
  DiffResponse,
  PropertyDiff,
  Provider,
  ResourceHints,
  ResourceIdentity,
} from "../provider";
import { Archive, Asset, mapValue, type PropertyMap, toPlain, withoutSecrets } from "../values";
import { callRequest, callResponse, constructRequest, constructResponse } from "./components";
import { explainError, isBroken, isUnimplemented } from "./errors";
import type { PluginProcess } from "./process";

export interface PluginOptions {
  /** The package. */
  pkg: string;
  /** What messages call it. */
  title: string;
  /** Where plugins reach the engine. */
  engineAddress: string;
  /** The folder that the plugin lies in. */
  folder: string;
  /** It runs on its own, and is told where the engine is. */
  attach?: boolean;
  /** What makes another package of the plugin. */
  parameterization?: Parameterization;
}

/** A package that isn't the plugin's own but made of it by a parameter, such as a Terraform provider's address. */
export interface Parameterization {
  name: string;
  version: string;
  value: Uint8Array;
}

/** A plugin that has taken its parameter, but has no configuration yet. */
export interface PluginProvider extends Provider {
  /** Tells the plugin to stop what it is doing; calls that run come to their end all the same. */
  cancel(): Promise<void>;
}

const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
/** How long a plugin may take until it answers the first call, and when it is told to stop, in milliseconds. */
const START_DEADLINE = 10_000;
const CANCEL_DEADLINE = 2_000;
/** How long to wait, once a call has broken off, for the plugin's end, in milliseconds. */
const LAST_WORDS = 1_000;

type Callback<Response> = (error: ServiceError | null, response: Response) => void;

/** Resolves when the plugin answers; the provider ends the process when it is closed. */
export async function connectPlugin(process: PluginProcess, options: PluginOptions): Promise<PluginProvider> {
  const { pkg, title } = options;
  const client = new ResourceProviderClient(`127.0.0.1:${process.port}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  /** One call; rejects with the plugin's own error, or with how the plugin ended in the middle of it. */
  const ask = async <Response>(call: (done: Callback<Response>) => unknown): Promise<Response> => {
    try {
      return await new Promise<Response>((resolve, reject) =>
        call((error, response) => (error ? reject(error) : resolve(response))),
      );
    } catch (error) {
      if (isUnimplemented(error)) throw error;
      if (isBroken(error)) {
        const how = await Promise.race([process.ended, sleep(LAST_WORDS, undefined, { ref: false })]);
        if (how !== undefined) throw new Error(`the plugin ${title} ${how}`);
      }
      throw explainError(error as ServiceError);
    }
  };

  let can: Capabilities & { acceptOutputs: boolean } = {
    acceptSecrets: false,
    acceptResources: false,
    supportsPreview: false,
    acceptOutputs: false,
  };
  const wire = (map: PropertyMap) => toStruct(map, { secrets: can.acceptSecrets, resources: can.acceptResources });
  /** What is known already: of assets and archives their hashes do, as the CLI sends them. */
  const wireKnown: typeof wire = (map) => wire(withoutContents(map));
  /** Configuration is checked in plain values. */
  const plainWire = (map: PropertyMap) => toStruct(withoutSecrets(map), {});

  await waitUntilReady(client, process, title);
  const handshake = await shakeHands(client, ask, options);
  if (options.attach) await attach(client, ask, options.engineAddress);
  if (options.parameterization) await parameterize(client, ask, options.parameterization);
  const version = (await ask<PluginInfo>((done) => client.getPluginInfo(new Empty(), done)).catch(() => undefined))
    ?.getVersion()
    .replace(/^v/, "");

  const checkMessage = (request: CheckRequest, encode: typeof wire): proto.CheckRequest => {
    const message = identified(new proto.CheckRequest(), request);
    message.setOlds(encode(request.olds));
    message.setNews(encode(request.news));
    message.setRandomseed(request.randomSeed);
    return message;
  };
  const diffMessage = (request: DiffRequest, encode: typeof wire): proto.DiffRequest => {
    const message = identified(new proto.DiffRequest(), request);
    message.setId(request.id);
    message.setOldInputs(encode(request.oldInputs));
    message.setOlds(encode(request.olds));
    message.setNews(encode(request.news));
    message.setIgnorechangesList(request.ignoreChanges);
    return message;
  };

  const provider: PluginProvider = {
    pkg,
    version: version ?? "",

    async checkConfig(request) {
      try {
        const message = checkMessage(request, plainWire);
        return readCheck(await ask<proto.CheckResponse>((done) => client.checkConfig(message, done)));
      } catch (error) {
        if (isUnimplemented(error) || isEmptyAnswer(pkg, error)) return { inputs: request.news };
        throw error;
      }
    },

    async diffConfig(request) {
      try {
        const message = diffMessage(request, plainWire);
        return readDiff(await ask<proto.DiffResponse>((done) => client.diffConfig(message, done)));
      } catch (error) {
        if (isUnimplemented(error) || isEmptyAnswer(pkg, error)) return { changes: "unknown" };
        throw error;
      }
    },

    async configure(args, identity) {
      const message = new proto.ConfigureRequest();
      message.setArgs(toStruct(args, { secrets: true, resources: true }));
      for (const [key, value] of variables(pkg, args)) message.getVariablesMap().set(key, value);
      message.setAcceptsecrets(true);
      message.setAcceptresources(true);
      message.setSendsOldInputs(true);
      message.setSendsOldInputsToDelete(true);
      if (identity) {
        message.setUrn(identity.urn);
        message.setName(identity.name);
        message.setType(identity.type);
        message.setId(identity.id);
      }
      const response = await ask<proto.ConfigureResponse>((done) => client.configure(message, done));
      can = handshake
        ? {
            acceptSecrets: handshake.getAcceptSecrets(),
            acceptResources: handshake.getAcceptResources(),
            acceptOutputs: handshake.getAcceptOutputs(),
            supportsPreview: true,
          }
        : {
            acceptSecrets: response.getAcceptsecrets(),
            acceptResources: response.getAcceptresources(),
            acceptOutputs: response.getAcceptoutputs(),
            supportsPreview: response.getSupportspreview(),
          };
      return can;
    },

    async check(request) {
      const message = checkMessage(request, wire);
      return readCheck(await ask<proto.CheckResponse>((done) => client.check(message, done)));
    },

    async diff(request) {
      const message = diffMessage(request, wireKnown);
      return readDiff(await ask<proto.DiffResponse>((done) => client.diff(message, done)));
    },

    async create(request) {
      const message = identified(new proto.CreateRequest(), request);
      message.setProperties(wire(request.properties));
      message.setTimeout(request.timeout);
      message.setPreview(request.preview);
      const response = await ask<proto.CreateResponse>((done) => client.create(message, done));
      return { id: response.getId(), properties: fromStruct(response.getProperties()), ...hintsOf(response) };
    },

    async read(request) {
      const message = identified(new proto.ReadRequest(), request);
      message.setId(request.id);
      message.setInputs(wireKnown(request.inputs));
      message.setProperties(wireKnown(request.properties));
      const response = await ask<proto.ReadResponse>((done) => client.read(message, done));
      return {
        id: response.getId(),
        inputs: fromStruct(response.getInputs()),
        properties: fromStruct(response.getProperties()),
        ...hintsOf(response),
      };
    },

    async update(request) {
      const message = identified(new proto.UpdateRequest(), request);
      message.setId(request.id);
      message.setOldInputs(wireKnown(request.oldInputs));
      message.setOlds(wireKnown(request.olds));
      message.setNews(wire(request.news));
      message.setTimeout(request.timeout);
      message.setIgnorechangesList(request.ignoreChanges);
      message.setPreview(request.preview);
      const response = await ask<proto.UpdateResponse>((done) => client.update(message, done));
      return { properties: fromStruct(response.getProperties()), ...hintsOf(response) };
    },

    async delete(request) {
      const message = identified(new proto.DeleteRequest(), request);
      message.setId(request.id);
      message.setOldInputs(wireKnown(request.oldInputs));
      message.setProperties(wireKnown(request.properties));
      message.setTimeout(request.timeout);
      await ask<Empty>((done) => client.delete(message, done));
    },

    async invoke({ token, args, preview }) {
      const message = new proto.InvokeRequest();
      message.setTok(token);
      message.setArgs(wire(args));
      message.setPreview(preview);
      const response = await ask<proto.InvokeResponse>((done) => client.invoke(message, done));
      return { result: fromStruct(response.getReturn()), failures: readFailures(response.getFailuresList()) };
    },

    async construct(request) {
      const message = constructRequest(request, can.acceptOutputs);
      return constructResponse(await ask<proto.ConstructResponse>((done) => client.construct(message, done)));
    },

    async call(request) {
      const message = callRequest(request, can.acceptOutputs);
      const response = await ask<proto.CallResponse>((done) => client.call(message, done));
      return { ...callResponse(response), failures: readFailures(response.getFailuresList()) };
    },

    async cancel() {
      const deadline = Date.now() + CANCEL_DEADLINE;
      // Not every plugin knows how to stop; one that doesn't answer will not stop either.
      await new Promise<void>((done) => client.cancel(new Empty(), new Metadata(), { deadline }, () => done()));
    },

    async close() {
      await provider.cancel();
      client.close();
      await process.close();
    },
  };
  return provider;
}

async function waitUntilReady(client: ResourceProviderClient, process: PluginProcess, title: string): Promise<void> {
  const ready = new Promise<void>((resolve, reject) =>
    client.waitForReady(Date.now() + START_DEADLINE, (error) => (error ? reject(error) : resolve())),
  );
  try {
    await Promise.race([
      ready,
      process.ended.then((how) => {
        throw new Error(`the plugin ${title} ${how}`);
      }),
    ]);
  } catch (error) {
    client.close();
    await process.close();
    const isLate = /Failed to connect before the deadline/.test((error as Error).message);
    if (isLate) throw new Error(`the plugin ${title} doesn't answer at 127.0.0.1:${process.port}`);
    throw error;
  }
}

type Ask = <Response>(call: (done: Callback<Response>) => unknown) => Promise<Response>;

/** What both sides understand; `undefined` where the plugin is older than this and says it when it is configured. */
async function shakeHands(
  client: ResourceProviderClient,
  ask: Ask,
  { engineAddress, folder }: PluginOptions,
): Promise<proto.ProviderHandshakeResponse | undefined> {
  const message = new proto.ProviderHandshakeRequest();
  message.setEngineAddress(engineAddress);
  message.setRootDirectory(folder);
  message.setProgramDirectory(folder);
  message.setConfigureWithUrn(true);
  message.setInvokeWithPreview(true);
  message.setSupportsRefreshBeforeUpdate(true);
  return ask<proto.ProviderHandshakeResponse>((done) => client.handshake(message, done)).catch((error: unknown) => {
    if (isUnimplemented(error)) return undefined;
    throw error;
  });
}

async function attach(client: ResourceProviderClient, ask: Ask, engineAddress: string): Promise<void> {
  const message = new PluginAttach();
  message.setAddress(engineAddress);
  await ask<Empty>((done) => client.attach(message, done));
}

async function parameterize(client: ResourceProviderClient, ask: Ask, parameter: Parameterization): Promise<void> {
  const value = new proto.ParameterizeRequest.ParametersValue();
  value.setName(parameter.name);
  value.setVersion(parameter.version);
  value.setValue(parameter.value);
  const message = new proto.ParameterizeRequest();
  message.setValue(value);
  const response = await ask<proto.ParameterizeResponse>((done) => client.parameterize(message, done));
  if (response.getName() !== parameter.name) {
    throw new Error(`the plugin made the package ${response.getName()} of its parameter, not ${parameter.name}`);
  }
}

interface IdentifiedMessage {
  setUrn(urn: string): unknown;
  setName(name: string): unknown;
  setType(type: string): unknown;
}

function identified<Message extends IdentifiedMessage>(
  message: Message,
  { urn, name, type }: ResourceIdentity,
): Message {
  message.setUrn(urn);
  message.setName(name);
  message.setType(type);
  return message;
}

function withoutContents(map: PropertyMap): PropertyMap {
  return mapValue(map, (value) => {
    if (!(value instanceof Asset || value instanceof Archive) || value.fields.hash === undefined) return undefined;
    const { hash } = value.fields;
    return value instanceof Asset ? new Asset({ hash }) : new Archive({ hash });
  }) as PropertyMap;
}

const hintsOf = (response: { getRefreshBeforeUpdate(): boolean }): ResourceHints => ({
  refreshBeforeUpdate: response.getRefreshBeforeUpdate(),
});

/** The Node SDK's dynamic provider answers what it doesn't know with nothing at all. */
const isEmptyAnswer = (pkg: string, error: unknown): boolean =>
  pkg === "pulumi-nodejs" && (error as Partial<ServiceError>).code === status.INTERNAL;

/** Configuration as older plugins read it: text by `pkg:config:key`. */
function variables(pkg: string, args: PropertyMap): [string, string][] {
  return Object.entries(toPlain(args))
    .filter(([key]) => key !== "version")
    .map(([key, value]) => [`${pkg}:config:${key}`, typeof value === "string" ? value : JSON.stringify(value)]);
}

const readCheck = (response: proto.CheckResponse): CheckResponse => ({
  inputs: fromStruct(response.getInputs()),
  failures: readFailures(response.getFailuresList()),
});

const readFailures = (failures: proto.CheckFailure[]): CheckFailure[] =>
  failures.map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() }));

const CHANGES = {
  [proto.DiffResponse.DiffChanges.DIFF_UNKNOWN]: "unknown",
  [proto.DiffResponse.DiffChanges.DIFF_NONE]: "none",
  [proto.DiffResponse.DiffChanges.DIFF_SOME]: "some",
} as const;

const KINDS: Record<proto.PropertyDiff.Kind, DiffKind> = {
  [proto.PropertyDiff.Kind.ADD]: "add",
  [proto.PropertyDiff.Kind.ADD_REPLACE]: "add-replace",
  [proto.PropertyDiff.Kind.DELETE]: "delete",
  [proto.PropertyDiff.Kind.DELETE_REPLACE]: "delete-replace",
  [proto.PropertyDiff.Kind.UPDATE]: "update",
  [proto.PropertyDiff.Kind.UPDATE_REPLACE]: "update-replace",
};

function readDiff(response: proto.DiffResponse): DiffResponse {
  const detailedDiff: Record<string, PropertyDiff> = {};
  response.getDetaileddiffMap().forEach((value: proto.PropertyDiff, path: string) => {
    detailedDiff[path] = { kind: KINDS[value.getKind()], inputDiff: value.getInputdiff() };
  });
  return {
    changes: CHANGES[response.getChanges()],
    replaces: response.getReplacesList(),
    diffs: response.getDiffsList(),
    stables: response.getStablesList(),
    deleteBeforeReplace: response.getDeletebeforereplace(),
    ...(response.getHasdetaileddiff() ? { detailedDiff } : {}),
  };
}
