import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomOf, type Random } from "./random";

/** A fault that is made to happen, how often, and what must hold each time. */
export interface Fault {
  /** Its key: also the name of its file. */
  name: string;
  /** As docs/reliability.md says it. */
  what: string;
  holds: string;
  /** In the whole lane; the lane may be asked for a share of it. */
  times: number;
}

/** What came of it, as kept in `build/faults/<name>.json`. */
export interface Outcome extends Fault {
  tried: number;
  right: number;
  /** Of those that went wrong, what they said. */
  wrong: string[];
  /** What is worth knowing beside the counts, such as a slope. */
  notes: string[];
  seed: number;
  seconds: number;
  /** ISO 8601. */
  when: string;
  commit: string;
}

export interface Plan {
  times: number;
  seed: number;
  /** Something for the table. */
  note(text: string): void;
}

export interface Try {
  n: number;
  random: Random;
  /** Calls it when the try is over, however it went; the last one first. */
  finally(cleanUp: () => unknown): void;
}

const root = join(__dirname, "../..");
const share = Number(process.env.SEATRIAL_FAULTS_SHARE ?? 1);
const seed = Number(process.env.SEATRIAL_SEED ?? 1);

/** Registers a test that makes the fault happen and keeps what came of it. @param minutes that the whole may take */
export function campaign(
  fault: Fault,
  minutes: number,
  run: (plan: Plan) => Promise<{ tried: number; wrong: string[] }>,
): void {
  const times = Math.max(1, Math.round(fault.times * share));
  test(
    `${fault.what}: ${fault.holds}`,
    async () => {
      const since = performance.now();
      const notes: string[] = [];
      const { tried, wrong } = await run({ times, seed, note: (text) => notes.push(text) });
      const outcome: Outcome = {
        ...fault,
        tried,
        right: tried - wrong.length,
        wrong,
        notes,
        seed,
        seconds: Math.round((performance.now() - since) / 1000),
        when: new Date().toISOString(),
        commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim(),
      };
      const folder = join(root, "build", "faults");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${fault.name}.json`), `${JSON.stringify(outcome, undefined, 2)}\n`);
      if (wrong.length > 0) throw new Error(`${wrong.length} of ${tried} went wrong:\n${wrong.join("\n")}`);
    },
    minutes * 60_000,
  );
}

/**
 * Makes so many separate tries, some at once, each with random numbers of its own that depend on the seed alone. A try
 * that takes longer than `seconds` hangs, and is wrong.
 */
export async function tries(
  { times, seed }: Plan,
  { name, atOnce, seconds }: { name: string; atOnce: number; seconds: number },
  attempt: (attempt: Try) => Promise<void>,
): Promise<{ tried: number; wrong: string[] }> {
  const wrong: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < times) {
      const n = next++;
      const problem = await oneTry(n, randomOf(seed, name, n), seconds, attempt);
      if (problem !== undefined) wrong.push(`try ${n} (seed ${seed}): ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, times) }, worker));
  return { tried: times, wrong };
}

/** @returns what went wrong, if anything did */
async function oneTry(
  n: number,
  random: Random,
  seconds: number,
  attempt: (attempt: Try) => Promise<void>,
): Promise<string | undefined> {
  const cleanUps: (() => unknown)[] = [];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: not over after ${seconds} s`)), seconds * 1000);
  });
  try {
    await Promise.race([attempt({ n, random, finally: (cleanUp) => cleanUps.push(cleanUp) }), late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

/** Tries until it no longer throws; once so many seconds are over, what it throws is what went wrong. */
export async function within(seconds: number, holds: () => Promise<void> | void): Promise<void> {
  for (const by = Date.now() + seconds * 1000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > by) throw error;
    }
  }
}

/** As `expect`, for a try among others: one line that says what was expected. */
export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
