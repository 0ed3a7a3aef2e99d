/** Between the messages of `pulumi/provider.proto` and what our providers are asked and answer. */
import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import {
  CheckFailure as CheckFailureMessage,
  CheckRequest as CheckRequestMessage,
  CheckResponse as CheckResponseMessage,
  CreateRequest as CreateRequestMessage,
  DeleteRequest as DeleteRequestMessage,
  DiffRequest as DiffRequestMessage,
  DiffResponse as DiffResponseMessage,
  ErrorResourceInitFailed,
  PropertyDiff as PropertyDiffMessage,
  ReadRequest as ReadRequestMessage,
  ReadResponse as ReadResponseMessage,
  UpdateRequest as UpdateRequestMessage,
} from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { fromStruct, toStruct } from "../../engine/monitor/structs";
import {
  type CheckFailure,
  type CheckRequest,
  type CheckResponse,
  type CreateRequest,
  type DeleteRequest,
  type DiffKind,
  type DiffRequest,
  type DiffResponse,
  InitializationError,
  type ReadRequest,
  type ReadResponse,
  type ResourceIdentity,
  type UpdateRequest,
} from "../../engine/provider";
import { urnName, urnType } from "../../engine/urn";
import type { PropertyMap } from "../../engine/values";
import { statusDetails } from "../../engine/values/status-details";

/** What a provider gives back keeps its secrets and references: every engine takes them. */
export const outgoing = (map: PropertyMap) => toStruct(map, { secrets: true, resources: true });

/** Engines before 3.137 send the URN alone. */
function identity(message: { getUrn(): string; getName(): string; getType(): string }): ResourceIdentity {
  const urn = message.getUrn();
  return { urn, name: message.getName() || urnName(urn), type: message.getType() || urnType(urn) };
}

export function checkRequest(message: CheckRequestMessage): CheckRequest {
  return {
    ...identity(message),
    olds: fromStruct(message.getOlds()),
    news: fromStruct(message.getNews()),
    randomSeed: message.getRandomseed_asU8(),
  };
}

export function checkResponse({ inputs, failures }: CheckResponse): CheckResponseMessage {
  const message = new CheckResponseMessage();
  message.setInputs(outgoing(inputs));
  message.setFailuresList(checkFailures(failures));
  return message;
}

export function checkFailures(failures: CheckFailure[] = []): CheckFailureMessage[] {
  return failures.map(({ property, reason }) => {
    const message = new CheckFailureMessage();
    message.setProperty(property);
    message.setReason(reason);
    return message;
  });
}

export function diffRequest(message: DiffRequestMessage): DiffRequest {
  return {
    ...identity(message),
    id: message.getId(),
    oldInputs: fromStruct(message.getOldInputs()),
    olds: fromStruct(message.getOlds()),
    news: fromStruct(message.getNews()),
    ignoreChanges: message.getIgnorechangesList(),
  };
}

const CHANGES = {
  unknown: DiffResponseMessage.DiffChanges.DIFF_UNKNOWN,
  none: DiffResponseMessage.DiffChanges.DIFF_NONE,
  some: DiffResponseMessage.DiffChanges.DIFF_SOME,
};

const KINDS: Record<DiffKind, PropertyDiffMessage.Kind> = {
  add: PropertyDiffMessage.Kind.ADD,
  "add-replace": PropertyDiffMessage.Kind.ADD_REPLACE,
  delete: PropertyDiffMessage.Kind.DELETE,
  "delete-replace": PropertyDiffMessage.Kind.DELETE_REPLACE,
  update: PropertyDiffMessage.Kind.UPDATE,
  "update-replace": PropertyDiffMessage.Kind.UPDATE_REPLACE,
};

export function diffResponse(response: DiffResponse): DiffResponseMessage {
  const message = new DiffResponseMessage();
  message.setChanges(CHANGES[response.changes]);
  message.setReplacesList(response.replaces ?? []);
  message.setStablesList(response.stables ?? []);
  message.setDiffsList(response.diffs ?? []);
  message.setDeletebeforereplace(response.deleteBeforeReplace ?? false);
  message.setHasdetaileddiff(response.detailedDiff !== undefined);
  for (const [path, { kind, inputDiff }] of Object.entries(response.detailedDiff ?? {})) {
    const difference = new PropertyDiffMessage();
    difference.setKind(KINDS[kind]);
    difference.setInputdiff(inputDiff);
    message.getDetaileddiffMap().set(path, difference);
  }
  return message;
}

export function createRequest(message: CreateRequestMessage): CreateRequest {
  return {
    ...identity(message),
    properties: fromStruct(message.getProperties()),
    timeout: message.getTimeout(),
    preview: message.getPreview(),
  };
}

export function updateRequest(message: UpdateRequestMessage): UpdateRequest {
  return {
    ...identity(message),
    id: message.getId(),
    oldInputs: fromStruct(message.getOldInputs()),
    olds: fromStruct(message.getOlds()),
    news: fromStruct(message.getNews()),
    timeout: message.getTimeout(),
    ignoreChanges: message.getIgnorechangesList(),
    preview: message.getPreview(),
  };
}

export function readRequest(message: ReadRequestMessage): ReadRequest {
  return {
    ...identity(message),
    id: message.getId(),
    inputs: fromStruct(message.getInputs()),
    properties: fromStruct(message.getProperties()),
  };
}

export function readResponse({ id, inputs, properties }: ReadResponse): ReadResponseMessage {
  const message = new ReadResponseMessage();
  // What isn't there has neither: an import takes a resource without an id, but with properties, for one that is.
  if (id === "") return message;
  message.setId(id);
  message.setInputs(outgoing(inputs));
  message.setProperties(outgoing(properties));
  return message;
}

export function deleteRequest(message: DeleteRequestMessage): DeleteRequest {
  return {
    ...identity(message),
    id: message.getId(),
    oldInputs: fromStruct(message.getOldInputs()),
    properties: fromStruct(message.getProperties()),
    timeout: message.getTimeout(),
  };
}

/** What an engine reads an error from; of a resource that exists all the same, with what there is of it. */
export function serviceError(error: Error): Partial<ServiceError> {
  if (!(error instanceof InitializationError)) return { code: status.UNKNOWN, details: statusDetails(error.message) };
  const detail = new ErrorResourceInitFailed();
  detail.setId(error.id);
  detail.setProperties(outgoing(error.properties));
  detail.setReasonsList(error.reasons);
  if (error.inputs) detail.setInputs(outgoing(error.inputs));
  const packed = new Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const whole = new Status();
  whole.setCode(status.UNKNOWN);
  whole.setMessage(error.message);
  whole.addDetails(packed);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(whole.serializeBinary()));
  return { code: status.UNKNOWN, details: statusDetails(error.message), metadata };
}
