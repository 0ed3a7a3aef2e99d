/** What an attached container writes, for an engine whose provider doesn't tell. */
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { isStatus } from "../containers";
import { readLog } from "../logs";

/** Milliseconds between looks whether the container runs yet, and that its last output may take once it has ended. */
const interval = 100;
const lastOutput = 5_000;

export interface FollowedOutput {
  /** The container has ended, or there will be none. Resolves once all that it wrote has been told; never rejects. */
  ended(): Promise<void>;
  /** Ends the container: its provider stays with it for as long as it runs, whatever it is told. */
  kill(): void;
}

/** Tells what the container of that name writes, from its start to its end, as text. */
export function followOutput(
  docker: Docker,
  name: string,
  onText: (stream: 1 | 2, text: string) => void,
): FollowedOutput {
  const giveUp = new AbortController();
  const { signal } = giveUp;
  let begun = false;

  async function follow(): Promise<void> {
    while (!(await hasStarted(docker, name))) await sleep(interval, undefined, { signal });
    begun = true;
    const decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
    for await (const { stream, data } of readLog(docker, name, { follow: true, signal })) {
      onText(stream === "stderr" ? 2 : 1, decoders[stream].write(data));
    }
  }

  // A log that can't be followed is no failure of the tests.
  const followed = follow().catch(() => undefined);
  return {
    async ended() {
      if (!begun && !(await hasStarted(docker, name))) giveUp.abort();
      await Promise.race([followed, sleep(lastOutput, undefined, { ref: false })]);
      giveUp.abort();
    },
    kill() {
      // It has ended by itself, or hasn't been made yet.
      void docker
        .getContainer(name)
        .kill()
        .catch(() => undefined);
    },
  };
}

async function hasStarted(docker: Docker, name: string): Promise<boolean> {
  try {
    const { State: state } = await docker.getContainer(name).inspect();
    return state.Running || !state.StartedAt.startsWith("0001-");
  } catch (error) {
    if (isStatus(error, 404)) return false;
    throw error;
  }
}
