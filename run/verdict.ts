import { signalName } from "./containers";
import type { Limited } from "./phases";
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
  /** It has been started. */
  began: boolean;
  /** It ended before anything of ours stopped it. */
  ended: boolean;
  /** From the wait call, which the stack's state records. */
  waited?: number;
  /** The wait call's connection broke: an engine that has lost a container may say anything of it afterwards. */
  waitBroke?: boolean;
  /** From the stack's `exitCode` output. */
  output?: number;
  /** From inspecting the container afterwards. */
  inspected?: number;
  /** Why there is no word from inspection, where there should be one. */
  notInspected?: string;
  /** From the engine's event. */
  event?: number;
  /** The engine says that memory ran out in it. */
  oomKilled?: boolean;
  /** The signals that somebody had the engine send to it before its end, by number. */
  signals?: number[];
}

/** How the tests container ended: by itself, killed by the kernel or by somebody, or stopped by the run. */
export type TestsEnd =
  | { how: "exited" | "out-of-memory"; code: number }
  | { how: "killed"; code: number; signal: string }
  | { how: "timed-out" | "stopped" | "unknown" };

/** A deadline that has passed. */
export interface PassedDeadline {
  what: Limited | "collect";
  seconds: number;
}

/** What made the run end before the tests did. */
export type StopReason =
  | { kind: "signal"; signal: NodeJS.Signals }
  | ({ kind: "deadline" } & PassedDeadline)
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
    /** Files that are an earlier run's. */
    stale: string[];
    /** Files that can't be read, and why. */
    problems: string[];
  };
  /** The deadline of collecting, where it has passed. */
  late?: PassedDeadline;
  /** Nothing is left, as far as anyone can see. */
  clean: boolean;
}

export interface Judgement {
  verdict: Verdict;
  /** What the process exits with. */
  exitCode: number;
  /** Why, where the verdict is neither `passed` nor `failed`. */
  failure?: Failure;
  timedOut?: PassedDeadline;
}

/** Judges a run. A failing test code wins over what failed beside it; green needs proof. */
export function judge(evidence: Evidence): Judgement {
  const judgement = judgeRun(evidence);
  return judgement.exitCode === 0 && !evidence.clean ? { ...judgement, exitCode: 125 } : judgement;
}

function judgeRun({ stop, update, tests, junit, late }: Evidence): Judgement {
  if (stop?.kind === "signal") {
    return { verdict: "interrupted", exitCode: interruptCode(stop.signal), failure: says(`by ${stop.signal}`) };
  }
  const code = tests && failingCode(tests);
  if (code !== undefined) return { verdict: "failed", exitCode: code };
  if (stop?.kind === "deadline") return timedOut(stop);
  if (tests?.waitBroke) return undetermined(brokenWait(tests));
  const killer = tests && killedBy(tests);
  if (killer) return undetermined(`the tests were ended by ${killer}, which was sent from outside`);
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
  const doubt = doubtOfCode(tests) ?? doubtOfJunit(junit);
  if (late && (!doubt || doubt.isLack)) return timedOut(late);
  return doubt ? undetermined(doubt.message) : { verdict: "passed", exitCode: 0 };
}

/** How long it may have taken at most, as a sentence. */
export function tookTooLong({ what, seconds }: PassedDeadline): string {
  const name = {
    run: "the run",
    "set-up": "the set-up",
    build: "building images",
    up: "bringing the stack up",
    tests: "the tests",
    collect: "saving logs and artifacts",
  }[what];
  return `${name} took longer than ${seconds} s`;
}

/** What those who saw the tests' end say differently; `undefined` where they agree. */
export function disagreement(tests: TestsEvidence): string | undefined {
  const all = witnesses(tests);
  if (new Set(all.map(([, code]) => code)).size < 2) return undefined;
  return `the tests' exit code is not certain: ${all.map(([who, code]) => `${code} by ${who}`).join(", ")}`;
}

/** How the tests container ended. What one witness alone can tell is taken from it. */
export function testsEnd(tests: TestsEvidence, stop: StopReason | undefined): TestsEnd {
  const code = failingCode(tests) ?? codeSeen(tests);
  if (!tests.ended || code === undefined) {
    if (stop) return { how: stop.kind === "deadline" ? "timed-out" : "stopped" };
    return { how: "unknown" };
  }
  if (tests.waitBroke && !isOrdinaryFailure(code)) return { how: "unknown" };
  if (tests.oomKilled && code === killedCode) return { how: "out-of-memory", code };
  const signal = killedBy(tests);
  return signal ? { how: "killed", code, signal } : { how: "exited", code };
}

