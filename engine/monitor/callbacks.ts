/** Functions of the program that the engine calls back: transforms and hooks, over the `Callbacks` service. */
import { credentials } from "@grpc/grpc-js";
import { CallbacksClient } from "@pulumi/pulumi/proto/callback_grpc_pb";
import { type Callback, CallbackInvokeRequest } from "@pulumi/pulumi/proto/callback_pb";

export interface CallbackClients {
  /** Sends a serialized request to the callback and gives back its serialized response. */
  invoke(callback: Callback, request: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

export function callbackClients(): CallbackClients {
  const clients = new Map<string, CallbacksClient>();
  const clientFor = (target: string): CallbacksClient => {
    let client = clients.get(target);
    if (!client) {
      client = new CallbacksClient(target, credentials.createInsecure());
      clients.set(target, client);
    }
    return client;
  };
  return {
    invoke: (callback, request) =>
      new Promise((resolve, reject) => {
        const message = new CallbackInvokeRequest();
        message.setToken(callback.getToken());
        message.setRequest(request);
        clientFor(callback.getTarget()).invoke(message, (error, response) =>
          error ? reject(new Error(error.details || error.message)) : resolve(response.getResponse_asU8()),
        );
      }),
    close: () => clients.forEach((client) => client.close()),
  };
}
