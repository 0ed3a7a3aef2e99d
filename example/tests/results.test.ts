import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { assertMatchesSchema } from "./support/api-client";
import { readObject } from "./support/bucket";
import { query } from "./support/database";
import { create, processed, titled, type Result } from "./support/documents";
import { env } from "./support/env";

// The documents and the results expected of them are input files: they are counted by hand, not by the worker's code.
const documents = path.join(env.inputsDirectory, "documents");
const names = readdirSync(documents)
  .filter((file) => file.endsWith(".txt"))
  .map((file) => path.basename(file, ".txt"));

describe("results of the worker", { concurrency: true }, () => {
  test("there are input files to compare with", () => {
    assert.ok(names.length >= 6, `${documents} holds ${names.length} documents`);
  });

  for (const name of names) {
    test(`of ${name} are as expected: in the API's answer, the database and the bucket`, async () => {
      const body = readFileSync(path.join(documents, `${name}.txt`), "utf8");
      const expected = JSON.parse(
        readFileSync(path.join(env.inputsDirectory, `expected/${name}.json`), "utf8"),
      ) as Result;
      const { id } = await create(titled(`Input ${name}`), body);

      const document = await processed(id);
      assert.deepEqual(document.result, expected);
      assert.deepEqual([document.status, document.attempts, document.error], ["done", 1, null]);
      assert.ok(document.finishedAt && document.finishedAt >= document.createdAt, `finished at ${document.finishedAt}`);

      const [row] = await query(
        `SELECT words, lines, characters, sha256, longest_word AS "longestWord", frequent_words AS "frequentWords",
                reading_seconds AS "readingSeconds" FROM results WHERE document_id = $1`,
        [id],
      );
      assert.deepEqual(row, expected);

      const object = await readObject(`results/${id}.json`);
      assert.equal(object?.contentType, "application/json");
      const { documentId, ...stored } = JSON.parse(object.bytes.toString("utf8")) as Result & { documentId: string };
      assert.equal(documentId, id);
      assertMatchesSchema("result", stored);
      assert.deepEqual(stored, expected);
    });
  }
});
