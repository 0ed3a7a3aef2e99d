/** What a plugin's errors say beyond their message: details packed into `grpc-status-details-bin`. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { InputPropertiesError } from "@pulumi/pulumi/proto/errors_pb";
import { ConfigureErrorMissingKeys, ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { fromStruct } from "../monitor/structs";
import { InitializationError } from "../provider";

export const isUnimplemented = (error: unknown): boolean =>
  (error as Partial<ServiceError>).code === status.UNIMPLEMENTED;

/** The call broke off, as when the process at the other end is gone. */
export const isBroken = (error: unknown): boolean =>
  [status.UNAVAILABLE, status.CANCELLED].includes((error as Partial<ServiceError>).code ?? status.OK);

/** A plugin's error as the engine's own: a resource that is there all the same, inputs that are wrong, missing config. */
export function explainError(error: ServiceError): Error {
  const initialization = detail(error, "pulumirpc.ErrorResourceInitFailed", ErrorResourceInitFailed);
  if (initialization) {
    const inputs = initialization.getInputs();
    return new InitializationError(
      initialization.getId(),
      fromStruct(initialization.getProperties()),
      inputs && fromStruct(inputs),
      initialization.getReasonsList().length > 0 ? initialization.getReasonsList() : [error.details],
    );
  }
  const missing = detail(error, "pulumirpc.ConfigureErrorMissingKeys", ConfigureErrorMissingKeys);
  const invalid = detail(error, "pulumirpc.InputPropertiesError", InputPropertiesError);
  const lines = [
    ...(error.details && !missing ? [error.details] : []),
    ...(missing?.getMissingkeysList() ?? []).map(
      (key) => `the configuration ${key.getName()} is missing (${key.getDescription()}): set it with --config`,
    ),
    ...(invalid?.getErrorsList() ?? []).map((one) => `property ${one.getPropertyPath()} ${one.getReason()}`),
  ];
  return new Error(lines.join("\n") || error.message);
}

function detail<T>(
  error: ServiceError,
  name: string,
  type: { deserializeBinary(bytes: Uint8Array): T },
): T | undefined {
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(packed instanceof Uint8Array)) return undefined;
  const found = Status.deserializeBinary(packed)
    .getDetailsList()
    .find((any) => any.getTypeUrl().endsWith(`/${name}`) || any.getTypeUrl() === name);
  return found && type.deserializeBinary(found.getValue_asU8());
}
