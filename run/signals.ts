/**
 * Interruptions. `bin/seatrial` catches them from its first line on, before anything is loaded, and keeps them here
 * until a command takes them over.
 */
const key = Symbol.for("seatrial.signals");

interface SignalDesk {
  seen: NodeJS.Signals[];
  listener?: (signal: NodeJS.Signals) => void;
}

/**
 * Calls `listener` for each SIGINT, SIGTERM and SIGHUP, those that came before it included, with how many there have
 * been. The process no longer ends by itself until the returned function is called.
 */
export function onInterrupt(listener: (signal: NodeJS.Signals, count: number) => void): () => void {
  const desk = signalDesk();
  let count = 0;
  const previous = desk.listener;
  desk.listener = (signal) => listener(signal, ++count);
  for (const signal of desk.seen.splice(0)) desk.listener(signal);
  return () => {
    desk.listener = previous;
  };
}

function signalDesk(): SignalDesk {
  const holder = globalThis as unknown as Record<symbol, SignalDesk | undefined>;
  const present = holder[key];
  if (present) return present;
  const desk: SignalDesk = { seen: [] };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => (desk.listener ? desk.listener(signal) : process.exit(interruptCode(signal))));
  }
  holder[key] = desk;
  return desk;
}

/** What a process exits with that a signal has ended: 128 and its number, of SIGHUP as of SIGTERM. */
export function interruptCode(signal: NodeJS.Signals): number {
  return signal === "SIGINT" ? 130 : 143;
}
