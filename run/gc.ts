import type Docker from "dockerode";
import { isStatus } from "./containers";
import { label } from "./identity";
import type { ProcessState } from "../engine/process-identity";
import { ownerState, parseOwner } from "./owner";
import { engineMessage, listThings, removeThings, type Leftover, type Thing } from "./sweep";

/** Things that belong together, and why they may go. */
export interface Garbage {
  project: string;
  stack: string;
  /** The processes or CI jobs that made it are gone, its time is up, or somebody asked for it. */
  why: "ownerless" | "expired" | "asked";
  reason: string;
  things: Thing[];
}

export interface GarbageImage {
  id: string;
  /** Its tags; its id where it has none. */
  names: string[];
  reason: string;
  /** Bytes, as Docker lists them: layers that images share count with each. */
  size: number;
  /** Seconds since it was made. */
  age: number;
}

/** What images are called besides by what they are built of, as the Docker provider has it: nobody's own name. */
const byContents = "seatrial-build:";

/** How much of what could go may stay; without either nothing does. */
export interface ImageBudget {
  /** Seconds. */
  age?: number;
  /** Bytes of all of them together; the newest stay. */
  size?: number;
}

/**
 * Finds the stacks that nobody wants any longer: those whose owner is gone, and those that have expired. Of a stack
 * whose parts have different ends the latest counts. What a live process owns is never garbage, and what carries no
 * label of ours isn't looked at.
 */
export async function findGarbage(
  docker: Docker,
  options: {
    /** The Engine's `label` filter for what is looked at: everything that is ours if absent. */
    filter?: string[];
    now?: Date;
    /** Whether the CI job with this page has ended, for owners that this machine can't say anything about. */
    jobState?: (page: string) => Promise<ProcessState>;
  } = {},
): Promise<Garbage[]> {
  const { filter = [label.project], now = new Date(), jobState } = options;
  const things = await listThings(docker, filter);
  const jobs = jobState ? await statesOfJobs(things, jobState) : new Map<string, ProcessState>();
  const garbage: Garbage[] = [];
  for (const { project, stack, parts } of byStack(things)) {
    const found = whyGarbage(
      parts.map(({ labels }) => labels),
      now,
      jobs,
    );
    if (found) garbage.push({ project, stack, ...found, things: parts });
  }
  return garbage;
}

/** The things of each stack together. */
export function byStack(things: Thing[]): { project: string; stack: string; parts: Thing[] }[] {
  const stacks = new Map<string, Thing[]>();
  for (const thing of things) {
    const key = JSON.stringify([thing.labels[label.project], thing.labels[label.stack] ?? ""]);
    stacks.set(key, [...(stacks.get(key) ?? []), thing]);
  }
  return [...stacks].map(([key, parts]) => {
    const [project, stack] = JSON.parse(key) as [string, string];
    return { project, stack, parts };
  });
}

/** Asks once about each job that has made something whose owner can't be seen from here. */
export async function statesOfJobs(
  things: Thing[],
  jobState: (page: string) => Promise<ProcessState>,
): Promise<Map<string, ProcessState>> {
  const pages = new Set<string>();
  for (const { labels } of things) {
    const owner = parseOwner(labels[label.owner]);
    if (typeof owner?.job === "string" && ownerState(owner) === "unknown") pages.add(owner.job);
  }
  return new Map(await Promise.all([...pages].map(async (page) => [page, await jobState(page)] as const)));
}

/** Why a stack of things with these labels may be removed; `undefined` if it may not. `jobs`: by their pages. */
export function whyGarbage(
  labels: Record<string, string>[],
  now: Date,
  jobs = new Map<string, ProcessState>(),
): Pick<Garbage, "why" | "reason"> | undefined {
  const owners = labels.map((each) => parseOwner(each[label.owner]));
  const states = owners.map((owner) => {
    const state = owner && ownerState(owner);
    return state === "unknown" ? (jobs.get(owner?.job ?? "") ?? state) : state;
  });
  if (states.includes("alive")) return undefined;
  // One without an owner is meant to outlive whoever made it.
  if (states.length > 0 && states.every((state) => state === "gone")) {
    const owner = owners[0]!;
    const reason =
      ownerState(owner) === "gone"
        ? `the process that owned it, ${owner.pid} on ${owner.host}, is gone`
        : `the CI job that owned it, ${owner.job}, has ended`;
    return { why: "ownerless", reason };
  }
  const ends = labels.map((each) => Date.parse(each[label.expires] ?? "")).filter((end) => !Number.isNaN(end));
  const latest = Math.max(...ends);
  if (ends.length === 0 || latest > now.getTime()) return undefined;
  return { why: "expired", reason: `it expired at ${new Date(latest).toISOString()}` };
}

/**
 * Finds the project's images of other commits than `commit` that no container uses. An image whose owner lives, or may
 * live somewhere else and hasn't expired, stays.
 */
export async function findOldImages(
  docker: Docker,
  project: string,
  commit: string | undefined,
  budget: ImageBudget = {},
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
    const names = (image.RepoTags ?? []).filter((name) => name !== "<none>:<none>" && !name.startsWith(byContents));
    // Of the present commit only what a later build has taken the name of. What an older one has made, and this one has
    // found unchanged, has this one's name as well.
    const isPresent = of === commit ? names.length > 0 : names.some((name) => name.endsWith(`:${commit}`));
    if (!of || isPresent || used.has(image.Id)) continue;
    const owner = parseOwner(labels[label.owner]);
    const state = owner ? ownerState(owner) : "gone";
    const expires = Date.parse(labels[label.expires] ?? "");
    if (state === "alive" || (state === "unknown" && !(expires <= now.getTime()))) continue;
    old.push({
      id: image.Id,
      names: names.length > 0 ? names : [image.Id.replace("sha256:", "").slice(0, 12)],
      reason: of === commit ? "a later build has its name" : `it is of the older commit ${of.slice(0, 7)}`,
      size: image.Size,
      age: now.getTime() / 1000 - image.Created,
    });
  }
  return beyond(budget, old);
}

/** Those that are too old, and of the others the oldest that there is no room for. */
function beyond({ age, size }: ImageBudget, images: GarbageImage[]): GarbageImage[] {
  if (age === undefined && size === undefined) return images;
  let room = size ?? Infinity;
  return [...images]
    .sort((a, b) => a.age - b.age)
    .filter((image) => {
      if (image.age > (age ?? Infinity)) return true;
      room -= image.size;
      return room < 0;
    });
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
      const found = docker.getImage(image.id);
      await found.remove({ force: ((await found.inspect()).RepoTags ?? []).length > 1 });
    } catch (error) {
      // 409: a container uses it by now, or an image is built on it.
      if (!isStatus(error, 404, 409)) left.push({ name: image.names[0]!, reason: engineMessage(error) });
    }
  }
  return left;
}
