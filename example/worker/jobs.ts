import type { Pool } from "pg";
import { inTransaction } from "../database/transaction";
import type { Analysis } from "./analyse";

/** A job that this process has taken, with what it needs of the document. */
export interface Job {
  readonly id: string;
  readonly documentId: string;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly bodyKey: string;
  readonly sha256: string;
}

/**
 * Takes the job that has been due longest, and counts the attempt; undefined when there is none. A job that has been
 * running for longer than `leaseSeconds` is taken too: whoever took it has died.
 */
export async function takeJob(pool: Pool, leaseSeconds: number): Promise<Job | undefined> {
  const { rows } = await pool.query<Job>(
    `UPDATE jobs j
     SET status = 'running', attempts = j.attempts + 1, started_at = now()
     FROM documents d
     WHERE d.id = j.document_id AND j.id = (
       SELECT id FROM jobs
       WHERE attempts < max_attempts
         AND (status = 'queued' AND run_after <= now()
           OR status = 'running' AND started_at < now() - make_interval(secs => $1))
       ORDER BY run_after, id
       FOR UPDATE SKIP LOCKED
       LIMIT 1
     )
     RETURNING j.id, j.document_id AS "documentId", j.attempts, j.max_attempts AS "maxAttempts",
               d.body_key AS "bodyKey", d.sha256`,
    [leaseSeconds],
  );
  return rows[0];
}

/** Fails the jobs whose last attempt ended with the process that made it; returns how many. */
export async function failAbandonedJobs(pool: Pool, leaseSeconds: number): Promise<number> {
  const { rowCount } = await pool.query(
    `UPDATE jobs SET status = 'failed', finished_at = now(), error = 'the worker stopped during the last attempt'
     WHERE status = 'running' AND attempts >= max_attempts AND started_at < now() - make_interval(secs => $1)`,
    [leaseSeconds],
  );
  return rowCount ?? 0;
}

/** Keeps the result and ends the job: both or neither. */
export async function finishJob(pool: Pool, job: Job, analysis: Analysis, resultKey: string): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query(
      `INSERT INTO results (document_id, words, lines, characters, sha256, longest_word, frequent_words,
                            reading_seconds, result_key)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (document_id) DO UPDATE SET created_at = now()`,
      [
        job.documentId,
        analysis.words,
        analysis.lines,
        analysis.characters,
        analysis.sha256,
        analysis.longestWord,
        JSON.stringify(analysis.frequentWords),
        analysis.readingSeconds,
        resultKey,
      ],
    );
    await client.query("UPDATE jobs SET status = 'done', error = NULL, finished_at = now() WHERE id = $1", [job.id]);
  });
}

/** Puts a job back for another attempt in `delayMs`, or ends it where `delayMs` is undefined. */
export async function failJob(pool: Pool, job: Job, error: string, delayMs: number | undefined): Promise<void> {
  if (delayMs === undefined) {
    await pool.query("UPDATE jobs SET status = 'failed', error = $2, finished_at = now() WHERE id = $1", [
      job.id,
      error,
    ]);
  } else {
    await pool.query(
      "UPDATE jobs SET status = 'queued', error = $2, run_after = now() + make_interval(secs => $3) WHERE id = $1",
      [job.id, error, delayMs / 1000],
    );
  }
}
