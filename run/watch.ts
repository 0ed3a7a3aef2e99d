import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { Selector } from "./containers";
import { labelFilter } from "./containers";

/** A container of the stack has ended. */
export interface Death {
  id: string;
  /** Docker's name. */
  name: string;
  labels: Record<string, string>;
  exitCode: number;
  /** The signals that the Docker Engine was asked to send to it since its start, by number. */
  signals: number[];
  at: Date;
}

export interface Watch {
  close(): void;
}

/**
 * Calls `onDeath` for each container that ends, as the Docker Engine reports it. A broken stream of events is opened
 * again from where it broke; `onLost` is told how often in a row it could not be.
 */
export async function watchContainers(
  docker: Docker,
  selector: Selector,
  onDeath: (death: Death) => void,
  onLost: (attempts: number, error: unknown) => void = () => undefined,
): Promise<Watch> {
  let closed = false;
  let stream: Readable | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** The engine's own time of the last event, in seconds; its clock and ours may differ. */
  let since: string | undefined;
  const seen = new Set<string>();
  const signals = new Map<string, number[]>();

  async function open(): Promise<void> {
    const opened = (await docker.getEvents({
      ...(since ? { since } : {}),
      filters: { type: ["container"], event: ["kill", "die"], label: labelFilter(selector) },
    } as never)) as unknown as Readable;
    if (closed) return void opened.destroy();
    stream = opened;
    let held = "";
    opened.setEncoding("utf8");
    opened.on("data", (chunk: string) => {
      const lines = (held + chunk).split("\n");
      held = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") take(line);
    });
    // Both may come; the second finds the first's timer.
    opened.on("error", () => reopen(1));
    opened.on("close", () => reopen(1));
    opened.on("end", () => reopen(1));
  }

  function take(line: string): void {
    const event = JSON.parse(line) as DockerEvent;
    since = nanosecondsAsSeconds(event);
    const key = `${event.Actor.ID} ${event.Action} ${event.timeNano ?? event.time}`;
    if (seen.has(key)) return;
    seen.add(key);
    const { exitCode, name, signal, ...labels } = event.Actor.Attributes;
    const sent = signals.get(event.Actor.ID) ?? [];
    if (event.Action === "kill") return void signals.set(event.Actor.ID, [...sent, Number(signal)]);
    signals.delete(event.Actor.ID);
    onDeath({
      id: event.Actor.ID,
      name: name ?? event.Actor.ID.slice(0, 12),
      labels,
      exitCode: Number(exitCode ?? 0),
      signals: sent,
      at: new Date(event.time * 1000),
    });
  }

  function reopen(attempt: number): void {
    if (closed || timer) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        open().catch((error: unknown) => {
          if (closed) return;
          onLost(attempt, error);
          reopen(attempt + 1);
        });
      },
      Math.min(200 * attempt, 2000),
    );
  }

  await open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      stream?.destroy();
    },
  };
}

interface DockerEvent {
  /** `kill`, `die`. */
  Action: string;
  time: number;
  timeNano?: number;
  Actor: { ID: string; Attributes: Record<string, string> };
}

/** As the engine's `since` takes it: seconds with nine decimals. */
function nanosecondsAsSeconds(event: DockerEvent): string {
  if (!event.timeNano) return String(event.time);
  const nanoseconds = String(event.timeNano);
  return `${nanoseconds.slice(0, -9)}.${nanoseconds.slice(-9)}`;
}
