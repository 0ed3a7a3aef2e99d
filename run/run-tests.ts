import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sweepAbandoned } from "./abandoned";
import { openEventLog, type EventLog } from "./event-log";
import { UserError } from "../engine/api";
import type { EngineEvent } from "../engine/events";
import { detectJob } from "../ci/detect";
import { discardResults, publishResults, restoreResults } from "./artifacts";
import { attemptTests, type Attempts } from "./attempts";
import { bringUp, brakes, longestStop, type Brakes, type FinishedUpdate } from "./bring-up";
import { collect, type Collected } from "./collect";
import type { Phase, RunEvent } from "./events";
import { enterProgramFolder } from "./folder";
import type { RunHost } from "./host";
import { compareWithHistory, type History } from "./history/compare";
import { historyFolder, outcomes, readHistory, writeHistory, type HistoryRecord } from "./history/store";
import { runLabels } from "./identity";
import { longestTimer, phaseClock, type PhaseClock } from "./phases";
import { forget, type PreparedRun, type TestOptions } from "./prepare";
import { removeRecord, writeRecord } from "./records";
import { writeResult, type Result } from "./result";
import { endInSetUp, setUp, type SetUp } from "./set-up";
import { longestRun, readRunSettings, type Deadlines } from "./settings";
import { interruptCode, onInterrupt } from "./signals";
import { engineMessage, sweep, unlabelled, type Leftover } from "./sweep";
import { within } from "./time-limit";
import { checkInputs } from "./unchanged";
import { judge, testsEnd as howTestsEnded, type Judgement, type StopReason } from "./verdict";
import { writeReport } from "./write-report";

/**
 * One test run from name to verdict: brings the stack up, follows the tests, saves what they leave, takes the stack
 * down and makes sure that it is gone. Every part of it has its deadline.
 *
 * Never rejects once the run has begun. Rejects with a `UserError`, or the reason why there is no Docker Engine, where
 * it can't begin; nothing has been made then but its results, if there is a folder for them.
 */
export async function runTests(options: TestOptions, host: RunHost): Promise<Result> {
  const startedAt = new Date();
  const brake = brakes();
  const clock = phaseClock(
    (phase, urn) => host.report({ kind: "phase", phase, ...(urn ? { urn } : {}) }),
    (what, seconds) => brake.stop({ kind: "deadline", what, seconds }),
  );
  const found: SetUp = { startedAt };
  const release = onInterrupt((signal, count) => {
    if (count === 1) return brake.stop({ kind: "signal", signal });
    if (count === 2) return note(host, "warning", "still cleaning up; once more gives up on it");
    void giveUp(found.prepared, signal);
  });
  let lastResort: NodeJS.Timeout | undefined;
  const limit = (deadlines: Deadlines) => {
    clock.limit(deadlines);
    clearTimeout(lastResort);
    lastResort = setTimeout(() => endAnyway(host), Math.min(longestRun(deadlines) * 1000, longestTimer));
  };
  const { deadlines } = readRunSettings(new Map());
  limit({ ...deadlines, run: options.timeout ?? deadlines.run });
  try {
    clock.enter("set-up");
    const prepared = await setUp(found, options, host, brake, ({ settings }) => limit(settings.deadlines));
    if (prepared) {
      const swept = sweepBeside(prepared, host);
      const result = await carryOut(prepared, host, brake, clock);
      await Promise.race([swept, sleep(sweepPatience, undefined, { ref: false })]);
      return result;
    }
    const stopped = judge({ stop: brake.reason()!, junit: { expected: false, stale: [], problems: [] }, clean: true });
    const result = await endInSetUp(found, stopped, clock);
    if (result.artifacts.directory) await addReport(result.artifacts.directory, host);
    host.report({ kind: "result", result });
    return result;
  } catch (error) {
    const failure = { message: error instanceof Error ? error.message : String(error), lastLines: [] };
    const exitCode = error instanceof UserError ? 2 : 125;
    const result = await endInSetUp(found, { verdict: "stack-failed", exitCode, failure }, clock);
    if (result.artifacts.directory) await addReport(result.artifacts.directory, host);
    host.report({ kind: "result", result, unbegun: true });
    throw error;
  } finally {
    release();
    clock.finish();
    clearTimeout(lastResort);
  }
}

