import assert from "node:assert/strict";
import { jsonSchemas } from "../../../testing";
import documentSchema from "../schemas/document.json";
import documentListSchema from "../schemas/document-list.json";
import errorSchema from "../schemas/error.json";
import healthSchema from "../schemas/health.json";
import jobStatisticsSchema from "../schemas/job-statistics.json";
import resultSchema from "../schemas/result.json";
import { recordExchange } from "./artifacts";
import { env } from "./env";

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Undefined where the answer isn't JSON. */
  readonly json: T;
}

export interface ApiError {
  readonly error: { readonly code: string; readonly message: string };
}

const schemas = jsonSchemas([
  resultSchema,
  documentSchema,
  documentListSchema,
  errorSchema,
  healthSchema,
  jobStatisticsSchema,
]);

type Expected = object | "text" | "empty";

// What each route may answer with; an answer that isn't listed fails the test that got it.
const contract: [route: string, pattern: RegExp, answers: Record<number, Expected>][] = [
  ["/documents", /^\/documents$/, { 200: documentListSchema, 201: documentSchema }],
  ["/documents/:id/body", /^\/documents\/[^/]+\/body$/, { 200: "text" }],
  ["/documents/:id", /^\/documents\/[^/]+$/, { 200: documentSchema, 204: "empty" }],
  ["/jobs/stats", /^\/jobs\/stats$/, { 200: jobStatisticsSchema }],
  ["/health", /^\/health$/, { 200: healthSchema, 503: healthSchema }],
];

/** Sends a request and holds the answer against its schema, whatever the test is about. */
export async function request<T = unknown>(
  method: string,
  target: string,
  { json, raw, contentType = "application/json" }: { json?: unknown; raw?: string; contentType?: string } = {},
): Promise<Answer<T>> {
  const body = raw ?? (json === undefined ? undefined : JSON.stringify(json));
  const headers = body === undefined ? undefined : { "content-type": contentType };
  const response = await fetch(new URL(target, env.apiUrl), {
    method,
    body,
    headers,
    signal: AbortSignal.timeout(10_000),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  const answer = {
    status: response.status,
    headers: response.headers,
    bytes,
    json: (isJson ? JSON.parse(bytes.toString("utf8")) : undefined) as T,
  };
  const route = contract.find(([, pattern]) => pattern.test(new URL(target, env.apiUrl).pathname));
  recordExchange({ method, target, route: route?.[0] ?? "(none)", status: answer.status, json: answer.json });
  checkAnswer(`${method} ${target}`, answer, route?.[2]);
  return answer;
}

function checkAnswer(what: string, answer: Answer, answers: Record<number, Expected> = {}) {
  const expected = answer.status >= 400 && !answers[answer.status] ? errorSchema : answers[answer.status];
  assert.ok(expected, `${what} answered ${answer.status}, which it never should: ${answer.bytes.subarray(0, 500)}`);
  if (expected === "empty")
    return assert.equal(answer.bytes.length, 0, `${what} answered ${answer.status} with a body`);
  if (expected === "text")
    return assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; charset=utf-8$/i);
  schemas.check(expected, answer.json, `${what}, answered with ${answer.status},`);
}

/** For JSON that comes from elsewhere than the API, such as the bucket. */
export function assertMatchesSchema(name: "result" | "document", value: unknown): void {
  schemas.check(name, value);
}
