import type Docker from "dockerode";
import { isStatus } from "./containers";
import { label } from "./identity";
import { ownerState, parseOwner } from "./owner";
import { engineMessage, listThings, removeThings, type Leftover, type Thing } from "./sweep";

/** Things that belong together, and why they may go. */
export interface Garbage {
  project: string;
  stack: string;
  reason: string;
  things: Thing[];
}

export interface GarbageImage {
  id: string;
  /** Its tags; its id where it has none. */
  names: string[];
  reason: string;
}

/**
 * Finds the stacks that nobody wants any longer: those whose owner is gone, and those that have expired. Of a stack
 * whose parts have different ends the latest counts. What a live process owns is never garbage, and what carries no
 * label of ours isn't looked at.
 */
export async function findGarbage(docker: Docker, now: Date = new Date()): Promise<Garbage[]> {
  const stacks = new Map<string, Thing[]>();
  for (const thing of await listThings(docker, [label.project])) {
    const key = JSON.stringify([thing.labels[label.project], thing.labels[label.stack] ?? ""]);
    stacks.set(key, [...(stacks.get(key) ?? []), thing]);
  }
  const garbage: Garbage[] = [];
  for (const [key, things] of stacks) {
    const [project, stack] = JSON.parse(key) as [string, string];
    const reason = whyGarbage(
      things.map(({ labels }) => labels),
      now,
    );
    if (reason) garbage.push({ project, stack, reason, things });
  }
  return garbage;
}

/** Why a stack of things with these labels may be removed; `undefined` if it may not. */
export function whyGarbage(labels: Record<string, string>[], now: Date): string | undefined {
  const owners = labels.map((each) => parseOwner(each[label.owner]));
  const states = owners.map((owner) => (owner ? ownerState(owner) : undefined));
  if (states.includes("alive")) return undefined;
  // One without an owner is meant to outlive whoever made it.
  if (states.length > 0 && states.every((state) => state === "gone")) {
    const owner = owners[0]!;
    return `the process that owned it, ${owner.pid} on ${owner.host}, is gone`;
  }
  const ends = labels.map((each) => Date.parse(each[label.expires] ?? "")).filter((end) => !Number.isNaN(end));
  const latest = Math.max(...ends);
  return ends.length > 0 && latest <= now.getTime() ? `it expired at ${new Date(latest).toISOString()}` : undefined;
}

/**
 * Finds the project's images of other commits than `commit` that no container uses. An image whose owner lives, or may
 * live somewhere else and hasn't expired, stays.
 */
export async function findOldImages(
  docker: Docker,
  project: string,
  commit: string | undefined,
  now: Date = new Date(),
): Promise<GarbageImage[]> {
  // Which commit is the present one decides which are older.
  if (!commit) return [];
  const [images, containers] = await Promise.all([
    docker.listImages({ filters: { label: [`${label.project}=${project}`] } }),
    docker.listContainers({ all: true }),
  ]);
  const used = new Set(containers.map(({ ImageID }) => ImageID));
  const old: GarbageImage[] = [];
  for (const image of images) {
    const labels = image.Labels ?? {};
    const of = labels[label.commit];
    const names = (image.RepoTags ?? []).filter((name) => name !== "<none>:<none>");
    // Of the present commit only what a later build has taken the name of.
    if (!of || (of === commit && names.length > 0) || used.has(image.Id)) continue;
    const owner = parseOwner(labels[label.owner]);
    const state = owner ? ownerState(owner) : "gone";
    const expires = Date.parse(labels[label.expires] ?? "");
    if (state === "alive" || (state === "unknown" && !(expires <= now.getTime()))) continue;
    old.push({
      id: image.Id,
      names: names.length > 0 ? names : [image.Id.replace("sha256:", "").slice(0, 12)],
      reason: of === commit ? "a later build has its name" : `it is of the older commit ${of.slice(0, 7)}`,
    });
  }
  return old;
}

/** Removes the garbage; what another process removes at the same time counts as removed. */
export async function removeGarbage(docker: Docker, garbage: Garbage[]): Promise<Leftover[]> {
  const left = await Promise.all(garbage.map(({ things }) => removeThings(docker, things)));
  return left.flat();
}

/** Removes the images. @returns those that stay, and why */
export async function removeImages(
  docker: Docker,
  images: GarbageImage[],
): Promise<{ name: string; reason: string }[]> {
  const left: { name: string; reason: string }[] = [];
  // One after the other: an image may be another's parent.
  for (const image of images) {
    try {
      await docker.getImage(image.id).remove({ force: image.names.length > 1 });
    } catch (error) {
      // 409: a container uses it by now, or an image is built on it.
      if (!isStatus(error, 404, 409)) left.push({ name: image.names[0]!, reason: engineMessage(error) });
    }
  }
  return left;
}
