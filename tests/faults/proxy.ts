import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random";

/** What a bad connection does to a request: nothing, in most cases. */
export type Trouble = "slow" | "dropped before" | "dropped after" | "cut" | "500";

export interface Weather {
  troubles: readonly Trouble[];
  /** Of so many requests, from 0 to 1. */
  rate: number;
}

/** Stands before a Docker Engine's socket. */
export interface Proxy {
  /** From now on, requests get into trouble; `undefined`: none does. */
  weather(weather: Weather | undefined): void;
  close(): void;
}

/** Listens on `socket` for the engine that listens on `engine`. */
export async function startProxy(socket: string, engine: string, random: Random): Promise<Proxy> {
  let weather: Weather | undefined;
  const open = new Set<Duplex>();
  const trouble = (): Trouble | undefined =>
    weather && random.next() < weather.rate ? random.of(weather.troubles) : undefined;
  const server = createServer((incoming, outgoing) => void forward(incoming, outgoing, engine, trouble()));
  server.on("upgrade", (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    void upgrade(incoming, client, head, engine, trouble());
  });
  server.on("connection", (client) => {
    open.add(client);
    client.on("error", () => undefined);
    client.on("close", () => open.delete(client));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    weather(given) {
      weather = given;
    },
    close() {
      server.close();
      for (const client of open) client.destroy();
    },
  };
}

async function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  engine: string,
  trouble: Trouble | undefined,
): Promise<void> {
  const client = incoming.socket;
  if (trouble === "dropped before") return void client.destroy();
  if (trouble === "500") {
    incoming.resume();
    outgoing.writeHead(500, { "content-type": "application/json" });
    return void outgoing.end('{"message":"bad weather"}\n');
  }
  if (trouble === "slow") await sleep(1500);
  const { method, url, headers } = incoming;
  const onward = request({ socketPath: engine, method, path: url, headers }, (answer) => {
    // The engine has done it, and nobody learns of it.
    if (trouble === "dropped after") return void client.destroy();
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    // Who follows events or logs waits for the first of them.
    outgoing.flushHeaders();
    if (trouble === "cut") setTimeout(() => client.destroy(), 300);
    answer.pipe(outgoing);
    answer.on("error", () => client.destroy());
  });
  onward.on("error", () => client.destroy());
  outgoing.on("close", () => onward.destroy());
  incoming.pipe(onward);
}

/** What isn't HTTP any more after its first lines, such as an attached container's streams. */
async function upgrade(
  incoming: IncomingMessage,
  client: Socket,
  head: Buffer,
  engine: string,
  trouble: Trouble | undefined,
): Promise<void> {
  client.on("error", () => undefined);
  if (trouble === "dropped before") return void client.destroy();
  if (trouble === "500") return void client.end("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
  if (trouble === "slow") await sleep(1500);
  const onward = connect(engine, () => {
    const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
    for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
      lines.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`);
    }
    onward.write(`${lines.join("\r\n")}\r\n\r\n`);
    onward.write(head);
    if (trouble === "dropped after") return void client.destroy();
    if (trouble === "cut") setTimeout(() => client.destroy(), 300);
    onward.pipe(client).pipe(onward);
  });
  onward.on("error", () => client.destroy());
  client.on("close", () => onward.destroy());
}
