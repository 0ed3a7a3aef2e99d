/** Work was given up on since it took too long. */
export class TookTooLongError extends Error {
  constructor(
    readonly what: string,
    readonly seconds: number,
  ) {
    super(`${what} took longer than ${seconds} s`);
    this.name = "TookTooLongError";
  }
}

/** A span of time that several pieces of work share. */
export interface TimeLimit {
  /**
   * Resolves or rejects as `work` does, or rejects with a {@link TookTooLongError} when the time is over. What becomes
   * of the work then is nobody's concern any more.
   */
  hold<T>(work: Promise<T>): Promise<T>;
  /** To be called when the time needn't be kept any more. */
  end(): void;
}

/** Begins now. `what` is what the message says took too long. */
export function timeLimit(what: string, seconds: number): TimeLimit {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TookTooLongError(what, seconds)), seconds * 1000);
  });
  over.catch(() => undefined);
  return {
    hold: async (work) => await Promise.race([work, over]),
    end: () => clearTimeout(timer),
  };
}

/** One piece of work in a span of time of its own. */
export async function within<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
  const limit = timeLimit(what, seconds);
  try {
    return await limit.hold(work);
  } finally {
    limit.end();
  }
}
