/**
 * The engine as plugins see it: Pulumi's `Engine` service on a port of the loopback interface, for their messages.
 *
 * Plugins in all of Pulumi's languages know such an address; not all of them know Unix sockets.
 */
import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { type LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import type { EventStream } from "../deployment/event-stream";
import type { DiagnosticSeverity } from "../events";

export interface EngineServer {
  /** `127.0.0.1:PORT`. */
  address: string;
  close(): void;
}

const SEVERITIES: Record<LogSeverity, DiagnosticSeverity> = {
  [LogSeverity.DEBUG]: "debug",
  [LogSeverity.INFO]: "info",
  [LogSeverity.WARNING]: "warning",
  [LogSeverity.ERROR]: "error",
};

export async function serveEngine(events: EventStream, debug: boolean): Promise<EngineServer> {
  const server = new Server();
  const unimplemented = (_: unknown, callback: sendUnaryData<unknown>): void =>
    callback({ code: status.UNIMPLEMENTED, details: "not a plugin's business" });
  server.addService(EngineService as never, {
    log: ({ request }: ServerUnaryCall<LogRequest, Empty>, callback: sendUnaryData<Empty>) => {
      const severity = SEVERITIES[request.getSeverity()];
      if (severity !== "debug" || debug) {
        events.diagnostic(severity, request.getMessage(), {
          urn: request.getUrn(),
          ephemeral: request.getEphemeral(),
          streamId: request.getStreamid(),
        });
      }
      callback(null, new Empty());
    },
    getRootResource: unimplemented,
    setRootResource: unimplemented,
    startDebugging: unimplemented,
    requirePulumiVersion: unimplemented,
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}