/** Milliseconds that a run which is over waits for the sweep of earlier ones' remains; the next run goes on with it. */
const sweepPatience = 3000;

/** Beside the run: what earlier ones have left that were killed. */
async function sweepBeside({ docker, project }: PreparedRun, host: RunHost): Promise<void> {
  for (const line of await sweepAbandoned(docker, host.engine, project)) note(host, "info", line);
}

async function carryOut(prepared: PreparedRun, host: RunHost, brake: Brakes, clock: PhaseClock): Promise<Result> {
  const { identity, options } = prepared;
  host.report({
    kind: "begin",
    project: identity.project,
    stack: identity.stack,
    run: identity.run,
    ...(identity.commit ? { commit: identity.commit } : {}),
    again: Boolean(options.again),
  });
  const inputs = options.ifChanged ? await checkInputs(prepared, host, brake) : undefined;
  if (inputs?.passed && !brake.reason()) return await leaveOut(prepared, host, inputs.passed);
  if (inputs && !brake.reason()) note(host, "info", `the tests are run: ${inputs.why}`);
  const result = await bringUpAndTest(prepared, inputs?.host ?? host, brake, clock);
  await inputs?.remember(result);
  return result;
}

/** Takes back what has been prepared. Nothing was made but images, which stay in any case. */
async function leaveOut(prepared: PreparedRun, host: RunHost, passed: Result): Promise<Result> {
  await forget(prepared.project, prepared);
  await discardResults(prepared.results).catch(() => undefined);
  await restoreResults(prepared.results).catch(() => undefined);
  await prepared.watchdog?.dismiss();
  if (prepared.results.earlier) await addReport(prepared.results.target, host);
  host.report({ kind: "unchanged", result: passed });
  return passed;
}

async function bringUpAndTest(prepared: PreparedRun, host: RunHost, brake: Brakes, clock: PhaseClock): Promise<Result> {
  const { options, results } = prepared;
  let log = openEventLog(join(results.staging, "events.jsonl"), { times: true });
  const hooks = {
    onEvent: (event: EngineEvent) => {
      log.write(event);
      host.report({ kind: "engine", event });
    },
    onPhase: (phase: Phase, urn?: string) => clock.enter(phase, urn),
  };
  const most = options.retries ?? prepared.settings.retries;
  const attempts = await attemptTests(prepared, brake, most, {
    bringUp: (attempt, brakes) => bringUp(attempt, host, brakes, hooks),
    collect(attempt, update, mayGoOn) {
      clock.enter("collect");
      return collect(attempt, update, { mayGoOn });
    },
    judge: (update, collected) => judgeWith(update, collected, true),
    onRetry({ attempt, exitCode, failed }, next) {
      const which = failed.length > 0 ? `: ${failed.length} failed` : "";
      const text = `attempt ${attempt}: the tests exited with ${exitCode}${which}; attempt ${next} of ${most + 1} in the same stack`;
      note(host, "warning", text);
    },
  });
  const { update, collected } = attempts;
  log.close();
  await publishResults(results).catch((error: unknown) => {
    collected.notes.push(`the results can't be put into ${results.target}: ${engineMessage(error)}`);
  });
  log = openLogAgain(results.target);
  const judgementSoFar = judgeWith(update, collected, true);
  if (judgementSoFar.exitCode !== 0 && judgementSoFar.verdict !== "interrupted") {
    for (const tail of await collected.tails()) host.report({ kind: "log", ...tail });
  }

  // A stack that was interrupted before its tests began is nothing to go on with.
  const kept =
    !prepared.ephemeral && (Boolean(options.again) || brake.reason()?.kind !== "signal" || Boolean(update.tests));
  const left = kept ? [] : await cleanUp(prepared, update.released, host, clock, log, collected.notes);
  log.close();
  if (kept) remember(prepared);
  // What this process could not remove, or may still be making, its watchdog goes on removing.
  if (left.length === 0 && !update.abandoned) await prepared.watchdog?.dismiss();
  const phases = clock.finish();
  let stop: StopReason | undefined;
  let result: Result;
  do {
    // Interruptions count to the end: whoever sent one is told by the exit code that it was heard.
    stop = brake.reason() ?? update.stop;
    const judgement = judgeWith({ ...update, ...(stop ? { stop } : {}) }, collected, left.length === 0);
    const history = await lookBack(prepared, attempts, judgement, host);
    result = toResult(prepared, attempts, judgement, { kept, left, phases, history });
    await writeResult(results.target, result).catch((error: unknown) => {
      note(host, "error", `result.json can't be written: ${engineMessage(error)}`);
    });
    await discardResults(results).catch(() => undefined);
  } while (stop !== (brake.reason() ?? update.stop));
  await addReport(results.target, host);
  host.report({ kind: "result", result });
  return result;
}

