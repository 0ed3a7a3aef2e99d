import { createHash, randomUUID } from "node:crypto";
import type { Pool } from "pg";
import { messageOf } from "../shared/log";
import { bodyKey, resultKey, type ObjectStore } from "../shared/object-store";
import { countJobs, deleteDocument, findDocument, insertDocument, listDocuments, type DocumentRow } from "./documents";
import { notFound } from "./errors";
import { cursorOf, parseId, parseListQuery, parseNewDocument } from "./validate";

/** What a handler needs of the outside world. */
export interface Context {
  readonly pool: Pool;
  readonly store: ObjectStore;
}

export interface Request {
  /** What the route's pattern matched. */
  readonly parameters: string[];
  readonly query: URLSearchParams;
  /** The request's body; read only by handlers that want one. */
  readonly body: () => Promise<string>;
}

export interface Response {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: Buffer;
  readonly headers?: Record<string, string>;
}

export async function createDocument({ pool, store }: Context, request: Request): Promise<Response> {
  const { title, body } = parseNewDocument(await request.body());
  const bytes = Buffer.from(body, "utf8");
  const id = randomUUID();
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  // The body first: a worker may take the job in the moment in which it is committed.
  await store.put(bodyKey(id), bytes, "text/plain; charset=utf-8");
  try {
    await insertDocument(pool, { id, title, size_bytes: bytes.length, sha256, body_key: bodyKey(id) });
  } catch (error) {
    await store.remove([bodyKey(id)]).catch(() => {});
    throw error;
  }
  const document = await requireDocument(pool, id);
  return { status: 201, json: present(document), headers: { location: `/documents/${id}` } };
}

export async function getDocument({ pool }: Context, { parameters: [id = ""] }: Request): Promise<Response> {
  return { status: 200, json: present(await requireDocument(pool, parseId(id))) };
}

export async function getBody({ pool, store }: Context, { parameters: [id = ""] }: Request): Promise<Response> {
  const document = await requireDocument(pool, parseId(id));
  const text = await store.get(document.body_key);
  if (!text) throw notFound(`body of document ${document.id}`);
  return { status: 200, text, headers: { etag: `"${document.sha256}"` } };
}

export async function removeDocument({ pool, store }: Context, { parameters: [id = ""] }: Request): Promise<Response> {
  const documentId = parseId(id);
  if (!(await deleteDocument(pool, documentId))) throw notFound(`document ${documentId}`);
  await store.remove([bodyKey(documentId), resultKey(documentId)]);
  return { status: 204 };
}

export async function getDocuments({ pool }: Context, request: Request): Promise<Response> {
  const query = parseListQuery(request.query);
  const found = await listDocuments(pool, query);
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  const nextCursor = last && found.length > query.limit ? cursorOf(last.position) : null;
  return { status: 200, json: { items: page.map(present), nextCursor } };
}

export async function getJobStatistics({ pool }: Context): Promise<Response> {
  return { status: 200, json: await countJobs(pool) };
}

export async function getHealth({ pool, store }: Context): Promise<Response> {
  const [database, objectStore] = await Promise.all([state(pool.query("SELECT 1")), state(store.check())]);
  const healthy = database === "ok" && objectStore === "ok";
  return { status: healthy ? 200 : 503, json: { status: healthy ? "ok" : "unavailable", database, objectStore } };
}

async function requireDocument(pool: Pool, id: string): Promise<DocumentRow> {
  const document = await findDocument(pool, id);
  if (!document) throw notFound(`document ${id}`);
  return document;
}

function present(row: DocumentRow) {
  return {
    id: row.id,
    title: row.title,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    status: row.status,
    attempts: row.attempts,
    error: row.error,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    result: row.result && {
      words: row.result.words,
      lines: row.result.lines,
      characters: row.result.characters,
      sha256: row.result.sha256,
      longestWord: row.result.longest_word,
      frequentWords: row.result.frequent_words,
      readingSeconds: row.result.reading_seconds,
    },
  };
}

async function state(check: Promise<unknown>): Promise<string> {
  return check.then(
    () => "ok",
    (error: unknown) => messageOf(error),
  );
}
