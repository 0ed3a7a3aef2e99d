/** At most so many at once, in the order they ask. */
export interface Semaphore {
  /** Resolves when there is room; call the result to give it back. */
  acquire(): Promise<() => void>;
}

export function makeSemaphore(size: number): Semaphore {
  let free = size;
  const waiting: (() => void)[] = [];
  const release = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  return {
    async acquire() {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      let given = true;
      return () => {
        if (given) release();
        given = false;
      };
    },
  };
}
