import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { request } from "./support/api-client";
import { listKeys, objectExists, readObject, writeObject } from "./support/bucket";
import { query } from "./support/database";
import { triedInVain, create, get, processed, sha256, titled } from "./support/documents";

interface Planted {
  readonly title: string;
  readonly body: string;
  /** Of the document's row; another than the body's for a document that was damaged. */
  readonly checksum?: string;
  /** Whether the body is in the bucket. */
  readonly stored: boolean;
  /** Further columns of the job, as SQL. */
  readonly job?: Record<string, string>;
}

// Past the API, for states that it never makes: no body in the bucket yet, a job that somebody else has taken.
async function plant({ title, body, stored, checksum = sha256(body), job = {} }: Planted) {
  const id = randomUUID();
  const key = `documents/${id}.txt`;
  if (stored) await writeObject(key, body);
  const columns = ["document_id", ...Object.keys(job)].join(", ");
  await query(
    `WITH document AS (
       INSERT INTO documents (id, title, size_bytes, sha256, body_key) VALUES ($1, $2, $3, $4, $5) RETURNING id
     ) INSERT INTO jobs (${columns}) SELECT ${["id", ...Object.values(job)].join(", ")} FROM document`,
    [id, titled(title), Buffer.byteLength(body), checksum, key],
  );
  return { id, key };
}

const remove = (id: string) => request("DELETE", `/documents/${id}`);

describe("the worker", { concurrency: true }, () => {
  test("does every one of many jobs exactly once", async () => {
    const created = await Promise.all(
      Array.from({ length: 12 }, (_, index) => create(titled(`Batch ${index}`), `ship ${"tide ".repeat(index)}`)),
    );
    const finished = await Promise.all(created.map(({ id }) => processed(id)));
    assert.deepEqual(
      finished.map(({ status, attempts, result }) => [status, attempts, result?.words]),
      finished.map((_, index) => ["done", 1, index + 1]),
    );
    const ids = created.map(({ id }) => id);
    const rows = await query<{ done: number; attempts: number }>(
      `SELECT count(*)::int AS done, sum(attempts)::int AS attempts FROM jobs
       WHERE document_id = ANY ($1) AND status = 'done'`,
      [ids],
    );
    assert.deepEqual(rows, [{ done: 12, attempts: 12 }]);
    const results = new Set(await listKeys("results/"));
    assert.deepEqual(
      ids.filter((id) => !results.has(`results/${id}.json`)),
      [],
      "results missing from the bucket",
    );
  });

  test("tries again when a body isn't there yet, and gets it done", async () => {
    const body = "Late, but here.";
    const { id, key } = await plant({ title: "Late", body, stored: false, job: { max_attempts: "50" } });
    const waiting = await triedInVain(id);
    assert.ok(["queued", "running"].includes(waiting.status), `status is ${waiting.status} after the first attempt`);
    await writeObject(key, body);
    const { status, attempts, error, result } = await processed(id);
    assert.deepEqual([status, error, result?.words], ["done", null, 3]);
    assert.ok(attempts > 1, `attempts: ${attempts}`);
    await remove(id);
  });

  test("gives up after three attempts, and says why", async () => {
    const { id, key } = await plant({ title: "Lost", body: "Never to be found.", stored: false });
    const { status, attempts, error, result } = await processed(id);
    assert.deepEqual([status, attempts, result], ["failed", 3, null]);
    assert.match(error ?? "", new RegExp(`no object ${key}`));
    assert.equal(await objectExists(`results/${id}.json`), false);
    await remove(id);
  });

  test("refuses a body that isn't the one that was sent, at the first attempt", async () => {
    const checksum = sha256("something else");
    const { id } = await plant({ title: "Damaged", body: "As sent.", stored: true, checksum });
    const { status, attempts, error } = await processed(id);
    assert.deepEqual([status, attempts], ["failed", 1]);
    assert.match(error ?? "", /checksum/);
    await remove(id);
  });

  test("takes over a job whose worker has died", async () => {
    const body = "Left half done.";
    const job = { status: "'running'", attempts: "1", started_at: "now() - interval '1 hour'" };
    const { id } = await plant({ title: "Abandoned", body, stored: true, job });
    const { status, attempts, result } = await processed(id);
    assert.equal(status, "done");
    assert.deepEqual([attempts, result?.words], [2, 3]);
    assert.ok(await readObject(`results/${id}.json`));
    await remove(id);
  });
});

// One at a time: a worker that is busy finds a new job without being told of it, and comes to a forbidden one last.
describe("the worker, when it has nothing to do", () => {
  test("begins at once, without waiting until it looks for jobs by itself", async () => {
    const times: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const { id } = await create(titled(`Prompt ${round}`), "Now, please.");
      const { createdAt, finishedAt } = await processed(id);
      times.push(Date.parse(finishedAt ?? "") - Date.parse(createdAt));
    }
    const median = times.sort((a, b) => a - b)[1] ?? Infinity;
    assert.ok(median < 1000, `the median of ${times.join(", ")} ms is a second or more`);
  });

  test("leaves a job alone that is not due yet", async () => {
    const { id } = await plant({
      title: "Tomorrow",
      body: "x",
      stored: true,
      job: { run_after: "now() + interval '1 day'" },
    });
    await processed((await create(titled("Meanwhile"), "Another job.")).id);
    const { status, attempts } = await get(id);
    assert.deepEqual([status, attempts], ["queued", 0]);
    await remove(id);
  });

  test("leaves a job alone that another worker is busy with", async () => {
    const job = { status: "'running'", attempts: "1", started_at: "now()" };
    const { id } = await plant({ title: "Busy", body: "x", stored: true, job });
    await processed((await create(titled("Beside"), "Another job.")).id);
    const { status, attempts } = await get(id);
    assert.deepEqual([status, attempts], ["running", 1]);
    await remove(id);
  });
});
