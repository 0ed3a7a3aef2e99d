import { interruptCode } from "./signals";
import type { JunitCounts } from "../report/junit";

export type Verdict = "passed" | "failed" | "stack-failed" | "timed-out" | "interrupted" | "undetermined";

/** What a failure is about, and what it says. */
export interface Failure {
  /** The resource's name, such as `api`; absent where it is about none. */
  resource?: string;
  /** Docker's name of its container. */
  container?: string;
  /** One line or a few. */
  message: string;
  /** The container's last log lines. */
  lastLines: string[];
}

/** How the tests container ended, from each who saw it. */
export interface TestsEvidence {
  /** It ended by itself, before anything of ours stopped it. */
  ended: boolean;
  /** From the wait call, which the stack's state records. */
  waited?: number;
  /** From the stack's `exitCode` output. */
  output?: number;
  /** From inspecting the container afterwards. */
  inspected?: number;
  /** From the engine's event. */
  event?: number;
  oomKilled?: boolean;
}

/** What made the run end before the tests did. */
export type StopReason =
  | { kind: "signal"; signal: NodeJS.Signals }
  | { kind: "deadline"; what: string; seconds: number }
  | { kind: "failure"; failure: Failure };

/** All that a verdict is made from. */
export interface Evidence {
  /** Absent where nothing stopped the run. */
  stop?: StopReason;
  /** What the engine said of the update; absent if there was none. */
  update?: {
    succeeded: boolean;
    failure?: Failure;
    /** The program itself refused its settings. */
    refused?: boolean;
  };
  /** Absent where there was no tests container and no `exitCode` output. */
  tests?: TestsEvidence;
  junit: {
    /** A file was asked for. */
    expected: boolean;
    /** What the files of this run count; absent if there are none. */
    counts?: JunitCounts;
    /** Files that can't be read or are not from this run. */
    problems: string[];
  };
  /** Nothing is left, as far as anyone can see. */
  clean: boolean;
}

export interface Judgement {
  verdict: Verdict;
  /** What the process exits with. */
  exitCode: number;
  /** Why, where the verdict is neither `passed` nor `failed`. */
  failure?: Failure;
}

/** Judges a run. A failing test code wins over what failed beside it; green needs proof. */
export function judge(evidence: Evidence): Judgement {
  const judgement = judgeRun(evidence);
  return judgement.exitCode === 0 && !evidence.clean ? { ...judgement, exitCode: 125 } : judgement;
}

function judgeRun({ stop, update, tests, junit }: Evidence): Judgement {
  if (stop?.kind === "signal") {
    return { verdict: "interrupted", exitCode: interruptCode(stop.signal), failure: says(`by ${stop.signal}`) };
  }
  const code = tests?.ended ? codeOf(tests) : undefined;
  if (code === "disagree") return undetermined(disagreement(tests!));
  if (code !== undefined && code !== 0) return { verdict: "failed", exitCode: code };
  if (stop?.kind === "deadline") {
    return { verdict: "timed-out", exitCode: 124, failure: says(`${stop.what} took longer than ${stop.seconds} s`) };
  }
  if (stop?.kind === "failure") return { verdict: "stack-failed", exitCode: 125, failure: stop.failure };
  if (!update?.succeeded) {
    const failure = update?.failure ?? says("the stack did not come up");
    return { verdict: "stack-failed", exitCode: update?.refused ? 2 : 125, failure };
  }
  if (!tests) {
    return undetermined(
      "the program has no tests container: label one dev.seatrial.role=tests, attach one, or export exitCode",
    );
  }
  if (code === undefined) return undetermined("how the tests container ended is not known");
  const { counts } = junit;
  if (counts && counts.failed > 0) {
    return undetermined(`the tests exited with 0, but JUnit counts ${counts.failed} failed`);
  }
  if (counts && counts.total === 0) return undetermined("the tests exited with 0, but JUnit counts no test at all");
  if (junit.expected && !counts) {
    return undetermined(
      `the tests exited with 0, but wrote no JUnit file${junit.problems.map((p) => `; ${p}`).join("")}`,
    );
  }
  return { verdict: "passed", exitCode: 0 };
}

/** The one code that all who saw one agree on. */
function codeOf(tests: TestsEvidence): number | "disagree" | undefined {
  const codes = new Set(witnesses(tests).map(([, code]) => code));
  if (codes.size > 1) return "disagree";
  return [...codes][0];
}

function witnesses(tests: TestsEvidence): [string, number][] {
  const all: [string, number | undefined][] = [
    ["the stack's output", tests.output],
    ["the wait call", tests.waited],
    ["the engine's event", tests.event],
    ["inspection", tests.inspected],
  ];
  return all.filter((witness): witness is [string, number] => witness[1] !== undefined);
}

function disagreement(tests: TestsEvidence): string {
  const said = witnesses(tests).map(([who, code]) => `${code} by ${who}`);
  return `the tests' exit code is not certain: ${said.join(", ")}`;
}

function undetermined(message: string): Judgement {
  return { verdict: "undetermined", exitCode: 125, failure: says(message) };
}

function says(message: string): Failure {
  return { message, lastLines: [] };
}
