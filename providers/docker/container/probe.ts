/** Running a container's health check sooner than the Engine does, whose first run comes a whole interval late. */
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { call, openStream } from "../engine/requests";
import { ended } from "../engine/stream";
import type { Inspection } from "./inspection";

const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 1_000;

/** Resolves with true as soon as the check succeeds once, with false where it can't be run. */
export async function probeUntilHealthy(
  engine: Docker,
  found: Inspection,
  { timeout, signal }: ProbeOptions,
): Promise<boolean> {
  const command = checkCommand(found);
  if (!command) return false;
  if (await succeeds(engine, found.Id, repeated(command, timeout), signal)) return true;
  // Only where the image has no shell, or one that can't wait for a part of a second.
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    if (await succeeds(engine, found.Id, command, signal)) return true;
    await delay(pause, undefined, { signal });
  }
}

export interface ProbeOptions {
  /** Seconds after which nobody waits any longer. */
  timeout: number;
  signal: AbortSignal;
}

/**
 * To start a command in a container takes the Engine ten times as long as most checks do: one that runs the check again
 * and again tells sooner, and costs less. It ends by itself when nobody waits for it any more.
 */
function repeated(command: string[], timeout: number): string[] {
  const script = `n=0
until "$@" </dev/null >/dev/null 2>&1; do
  n=$((n + 1))
  if [ $n -le 40 ]; then sleep 0.05; elif [ $n -le 130 ]; then sleep 0.2; else sleep 1; fi || exit 126
  [ $n -lt ${Math.ceil(timeout) + 130} ] || exit 124
done`;
  return ["/bin/sh", "-c", script, "check", ...command];
}

/** The health check's command as the Engine runs it. */
export function checkCommand({ Config: config }: Inspection): string[] | undefined {
  const [kind, ...rest] = config.Healthcheck?.Test ?? [];
  if (kind === "CMD") return rest.length > 0 ? rest : undefined;
  if (kind === "CMD-SHELL") return [...(config.Shell?.length ? config.Shell : ["/bin/sh", "-c"]), rest.join(" ")];
  return undefined;
}

/** A check that can't be run (the container is just ending, or starting) hasn't succeeded: the events tell why. */
async function succeeds(engine: Docker, id: string, command: string[], signal: AbortSignal): Promise<boolean> {
  try {
    const exec = await call<{ Id: string }>(engine, {
      method: "POST",
      path: `/containers/${id}/exec`,
      body: { Cmd: command, AttachStdout: true, AttachStderr: true },
      signal,
    });
    const output = await openStream(engine, {
      method: "POST",
      path: `/exec/${exec.Id}/start`,
      body: { Detach: false, Tty: false },
      signal,
    });
    output.resume();
    await ended(output);
    const path = `/exec/${exec.Id}/json`;
    const result = await call<{ Running: boolean; ExitCode: number | null }>(engine, { method: "GET", path, signal });
    return !result.Running && result.ExitCode === 0;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