/** All else is done: whoever interrupts it now need not wait for the page, and is told by the exit code all the same. */
async function addReport(folder: string, host: RunHost): Promise<void> {
  const release = onInterrupt((signal) => process.exit(interruptCode(signal)));
  const { page, problem } = await writeReport(folder, host).finally(release);
  if (page !== undefined) host.report({ kind: "report", page });
  if (problem !== undefined) note(host, "warning", problem);
}

function judgeWith(update: FinishedUpdate, collected: Collected, clean: boolean): Judgement {
  const { result, failure, stop, refused } = update;
  return judge({
    ...(stop ? { stop } : {}),
    update: { succeeded: result?.result === "succeeded" && !failure, ...(failure ? { failure } : {}), refused },
    ...(collected.tests ? { tests: collected.tests } : {}),
    junit: {
      expected: collected.junit.expected,
      stale: collected.junit.stale,
      problems: collected.junit.problems,
      ...(collected.junit.report ? { counts: collected.junit.report } : {}),
    },
    ...(collected.late ? { late: collected.late } : {}),
    clean,
  });
}

/** Destroys by the state, once it is `released`, then sweeps by the labels. @returns what is still there */
async function cleanUp(
  prepared: PreparedRun,
  released: Promise<void>,
  host: RunHost,
  clock: PhaseClock,
  log: EventLog,
  notes: string[],
): Promise<Leftover[]> {
  const { identity, stack, docker, project } = prepared;
  const longest = prepared.settings.deadlines.destroy;
  clock.enter("destroy");
  enterProgramFolder(project);
  const destroyed = await destroy(prepared, released, host, log, notes);

  clock.enter("sweep");
  let left: Leftover[];
  try {
    const swept = await within(longest, "looking for what is left", sweep(docker, { run: identity.run }));
    left = swept.left;
    if (swept.removed.length > 0) {
      notes.push(`removed by label: ${swept.removed.map(({ kind, name }) => `${kind} ${name}`).join(", ")}`);
    }
  } catch (error) {
    // Whether anything is left can't be said: that isn't clean.
    notes.push(`sweep: ${engineMessage(error)}`);
    return [unknownLeftover(error)];
  }
  if (!destroyed && left.length === 0) {
    const looked = within(longest, "looking at the state", leftInState(prepared, host, notes));
    left = await looked.catch((error: unknown) => [unknownLeftover(error)]);
  }
  if (left.length === 0) {
    await within(longest, "removing the stack's state", stack.remove({ force: !destroyed })).catch((error: unknown) => {
      notes.push(`the stack's state can't be removed: ${engineMessage(error)}`);
    });
    removeRecord(project, stack.name);
  }
  return left;
}