/** What a process ends with that SIGKILL has ended; the kernel ends one so that wants more memory than there is. */
const killedCode = 137;

/**
 * The code of tests that have failed: as seen at the moment of their end by the wait call or the engine's event. What is
 * only found afterwards counts where the wait call broke, unless it may come from the engine's own going down.
 */
function failingCode(tests: TestsEvidence): number | undefined {
  if (!tests.ended) return undefined;
  if (tests.waitBroke) return [tests.event, tests.inspected].find(isOrdinaryFailure);
  // What somebody has killed has not failed by itself.
  if (killedBy(tests)) return undefined;
  const atTheEnd = [tests.waited, tests.event].find((code) => code !== undefined && code !== 0);
  if (atTheEnd !== undefined) return atTheEnd;
  const all = witnesses(tests).map(([, code]) => code);
  return all.length > 0 && all.every((code) => code !== 0) ? all[0] : undefined;
}

/** Codes above 128 are also those of processes that a signal has ended. */
function isOrdinaryFailure(code: number | undefined): boolean {
  return code !== undefined && code >= 1 && code <= 128;
}

/** Something that keeps a run from being green. `isLack`: nothing speaks against it, but something is missing. */
interface Doubt {
  message: string;
  isLack: boolean;
}

/** Two must have seen that the tests exited with 0: who waited for it, and who looked afterwards. */
function doubtOfCode(tests: TestsEvidence): Doubt | undefined {
  if (!tests.ended) return { message: "how the tests container ended is not known", isLack: true };
  const disagreed = disagreement(tests);
  if (disagreed) return { message: disagreed, isLack: false };
  if (codeSeen(tests) === undefined || (tests.waited ?? tests.output) === undefined) {
    return { message: "how the tests container ended is not known: nobody waited for it", isLack: true };
  }
  if (tests.notInspected) {
    return { message: `the tests exited with 0, but that can't be checked: ${tests.notInspected}`, isLack: true };
  }
  const signal = tests.signals?.find((number) => enders.has(number));
  if (signal === undefined) return undefined;
  const message = `the tests exited with 0, but only after ${signalName(signal)} had been sent to them from outside`;
  return { message, isLack: false };
}

function doubtOfJunit({ expected, counts, stale, problems }: Evidence["junit"]): Doubt | undefined {
  const zero = "the tests exited with 0, but";
  if (counts && counts.failed > 0) {
    return { message: `${zero} JUnit counts ${counts.failed} failed`, isLack: false };
  }
  if (problems.length > 0) return { message: `${zero} JUnit can't be read: ${problems.join("; ")}`, isLack: true };
  if (counts && counts.total === 0) return { message: `${zero} JUnit counts no test at all`, isLack: false };
  if (counts) return undefined;
  if (stale.length > 0) {
    return { message: `${zero} wrote no JUnit file: ${stale.join(", ")} is from an earlier run`, isLack: true };
  }
  return expected ? { message: `${zero} wrote no JUnit file`, isLack: true } : undefined;
}

/** Signals by which somebody has a process end: SIGINT, SIGKILL, SIGTERM. */
const enders = new Set([2, 9, 15]);

/** The signal, sent from outside, that the code says the container died of. */
function killedBy(tests: TestsEvidence): string | undefined {
  const code = codeSeen(tests);
  const fatal = tests.ended ? tests.signals?.find((number) => number + 128 === code) : undefined;
  return fatal === undefined ? undefined : signalName(fatal);
}

function codeSeen(tests: TestsEvidence): number | undefined {
  return witnesses(tests)[0]?.[1];
}

/** Who saw the end, the most trusted first. */
function witnesses(tests: TestsEvidence): [string, number][] {
  const all: [string, number | undefined][] = [
    ["the wait call", tests.waitBroke ? undefined : tests.waited],
    ["the engine's event", tests.event],
    ["inspection", tests.inspected],
    ["the stack's output", tests.waitBroke ? undefined : tests.output],
  ];
  return all.filter((witness): witness is [string, number] => witness[1] !== undefined);
}

function brokenWait(tests: TestsEvidence): string {
  const found = tests.inspected ?? tests.event;
  const then = found === undefined ? "" : `; it says ${found} now, which may be its own doing`;
  return `the connection to the Docker Engine broke while the tests ran${then}`;
}

function timedOut({ what, seconds }: PassedDeadline): Judgement {
  const passed = { what, seconds };
  return { verdict: "timed-out", exitCode: 124, failure: says(tookTooLong(passed)), timedOut: passed };
}

function undetermined(message: string): Judgement {
  return { verdict: "undetermined", exitCode: 125, failure: says(message) };
}

function says(message: string): Failure {
  return { message, lastLines: [] };
}
