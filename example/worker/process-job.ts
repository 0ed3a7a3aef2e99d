import type { Pool } from "pg";
import { failJob, finishJob, type Job } from "./jobs";
import { messageOf, type Logger } from "../shared/log";
import { resultKey, type ObjectStore } from "../shared/object-store";
import { analyse } from "./analyse";

/** A failure that another attempt can't mend. */
class Hopeless extends Error {}

/**
 * Does one job and records how it went. Returns after how many milliseconds it is to be tried again, or undefined when
 * it has ended, well or badly.
 */
export async function processJob(
  job: Job,
  pool: Pool,
  store: ObjectStore,
  log: Logger,
  retryMs: number,
): Promise<number | undefined> {
  const started = Date.now();
  const about = { job: job.id, document: job.documentId, attempt: job.attempts };
  try {
    const body = await store.get(job.bodyKey);
    if (!body) throw new Error(`there is no object ${job.bodyKey}`);
    const analysis = analyse(body);
    if (analysis.sha256 !== job.sha256) throw new Hopeless(`the body's checksum is not that of the document`);
    const key = resultKey(job.documentId);
    await store.put(key, JSON.stringify({ documentId: job.documentId, ...analysis }, null, 2), "application/json");
    await finishJob(pool, job, analysis, key);
    log.info("job done", { ...about, words: analysis.words, ms: Date.now() - started });
    return undefined;
  } catch (error) {
    const last = error instanceof Hopeless || job.attempts >= job.maxAttempts;
    const delay = last ? undefined : retryMs * job.attempts;
    await failJob(pool, job, messageOf(error), delay);
    log.error(last ? "job failed" : "job will be tried again", { ...about, error: messageOf(error), retryInMs: delay });
    return delay;
  }
}
