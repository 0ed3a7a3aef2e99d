/** An invoke as it travels: the function's arguments, and the options that transforms may change. */
import {
  type ResourceInvokeRequest,
  TransformInvokeOptions,
  TransformInvokeRequest,
  TransformInvokeResponse,
} from "@pulumi/pulumi/proto/resource_pb";
import { type PropertyMap, withoutOutputs } from "../values";
import { fromStruct, toStruct } from "./structs";

export interface Invocation {
  token: string;
  args: PropertyMap;
  /** `urn::id`; empty for the package's default provider. */
  provider: string;
  version: string;
  pluginDownloadUrl: string;
}

export function readInvocation(request: ResourceInvokeRequest): Invocation {
  return {
    token: request.getTok(),
    args: fromStruct(request.getArgs()),
    provider: request.getProvider(),
    version: request.getVersion(),
    pluginDownloadUrl: request.getPlugindownloadurl(),
  };
}

/** What a transform is asked, as bytes. */
export function invokeTransformRequest({ token, args, provider, version, pluginDownloadUrl }: Invocation): Uint8Array {
  const options = new TransformInvokeOptions();
  options.setProvider(provider);
  options.setVersion(version);
  options.setPluginDownloadUrl(pluginDownloadUrl);
  const request = new TransformInvokeRequest();
  request.setToken(token);
  request.setArgs(toStruct(args, { secrets: true, resources: true, outputs: true }));
  request.setOptions(options);
  return request.serializeBinary();
}

/** The invocation as a transform left it. */
export function applyInvokeTransform(invocation: Invocation, bytes: Uint8Array): Invocation {
  const response = TransformInvokeResponse.deserializeBinary(bytes);
  const options = response.getOptions();
  return {
    ...invocation,
    ...(response.hasArgs() ? { args: withoutOutputs(fromStruct(response.getArgs())) } : {}),
    ...(options
      ? {
          provider: options.getProvider(),
          version: options.getVersion(),
          pluginDownloadUrl: options.getPluginDownloadUrl(),
        }
      : {}),
  };
}
