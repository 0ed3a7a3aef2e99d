import type { Pool } from "pg";
import { inTransaction } from "../database/transaction";

export const jobStatuses = ["queued", "running", "done", "failed"] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** A document with its job and, once that is done, its result. */
export interface DocumentRow {
  readonly id: string;
  readonly position: string;
  readonly title: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly body_key: string;
  readonly created_at: Date;
  readonly status: JobStatus;
  readonly attempts: number;
  readonly error: string | null;
  readonly finished_at: Date | null;
  readonly result: ResultColumns | null;
}

export interface ResultColumns {
  readonly words: number;
  readonly lines: number;
  readonly characters: number;
  readonly sha256: string;
  readonly longest_word: string;
  readonly frequent_words: { word: string; count: number }[];
  readonly reading_seconds: number;
}

export type NewDocument = Pick<DocumentRow, "id" | "title" | "size_bytes" | "sha256" | "body_key">;

export interface ListQuery {
  readonly status: JobStatus | undefined;
  /** Part of the title, in any case. */
  readonly search: string | undefined;
  /** Only documents that arrived before the one at this position. */
  readonly before: string | undefined;
  readonly limit: number;
}

const select = `
  SELECT d.id, d.position, d.title, d.size_bytes, d.sha256, d.body_key, d.created_at,
         j.status, j.attempts, j.error, j.finished_at,
         CASE WHEN r.document_id IS NOT NULL THEN jsonb_build_object(
           'words', r.words, 'lines', r.lines, 'characters', r.characters, 'sha256', r.sha256,
           'longest_word', r.longest_word, 'frequent_words', r.frequent_words, 'reading_seconds', r.reading_seconds
         ) END AS result
  FROM documents d JOIN jobs j ON j.document_id = d.id LEFT JOIN results r ON r.document_id = d.id`;

/** Adds a document and its job: both or neither. */
export async function insertDocument(pool: Pool, document: NewDocument): Promise<void> {
  const { id, title, size_bytes, sha256, body_key } = document;
  await inTransaction(pool, async (client) => {
    await client.query("INSERT INTO documents (id, title, size_bytes, sha256, body_key) VALUES ($1, $2, $3, $4, $5)", [
      id,
      title,
      size_bytes,
      sha256,
      body_key,
    ]);
    await client.query("INSERT INTO jobs (document_id) VALUES ($1)", [id]);
  });
}

export async function findDocument(pool: Pool, id: string): Promise<DocumentRow | undefined> {
  const { rows } = await pool.query<DocumentRow>(`${select} WHERE d.id = $1`, [id]);
  return rows[0];
}

/** The newest first, one more than `limit` where there are more. */
export async function listDocuments(pool: Pool, query: ListQuery): Promise<DocumentRow[]> {
  const conditions = ["true"];
  const values: unknown[] = [];
  const where = (condition: (parameter: string) => string, value: unknown) => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (query.status) where((status) => `j.status = ${status}`, query.status);
  if (query.search) where((pattern) => `d.title ILIKE ${pattern}`, `%${query.search.replace(/[\\%_]/g, "\\$&")}%`);
  if (query.before) where((position) => `d.position < ${position}`, query.before);
  values.push(query.limit + 1);
  const { rows } = await pool.query<DocumentRow>(
    `${select} WHERE ${conditions.join(" AND ")} ORDER BY d.position DESC LIMIT $${values.length}`,
    values,
  );
  return rows;
}

/** Removes a document with its job and result; false when there is none. */
export async function deleteDocument(pool: Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query("DELETE FROM documents WHERE id = $1", [id]);
  return rowCount === 1;
}

export async function countJobs(pool: Pool): Promise<Record<JobStatus, number>> {
  const { rows } = await pool.query<{ status: JobStatus; count: number }>(
    "SELECT status, count(*)::int AS count FROM jobs GROUP BY status",
  );
  const counts = { queued: 0, running: 0, done: 0, failed: 0 };
  for (const { status, count } of rows) counts[status] = count;
  return counts;
}
