import type Docker from "dockerode";
import { inspectEnd } from "./containers";

/** Seconds that the tests' step may take to end once their container has; by then its last output has come. */
export const longestAftermath = 60;
/** Seconds between looks whether the container still runs: its end may have been told while nobody listened. */
const interval = 5;

/** Sees to it that a step which waits for a container's end doesn't wait for ever after it. */
export interface EndWatch {
  /** The Docker Engine has told of the end. */
  told(): void;
  /** The step has ended. */
  close(): void;
}

/**
 * Watches a container that a step waits for, known by its id or by the name that it will have.
 *
 * @param onOverdue called where the container has ended and the step goes on for {@link longestAftermath}
 */
export function watchEnd(docker: Docker, idOrName: () => string | undefined, onOverdue: () => void): EndWatch {
  let isTold = false;
  let isClosed = false;
  let aftermath: NodeJS.Timeout | undefined;
  const timer = setInterval(lookSafely, interval * 1000);

  async function look(): Promise<void> {
    const id = idOrName();
    if (!id || aftermath) return;
    const end = await inspectEnd(docker, id);
    // Before its creation there is none either.
    const hasEnded = end ? !end.running && end.finishedAt !== undefined && !end.restarts : isTold;
    if (hasEnded && !isClosed) aftermath ??= setTimeout(onOverdue, longestAftermath * 1000);
  }

  /** An Engine that can't be asked now can be later. */
  function lookSafely(): void {
    look().catch(() => undefined);
  }

  return {
    told() {
      isTold = true;
      lookSafely();
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(aftermath);
    },
  };
}
