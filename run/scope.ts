/** What belongs to a commit, a branch or a pipeline, found by its labels alone: no state, no checkout. */
import type Docker from "dockerode";
import type { ProcessState } from "../engine/process-identity";
import { byStack, statesOfJobs, type Garbage, type GarbageImage } from "./gc";
import { label } from "./identity";
import { ownerState, parseOwner } from "./owner";
import { listThings } from "./sweep";

/** All that is given has to fit. */
export interface Scope {
  project?: string;
  /** Of a commit's hash the first seven digits or more. */
  commit?: string;
  branch?: string;
  pipeline?: string;
}

export interface InScope {
  garbage: Garbage[];
  images: GarbageImage[];
  /** Stacks that somebody is still at. */
  busy: { project: string; stack: string; reason: string }[];
}

/**
 * Finds the stacks and images in the scope, whether they have expired or not. A stack that a live process or a running
 * CI job owns is left to it, and so is an image that a container out of the scope uses.
 *
 * @param jobState whether the CI job with this page has ended, for owners that this machine can't say anything about
 */
export async function findInScope(
  docker: Docker,
  scope: Scope,
  { jobState, now = new Date() }: { jobState?: (page: string) => Promise<ProcessState>; now?: Date } = {},
): Promise<InScope> {
  const filters = { label: scopeFilter(scope) };
  const [allThings, allImages, containers] = await Promise.all([
    listThings(docker, filters.label),
    docker.listImages({ filters }),
    docker.listContainers({ all: true }),
  ]);
  const isOfCommit = (labels: Record<string, string>) => labels[label.commit]?.startsWith(scope.commit ?? "") ?? true;
  const things = allThings.filter(({ labels }) => isOfCommit(labels));
  const jobs = jobState ? await statesOfJobs(things, jobState) : new Map<string, ProcessState>();
  const found: InScope = { garbage: [], images: [], busy: [] };
  for (const { project, stack, parts } of byStack(things)) {
    const reason = whyBusy(
      parts.map(({ labels }) => labels),
      jobs,
    );
    if (reason) found.busy.push({ project, stack, reason });
    else found.garbage.push({ project, stack, why: "asked", reason: describeScope(scope), things: parts });
  }
  const goes = new Set(found.garbage.flatMap((each) => each.things.map(({ id }) => id)));
  const used = new Set(containers.filter(({ Id }) => !goes.has(Id)).map(({ ImageID }) => ImageID));
  for (const image of allImages) {
    if (!isOfCommit(image.Labels ?? {}) || used.has(image.Id)) continue;
    const names = (image.RepoTags ?? []).filter((name) => name !== "<none>:<none>");
    found.images.push({
      id: image.Id,
      names: names.length > 0 ? names : [image.Id.replace("sha256:", "").slice(0, 12)],
      reason: describeScope(scope),
      size: image.Size,
      age: now.getTime() / 1000 - image.Created,
    });
  }
  return found;
}

/** The Engine compares whole values: of a commit only that there is one. */
function scopeFilter({ project, commit, branch, pipeline }: Scope): string[] {
  return [
    project === undefined ? label.project : `${label.project}=${project}`,
    ...(commit === undefined ? [] : [label.commit]),
    ...(branch === undefined ? [] : [`${label.branch}=${branch}`]),
    ...(pipeline === undefined ? [] : [`${label.pipeline}=${pipeline}`]),
  ];
}

function whyBusy(labels: Record<string, string>[], jobs: Map<string, ProcessState>): string | undefined {
  for (const each of labels) {
    const owner = parseOwner(each[label.owner]);
    if (!owner) continue;
    const state = ownerState(owner);
    if (state === "alive") return `the process ${owner.pid} on ${owner.host}, which owns it, is there`;
    if (state === "unknown" && owner.job && jobs.get(owner.job) === "alive") {
      return `the CI job that owns it, ${owner.job}, has not ended`;
    }
  }
  return undefined;
}

function describeScope({ commit, branch, pipeline }: Scope): string {
  const parts = [
    ...(commit === undefined ? [] : [`the commit ${commit.slice(0, 7)}`]),
    ...(branch === undefined ? [] : [`the branch ${branch}`]),
    ...(pipeline === undefined ? [] : [`the pipeline ${pipeline}`]),
  ];
  return `it is of ${parts.join(", ")}`;
}
