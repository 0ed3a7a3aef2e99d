import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineEvent } from "../../engine/events";
import { shortSha } from "../../run/commit";
import { stripControlCodes } from "../../run/control-codes";
import { formatSeconds } from "../../run/duration";
import type { Phase, RunEvent } from "../../run/events";
import { nameInUrn } from "../../run/followed-containers";
import { brief } from "../../run/messages";
import type { Result } from "../../run/result";
import type { Screen } from "./screen";
import { describeExpectations } from "./expectations";
import { describeHistory } from "./history";
import { done, followSteps, type EndedStep } from "./steps";

/** Shows a test run: what becomes ready and when, the tests' output, the verdict. */
export interface TestDisplay {
  event(event: RunEvent): void;
  close(): void;
}

const phaseTitles: Record<Phase, string> = {
  "set-up": "setting up",
  build: "making images",
  up: "bringing the stack up",
  tests: "running the tests",
  collect: "saving logs and artifacts",
  destroy: "taking the stack down",
  sweep: "looking for what is left",
};

export function testDisplay(screen: Screen, options: { verbose: boolean; cwd: string }): TestDisplay {
  const { style } = screen;
  let phase: Phase | undefined;
  let again = false;
  let phaseSince = performance.now();
  let testsUrn: string | undefined;
  let stopping = false;
  let made = false;
  let page: string | undefined;
  const told = new Set<string>();

  const steps = followSteps(screen, {
    all: options.verbose,
    // Its output is a sign of life.
    isSilent: (urn) => urn === testsUrn,
    onEnd(step) {
      // Of what is made anew only the new one is told.
      if (["same", "replace", "delete-replaced"].includes(step.op) && !step.failed && !options.verbose) return;
      made = true;
      if (step.failed && stopping && phase !== "destroy") {
        return screen.line(`  ${style.yellow("✗")} ${pad(step.name)} stopped`);
      }
      if (step.failed) return screen.line(`  ${style.red("✗")} ${pad(step.name)} ${style.red("failed")}`);
      if (phase === "destroy" && !options.verbose) return;
      if (step.urn === testsUrn) return;
      screen.line(`  ${style.green("✓")} ${pad(step.name)} ${state(step)} ${style.dim(formatSeconds(step.seconds))}`);
    },
  });

  function state(step: EndedStep): string {
    return done(step.type, step.op).padEnd(7);
  }

  function status(): string {
    const under = steps.summary();
    return under || `${phaseTitles[phase ?? "set-up"]} ${formatSeconds((performance.now() - phaseSince) / 1000)}`;
  }

  function enter(next: Phase): void {
    phase = next;
    if (next === "destroy") stopping = false;
    phaseSince = performance.now();
    screen.status(next === "tests" ? undefined : status);
    if (next === "tests") screen.line(rule("tests"));
    if (next === "destroy" && !screen.live && made) screen.line(style.dim("taking the stack down"));
  }

  function engineEvent(event: EngineEvent): void {
    const { diagnosticEvent } = event;
    steps.event(event);
    if (!diagnosticEvent || diagnosticEvent.ephemeral || diagnosticEvent.streamID) return;
    const { severity, urn, message } = diagnosticEvent;
    const text = stripControlCodes(options.verbose ? message : brief(message)).trim();
    if (text === "" || told.has(`${urn} ${text}`) || isSummary(text)) return;
    told.add(`${urn} ${text}`);
    if (stopping && /cancelled|aborted/i.test(text) && !options.verbose) return;
    const name = urn ? `${nameInUrn(urn)}: ` : "";
    if (severity === "error") screen.line(indent(`${style.red("error")} ${name}${text}`));
    else if (severity === "warning") screen.line(indent(`${style.yellow("warning")} ${name}${text}`));
    // Without a resource it is what the program writes.
    else if (options.verbose || (!urn && severity !== "debug")) screen.line(indent(style.dim(`${name}${text}`)));
  }

  function rule(title: string): string {
    return style.dim(`── ${title} ${"─".repeat(Math.max(60 - title.length, 3))}`);
  }

  return {
    event(event) {
      switch (event.kind) {
        case "begin": {
          again = event.again;
          const { commit } = event;
          const of = commit ? ` · commit ${shortSha(commit.sha)}${commit.dirty ? " with local changes" : ""}` : "";
          screen.line(`${style.bold(event.project)} · stack ${event.stack}${of}`);
          break;
        }
        case "phase":
          testsUrn = event.urn ?? testsUrn;
          enter(event.phase);
          break;
        case "engine":
          engineEvent(event.event);
          break;
        case "output":
          screen.raw(event.stream, event.text);
          break;
        case "stopping":
          stopping = true;
          screen.line(style.yellow(event.reason));
          break;
        case "note":
          screen.line(`${event.level === "info" ? "" : `${style.yellow(event.level)} `}${event.text}`);
          break;
        case "log": {
          const unfold = screen.fold(`log of ${event.service}`);
          if (!unfold) screen.line(rule(`log of ${event.service}`));
          for (const line of event.lines.length > 0 ? event.lines : [style.dim("(empty)")]) screen.line(`  ${line}`);
          unfold?.();
          break;
        }
        case "report":
          page = event.page;
          break;
        case "unchanged":
          screen.status(undefined);
          for (const line of unchangedSummary(event.result, screen, options.cwd)) screen.line(line);
          break;
        case "result":
          screen.status(undefined);
          if (event.unbegun) break;
          // The program has said what is wrong with its settings; nothing else happened.
          if (event.result.exitCode === 2 && event.result.verdict === "stack-failed") break;
          for (const line of summary(event.result, screen, options.cwd, again, page)) screen.line(line);
      }
    },
    close() {
      steps.stop();
      screen.close();
    },
  };
}