/** What labels don't tell of. A state that can't be read is kept aside, since all that it may name of ours is gone. */
async function leftInState({ project, stack }: PreparedRun, host: RunHost, notes: string[]): Promise<Leftover[]> {
  const place = { project, name: stack.name, env: host.env };
  const agrees = () => Promise.resolve(true);
  const aside = await host.engine.setAsideBrokenState?.(place, { warn: (text) => notes.push(text), agrees });
  if (!aside) return await unlabelled(stack);
  notes.push(`the state can't be read: ${aside.problem}; it is kept as ${aside.files.join(", ")}`);
  return [];
}

function unknownLeftover(error: unknown): Leftover {
  return { kind: "resource", id: "", name: "?", labels: {}, reason: engineMessage(error) };
}

/** Gives up on it at its deadline: what is left then the sweep removes. @returns whether all went well */
async function destroy(
  { identity, stack, docker, masker, settings }: PreparedRun,
  released: Promise<void>,
  host: RunHost,
  log: EventLog,
  notes: string[],
): Promise<boolean> {
  const controller = new AbortController();
  let isGivenUp = false;
  const begin = async () => {
    await within(longestStop, "waiting for the update, which still holds the stack,", released);
    controller.signal.throwIfAborted();
    return await host.engine.runOperation(stack, {
      kind: "destroy",
      providers: host.providers(runLabels(identity), docker),
      onEvent: (event) => {
        if (isGivenUp) return;
        log.write(event);
        host.report({ kind: "engine", event });
      },
      signal: controller.signal,
      continueOnError: true,
      masker,
      message: `seatrial test ${identity.run}`,
    });
  };
  const operation = begin();
  try {
    const result = await within(settings.deadlines.destroy, "it", operation);
    for (const error of result.errors) notes.push(`destroy: ${error.message}`);
    return result.result === "succeeded";
  } catch (error) {
    notes.push(`destroy: ${engineMessage(error)}`);
    controller.abort();
    // It records what it has done, if it can.
    await within(longestStop, "stopping it", operation).catch(() => undefined);
    isGivenUp = true;
    return false;
  }
}

function toResult(
  prepared: PreparedRun,
  { update, collected, failed }: Attempts,
  judgement: Judgement,
  end: { kept: boolean; left: Leftover[]; phases: Result["phases"]; history?: History },
): Result {
  const { identity, results, startedAt, masker } = prepared;
  const { tests, junit } = collected;
  const testsEnd = tests?.began ? howTestsEnded(tests, update.stop) : undefined;
  return {
    version: 1,
    verdict: judgement.verdict,
    exitCode: judgement.exitCode,
    tests: {
      total: junit.report?.total ?? 0,
      passed: junit.report?.passed ?? 0,
      failed: junit.report?.failed ?? 0,
      skipped: junit.report?.skipped ?? 0,
      ...(testsEnd ? { end: testsEnd.how } : {}),
      ...(testsEnd && "code" in testsEnd ? { exitCode: testsEnd.code } : {}),
      ...(testsEnd && "signal" in testsEnd ? { signal: testsEnd.signal } : {}),
      failures: (junit.report?.failures ?? []).slice(0, 50).map(({ name, message }) => ({
        name: masker.mask(name),
        message: masker.mask(message),
      })),
      ...(junit.files ? { junit: junit.files } : {}),
    },
    project: identity.project,
    stack: identity.stack,
    ...(identity.commit ? { commit: identity.commit.sha, dirty: identity.commit.dirty } : {}),
    run: identity.run,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    phases: end.phases,
    ...(judgement.failure ? { failure: judgement.failure } : {}),
    ...(judgement.timedOut ? { timedOut: judgement.timedOut } : {}),
    containers: collected.containers.map((container) => ({
      service: container.service,
      name: container.name,
      ...(container.role ? { role: container.role } : {}),
      image: container.image,
      status: container.end?.status ?? container.state,
      ...(container.end && !container.end.running && container.end.finishedAt
        ? { exitCode: container.end.exitCode }
        : {}),
      oomKilled: container.end?.oomKilled ?? false,
      ...(update.ready.has(container.id)
        ? { readySeconds: Math.round(update.ready.get(container.id)! * 1000) / 1000 }
        : {}),
      ...(container.log ? { log: `logs/${container.log}` } : {}),
    })),
    artifacts: {
      directory: results.target,
      files: collected.artifacts.files.map(({ path, size }) => ({ path, size })),
      skipped: collected.artifacts.skipped,
    },
    ...(collected.expectations ? { expectations: collected.expectations } : {}),
    ...(end.history ? { history: end.history } : {}),
    ...(failed.length > 0 ? { retries: failed } : {}),
    notes: collected.notes.map((text) => masker.mask(text)),
    kept: end.kept,
    cleanup: {
      clean: end.left.length === 0,
      left: end.left.map(({ kind, name, reason }) => ({ kind, name, reason })),
    },
  };
}

