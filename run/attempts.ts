import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ResultsFolder } from "./artifacts";
import { bringUp, type Brakes, type FinishedUpdate } from "./bring-up";
import { collect, type Collected } from "./collect";
import type { PreparedRun } from "./prepare";
import type { FailedAttempt } from "./retries";
import { engineMessage } from "./sweep";
import { testsEnd, type Judgement } from "./verdict";

/** The tests, run as often as it takes and as is allowed. */
export interface Attempts {
  /** The last one. */
  update: FinishedUpdate;
  collected: Collected;
  failed: FailedAttempt[];
}

/** The folder of the results in which earlier attempts' artifacts are. */
export const attemptsFolder = "attempts";

/** Milliseconds between two attempts. Files' times are whole seconds: those of an attempt must not pass for the next's. */
const pause = 1100;

type Steps = {
  bringUp(prepared: PreparedRun, brakes: Brakes): ReturnType<typeof bringUp>;
  /** @param mayGoOn the tests may be run once more: their stack is needed */
  collect(prepared: PreparedRun, update: FinishedUpdate, mayGoOn: boolean): ReturnType<typeof collect>;
  judge(update: FinishedUpdate, collected: Collected): Judgement;
  /** Told before the tests are run again. */
  onRetry(failed: FailedAttempt, next: number): void;
};

/**
 * Brings the stack up, with its tests, and runs those again in it as often as `most` allows, while they exit by
 * themselves with a code that isn't 0 and nothing else is wrong. What each attempt has left is kept.
 */
export async function attemptTests(
  prepared: PreparedRun,
  brake: Brakes,
  most: number,
  steps: Steps,
): Promise<Attempts> {
  const failed: FailedAttempt[] = [];
  const ready = new Map<string, number>();
  const kept: Collected["artifacts"]["files"] = [];
  for (let attempt = 1; ; attempt += 1) {
    const again = attempt === 1 ? prepared : { ...prepared, options: { ...prepared.options, again: true } };
    const own = attemptBrakes(brake);
    const update = await steps.bringUp(again, own.brakes);
    for (const [id, seconds] of update.ready) ready.set(id, seconds);
    const collected = await steps.collect(again, update, attempt <= most);
    const code =
      attempt <= most && !brake.reason() ? ownFailure(update, collected, steps.judge(update, collected)) : undefined;
    const keptFiles = code === undefined ? undefined : await keepAttempt(prepared.results, update, collected, attempt);
    if (code === undefined || !keptFiles) {
      const artifacts = { ...collected.artifacts, files: [...collected.artifacts.files, ...kept] };
      return { update: { ...update, ready }, collected: { ...collected, artifacts }, failed };
    }
    kept.push(...keptFiles);
    const names = (collected.junit.report?.cases ?? []).filter(({ outcome }) => outcome === "failed");
    failed.push({
      attempt,
      exitCode: code,
      failed: names.slice(0, 100).map(({ name }) => prepared.masker.mask(name)),
    });
    steps.onRetry(failed.at(-1)!, attempt + 1);
    own.release();
    await sleep(pause);
  }
}

/** The tests' own code, where it is all that is wrong. */
function ownFailure(update: FinishedUpdate, { tests }: Collected, judgement: Judgement): number | undefined {
  if (judgement.verdict !== "failed" || !update.tests || !tests) return undefined;
  if (update.stop || update.failure || update.abandoned || update.result?.result !== "succeeded") return undefined;
  const end = testsEnd(tests, undefined);
  return end.how === "exited" ? end.code : undefined;
}

/** The brakes of one attempt: those who listen are not told any longer once the next has begun. */
function attemptBrakes(brake: Brakes): { brakes: Brakes; release(): void } {
  let isOver = false;
  const onStop = (listener: () => void) => brake.onStop(() => void (isOver || listener()));
  return { brakes: { ...brake, onStop }, release: () => void (isOver = true) };
}

/** Moves what the attempt has left out of the next one's way; `undefined` where that can't be done. */
async function keepAttempt(
  { staging }: ResultsFolder,
  { tests }: FinishedUpdate,
  { artifacts, containers, notes }: Collected,
  attempt: number,
): Promise<Collected["artifacts"]["files"] | undefined> {
  const folder = `${attemptsFolder}/${attempt}`;
  const log = containers.find(({ id, name }) => id === tests?.container.id || name === tests?.container.name)?.log;
  const names = new Set(artifacts.files.map(({ path }) => path.split("/")[0]!));
  try {
    await mkdir(join(staging, folder, "logs"), { recursive: true, mode: 0o700 });
    for (const name of names) await rename(join(staging, name), join(staging, folder, name));
    if (log) await rename(join(staging, "logs", log), join(staging, folder, "logs", log));
    return artifacts.files.map((file) => ({ ...file, path: `${folder}/${file.path}` }));
  } catch (error) {
    notes.push(`the tests are not tried again, as what they left can't be kept: ${engineMessage(error)}`);
    return undefined;
  }
}