/** What a run comes to, in a few lines. */
export function summary(
  result: Result,
  { style }: Pick<Screen, "style">,
  cwd: string,
  again: boolean,
  page?: string,
): string[] {
  const lines = [style.dim("─".repeat(64))];
  const paint = result.exitCode === 0 ? style.green : result.verdict === "failed" ? style.red : style.yellow;
  const { tests, failure, artifacts } = result;
  lines.push(`${paint(style.bold(result.verdict))}${describeTests(result)} · exit code ${result.exitCode}`);
  if (result.verdict === "failed") lines.push(`  ${describeTestsEnd(result)}`);
  if (failure) {
    const [first = "", ...rest] = failure.message.split("\n");
    const where =
      failure.container && !failure.message.includes(failure.container) ? ` (container ${failure.container})` : "";
    lines.push(
      `  ${failure.resource && !first.startsWith(failure.resource) ? `${failure.resource}: ` : ""}${first}${where}`,
    );
    lines.push(...rest.slice(0, 20).map((line) => `    ${line}`));
    lines.push(...failure.lastLines.map((line) => style.dim(`    ${line}`)));
  }
  for (const { name, message } of tests.failures.slice(0, 10)) {
    lines.push(`  ${style.red("✗")} ${stripControlCodes(name)}${message && `: ${stripControlCodes(message)}`}`);
  }
  if (tests.failures.length > 10) lines.push(`  … and ${tests.failures.length - 10} more`);
  const folder = relativeTo(cwd, artifacts.directory);
  lines.push(...describeHistory(result, style), ...describeExpectations(result, style));
  const count = artifacts.files.length;
  lines.push(`  results    ${folder} (${count} ${count === 1 ? "artifact" : "artifacts"}, result.json, events.jsonl)`);
  if (result.containers.some(({ log }) => log)) lines.push(`  logs       ${folder}/logs`);
  if (page !== undefined) lines.push(`  report     ${relativeTo(cwd, page)}`);
  lines.push(`  time       ${timeLine(result)}`);
  for (const note of result.notes) lines.push(`  ${style.yellow("note")}       ${note.split("\n")[0]}`);
  for (const { kind, name, reason } of result.cleanup.left) {
    lines.push(`  ${style.red("left")}       ${kind} ${name}: ${reason}`);
  }
  if (result.kept) {
    lines.push(
      `  kept       stack ${result.stack}: ${again ? "again" : "tests again"} with seatrial rerun, ${style.bold(`seatrial destroy --stack ${result.stack}`)} removes it`,
    );
  }
  return lines;
}

/** What is said of a run that was left out: which one has passed, and where its results are, if they still are. */
export function unchangedSummary(result: Result, { style }: Pick<Screen, "style">, cwd: string): string[] {
  const { artifacts, commit, finishedAt, run } = result;
  const of = commit ? ` of commit ${shortSha(commit)}` : "";
  const isThere = runIn(artifacts.directory) === run;
  return [
    style.dim("─".repeat(64)),
    `${style.green(style.bold("unchanged"))}: nothing was run, since the run${of} at ${finishedAt} has passed with the same inputs`,
    `  then       ${result.verdict}${describeTests(result)} · exit code ${result.exitCode}`,
    `  results    ${isThere ? relativeTo(cwd, artifacts.directory) : style.dim("no longer there")}`,
  ];
}

/** The run that a folder holds the results of. */
function runIn(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, "result.json"), "utf8")) as Partial<Result>).run;
  } catch {
    return undefined;
  }
}

function describeTests({ tests }: Result): string {
  if (tests.total === 0) return "";
  const parts = [
    `${tests.passed} passed`,
    `${tests.failed} failed`,
    ...(tests.skipped ? [`${tests.skipped} skipped`] : []),
  ];
  return ` · ${tests.total} tests: ${parts.join(", ")}`;
}

/** Above 128 a code looks as if a signal had ended the process. */
function describeTestsEnd({ tests: { end, exitCode = 0 }, containers }: Result): string {
  const code = `exit code ${exitCode}`;
  if (end === "out-of-memory") return `the tests were killed, since they ran out of memory (${code})`;
  const starved = containers.some(({ role, oomKilled }) => role === "tests" && oomKilled);
  return `the tests exited with ${exitCode}${exitCode > 128 ? " by themselves" : ""}${starved ? "; memory ran out in their container" : ""}`;
}

function timeLine({ phases }: Result): string {
  const total = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  return `${formatSeconds(total)}: ${phases.map(({ name, seconds }) => `${name} ${formatSeconds(seconds)}`).join(", ")}`;
}

function relativeTo(cwd: string, path: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}

/** The engine's closing line says no more than that there were errors. */
function isSummary(text: string): boolean {
  return /^(?:preview|update|refresh|destroy) (?:failed|cancelled)$/.test(text);
}

function pad(name: string): string {
  return name.padEnd(20);
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
