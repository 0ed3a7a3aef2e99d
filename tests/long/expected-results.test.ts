/**
 * An intended change of the example's results, from the warning to its acceptance; and an answer against its schema.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../../run/result";
import { zipOf } from "../cli/zip";
import { type Checkout, copyOfCheckout, leftOf } from "./checkout";

let checkout: Checkout;
beforeAll(() => (checkout = copyOfCheckout()));
afterAll(() => checkout.remove());

const resultOf = () => JSON.parse(readFileSync(join(checkout.folder, "build/tests/result.json"), "utf8")) as Result;
const expectedFiles = () =>
  readdirSync(join(checkout.folder, "example/tests/fixtures/expected")).map((file) => ({
    file,
    text: readFileSync(join(checkout.folder, "example/tests/fixtures/expected", file), "utf8"),
  }));

/** What GitLab hands out as a job's artifacts. */
function zipOfArtifacts(): string {
  const folder = join(checkout.folder, "build/tests");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  const zip = join(checkout.folder, "artifacts.zip");
  const content = files.map((file) => [`build/tests${file.slice(folder.length)}`, readFileSync(file)] as const);
  writeFileSync(zip, zipOf(Object.fromEntries(content)));
  return zip;
}

test("an intended change of results is a warning, is accepted from a zip with nothing run, and is none any more", async () => {
  checkout.edit("example/worker/analyse.ts", "const wordsPerMinute = 240;", "const wordsPerMinute = 120;");
  const warned = await checkout.run(["bin/seatrial", "test"]);
  expect({ code: warned.code, verdict: resultOf().verdict }).toEqual({ code: 0, verdict: "passed" });
  expect(warned.output).toContain("4 of 6 results are not as expected; seatrial accept takes over the new ones");
  expect(warned.output).toMatch(/changed result of harbour\n +\/readingSeconds: 7 → 14/);
  const { changed } = resultOf().expectations!;
  // The two of few words are read as fast as before, in whole seconds.
  expect(changed).toHaveLength(4);
  expect(changed.find(({ name }) => name === "result of harbour")).toEqual({
    ...{ name: "result of harbour", file: "example/tests/fixtures/expected/harbour.json" },
    ...{ actual: "expected/harbour.json", status: "changed", level: "warning" },
    changes: [{ path: "/readingSeconds", kind: "changed", expected: 7, actual: 14 }],
  });

  const before = expectedFiles();
  const shown = await checkout.run(["bin/seatrial", "accept"]);
  expect(shown.code).toBe(1);
  expect(shown.output).toMatch(/- +"readingSeconds": 7\n +\+ +"readingSeconds": 14/);
  expect(expectedFiles()).toEqual(before);

  const zip = zipOfArtifacts();
  rmSync(join(checkout.folder, "build"), { recursive: true });
  const accepted = await checkout.run(["bin/seatrial", "accept", zip, "--yes"]);
  expect(accepted.code).toBe(0);
  expect(accepted.output.match(/^changed +result of /gm)).toHaveLength(4);
  // One number in each file, and nothing of how they are written.
  const line = /"readingSeconds": \d+/;
  const rest = (files: typeof before) => files.map(({ file, text }) => ({ file, text: text.replace(line, "") }));
  expect(rest(expectedFiles())).toEqual(rest(before));
  expect(expectedFiles().filter(({ text }, n) => text !== before[n]!.text)).toHaveLength(4);

  const again = await checkout.run(["bin/seatrial", "test"]);
  expect(again.code).toBe(0);
  expect(again.output).not.toContain("not as expected");
  expect(resultOf().expectations).toEqual({ compared: 6, changed: [] });
  expect(leftOf(resultOf().stack)).toEqual([]);
});

test("an answer against its schema fails the test, and says where", async () => {
  checkout.edit("example/api/handlers.ts", "sizeBytes: row.size_bytes", 'sizeBytes: "many" as never');
  const { code, output } = await checkout.run(["bin/seatrial", "test"]);
  expect({ code, verdict: resultOf().verdict }).toEqual({ code: 1, verdict: "failed" });
  expect(output).toContain("does not fit the JSON Schema document:");
  expect(output).toContain('/sizeBytes: must be integer, got "many"');
});
