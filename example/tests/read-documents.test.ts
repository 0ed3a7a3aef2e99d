import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { request, type ApiError } from "./support/api-client";
import { objectExists } from "./support/bucket";
import { query } from "./support/database";
import { create, get, processed, sha256, titled } from "./support/documents";

const nobody = "00000000-0000-4000-8000-000000000000";

describe("reading documents", { concurrency: true }, () => {
  test("a document is the same when it is read again", async () => {
    const { id, title, createdAt, sha256: checksum } = await create(titled("Again"), "Same again.");
    const document = await get(id);
    assert.deepEqual(
      [document.id, document.title, document.createdAt, document.sha256],
      [id, title, createdAt, checksum],
    );
  });

  test("the body comes back as it was sent, with its checksum as the entity tag", async () => {
    const body = "Ropes: 12\r\nTar: 7 – naïve 🚢\n";
    const { id } = await create(titled("Body"), body);
    const { status, headers, bytes } = await request("GET", `/documents/${id}/body`);
    assert.equal(status, 200);
    assert.equal(bytes.toString("utf8"), body);
    assert.equal(headers.get("etag"), `"${sha256(body)}"`);
  });

  test("an unknown id is 404, something that is no id is 400", async () => {
    for (const path of [`/documents/${nobody}`, `/documents/${nobody}/body`]) {
      const { status, json } = await request<ApiError>("GET", path);
      assert.deepEqual([status, json.error.code], [404, "not_found"], path);
    }
    for (const path of ["/documents/17", "/documents/1%20OR%201=1/body"]) {
      const { status, json } = await request<ApiError>("GET", path);
      assert.deepEqual([status, json.error.code], [400, "invalid_id"], path);
    }
  });

  test("deleting takes the rows and the objects away, once", async () => {
    const { id } = await create(titled("Deleted"), "Soon gone.");
    await processed(id);
    assert.equal(await objectExists(`results/${id}.json`), true, "no result to be deleted");
    assert.equal((await request("DELETE", `/documents/${id}`)).status, 204);
    assert.equal((await request("GET", `/documents/${id}`)).status, 404);
    assert.equal((await request("DELETE", `/documents/${id}`)).status, 404);
    const left = await query(
      `SELECT 'document' AS kind FROM documents WHERE id = $1
       UNION ALL SELECT 'job' FROM jobs WHERE document_id = $1
       UNION ALL SELECT 'result' FROM results WHERE document_id = $1`,
      [id],
    );
    assert.deepEqual(left, []);
    assert.equal(await objectExists(`documents/${id}.txt`), false, "the body is still in the bucket");
    assert.equal(await objectExists(`results/${id}.json`), false, "the result is still in the bucket");
  });
});
