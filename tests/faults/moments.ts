import { setTimeout as sleep } from "node:timers/promises";
import type { Phase } from "../../run/events";
import type { Running } from "../e2e/seatrial";
import type { OwnEngine } from "./engine";
import { mustPass, place } from "./place";

/** Seconds that each phase takes when nothing goes wrong. */
export type Durations = Record<Phase, number>;

/** Measured with as many runs at once as there will be. */
export async function durations(engine: OwnEngine, atOnce: number): Promise<Durations> {
  const runs = await Promise.all(
    Array.from({ length: atOnce }, async () => {
      const here = place(engine);
      try {
        return await mustPass(here, ["-c", "pause=0.5"]);
      } finally {
        here.remove();
      }
    }),
  );
  const all = runs.map(({ result, seconds }) => {
    const phases = Object.fromEntries(result!.phases.map((phase) => [phase.name, phase.seconds])) as Durations;
    const known = Object.values(phases).reduce((sum, each) => sum + each, 0);
    // Before its first phase the process itself starts.
    return { ...phases, "set-up": phases["set-up"] + (seconds - known) };
  });
  const names = Object.keys(all[0]!) as Phase[];
  return Object.fromEntries(
    names.map((name) => [name, all.reduce((sum, each) => sum + each[name], 0) / all.length]),
  ) as Durations;
}

/** What the terminal shows when a phase begins, or else the last thing before it. */
const signs: Partial<Record<Phase, string>> = {
  up: " · stack ci-",
  tests: "── tests",
  collect: "tried",
  destroy: "taking the stack down",
  sweep: "taking the stack down",
};

/**
 * Resolves when the run has gone through a part of the phase, from 0 to 1, as far as its usual duration tells; earlier
 * where the run ends before.
 *
 * @param pace less than 1 for runs that turn out to be quicker than usual
 */
export async function reach(running: Running, phase: Phase, usual: Durations, part: number, pace = 1): Promise<void> {
  const over = new AbortController();
  void running.ended.then(() => over.abort());
  const sign = signs[phase];
  if (sign) await running.shows(sign).catch(() => undefined);
  const before = phase === "sweep" ? usual.destroy : 0;
  const seconds = (before + part * Math.max(usual[phase], 0.05)) * pace;
  await sleep(seconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
}

/**
 * Does something to a run at a moment in the phase; where the run was over before that came, to another one, earlier.
 *
 * @param part as for {@link reach}, of each run anew
 * @param act says whether the run was still there
 */
export async function hit(
  run: () => Running,
  { phase, usual, part }: { phase: Phase; usual: Durations; part: () => number },
  act: (running: Running) => boolean | Promise<boolean>,
): Promise<Running> {
  for (let tries = 0; tries < 10; tries++) {
    const running = run();
    await reach(running, phase, usual, part(), 0.85 ** tries);
    if (await act(running)) return running;
    await sleep(0);
  }
  throw new Error(`every run was over before its moment in the phase ${phase}`);
}
