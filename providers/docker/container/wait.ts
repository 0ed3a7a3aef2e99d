/**
 * Waiting for a container to be healthy: told by the Engine's events, not by looking again and again, and over at once
 * when the container ends or turns unhealthy.
 */
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { jsonMessages } from "../engine/stream";
import { openStream, query } from "../engine/requests";
import { exited } from "./failure";
import { inspectContainer, nameOf, type Inspection } from "./inspection";
import { probeUntilHealthy } from "./probe";

/** The container isn't healthy and won't be in time; the message begins with a line that says why. */
export class NotHealthyError extends Error {}

interface ContainerEvent {
  Action?: string;
  status?: string;
}

/** The Engine's events of one container. Open it before the container starts, so that none is missed. */
export class ContainerEvents {
  private readonly stream: Promise<Readable>;

  /** Open until `signal` is aborted. */
  constructor(engine: Docker, id: string, signal: AbortSignal) {
    const event = ["die", "oom", "destroy", "health_status"];
    const filters = JSON.stringify({ container: [id], type: ["container"], event });
    this.stream = openStream(engine, { method: "GET", path: `/events?${query({ filters })}`, signal });
    // Who doesn't come to wait for an event doesn't hear of a failure either.
    this.stream.catch(() => undefined);
  }

  /** Resolves when the Engine has begun to listen. */
  async opened(): Promise<void> {
    await this.stream;
  }

  /** Calls `react` for each event until the stream ends. */
  async each(react: (action: string) => void): Promise<void> {
    for await (const event of jsonMessages<ContainerEvent>(await this.stream))
      react(event.Action ?? event.status ?? "");
  }
}

export interface WaitOptions {
  /** Seconds. */
  timeout: number;
  /** Run the health check's own command before the Engine's interval is over. */
  quick: boolean;
  signal: AbortSignal;
}

/** How often to look in case an event was lost, in milliseconds. */
const LOOK_AGAIN = 2_000;

/**
 * Resolves when the container is healthy.
 *
 * @throws {NotHealthyError} where it has no health check, ends, turns unhealthy, or time runs out.
 */
export async function waitHealthy(
  engine: Docker,
  id: string,
  events: ContainerEvents,
  options: WaitOptions,
): Promise<void> {
  const done = new AbortController();
  const signal = AbortSignal.any([options.signal, done.signal]);
  const wake = new Wakeup(signal);
  events.each(() => wake.now()).catch(() => undefined);
  const deadline = setTimeout(() => wake.now(), options.timeout * 1000);
  const started = Date.now();
  let probed = false;
  try {
    for (let first = true; ; first = false) {
      options.signal.throwIfAborted();
      const found = await inspectContainer(engine, id, options.signal);
      if (probed || found?.State.Health?.Status === "healthy") return;
      await refuse(engine, id, found, options, Date.now() - started >= options.timeout * 1000);
      if (first && options.quick) {
        probeUntilHealthy(engine, found!, { timeout: options.timeout, signal }).then(
          (healthy) => {
            probed = healthy;
            if (healthy) wake.now();
          },
          () => undefined,
        );
      }
      await wake.next(LOOK_AGAIN);
      if (probed) return;
    }
  } finally {
    clearTimeout(deadline);
    done.abort();
  }
}

/** Throws where waiting longer is of no use. */
async function refuse(
  engine: Docker,
  id: string,
  found: Inspection | undefined,
  { timeout }: WaitOptions,
  late: boolean,
): Promise<void> {
  if (!found) throw new NotHealthyError(`container ${id.slice(0, 12)} was removed before it was healthy`);
  const name = nameOf(found);
  const { Health: health, Running: running, Restarting: restarting } = found.State;
  if (!running && !restarting) {
    throw new NotHealthyError(await exited(engine, found, "before it was healthy"));
  }
  if (!health || found.Config.Healthcheck?.Test?.[0] === "NONE") {
    throw new NotHealthyError(
      `container ${name} has no health check to wait for; give it a healthcheck, or leave wait out`,
    );
  }
  const said = lastCheck(found);
  if (isUnhealthy(found)) {
    throw new NotHealthyError(await exited(engine, found, undefined, `container ${name} is unhealthy${said}`));
  }
  if (late) {
    throw new NotHealthyError(
      await exited(engine, found, undefined, `container ${name} was not healthy after ${timeout} s${said}`),
    );
  }
}

/** The Engine says so of every container that has ended too, also of one that is being started again. */
function isUnhealthy({
  State: { Health: health, Running: running },
  Config: { Healthcheck: check },
}: Inspection): boolean {
  return running && health?.Status === "unhealthy" && (health.FailingStreak ?? 0) >= (check?.Retries || 3);
}

function lastCheck({ State: { Health: health } }: Inspection): string {
  const last = health?.Log?.at(-1);
  if (!last) return "";
  const output = last.Output.trim().split("\n").at(-1)?.trim();
  return `: its health check exited with ${last.ExitCode}${output ? ` and said "${output.slice(0, 200)}"` : ""}`;
}

/** A call to look, kept if it comes while nobody waits. */
class Wakeup {
  private pending = false;
  private resolve: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.now(), { once: true });
  }

  now(): void {
    this.pending = true;
    this.resolve?.();
  }

  async next(milliseconds: number): Promise<void> {
    if (!this.pending) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.pending = false;
    this.resolve = undefined;
  }
}
