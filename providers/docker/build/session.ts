/**
 * A BuildKit session: while a build runs, the Engine asks the client over gRPC for what only the client has: credentials
 * for registries, and the build's secrets.
 *
 * Source of the services: `session/auth/auth.proto` and `session/secrets/secrets.proto` in moby/buildkit; of the
 * connection: `POST /session` in moby/moby.
 */
import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import { type handleUnaryCall, Server, ServerCredentials, status } from "@grpc/grpc-js";
import type Docker from "dockerode";
import { BinaryReader, BinaryWriter } from "google-protobuf";

export interface SessionAnswers {
  credentials(host: string): Promise<{ username?: string; password?: string } | undefined>;
  /** By id. */
  secrets: ReadonlyMap<string, Buffer>;
}

export interface BuildSession {
  id: string;
  close(): void;
}

export async function openSession(engine: Docker, answers: SessionAnswers): Promise<BuildSession> {
  const id = randomUUID();
  const server = new Server();
  server.addService(unary("moby.filesync.v1.Auth", "Credentials"), {
    Credentials: respond(async (host) => {
      const found = await answers.credentials(host);
      return [found?.username ?? "", found?.password ?? ""];
    }),
  });
  server.addService(unary("moby.buildkit.secrets.v1.Secrets", "GetSecret"), {
    GetSecret: respond(async (name) => {
      const secret = answers.secrets.get(name);
      // BuildKit takes this code for "there is none", which a mount may allow.
      if (!secret) throw Object.assign(new Error(`secret ${name} not found`), { code: status.NOT_FOUND });
      return [secret];
    }),
  });
  const methods = ["/moby.filesync.v1.Auth/Credentials", "/moby.buildkit.secrets.v1.Secrets/GetSecret"];
  const socket = await dialSession(engine, id, methods);
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
  return {
    id,
    close: () => {
      server.forceShutdown();
      socket.destroy();
    },
  };
}

function dialSession(engine: Docker, id: string, methods: string[]): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    engine.modem.dial(
      {
        path: "/session",
        method: "POST",
        hijack: true,
        headers: {
          Upgrade: "h2c",
          "X-Docker-Expose-Session-Uuid": id,
          "X-Docker-Expose-Session-Name": "seatrial",
          "X-Docker-Expose-Session-Grpc-Method": methods,
        },
        statusCodes: { 101: true, 200: true },
      } as never,
      (error: unknown, socket: unknown) => (error ? reject(error as Error) : resolve(socket as Duplex)),
    );
  });
}

/** Messages of both services are alike: the first field of the question is a name, the answer's fields are in order. */
const unary = (service: string, method: string) => ({
  [method]: {
    path: `/${service}/${method}`,
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: (name: string) => encode([name]),
    requestDeserialize: firstField,
    responseSerialize: encode,
    responseDeserialize: (bytes: Buffer) => [bytes],
  },
});

function respond(answer: (name: string) => Promise<(string | Buffer)[]>): handleUnaryCall<string, (string | Buffer)[]> {
  return (call, callback) => {
    answer(call.request).then(
      (fields) => callback(null, fields),
      (error: Error & { code?: number }) => callback({ code: error.code ?? status.UNKNOWN, message: error.message }),
    );
  };
}

function firstField(bytes: Buffer): string {
  const reader = new BinaryReader(bytes);
  while (reader.nextField()) {
    if (reader.getFieldNumber() === 1) return reader.readString() as string;
    reader.skipField();
  }
  return "";
}

function encode(fields: (string | Buffer)[]): Buffer {
  const writer = new BinaryWriter();
  fields.forEach((field, i) => writer.writeBytes(i + 1, Buffer.from(field)));
  return Buffer.from(writer.getResultBuffer());
}
