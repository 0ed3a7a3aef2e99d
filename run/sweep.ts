import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { Stack } from "../engine";
import { isStatus, labelFilter, type Selector } from "./containers";
import { label } from "./identity";

/** Something of ours that the Docker Engine holds. */
export interface Thing {
  kind: "container" | "network" | "volume";
  id: string;
  /** Docker's name. */
  name: string;
  labels: Record<string, string>;
  /** A container that runs. */
  running?: boolean;
}

/** Something that would not go, and why. A resource is one that only the stack's state knows. */
export interface Leftover extends Omit<Thing, "kind"> {
  kind: Thing["kind"] | "resource";
  reason: string;
}

/**
 * Every container, network and volume that carries the labels. A container without a stack's name has the others from
 * an image that a run has built, and was made by somebody else.
 */
export async function listThings(docker: Docker, filter: string[]): Promise<Thing[]> {
  const filters = { label: filter };
  const [containers, networks, volumes] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  return [
    ...containers
      .filter(({ Labels }) => Labels?.[label.stack] !== undefined)
      .map((container) => ({
        kind: "container" as const,
        id: container.Id,
        name: (container.Names?.[0] ?? container.Id.slice(0, 12)).replace(/^\//, ""),
        labels: container.Labels ?? {},
        running: container.State === "running",
      })),
    ...networks.map((network) => ({
      kind: "network" as const,
      id: network.Id,
      name: network.Name,
      labels: network.Labels ?? {},
    })),
    ...(volumes.Volumes ?? []).map((volume) => ({
      kind: "volume" as const,
      id: volume.Name,
      name: volume.Name,
      labels: volume.Labels ?? {},
    })),
  ];
}

/** Seconds between the attempts: a container being removed, an endpoint or a mount may need a moment to go. */
const pauses = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

/**
 * Removes all that carries the selector's labels, and looks again until nothing is left or patience, a number of
 * pauses, is. Rejects where the Docker Engine doesn't answer to the end.
 *
 * @returns what was found and removed, and what is still there and why
 */
export async function sweep(
  docker: Docker,
  selector: Selector,
  options: { patience?: number } = {},
): Promise<{ removed: Thing[]; left: Leftover[] }> {
  const removed = new Map<string, Thing>();
  let left: Leftover[] = [];
  for (const pause of [...pauses.slice(0, options.patience ?? pauses.length), undefined]) {
    let things: Thing[];
    try {
      // The run's watchdog goes by itself, last of all.
      things = (await listThings(docker, labelFilter(selector))).filter(
        ({ labels, running }) => labels[label.role] !== "watchdog" || !running,
      );
    } catch (error) {
      if (pause === undefined) throw error;
      await sleep(pause * 1000);
      continue;
    }
    if (things.length === 0) return { removed: [...removed.values()], left: [] };
    left = await tryToRemove(docker, things);
    const stuck = new Set(left.map((thing) => thing.id));
    for (const thing of things) if (!stuck.has(thing.id)) removed.set(thing.id, thing);
    if (pause !== undefined && left.length > 0) await sleep(pause * 1000);
  }
  return { removed: [...removed.values()], left };
}

/** Removes the things, as often as patience has it. What is gone already counts as removed. @returns what stays */
export async function removeThings(docker: Docker, things: Thing[]): Promise<Leftover[]> {
  let left = await tryToRemove(docker, things);
  for (const pause of pauses) {
    if (left.length === 0) break;
    await sleep(pause * 1000);
    const stuck = new Set(left.map(({ id }) => id));
    left = await tryToRemove(
      docker,
      things.filter(({ id }) => stuck.has(id)),
    );
  }
  return left;
}

/** Containers first, since they hold the others. */
async function tryToRemove(docker: Docker, things: Thing[]): Promise<Leftover[]> {
  const left: Leftover[] = [];
  const removeAll = async (kind: Thing["kind"], remove: (thing: Thing) => Promise<unknown>) => {
    await Promise.all(
      things
        .filter((thing) => thing.kind === kind)
        .map(async (thing) => {
          try {
            await remove(thing);
          } catch (error) {
            if (!isStatus(error, 404)) left.push({ ...thing, reason: engineMessage(error) });
          }
        }),
    );
  };
  await removeAll("container", (thing) => docker.getContainer(thing.id).remove({ force: true, v: true }));
  await Promise.all([
    removeAll("network", (thing) => removeNetwork(docker, thing.id)),
    removeAll("volume", (thing) => docker.getVolume(thing.name).remove({ force: true })),
  ]);
  return left;
}

/** The engine refuses while anything is connected, be it a CI job's container that joined, or an endpoint it forgot. */
async function removeNetwork(docker: Docker, id: string): Promise<void> {
  const network = docker.getNetwork(id);
  try {
    await network.remove();
  } catch (error) {
    if (isStatus(error, 404)) return;
    for (const [container, name] of await endpoints(network)) {
      // A stale endpoint is listed under a number that no container has; its name still works.
      const target = container.startsWith("ep-") ? name : container;
      await network.disconnect({ Container: target, Force: true }).catch(() => undefined);
    }
    try {
      await network.remove();
    } catch (again) {
      const connected = (await endpoints(network)).map(([, name]) => name);
      const message = engineMessage(again);
      if (connected.length > 0) throw new Error(`${message}; connected: ${connected.join(", ")}`);
      // Whatever else it refuses for it says itself.
      throw /has active endpoints/i.test(message) ? new Error(`${message}; ${miscounted}`) : again;
    }
  }
}

/** Seen of Engine 20.10, where many stacks come and go at once. */
const miscounted =
  "the Docker Engine names nothing that is connected: if that stays so it has miscounted, and counts anew when it is restarted";

/** Ids and names of the containers that are connected. */
async function endpoints(network: Docker.Network): Promise<[string, string][]> {
  const info = (await network.inspect()) as { Containers?: Record<string, { Name?: string }> };
  return Object.entries(info.Containers ?? {}).map(([id, { Name }]) => [id, Name || id]);
}

/** What is in the stack's state and carries no labels, such as what a command has made: only a destroy removes it. */
export async function unlabelled(stack: Stack): Promise<Leftover[]> {
  const resources = await stack.resources();
  return resources
    .filter(({ type, custom }) => custom && !/^(?:docker:|pulumi:)/.test(type))
    .map(({ urn, type }) => ({
      kind: "resource",
      id: urn,
      name: urn.slice(urn.lastIndexOf("::") + 2),
      labels: {},
      reason: `the destroy of this ${type} failed`,
    }));
}

/** What the engine says, without the HTTP around it. */
export function engineMessage(error: unknown): string {
  const { json, message } = error as { json?: { message?: string }; message?: string };
  return json?.message ?? message ?? String(error);
}
