/** A plugin's line to the engine that started it: messages go there, and its end is the plugin's end. */
import { type Client, connectivityState, credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import type { ProviderContext, Severity } from "../../engine/provider";

export interface EngineLink {
  /** Shows a message. It is lost where the engine can't be reached. */
  readonly log: (urn: string, ...message: Parameters<ProviderContext["log"]>) => void;
  /** Resolves when the engine has everything that was logged. */
  sent(): Promise<void>;
}

const SEVERITIES: Record<Severity, LogSeverity> = {
  debug: LogSeverity.DEBUG,
  info: LogSeverity.INFO,
  warning: LogSeverity.WARNING,
  error: LogSeverity.ERROR,
};

/** Calls `onLost` once the engine, having been there, can't be reached any more. */
export function linkToEngine(address: string, onLost: () => void): EngineLink {
  const client = new EngineClient(address, credentials.createInsecure());
  watch(client, onLost);
  const pending = new Set<Promise<void>>();
  return {
    log(urn, severity, message, { ephemeral = false, streamId = 0 } = {}) {
      const request = new LogRequest();
      request.setSeverity(SEVERITIES[severity]);
      request.setMessage(message);
      request.setUrn(urn);
      request.setEphemeral(ephemeral);
      request.setStreamid(streamId);
      const sending = new Promise<void>((resolve) => {
        client.log(request, () => {
          pending.delete(sending);
          resolve();
        });
      });
      pending.add(sending);
    },
    async sent() {
      await Promise.all(pending);
    },
  };
}

function watch(client: Client, onLost: () => void): void {
  const channel = client.getChannel();
  let reached = false;
  const look = (): void => {
    // A connection that was idle is opened again: only trying tells that nobody is there.
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) reached = true;
    if (state === connectivityState.TRANSIENT_FAILURE && reached) return onLost();
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
  };
  look();
}
