import { setTimeout as sleep } from "node:timers/promises";

/** The API didn't do it; the message says why, in one line, and what to do. */
export class NoteRefusedError extends Error {
  override readonly name = "NoteRefusedError";
}

/** One API, as one job may use it. */
export interface Api {
  get(path: string): Promise<Answer>;
  /** What is created must not be created twice: it is only tried again where it was surely not done. */
  create(path: string, body: unknown): Promise<Answer>;
  /** Does the same however often. */
  replace(path: string, body: unknown): Promise<Answer>;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** JSON; of anybody's making. */
  body: unknown;
}

export interface ApiOptions {
  /** From the CI system's own environment: all requests go there, with the token, and nowhere else. */
  address: string;
  headers: Record<string, string>;
  replaceMethod: "PUT" | "PATCH";
  /** Milliseconds for one request, and for all of them together. */
  patience?: { request: number; all: number };
  ask?: typeof fetch;
}

/** Bytes of an answer that are looked at. */
const largestAnswer = 20_000_000;
const tries = 4;

/**
 * An API with time-outs and retries. Answers 400 and above are the caller's to judge, but those that say to come back
 * later. Redirects are not followed.
 *
 * The functions reject with a {@link NoteRefusedError} where there is no answer, or one that makes no sense.
 */
export function noteApi(options: ApiOptions): Api {
  const { headers, patience = { request: 15_000, all: 90_000 }, ask = fetch } = options;
  const address = checkedAddress(options.address);
  const until = Date.now() + patience.all;

  async function request(method: string, path: string, body: unknown, again: "always" | "if refused"): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const left = until - Date.now();
      const outcome = await once(method, path, body, Math.max(1, Math.min(patience.request, left)));
      const failed = "failed" in outcome;
      const mayRetry = failed ? again === "always" : isBusy(outcome, again);
      const wait = failed ? backOff(attempt) : retryAfter(outcome.headers, attempt);
      const lasts = Date.now() + wait < until && attempt < tries;
      if (mayRetry && lasts) {
        await sleep(wait);
        continue;
      }
      if (failed) throw new NoteRefusedError(`${host(address)} doesn't answer: ${outcome.failed}`);
      return outcome;
    }
  }

  async function once(
    method: string,
    path: string,
    body: unknown,
    patience: number,
  ): Promise<Answer | { failed: string }> {
    try {
      const response = await ask(`${address}${path}`, {
        method,
        headers: {
          "user-agent": "seatrial",
          accept: "application/json",
          ...headers,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // Nobody else is to get the token.
        redirect: "manual",
        signal: AbortSignal.timeout(patience),
      });
      const { status } = response;
      return { status, headers: response.headers, body: parsed(await bounded(response)) };
    } catch (error) {
      return { failed: explain(error as Error) };
    }
  }

  return {
    get: (path) => request("GET", path, undefined, "always"),
    create: (path, body) => request("POST", path, body, "if refused"),
    replace: (path, body) => request(options.replaceMethod, path, body, "always"),
  };
}

/** Throws where the answer isn't one of success. `hints` says what to do, by status. */
export function expectDone(answer: Answer, doing: string, hints: Record<number, string>): void {
  const { status } = answer;
  if (status >= 200 && status < 300) return;
  const why =
    hints[status] ??
    (status >= 300 && status < 400
      ? "a redirect, which isn't followed: the API's address in the environment must be the real one"
      : status === 429
        ? "too many requests: try again later"
        : status >= 500
          ? "the server has failed: try again later"
          : "the request isn't taken");
  throw new NoteRefusedError(`${doing} was answered with ${status}: ${why}`);
}

/** `https`, or `http` to where there is no other; no user, no query. */
function checkedAddress(address: string): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new NoteRefusedError(
      `the API's address in the environment is none: ${JSON.stringify(address.slice(0, 200))}`,
    );
  }
  if (!["http:", "https:"].includes(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new NoteRefusedError(`the API's address in the environment must be a plain one of http or https`);
  }
  return url.href.replace(/\/$/, "");
}

/** Busy, or failed before it did anything; a gateway's failure says nothing of what is behind it. */
function isBusy({ status, headers }: Answer, again: "always" | "if refused"): boolean {
  if (status === 429 || status === 503) return true;
  // GitHub's secondary limits.
  if (status === 403 && headers.has("retry-after")) return true;
  return again === "always" && status >= 500;
}

function retryAfter(headers: Headers, attempt: number): number {
  const seconds = Number(headers.get("retry-after") ?? NaN);
  return seconds >= 0 ? seconds * 1000 : backOff(attempt);
}

function backOff(attempt: number): number {
  return 500 * 2 ** (attempt - 1);
}

async function bounded(response: Response): Promise<string> {
  let size = 0;
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > largestAnswer) throw new Error("its answer is too large");
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function host(address: string): string {
  return new URL(address).host;
}

function explain(error: Error): string {
  if (error.name === "TimeoutError") return "time ran out";
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  return cause?.code ?? error.message.slice(0, 200);
}
