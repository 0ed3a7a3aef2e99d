import { connect, createServer, type Socket } from "node:net";

/** Stands before the Docker Engine's socket. */
export interface EngineProxy {
  /** Breaks the connections whose request has this in its first line. */
  cut(part: string): void;
  /**
   * From now on nothing gets through in either direction, and no connection ends: on any, new ones too, or only on those
   * that are there whose request has this in its first line.
   */
  freeze(part?: string): void;
  close(): void;
}

/** A call that went through, with when its request and the beginning of its answer came, in milliseconds. */
export interface ProxiedCall {
  request: string;
  began: number;
  ended?: number;
}

/** Listens on the socket `at` for the engine that listens on `engine`. */
export async function engineProxy(
  at: string,
  engine = "/var/run/docker.sock",
  onCall: (call: ProxiedCall) => void = () => undefined,
): Promise<EngineProxy> {
  const open = new Map<Socket, { engine: Socket; request: string }>();
  let isFrozen = false;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on("error", () => undefined);
    const onward = connect({ path: engine, allowHalfOpen: true });
    const pair = { engine: onward, request: "" };
    open.set(client, pair);
    if (isFrozen) return;
    client.once("data", (chunk: Buffer) => {
      pair.request = chunk.toString().split("\r\n")[0]!;
      const call: ProxiedCall = { request: pair.request, began: performance.now() };
      onCall(call);
      onward.once("data", () => (call.ended = performance.now()));
    });
    client.pipe(onward).pipe(client);
    onward.on("error", () => client.destroy());
    client.on("close", () => {
      open.delete(client);
      onward.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(at, resolve));
  return {
    cut(part) {
      for (const [client, { request }] of open) if (request.includes(part)) client.destroy();
    },
    freeze(part) {
      isFrozen = part === undefined;
      for (const [client, { engine: onward, request }] of open) {
        if (!request.includes(part ?? "")) continue;
        client.unpipe(onward).pause();
        onward.unpipe(client).pause();
      }
    },
    close() {
      server.close();
      for (const [client, pair] of open) {
        client.destroy();
        pair.engine.destroy();
      }
    },
  };
}
