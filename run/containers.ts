import type Docker from "dockerode";
import { label } from "./identity";

/** A container of a stack, as the Docker Engine lists it. */
export interface StackContainer {
  id: string;
  /** Docker's name, without the slash. */
  name: string;
  /** The name a person knows it by. */
  service: string;
  /** What the program says it is for: `tests`, `service`, `probe`, `job`; absent for programs that don't say. */
  role?: string;
  image: string;
  state: string;
  labels: Record<string, string>;
}

/** How a container ended, or that it hasn't. */
export interface ContainerEnd {
  status: string;
  running: boolean;
  exitCode: number;
  oomKilled: boolean;
  /** The engine could not start it. */
  error?: string;
  /** By the engine's clock, as are the two below. */
  createdAt?: Date;
  /** When the engine had noticed its start, by which it may have run for a while already. */
  startedAt?: Date;
  finishedAt?: Date;
}

/** Which containers, networks and volumes: those of a stack, or of one run. */
export type Selector = { project: string; stack: string } | { run: string };

/** The engine's `label` filter for a selector. */
export function labelFilter(selector: Selector): string[] {
  return "run" in selector
    ? [`${label.run}=${selector.run}`]
    : [`${label.project}=${selector.project}`, `${label.stack}=${selector.stack}`];
}

/** The stack's containers, stopped ones too, ordered by service. */
export async function listContainers(docker: Docker, selector: Selector): Promise<StackContainer[]> {
  const found = await docker.listContainers({ all: true, filters: { label: labelFilter(selector) } });
  return found
    .filter(({ Labels }) => Labels?.[label.role] !== "watchdog")
    .map((container) => {
      const labels = container.Labels ?? {};
      const name = (container.Names?.[0] ?? container.Id.slice(0, 12)).replace(/^\//, "");
      return {
        id: container.Id,
        name,
        service: serviceName(labels, name),
        ...(labels[label.role] ? { role: labels[label.role] } : {}),
        image: container.Image,
        state: container.State,
        labels,
      };
    })
    .sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : 0));
}

/** The service's own name: as labelled, else Docker's name without the stack's prefix. */
export function serviceName(labels: Record<string, string>, dockerName: string): string {
  const labelled = labels[label.service];
  // A probe is labelled with the service that it looks at.
  if (labelled) return labels[label.role] === "probe" ? `${labelled}-probe` : labelled;
  const { [label.project]: project, [label.stack]: stack } = labels;
  for (const prefix of [`${project}-${stack}-`, `${stack}-`, `${project}-`]) {
    if (dockerName.startsWith(prefix) && dockerName.length > prefix.length) return dockerName.slice(prefix.length);
  }
  return dockerName;
}

/** Where the container is in its life; `undefined` if there is none of that id. */
export async function inspectEnd(
  docker: Docker,
  id: string,
): Promise<
  | (ContainerEnd & {
      environment: Record<string, string>;
      labels: Record<string, string>;
      restarts: boolean;
      imageId: string;
      /** Its output is a terminal's, in one stream. */
      terminal: boolean;
    })
  | undefined
> {
  try {
    const info = await docker.getContainer(id).inspect();
    const state = info.State;
    return {
      status: state.Status,
      running: state.Running,
      exitCode: state.ExitCode,
      oomKilled: state.OOMKilled,
      ...(state.Error ? { error: state.Error } : {}),
      ...date("createdAt", info.Created),
      ...date("startedAt", state.StartedAt),
      ...date("finishedAt", state.FinishedAt),
      environment: Object.fromEntries((info.Config.Env ?? []).map(splitVariable)),
      labels: info.Config.Labels ?? {},
      imageId: info.Image,
      terminal: info.Config.Tty,
      restarts: !["", "no"].includes(info.HostConfig.RestartPolicy?.Name ?? ""),
    };
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** True for an answer of the Docker Engine with one of these HTTP status codes. */
export function isStatus(error: unknown, ...codes: number[]): boolean {
  return codes.includes((error as { statusCode?: number } | null)?.statusCode ?? 0);
}

/** How a person says that a container ended. */
export function describeEnd(end: Pick<ContainerEnd, "exitCode" | "oomKilled">): string {
  if (end.oomKilled) return `was killed because it ran out of memory (exit code ${end.exitCode})`;
  const signal = end.exitCode > 128 ? signalsByNumber.get(end.exitCode - 128) : undefined;
  return `exited with code ${end.exitCode}${signal ? ` (${signal})` : ""}`;
}

/** A signal's name by its number, which is Linux's wherever the run is. */
export function signalName(number: number): string {
  return signalsByNumber.get(number) ?? `signal ${number}`;
}

const signalsByNumber = new Map([
  [1, "SIGHUP"],
  [2, "SIGINT"],
  [3, "SIGQUIT"],
  [6, "SIGABRT"],
  [9, "SIGKILL"],
  [11, "SIGSEGV"],
  [15, "SIGTERM"],
]);

function splitVariable(variable: string): [string, string] {
  const at = variable.indexOf("=");
  return at < 0 ? [variable, ""] : [variable.slice(0, at), variable.slice(at + 1)];
}

/** The engine says "never" as the first second of the year 1. */
function date<K extends string>(key: K, text: string | undefined): Partial<Record<K, Date>> {
  return !text || text.startsWith("0001-") ? {} : ({ [key]: new Date(text) } as Record<K, Date>);
}
