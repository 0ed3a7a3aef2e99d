import type { Phase } from "./events";

/** Measures a run's phases, one after the other. */
export interface PhaseClock {
  enter(phase: Phase, urn?: string): void;
  current(): Phase | undefined;
  /** Ends the last phase. @returns all of them, in seconds to the millisecond */
  finish(): { name: Phase; seconds: number }[];
}

export function phaseClock(
  onEnter: (phase: Phase, urn?: string) => void,
  now: () => number = () => performance.now(),
): PhaseClock {
  const done: { name: Phase; seconds: number }[] = [];
  let current: { name: Phase; from: number } | undefined;
  const leave = () => {
    if (current) done.push({ name: current.name, seconds: Math.round(now() - current.from) / 1000 });
    current = undefined;
  };
  return {
    enter(phase, urn) {
      if (current?.name === phase) return;
      leave();
      current = { name: phase, from: now() };
      onEnter(phase, urn);
    },
    current: () => current?.name,
    finish() {
      leave();
      return done;
    },
  };
}