/**
 * How the tests did before, for a run that has ended with a verdict on them; adds it to the history. Nothing depends on
 * that, so what goes wrong with it is a note.
 */
async function lookBack(
  { identity, options, project, masker }: PreparedRun,
  { collected, failed }: Attempts,
  { verdict }: Judgement,
  host: RunHost,
): Promise<History | undefined> {
  const cases = collected.junit.report?.cases ?? [];
  if (cases.length === 0 || (verdict !== "passed" && verdict !== "failed")) return undefined;
  const tests = outcomes(cases.map(({ name, outcome }) => ({ name: masker.mask(name), outcome })));
  const passedNow = new Set(tests.passed);
  const flaky = [...new Set(failed.flatMap((attempt) => attempt.failed))].filter((name) => passedNow.has(name));
  const { branch, targetBranch } = detectJob(host.env) ?? {};
  const record: HistoryRecord = {
    version: 1,
    project: project.name,
    run: identity.run,
    ...(identity.commit ? { commit: identity.commit.sha, dirty: identity.commit.dirty } : {}),
    ...(branch ? { branch } : {}),
    ...(collected.inputs ? { inputs: collected.inputs } : {}),
    finishedAt: new Date().toISOString(),
    tests,
    ...(flaky.length > 0 ? { flaky } : {}),
  };
  const folder = historyFolder({ history: options.history, env: host.env, projectRoot: project.root });
  try {
    const past = await readHistory(folder, project.name);
    await writeHistory(folder, record);
    return compareWithHistory(record, past, targetBranch);
  } catch (error) {
    collected.notes.push(`the history in ${folder} can't be kept: ${engineMessage(error)}`);
    return undefined;
  }
}

/** For `rerun`, which means the stack that was kept last. */
function remember({ identity, options, project, startedAt }: PreparedRun): void {
  writeRecord(project, {
    stack: identity.stack,
    run: identity.run,
    kept: true,
    startedAt: startedAt.toISOString(),
    ...(identity.commit ? { commit: identity.commit.sha } : {}),
    ...(options.configFile ? { configFile: options.configFile } : {}),
  });
}

function openLogAgain(folder: string): EventLog {
  try {
    return openEventLog(join(folder, "events.jsonl"), { append: true, times: true });
  } catch {
    return { write: () => undefined, close: () => undefined };
  }
}

function note(host: RunHost, level: Extract<RunEvent, { kind: "note" }>["level"], text: string): void {
  host.report({ kind: "note", level, text });
}

/** Something hangs that should not be able to: better a clear end, and a watchdog that cleans up, than none. */
function endAnyway(host: RunHost): void {
  note(
    host,
    "error",
    "the run has not ended by the last of its deadlines and is given up: its watchdog, or seatrial gc, removes the rest",
  );
  process.exit(125);
}

/** Interrupted for the third time: what can be removed within five seconds is, then the process ends. */
async function giveUp(prepared: PreparedRun | undefined, signal: NodeJS.Signals): Promise<void> {
  const timeout = setTimeout(() => process.exit(interruptCode(signal)), 5000);
  if (prepared) await sweep(prepared.docker, { run: prepared.identity.run }, { patience: 0 }).catch(() => undefined);
  clearTimeout(timeout);
  process.exit(interruptCode(signal));
}
