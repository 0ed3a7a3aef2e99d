/** What `seatrial destroy` does beside the engine's own destroy: waits its turn, and goes by the labels too. */
import { rmSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { detectJob } from "../../ci/detect";
import type { OperationResult, Stack, StackLock } from "../../engine";
import { StackLockedError, UserError } from "../../engine/api";
import { labelFilter } from "../../run/containers";
import { label } from "../../run/identity";
import { ownerState, parseOwner } from "../../run/owner";
import { connectDocker } from "../../run/parts";
import { readRecords, removeRecord } from "../../run/records";
import { listThings, removeThings } from "../../run/sweep";
import { stackName, type ProjectContext } from "../context";
import type { Screen } from "../display/screen";
import type { CommonOptions } from "../options";

/** Seconds to wait for another process on this machine, such as the watchdog that is destroying the stack just now. */
const patience = 120;

/** Without a name, in a CI job: whatever its runs have left. */
export async function stacksToDestroy(context: ProjectContext, common: CommonOptions): Promise<string[]> {
  const job = detectJob()?.id;
  if (common.stack || job === undefined) return [await stackName(context, common)];
  const ofJob = readRecords(context.project).filter((record) => record.job === job);
  if (ofJob.length > 0) return ofJob.map(({ stack }) => stack);
  try {
    return [await stackName(context, common)];
  } catch (error) {
    // All is well: the job's runs have cleaned up after themselves.
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** A stack to be destroyed, whatever its state is like. */
export interface Condemned extends ProjectContext {
  name: string;
  /** A test run has made it, and it goes with that run. */
  isRun: boolean;
  screen: Screen;
  /** Milliseconds since the epoch: until then others are waited for. */
  by: number;
}

export function condemn(context: ProjectContext, name: string, screen: Screen): Condemned {
  const isRun = readRecords(context.project).some((record) => record.stack === name);
  return { ...context, name, isRun, screen, by: Date.now() + patience * 1000 };
}

/**
 * Waits while a live process on this machine holds the stack's lock, and takes away one that an earlier step of this CI
 * job has left: that step's container, and so its process, can't be seen from here.
 */
export async function waitForLock({ engine, project, name, screen, by }: Condemned): Promise<void> {
  const told = new Set<string>();
  for (;;) {
    const locks = (await engine.stackLocks?.({ project, name })) ?? [];
    for (const lock of locks.filter(({ owner }) => owner === "unknown")) breakOwnJobs(lock);
    const live = locks.find(({ owner }) => owner === "alive");
    if (!live || Date.now() >= by) return;
    if (!told.has(live.file)) {
      const seconds = Math.ceil((by - Date.now()) / 1000);
      screen.line(`Waiting for ${holder(live)}, who holds the lock on ${name}, for at most ${seconds} s`);
      told.add(live.file);
    }
    // Two that wait for each other must not go on in step.
    await sleep(100 + Math.random() * 200);
  }

  function breakOwnJobs(lock: StackLock): void {
    const job = detectJob()?.id;
    const record = readRecords(project).find(({ stack }) => stack === name);
    if (job === undefined || record?.job !== job || record.startedAt > lock.timestamp) return;
    rmSync(lock.file, { force: true });
    screen.line(`Broke the lock of ${holder(lock)} on ${name}: an earlier step of this job held it`);
  }
}

/** A state that can't be read is no reason to leave anything. Nothing is done where the question is answered with no. */
export async function setAsideBrokenState(
  { engine, project, name, screen }: Condemned,
  agrees: (question: string) => Promise<boolean>,
): Promise<void> {
  const aside = await engine.setAsideBrokenState?.(
    { project, name },
    {
      warn: (warning) => screen.line(`Warning: ${warning}`),
      agrees: (problem) => agrees(`The state of ${name} can't be read (${problem}). Remove what carries its labels?`),
    },
  );
  if (!aside) return;
  screen.line(
    screen.style.yellow(
      `The state of ${name} can't be read: ${aside.problem}. Cleaning up by label; ` +
        `what commands and other providers have made has no labels. The state is kept as ${aside.files.join(", ")}`,
    ),
  );
}

/** Cleans up where there is no state to go by. @returns the exit code */
export async function destroyByLabel(condemned: Condemned): Promise<number> {
  const left = await sweepStrays(condemned);
  if (left === 0) removeRecord(condemned.project, condemned.name);
  return left;
}

/**
 * Destroys by the state, then by the labels; a stack that a run has made goes as a whole.
 *
 * @param destroy the engine's part. @returns the exit code
 */
export async function destroyStack(
  condemned: Condemned,
  stack: Stack,
  { partly, remove }: { partly: boolean; remove: boolean },
  destroy: () => Promise<{ result: OperationResult; code: number }>,
): Promise<number> {
  const { project, name, screen, isRun } = condemned;
  // First what the state doesn't know, such as a container that was being made when its run was killed: it would hold
  // on to the network and the volumes.
  const known = await knownIds(condemned, stack);
  await sweepStrays(condemned, known);
  const { result, code } = await inTurn(condemned, destroy);
  // Of a part of the stack, what else carries its labels is meant to stay.
  if (partly) return code;
  const left = await sweepStrays(condemned, result.result === "succeeded" ? new Set() : known);
  if (result.result === "succeeded" && left === 0 && (isRun || remove)) {
    await stack.remove();
    if (isRun) removeRecord(project, name);
    if (remove) removeSettings(stack, screen);
  }
  return Math.max(code, left);
}

/** Where the state's secrets can't be decrypted, the labels tell of its containers all the same. */
async function knownIds(condemned: Condemned, stack: Stack): Promise<Set<string>> {
  try {
    return new Set((await stack.resources()).map(({ id }) => id ?? ""));
  } catch (error) {
    await sweepStrays(condemned);
    throw error;
  }
}

/** Another process may be quicker to take the lock that was waited for. */
async function inTurn<T>(condemned: Condemned, operation: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof StackLockedError) || Date.now() >= condemned.by) throw error;
      const locks = (await condemned.engine.stackLocks?.(condemned)) ?? [];
      if (locks.some(({ owner }) => owner === "unknown")) throw error;
      await waitForLock(condemned);
    }
  }
}

/** Removes what carries the stack's labels and isn't `known`, unless a process that is alive owns it. */
export async function sweepStrays(
  { project, name: stack, screen }: Pick<Condemned, "project" | "name" | "screen">,
  known = new Set<string>(),
): Promise<number> {
  const docker = await connectDocker();
  const things = (await listThings(docker, labelFilter({ project: project.name, stack }))).filter(({ id, labels }) => {
    const owner = parseOwner(labels[label.owner]);
    return !known.has(id) && (!owner || ownerState(owner) !== "alive");
  });
  const left = await removeThings(docker, things);
  const stuck = new Set(left.map(({ id }) => id));
  for (const { kind, name, id } of things) if (!stuck.has(id)) screen.line(`Removed by label: ${kind} ${name}`);
  for (const { kind, name, reason } of left) screen.line(screen.style.red(`Left: ${kind} ${name}: ${reason}`));
  return left.length > 0 ? 1 : 0;
}

/** The settings file goes with its stack, unless other stacks are served by it. */
function removeSettings({ settingsFile, name }: Stack, screen: Screen): void {
  if (settingsFile !== undefined && basename(settingsFile).replace(/\.ya?ml$/, "") === `Pulumi.${name}`) {
    rmSync(settingsFile, { force: true });
    screen.line(`Removed ${settingsFile}`);
  }
  screen.line(`Removed the stack ${name}`);
}

const holder = ({ username, hostname, pid }: StackLock): string => `${username}@${hostname} (pid ${pid})`;
