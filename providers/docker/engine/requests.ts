/** Calls that `dockerode` has no word for, or whose answer is needed before its body is complete. */
import type { Readable } from "node:stream";
import type Docker from "dockerode";

interface Request {
  method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Without the version, with the query. */
  path: string;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

const SUCCESS = { 200: true, 201: true, 204: true, 304: true };

/** The answer's body as JSON. */
export async function call<T>(engine: Docker, request: Request): Promise<T> {
  try {
    return (await dial(engine, request, false)) as T;
  } catch (error) {
    // A connection that was kept open may have been closed meanwhile; what changes nothing can be asked again.
    const { code } = error as NodeJS.ErrnoException;
    if (request.method !== "GET" || !["ECONNRESET", "EPIPE"].includes(code ?? "")) throw error;
    return (await dial(engine, request, false)) as T;
  }
}

/** The answer's body as a stream, as soon as the answer begins: by then the Engine has taken the request up. */
export function openStream(engine: Docker, request: Request): Promise<Readable> {
  return dial(engine, request, true) as Promise<Readable>;
}

export const query = (values: Record<string, string | number | boolean | undefined>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join("&");

function dial(engine: Docker, { method, path, body, signal, headers }: Request, isStream: boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    engine.modem.dial(
      {
        // The client takes a trailing question mark off where there are no options.
        path: path.includes("?") ? `${path}&` : path,
        method,
        isStream,
        abortSignal: signal,
        statusCodes: SUCCESS,
        ...(body === undefined ? {} : { options: { _query: {}, _body: body } }),
        ...(headers ? { headers } : {}),
      } as never,
      (error: unknown, data: unknown) => (error ? reject(error as Error) : resolve(data)),
    );
  });
}
