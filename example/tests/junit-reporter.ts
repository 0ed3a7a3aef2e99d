// A reporter for node:test. Node's own writes every test under the class name "test", so that who reads the file can't
// tell what a test belongs to.
import { junitXml, type TestCase } from "./junit";

interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly nesting: number;
    readonly file?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: { readonly duration_ms: number; readonly type?: string; readonly error?: TestError };
  };
}

interface TestError extends Error {
  readonly cause?: unknown;
  readonly failureType?: string;
}

async function* junitReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const started = Date.now();
  const cases: TestCase[] = [];
  const groups: string[] = [];
  for await (const { type, data } of source) {
    if (type === "test:start") {
      groups.length = data.nesting;
      groups.push(data.name);
    }
    if (type !== "test:pass" && type !== "test:fail") continue;
    // A group that fails because a test in it does says nothing that the test hasn't said.
    const isGroup = data.details?.type === "suite";
    if (isGroup && (type === "test:pass" || data.details?.error?.failureType === "subtestsFailed")) continue;
    cases.push(toCase(type, data, groups.slice(0, data.nesting)));
  }
  yield junitXml("integration tests", cases, (Date.now() - started) / 1000);
}

function toCase(type: "test:pass" | "test:fail", data: TestEvent["data"], groups: string[]): TestCase {
  const common = { name: data.name, groups, seconds: (data.details?.duration_ms ?? 0) / 1000 };
  const skipped = data.skip ?? data.todo;
  if (skipped !== undefined && skipped !== false) {
    return { ...common, outcome: "skipped", message: typeof skipped === "string" ? skipped : "skipped" };
  }
  if (type === "test:pass") return { ...common, outcome: "passed" };
  // What the test threw is the cause; the error around it is the runner's.
  const error = data.details?.error;
  const thrown = error?.cause instanceof Error ? error.cause : error;
  const message = thrown?.message || (typeof error?.cause === "string" ? error.cause : "failed");
  return { ...common, outcome: "failed", message, details: thrown?.stack ?? message };
}

// node:test takes what the module is, not what it calls its default.
export = junitReporter;
