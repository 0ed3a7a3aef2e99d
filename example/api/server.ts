import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { messageOf, type Logger } from "../shared/log";
import { HttpError, notFound } from "./errors";
import * as handlers from "./handlers";
import type { Context, Request, Response } from "./handlers";

/** The largest request's body that is read, in bytes. */
export const bodyLimit = 1024 * 1024;

type Handler = (context: Context, request: Request) => Promise<Response>;

const routes: [pattern: RegExp, methods: Record<string, Handler>][] = [
  [/^\/documents$/, { GET: handlers.getDocuments, POST: handlers.createDocument }],
  [/^\/documents\/([^/]+)$/, { GET: handlers.getDocument, DELETE: handlers.removeDocument }],
  [/^\/documents\/([^/]+)\/body$/, { GET: handlers.getBody }],
  [/^\/jobs\/stats$/, { GET: handlers.getJobStatistics }],
  [/^\/health$/, { GET: handlers.getHealth }],
];

export function createApi(context: Context, log: Logger): Server {
  return createServer((request, response) => {
    const started = performance.now();
    response.on("finish", () => {
      const ms = Math.round(performance.now() - started);
      log.info("request", { method: request.method, path: request.url, status: response.statusCode, ms });
    });
    answer(context, request)
      .catch((error: unknown) => failure(error, log))
      .then((result) => send(response, result))
      .catch((error: unknown) => {
        log.error(`could not answer: ${messageOf(error)}`);
        response.destroy();
      });
  });
}

async function answer(context: Context, request: IncomingMessage): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://api");
  for (const [pattern, methods] of routes) {
    const match = pattern.exec(pathname);
    if (!match) continue;
    const handler = methods[request.method ?? ""];
    if (!handler) {
      const allow = Object.keys(methods).join(", ");
      throw new HttpError(405, "method_not_allowed", `${pathname} takes ${allow}`, { allow });
    }
    return handler(context, { parameters: match.slice(1), query: searchParams, body: () => readJsonBody(request) });
  }
  throw notFound(`resource ${pathname}`);
}

function readJsonBody(request: IncomingMessage): Promise<string> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? "")) {
    request.resume();
    return Promise.reject(new HttpError(415, "unsupported_media_type", "content-type must be application/json"));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bodyLimit) chunks.push(chunk);
      // The rest is read and dropped: a client that is still sending would take a closed connection for a broken one.
      else reject(new HttpError(413, "too_large", `the request's body is larger than ${bodyLimit} bytes`));
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}

function failure(error: unknown, log: Logger): Response {
  if (error instanceof HttpError) {
    const { status, code, message, headers } = error;
    return { status, json: { error: { code, message } }, headers };
  }
  log.error(`unexpected: ${messageOf(error)}`, { stack: error instanceof Error ? error.stack : undefined });
  return { status: 500, json: { error: { code: "internal", message: "something went wrong; the log says what" } } };
}

function send(response: ServerResponse, { status, json, text, headers = {} }: Response): void {
  if (json === undefined && text === undefined) {
    response.writeHead(status, headers).end();
    return;
  }
  const payload = text ?? Buffer.from(JSON.stringify(json));
  const contentType = text ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
  response
    .writeHead(status, { "content-type": contentType, "content-length": payload.length, ...headers })
    .end(payload);
}
