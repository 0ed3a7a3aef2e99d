import { jobStatuses, type JobStatus, type ListQuery } from "./documents";
import { badRequest } from "./errors";

const titleLimit = 200;
const pageLimit = 100;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function parseNewDocument(text: string): { title: string; body: string } {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest("invalid_document", "the request's body must be a JSON object with title and body");
  }
  const { title, body, ...others } = value as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw badRequest("unknown_field", `there is no field ${JSON.stringify(unknown)}`);
  if (typeof title !== "string") throw badRequest("invalid_title", "title must be a string");
  const trimmed = title.trim();
  const length = [...trimmed].length;
  if (length < 1 || length > titleLimit) {
    throw badRequest("invalid_title", `title must have 1 to ${titleLimit} characters, but has ${length}`);
  }
  if (typeof body !== "string") throw badRequest("invalid_body", "body must be a string");
  if (body.trim() === "") throw badRequest("invalid_body", "body must not be empty");
  // PostgreSQL can keep no zero byte in a text, and half of a surrogate pair is no text at all.
  if (/[\0]|\p{Surrogate}/u.test(trimmed + body)) throw badRequest("invalid_text", "title and body must be valid text");
  return { title: trimmed, body };
}

export function parseId(id: string): string {
  if (!uuid.test(id)) throw badRequest("invalid_id", "a document's id is a UUID");
  return id.toLowerCase();
}

export function parseListQuery(parameters: URLSearchParams): ListQuery {
  for (const name of parameters.keys()) {
    if (!["status", "search", "limit", "cursor"].includes(name)) {
      throw badRequest("unknown_parameter", `there is no parameter ${JSON.stringify(name)}`);
    }
  }
  return {
    status: parseStatus(parameters.get("status")),
    search: parameters.get("search") || undefined,
    limit: parseLimit(parameters.get("limit")),
    before: parseCursor(parameters.get("cursor")),
  };
}

/** Opaque to clients, so that the order of a list can change without breaking them. */
export function cursorOf(position: string): string {
  return Buffer.from(`before:${position}`).toString("base64url");
}

function parseCursor(cursor: string | null): string | undefined {
  if (cursor === null) return undefined;
  const match = /^before:(\d{1,18})$/.exec(Buffer.from(cursor, "base64url").toString());
  if (!match) throw badRequest("invalid_cursor", "cursor must be the nextCursor of an earlier answer");
  return match[1];
}

function parseStatus(status: string | null): JobStatus | undefined {
  if (status === null) return undefined;
  const known = jobStatuses.find((name) => name === status);
  if (!known) throw badRequest("invalid_status", `status must be one of ${jobStatuses.join(", ")}`);
  return known;
}

function parseLimit(text: string | null): number {
  if (text === null) return 20;
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > pageLimit) throw badRequest("invalid_limit", `limit must be from 1 to ${pageLimit}`);
  return limit;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("invalid_json", "the request's body is not valid JSON");
  }
}
