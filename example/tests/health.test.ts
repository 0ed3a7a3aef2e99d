import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { request, type ApiError } from "./support/api-client";
import { query } from "./support/database";

describe("health", () => {
  test("is good, and so are the database and the object store", async () => {
    const { status, json } = await request("GET", "/health");
    assert.equal(status, 200);
    assert.deepEqual(json, { status: "ok", database: "ok", objectStore: "ok" });
  });

  test("a resource that doesn't exist is 404, with the error's code", async () => {
    const { status, json } = await request<ApiError>("GET", "/document");
    assert.equal(status, 404);
    assert.equal(json.error.code, "not_found");
  });

  test("a method that a resource doesn't take is 405, and says which it does", async () => {
    for (const [method, path, allow] of [
      ["PUT", "/documents", "GET, POST"],
      ["POST", "/health", "GET"],
      ["PATCH", "/documents/00000000-0000-4000-8000-000000000000", "GET, DELETE"],
    ] as const) {
      const { status, headers } = await request(method, path);
      assert.equal(status, 405, `${method} ${path}`);
      assert.equal(headers.get("allow"), allow, `${method} ${path}`);
    }
  });

  test("the number of jobs by status is what the database says", async () => {
    const { json } = await request<Record<string, number>>("GET", "/jobs/stats");
    const rows = await query<{ total: number }>("SELECT count(*)::int AS total FROM jobs");
    const total = Object.values(json).reduce((sum, count) => sum + count, 0);
    assert.equal(total, rows[0]?.total);
  });
});
