import { PassThrough } from "node:stream";
import { operationDisplay } from "../../cli/display/operation-display";
import { makeScreen, type Screen } from "../../cli/display/screen";
import { followSteps } from "../../cli/display/steps";
import { wantsColor } from "../../cli/display/style";
import { summary, testDisplay } from "../../cli/display/test-display";
import type { EngineEvent, Op } from "../../engine";
import type { RunEvent } from "../../run/events";
import type { Result } from "../../run/result";

const urn = (type: string, name: string) => `urn:pulumi:ci::small::${type}::${name}`;
const containerType = "docker:index/container:Container";

function step(kind: "pre" | "out" | "failed", name: string, op: Op = "create", type = containerType): EngineEvent {
  const state = {
    type,
    urn: urn(type, name),
    custom: !type.startsWith("my:"),
    id: "1",
    parent: "",
    inputs: {},
    outputs: {},
    provider: "",
  };
  const metadata = {
    op,
    urn: urn(type, name),
    type,
    old: op === "delete" ? state : null,
    new: op === "delete" ? null : state,
    detailedDiff: null,
    provider: "",
  };
  const numbers = { sequence: 0, timestamp: 0 };
  if (kind === "pre") return { ...numbers, resourcePreEvent: { metadata } };
  if (kind === "out") return { ...numbers, resOutputsEvent: { metadata } };
  return { ...numbers, resOpFailedEvent: { metadata, status: 0, steps: 0 } };
}

function message(
  name: string | undefined,
  text: string,
  severity: "info" | "error" = "info",
  streamID?: number,
): EngineEvent {
  const diagnosticEvent = {
    ...(name ? { urn: urn(containerType, name) } : {}),
    ...{ message: text, color: "never", severity },
    ...(streamID ? { streamID } : {}),
  };
  return { sequence: 0, timestamp: 0, diagnosticEvent };
}

function screenOf(options: { tty?: boolean; env?: NodeJS.ProcessEnv; color?: string } = {}): {
  screen: Screen;
  text: () => string;
} {
  const stream = new PassThrough();
  let written = "";
  stream.on("data", (chunk: Buffer) => (written += chunk.toString()));
  const terminal = Object.assign(stream, { isTTY: options.tty ?? false, columns: 60 }) as unknown as NodeJS.WriteStream;
  const screen = makeScreen({
    stream: terminal,
    env: options.env ?? {},
    ...(options.color ? { color: options.color } : {}),
  });
  return { screen, text: () => written };
}

test("a line of whatever is in it shows text and colours, and no control codes", () => {
  const { screen, text } = screenOf({ color: "always" });
  screen.line(`${screen.style.red("error")} \x1b]0;title\x07a \x1b[2Jname\rof theirs`);
  screen.close();
  expect(text()).toBe("\x1b[31merror\x1b[0m a name\nof theirs\n");
});

const result: Result = {
  ...{ version: 1, verdict: "passed", exitCode: 0, project: "small", stack: "ci-1", run: "r", kept: false, notes: [] },
  tests: { total: 2, passed: 2, failed: 0, skipped: 0, exitCode: 0, failures: [] },
  ...{ startedAt: "2026-01-01T00:00:00.000Z", finishedAt: "2026-01-01T00:00:09.000Z" },
  phases: [
    { name: "up", seconds: 4 },
    { name: "tests", seconds: 2.5 },
  ],
  containers: [],
  artifacts: { directory: "/work/build/tests", files: [{ path: "junit.xml", size: 1 }], skipped: [] },
  cleanup: { clean: true, left: [] },
};

function play(events: RunEvent[], options: Parameters<typeof screenOf>[0] & { verbose?: boolean } = {}): string {
  const { screen, text } = screenOf(options);
  const display = testDisplay(screen, { verbose: options.verbose ?? false, cwd: "/work" });
  for (const event of events) display.event(event);
  display.close();
  return text();
}

const engine = (event: EngineEvent): RunEvent => ({ kind: "engine", event });

