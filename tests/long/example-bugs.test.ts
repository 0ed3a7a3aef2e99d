/** The example's integration tests find bugs wherever they are: in the API, the worker, the migrations, the settings. */
import { type Checkout, copyOfCheckout, leftOf, resultOf } from "./checkout";

let checkout: Checkout;
beforeEach(() => (checkout = copyOfCheckout()));
afterEach(() => checkout.remove());

const stackIn = (output: string): string => /stack (ci-[\w-]+)/.exec(output)![1]!;

test.each([
  ["the API loses a field", "example/api/handlers.ts", "sizeBytes: row.size_bytes", "sizeBytes: 0 * row.size_bytes"],
  ["the API answers a deletion with another status", "example/api/handlers.ts", "status: 204", "status: 200, json: {}"],
  ["the worker miscounts", "example/worker/analyse.ts", "words: words.length", "words: words.length + 1"],
  [
    "the worker takes jobs that are not due",
    "example/worker/jobs.ts",
    "AND run_after <= now()",
    "AND run_after <= now() + interval '1 year'",
  ],
  [
    "a migration forgets a constraint",
    "example/database/migrations/002-jobs.sql",
    "uuid NOT NULL UNIQUE",
    "uuid NOT NULL",
  ],
  [
    "the tests look into another bucket",
    "index.ts",
    "environment: { ...environment, API_URL: api.url }",
    'environment: { ...environment, API_URL: api.url, S3_BUCKET: "other" }',
  ],
])("red where %s", async (_, file, text, replacement) => {
  checkout.edit(file, text, replacement);
  const { code, output } = await checkout.run(["bin/seatrial", "test"]);
  expect({ code, ...resultOf(checkout) }).toMatchObject({ code: 1, verdict: "failed", exitCode: 1 });
  expect(resultOf(checkout).tests.failed).toBeGreaterThan(0);
  // What the tests say of it can be read: their log is no secret to those who run them.
  expect(output).toContain("ERR_ASSERTION");
  expect(output).not.toContain("[secret]");
  expect(leftOf(stackIn(output))).toEqual([]);
});

test("green, with at least twelve tests, where nothing is wrong", async () => {
  const { code, output } = await checkout.run(["bin/seatrial", "test"]);
  expect({ code, ...resultOf(checkout) }).toMatchObject({ code: 0, verdict: "passed", tests: { failed: 0 } });
  expect(resultOf(checkout).tests.total).toBeGreaterThanOrEqual(12);
  expect(leftOf(stackIn(output))).toEqual([]);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s to npm's own process cleans up and exits %d", async (signal, exitCode) => {
  const { code, output } = await checkout.run(["npm", "start"], { interrupt: { at: "network", signal } });
  expect(code).toBe(exitCode);
  expect(resultOf(checkout).verdict).toBe("interrupted");
  expect(leftOf(stackIn(output))).toEqual([]);
});
