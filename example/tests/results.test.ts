import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";
import { compareResult, missingResults, type Rule } from "../../testing";
import { assertMatchesSchema } from "./support/api-client";
import { readObject } from "./support/bucket";
import { query } from "./support/database";
import { create, processed, titled, type Result } from "./support/documents";
import { env } from "./support/env";

// The documents and the results expected of them are input files: they are counted by hand, not by the worker's code.
// What is counted fails a test where it changes; what is a matter of taste, such as how fast people read, is a warning,
// until somebody accepts it.
const documents = path.join(env.inputsDirectory, "documents");
const names = readdirSync(documents)
  .filter((file) => file.endsWith(".txt"))
  .map((file) => path.basename(file, ".txt"));

const counted = ["words", "lines", "characters", "sha256", "longestWord"];
const rules = counted.map((member): Rule => ({ path: `/${member}`, level: "failure" }));

describe("results of the worker", { concurrency: true }, () => {
  after(() => missingResults(names.map((name) => `${name}.json`)));

  test("there are input files to compare with", () => {
    assert.ok(names.length >= 6, `${documents} holds ${names.length} documents`);
  });

  for (const name of names) {
    test(`of ${name} are as expected: in the API's answer, the database and the bucket`, async () => {
      const body = readFileSync(path.join(documents, `${name}.txt`), "utf8");
      const { id } = await create(titled(`Input ${name}`), body);

      const document = await processed(id);
      compareResult({ name: `result of ${name}`, expected: `${name}.json`, actual: document.result, rules });
      assert.deepEqual([document.status, document.attempts, document.error], ["done", 1, null]);
      assert.ok(document.finishedAt && document.finishedAt >= document.createdAt, `finished at ${document.finishedAt}`);

      const [row] = await query(
        `SELECT words, lines, characters, sha256, longest_word AS "longestWord", frequent_words AS "frequentWords",
                reading_seconds AS "readingSeconds" FROM results WHERE document_id = $1`,
        [id],
      );
      assert.deepEqual(row, document.result);

      const object = await readObject(`results/${id}.json`);
      assert.equal(object?.contentType, "application/json");
      const { documentId, ...stored } = JSON.parse(object.bytes.toString("utf8")) as Result & { documentId: string };
      assert.equal(documentId, id);
      assertMatchesSchema("result", stored);
      assert.deepEqual(stored, document.result);
    });
  }
});
