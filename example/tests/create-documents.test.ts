import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { request, type ApiError } from "./support/api-client";
import { readObject } from "./support/bucket";
import { query } from "./support/database";
import { create, sha256, titled, type Document } from "./support/documents";

describe("creating documents", { concurrency: true }, () => {
  test("answers 201 with the whole document and where it is", async () => {
    const body = "Weigh anchor.\n";
    const before = Date.now();
    const { status, headers, json } = await request<Document>("POST", "/documents", {
      json: { title: titled("Orders"), body },
    });
    assert.equal(status, 201);
    assert.equal(headers.get("location"), `/documents/${json.id}`);
    assert.equal(json.title, titled("Orders"));
    assert.equal(json.sizeBytes, 14);
    assert.equal(json.sha256, sha256(body));
    const created = Date.parse(json.createdAt);
    assert.ok(
      Math.abs(created - before) < 60_000,
      `createdAt is ${json.createdAt}, now is ${new Date().toISOString()}`,
    );
  });

  test("keeps the body in the bucket, byte for byte", async () => {
    const body = "First line\r\nsecond: naïve 🚢\n\ttabbed, no end of line";
    const { id } = await create(titled("Bytes"), body);
    const object = await readObject(`documents/${id}.txt`);
    assert.ok(object, "there is no object for the body");
    assert.equal(object.bytes.toString("utf8"), body);
    assert.equal(object.contentType, "text/plain; charset=utf-8");
  });

  test("keeps the document and exactly one job in the database", async () => {
    const body = "One ship, one job.";
    const { id } = await create(titled("Row"), body);
    const rows = await query(
      `SELECT d.title, d.size_bytes, d.sha256, d.body_key, count(j.id)::int AS jobs, max(j.max_attempts) AS max_attempts
       FROM documents d LEFT JOIN jobs j ON j.document_id = d.id WHERE d.id = $1 GROUP BY d.id`,
      [id],
    );
    assert.deepEqual(rows, [
      {
        title: titled("Row"),
        size_bytes: 18,
        sha256: sha256(body),
        body_key: `documents/${id}.txt`,
        jobs: 1,
        max_attempts: 3,
      },
    ]);
  });

  test("takes the white space around a title away, and counts characters, not bytes", async () => {
    const longest = "ß".repeat(200);
    assert.equal((await create(`  ${longest}\n`, "body")).title, longest);
  });

  test("refuses what is no document, with 400 and a code that says why", async () => {
    const refused: [code: string, json: unknown][] = [
      ["invalid_title", { body: "text" }],
      ["invalid_title", { title: 7, body: "text" }],
      ["invalid_title", { title: "   ", body: "text" }],
      ["invalid_title", { title: "x".repeat(201), body: "text" }],
      ["invalid_body", { title: "Title" }],
      ["invalid_body", { title: "Title", body: "" }],
      ["invalid_body", { title: "Title", body: " \n " }],
      ["invalid_body", { title: "Title", body: ["text"] }],
      ["invalid_text", { title: "Title", body: "zero \0 byte" }],
      ["unknown_field", { title: "Title", body: "text", author: "me" }],
      ["invalid_document", ["Title", "text"]],
      ["invalid_document", null],
    ];
    const answers = await Promise.all(refused.map(([, json]) => request<ApiError>("POST", "/documents", { json })));
    assert.deepEqual(
      answers.map(({ status, json }) => [status, json.error.code]),
      refused.map(([code]) => [400, code]),
    );
  });

  test("refuses what is not JSON: 400 for its contents, 415 for its type", async () => {
    const broken = await request<ApiError>("POST", "/documents", { raw: '{"title": "x", ' });
    assert.deepEqual([broken.status, broken.json.error.code], [400, "invalid_json"]);
    const form = await request<ApiError>("POST", "/documents", { raw: "title=x", contentType: "text/plain" });
    assert.deepEqual([form.status, form.json.error.code], [415, "unsupported_media_type"]);
  });

  test("refuses more than a megabyte with 413, and takes a little less", async () => {
    const tooLarge = await request<ApiError>("POST", "/documents", {
      json: { title: titled("Too large"), body: "x".repeat(1024 * 1024) },
    });
    assert.deepEqual([tooLarge.status, tooLarge.json.error.code], [413, "too_large"]);
    const large = await create(titled("Large"), "large ".repeat(170_000));
    assert.equal(large.sizeBytes, 1_020_000);
  });

  test("leaves nothing behind of what it refused", async () => {
    await request("POST", "/documents", { json: { title: titled("Refused"), body: "" } });
    assert.deepEqual(await query("SELECT id FROM documents WHERE title = $1", [titled("Refused")]), []);
  });
});
