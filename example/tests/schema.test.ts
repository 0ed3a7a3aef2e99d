import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { query, refusalOf } from "./support/database";
import { create, processed, sha256, titled } from "./support/documents";

const check = "23514";
const notNull = "23502";
const unique = "23505";
const foreignKey = "23503";

describe("the database's schema", { concurrency: true }, () => {
  test("every migration is recorded once, in order, with its checksum", async () => {
    const rows = await query<{ version: number; name: string; checksum: string }>(
      "SELECT version, name, checksum FROM schema_migrations ORDER BY applied_at, version",
    );
    assert.deepEqual(
      rows.map(({ version, name }) => `${version}: ${name}`),
      ["1: 001-documents.sql", "2: 002-jobs.sql", "3: 003-results.sql", "4: 004-title-search.sql"],
    );
    for (const { name, checksum } of rows) assert.match(checksum, /^[0-9a-f]{64}$/, name);
  });

  test("the indexes are there that lists, searches and the worker live by", async () => {
    const rows = await query<{ name: string; definition: string }>(
      "SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE schemaname = 'public'",
    );
    const definitions = new Map(rows.map(({ name, definition }) => [name, definition]));
    assert.match(definitions.get("documents_title_trigrams") ?? "missing", /USING gin \(title gin_trgm_ops\)/);
    assert.match(definitions.get("jobs_open") ?? "missing", /\(run_after, id\) WHERE .*queued.*running/);
    assert.match(definitions.get("jobs_status") ?? "missing", /\(status\)/);
    assert.match(definitions.get("documents_position_key") ?? "missing", /UNIQUE/);
  });

  test("a document that makes no sense is refused", async () => {
    const insert =
      "INSERT INTO documents (id, title, size_bytes, sha256, body_key) VALUES (gen_random_uuid(), $1, $2, $3, $4)";
    const good = ["Title", 1, sha256("x"), "documents/schema-test.txt"];
    const replaced = (index: number, value: unknown) => good.map((old, at) => (at === index ? value : old));
    const refusals = await Promise.all(
      [good, replaced(0, null), replaced(0, ""), replaced(0, " x"), replaced(0, "x".repeat(201)), replaced(1, 0), replaced(2, "abc"), replaced(3, null)] // prettier-ignore
        .map((values) => refusalOf(insert, values)),
    );
    assert.deepEqual(refusals, ["accepted", notNull, check, check, check, check, check, notNull]);
  });

  test("a job that makes no sense is refused", async () => {
    const { id } = await create(titled("Jobs"), "Has its job.");
    await processed(id);
    const change = (assignment: string) => refusalOf(`UPDATE jobs SET ${assignment} WHERE document_id = $1`, [id]);
    const refusals = {
      "a second job of a document": await refusalOf("INSERT INTO jobs (document_id) VALUES ($1)", [id]),
      "a job of no document": await refusalOf("INSERT INTO jobs (document_id) VALUES (gen_random_uuid())"),
      "an unknown status": await change("status = 'lost'"),
      "more attempts than allowed": await change("attempts = max_attempts + 1"),
      "failed without a reason": await change("status = 'failed', error = NULL"),
      "done and not finished": await change("finished_at = NULL"),
      "queued and finished": await change("status = 'queued'"),
    };
    assert.deepEqual(refusals, {
      "a second job of a document": unique,
      "a job of no document": foreignKey,
      "an unknown status": check,
      "more attempts than allowed": check,
      "failed without a reason": check,
      "done and not finished": check,
      "queued and finished": check,
    });
  });

  test("a result that makes no sense is refused, and so is a second one", async () => {
    const { id } = await create(titled("Results"), "Has its result.");
    await processed(id);
    const change = (assignment: string) => refusalOf(`UPDATE results SET ${assignment} WHERE document_id = $1`, [id]);
    const copy = `INSERT INTO results SELECT (r).* FROM (SELECT r FROM results r WHERE document_id = $1) AS one`;
    assert.deepEqual(
      [await change("words = -1"), await change("frequent_words = '{}'"), await change("sha256 = 'x'"), await refusalOf(copy, [id])], // prettier-ignore
      [check, check, check, unique],
    );
  });
});