test("a log shows what becomes ready, the tests' output and the summary, and no control codes", () => {
  const shown = play([
    {
      kind: "begin",
      project: "small",
      stack: "ci-1a2b3c4-abcd",
      run: "r",
      commit: { sha: "1a2b3c4d5e", dirty: true },
      again: false,
    },
    { kind: "phase", phase: "up" },
    engine(step("pre", "stack", "create", "my:component:Thing")),
    engine(step("pre", "api")),
    engine(step("out", "api")),
    engine(step("out", "stack", "create", "my:component:Thing")),
    engine(step("pre", "tests")),
    { kind: "phase", phase: "tests", urn: urn(containerType, "tests") },
    { kind: "output", stream: "stdout", text: "\x1b[32mone\x1b[0m\x1b[2J\ntw" },
    { kind: "output", stream: "stdout", text: "o" },
    engine(step("out", "tests")),
    { kind: "phase", phase: "destroy" },
    engine(step("pre", "api", "delete")),
    engine(step("out", "api", "delete")),
    { kind: "result", result },
  ]).replace(/\d+\.\ds/g, "0.0s");
  expect(shown).toBe(
    [
      "small · stack ci-1a2b3c4-abcd · commit 1a2b3c4 with local changes",
      "  ✓ api                  ready   0.0s",
      `── tests ${"─".repeat(55)}`,
      "one",
      "two",
      "taking the stack down",
      "─".repeat(64),
      "passed · 2 tests: 2 passed, 0 failed · exit code 0",
      "  results    build/tests (1 artifact, result.json, events.jsonl)",
      "  time       0.0s: up 0.0s, tests 0.0s",
      "",
    ].join("\n"),
  );
});

test("a failed step names its resource, once; what stops because of it is not an error of its own", () => {
  const shown = play([
    { kind: "phase", phase: "up" },
    engine(step("pre", "api")),
    engine(step("pre", "worker")),
    engine(message("api", "container api exited with code 9\n", "error")),
    engine(message("api", "container api exited with code 9\n", "error")),
    engine(step("failed", "api")),
    { kind: "stopping", reason: "api failed: stopping the rest" },
    engine(message("worker", "creating it was cancelled", "error")),
    engine(step("failed", "worker")),
    engine(message(undefined, "update failed\n", "error")),
    { kind: "log", service: "api", lines: ["last words"] },
  ]);
  expect(shown.match(/exited with code 9/g)).toHaveLength(1);
  expect(shown).toContain("error api: container api exited with code 9");
  expect(shown).toMatch(/✗ api +failed/);
  expect(shown).toMatch(/✗ worker +stopped/);
  expect(shown).not.toContain("cancelled");
  expect(shown).not.toContain("update failed");
  expect(shown).toContain("── log of api");
  expect(shown).toContain("\n  last words\n");
});

