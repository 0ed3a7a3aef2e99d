import type { Phase } from "./events";
import type { Deadlines } from "./settings";

/** Measures a run's phases, and tells when one has taken too long. Building and bringing up take turns. */
export interface PhaseClock {
  enter(phase: Phase, urn?: string): void;
  current(): Phase | undefined;
  /** From here on these are the deadlines, also of what has begun. */
  limit(deadlines: Deadlines): void;
  /** Ends the last phase. @returns all of them in the order they began, `at` so long after the run, in seconds */
  finish(): { name: Phase; seconds: number; at: number }[];
}

/** The phases that have a deadline of their own until the tests have ended; the run's deadline is over all of them. */
const limited = { "set-up": "setUp", build: "build", up: "up", tests: "tests" } as const;

/** What has run out of time: a phase, or the run. */
export type Limited = keyof typeof limited | "run";

/** The longest time that a timer of node's can be set to, in milliseconds. */
export const longestTimer = 2 ** 31 - 1;

export function phaseClock(
  onEnter: (phase: Phase, urn?: string) => void,
  onOut: (what: Limited, seconds: number) => void = () => undefined,
  now: () => number = () => performance.now(),
): PhaseClock {
  const begun = now();
  const spent = new Map<Phase, number>();
  const entered = new Map<Phase, number>();
  let current: { name: Phase; from: number } | undefined;
  let deadlines: Deadlines | undefined;
  const timers: NodeJS.Timeout[] = [];

  function leave(): void {
    if (current) spent.set(current.name, (spent.get(current.name) ?? 0) + now() - current.from);
    current = undefined;
  }

  function setTimers(): void {
    for (const timer of timers.splice(0)) clearTimeout(timer);
    if (!deadlines || !current || !isLimited(current.name)) return;
    const { name, from } = current;
    const own = deadlines[limited[name]];
    if (own !== undefined) setTimer(name, own, from - (spent.get(name) ?? 0));
    setTimer("run", deadlines.run, begun);
  }

  function setTimer(what: Limited, seconds: number, since: number): void {
    const left = Math.max(seconds * 1000 - (now() - since), 0);
    timers.push(setTimeout(() => onOut(what, seconds), Math.min(left, longestTimer)));
  }

  return {
    enter(phase, urn) {
      if (current?.name === phase) return;
      leave();
      current = { name: phase, from: now() };
      if (!spent.has(phase)) {
        spent.set(phase, 0);
        entered.set(phase, current.from - begun);
      }
      setTimers();
      onEnter(phase, urn);
    },
    current: () => current?.name,
    limit(given) {
      deadlines = given;
      setTimers();
    },
    finish() {
      leave();
      setTimers();
      const seconds = (milliseconds: number) => Math.round(milliseconds) / 1000;
      return [...spent].map(([name, milliseconds]) => ({
        name,
        seconds: seconds(milliseconds),
        at: seconds(entered.get(name)!),
      }));
    },
  };
}

function isLimited(phase: Phase): phase is keyof typeof limited {
  return phase in limited;
}
