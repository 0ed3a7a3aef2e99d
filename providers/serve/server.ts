/**
 * A provider of ours as a plugin process: Pulumi's `ResourceProvider` service on a port of the loopback interface.
 *
 * Source: `proto/pulumi/provider.proto` and `docs/architecture/providers/implementers-guide.md` in pulumi/pulumi.
 */
import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import {
  type CheckRequest,
  type ConfigureRequest,
  ConfigureResponse,
  type CreateRequest,
  CreateResponse,
  type DeleteRequest,
  type DiffRequest,
  GetSchemaResponse,
  type InvokeRequest,
  InvokeResponse,
  type ReadRequest,
  type UpdateRequest,
  UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import type { Provider, ProviderContext } from "../../engine/provider";
import { fromStruct } from "../../engine/monitor/structs";
import { type EngineLink, linkToEngine } from "./engine-link";
import {
  checkFailures,
  checkRequest,
  checkResponse,
  createRequest,
  deleteRequest,
  diffRequest,
  diffResponse,
  outgoing,
  readRequest,
  readResponse,
  serviceError,
  updateRequest,
} from "./messages";

/** As the SDK's own limit: a state or a log may be large. */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

export interface ServedPlugin {
  port: number;
  /** Resolves when the engine that it belongs to has gone. */
  orphaned: Promise<void>;
  close(): Promise<void>;
}

/**
 * Serves `provider` to one engine. `engineAddress` is where the engine listens: the first argument that a plugin is
 * started with; without it the engine says so itself (`Attach`).
 */
export async function servePlugin(provider: Provider, engineAddress: string | undefined): Promise<ServedPlugin> {
  const cancelled = new AbortController();
  let orphan!: () => void;
  const orphaned = new Promise<void>((resolve) => (orphan = resolve));
  let engine: EngineLink | undefined = engineAddress ? linkToEngine(engineAddress, orphan) : undefined;

  const contextFor = (urn: string): ProviderContext => ({
    signal: cancelled.signal,
    log: (...message) => engine?.log(urn, ...message),
  });

  const method =
    <Request, Response>(handle: (request: Request) => Promise<Response>) =>
    (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
      void handle(call.request)
        // What was said about a resource comes before its result.
        .finally(() => engine?.sent())
        .then(
          (response) => callback(null, response),
          (error: Error) => callback(serviceError(error)),
        );
    };

  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  // What isn't here is answered as unimplemented: an engine then goes on as it did before there was such a method.
  server.addService(ResourceProviderService as never, {
    getPluginInfo: method(async () => {
      const message = new PluginInfo();
      message.setVersion(provider.version);
      return message;
    }),
    getSchema: method(async () => {
      const message = new GetSchemaResponse();
      message.setSchema(JSON.stringify({ name: provider.pkg, version: provider.version }));
      return message;
    }),
    attach: method(async (request: PluginAttach) => {
      engine = linkToEngine(request.getAddress(), orphan);
      return new Empty();
    }),
    checkConfig: method(async (request: CheckRequest) =>
      checkResponse(await provider.checkConfig(checkRequest(request), contextFor(request.getUrn()))),
    ),
    diffConfig: method(async (request: DiffRequest) =>
      diffResponse(await provider.diffConfig(diffRequest(request), contextFor(request.getUrn()))),
    ),
    configure: method(async (request: ConfigureRequest) => {
      const can = await provider.configure(fromStruct(request.getArgs()));
      const message = new ConfigureResponse();
      message.setAcceptsecrets(can.acceptSecrets);
      message.setAcceptresources(can.acceptResources);
      message.setSupportspreview(can.supportsPreview);
      return message;
    }),
    check: method(async (request: CheckRequest) =>
      checkResponse(await provider.check(checkRequest(request), contextFor(request.getUrn()))),
    ),
    diff: method(async (request: DiffRequest) =>
      diffResponse(await provider.diff(diffRequest(request), contextFor(request.getUrn()))),
    ),
    create: method(async (request: CreateRequest) => {
      const { id, properties } = await provider.create(createRequest(request), contextFor(request.getUrn()));
      const message = new CreateResponse();
      message.setId(id);
      message.setProperties(outgoing(properties));
      return message;
    }),
    read: method(async (request: ReadRequest) =>
      readResponse(await provider.read(readRequest(request), contextFor(request.getUrn()))),
    ),
    update: method(async (request: UpdateRequest) => {
      const { properties } = await provider.update(updateRequest(request), contextFor(request.getUrn()));
      const message = new UpdateResponse();
      message.setProperties(outgoing(properties));
      return message;
    }),
    delete: method(async (request: DeleteRequest) => {
      await provider.delete(deleteRequest(request), contextFor(request.getUrn()));
      return new Empty();
    }),
    invoke: method(async (request: InvokeRequest) => {
      const { result, failures } = await provider.invoke(
        { token: request.getTok(), args: fromStruct(request.getArgs()), preview: request.getPreview() },
        contextFor(""),
      );
      const message = new InvokeResponse();
      message.setReturn(outgoing(result));
      message.setFailuresList(checkFailures(failures));
      return message;
    }),
    cancel: method(async () => {
      cancelled.abort();
      return new Empty();
    }),
  });

  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return {
    port,
    orphaned,
    async close() {
      server.forceShutdown();
      await provider.close();
    },
  };
}