test("on a terminal the line that changes is taken away before one that stays", () => {
  jest.useFakeTimers();
  try {
    const { screen, text } = screenOf({ tty: true, env: { TERM: "xterm" } });
    const display = testDisplay(screen, { verbose: false, cwd: "/" });
    display.event({ kind: "phase", phase: "up" });
    display.event(engine(step("pre", "database-with-a-very-long-name-that-does-not-fit-on-the-line-at-all")));
    jest.advanceTimersByTime(250);
    display.event(engine(step("pre", "api")));
    display.event(engine(step("out", "api")));
    display.close();
    const status = /\r\x1b\[2K\x1b\[2m(.*?)\x1b\[0m/.exec(text())![1]!;
    expect([...status].length).toBe(59);
    // The last word on the screen is not the line that changes.
    expect(text()).toMatch(/\r\x1b\[2K\n?$|\n\r\x1b\[2K.*\r\x1b\[2K$/);
    expect(text()).toContain("\x1b[32m✓\x1b[0m api");
  } finally {
    jest.useRealTimers();
  }
});

test("a long step shows in a log that it is still there, ever more rarely", () => {
  jest.useFakeTimers();
  try {
    const { screen, text } = screenOf();
    const steps = followSteps(screen, { onEnd: () => undefined, now: () => Date.now() });
    steps.event(step("pre", "app", "create", "docker:index/image:Image"));
    steps.event({
      ...message(undefined, ""),
      diagnosticEvent: {
        urn: urn("docker:index/image:Image", "app"),
        message: "Step 3/9",
        color: "never",
        severity: "info",
        ephemeral: true,
      },
    });
    jest.advanceTimersByTime(120_000);
    steps.stop();
    const beats = text().trimEnd().split("\n");
    expect(beats[0]).toBe("  … app building, 5.0s: Step 3/9");
    expect(beats).toHaveLength(6);
  } finally {
    jest.useRealTimers();
  }
});

test("the summary of a failure says what, where and which tests", () => {
  const { screen } = screenOf();
  const lines = summary(
    {
      ...result,
      verdict: "stack-failed",
      exitCode: 125,
      failure: {
        resource: "api",
        container: "small-ci-api",
        message: "api exited with code 3",
        lastLines: ["out of luck"],
      },
      tests: { ...result.tests, failures: [{ name: "adds\x1b[2J up", message: "1 is not 2" }] },
      cleanup: { clean: false, left: [{ kind: "network", name: "small-ci", reason: "in use" }] },
    },
    screen,
    "/elsewhere",
    false,
  ).join("\n");
  expect(lines).toContain("  api exited with code 3 (container small-ci-api)\n    out of luck");
  expect(lines).toContain("✗ adds up: 1 is not 2");
  expect(lines).toContain("left       network small-ci: in use");
  expect(lines).toContain("/work/build/tests");
});

const shown = {
  kind: "update",
  stack: "dev",
  preview: false,
  verbose: false,
  ...{
    showSames: false,
    showReplacementSteps: false,
    showFullOutput: false,
    showSecrets: false,
    suppressOutputs: false,
  },
} as const;

test("an operation is shown as the Pulumi CLI does", () => {
  const { screen, text } = screenOf();
  const display = operationDisplay(screen, shown);
  display.event(step("pre", "api"));
  display.event(message("api", "first\nsec", "info", 1));
  display.event(message("api", "ond\n", "info", 1));
  display.event(step("out", "api"));
  display.event(step("pre", "worker", "same"));
  display.event(step("out", "worker", "same"));
  display.event(message("db", "no such image\n", "error"));
  display.event(step("failed", "db"));
  const root = step("out", "stack", "same", "pulumi:pulumi:Stack");
  root.resOutputsEvent!.metadata.new!.outputs = { url: "http://x" };
  display.event(root);
  display.end({
    result: "failed",
    cancelled: false,
    changes: { create: 1, same: 1 },
    durationSeconds: 2,
    errors: [{ message: "x" }],
    outputs: {},
  });
  display.close();
  expect(text().replace(/\(\d\.\ds\)/g, "(0.0s)")).toBe(
    [
      "Updating (dev):",
      "    api | first",
      "    api | second",
      " +  docker:index:Container api created (0.0s)",
      " +  docker:index:Container db **create failed** (0.0s)",
      "",
      "Diagnostics:",
      "  docker:index:Container (db):",
      "    no such image",
      "",
      "Outputs:",
      '    url: "http://x"',
      "",
      "Resources:",
      "    + 1 created",
      "    1 unchanged",
      "    1 errored",
      "",
      "Duration: 2.0s",
      "",
    ].join("\n"),
  );
});

test.each([
  [undefined, {}, true, true],
  [undefined, {}, false, false],
  [undefined, { NO_COLOR: "1" }, true, false],
  ["always", { NO_COLOR: "1" }, false, true],
  ["never", {}, true, false],
  [undefined, { FORCE_COLOR: "1" }, false, true],
  [undefined, { TERM: "dumb" }, true, false],
])("--color %s with %j on a terminal (%s): %s", (choice, env, terminal, colors) => {
  expect(wantsColor(choice, env, terminal)).toBe(colors);
});
