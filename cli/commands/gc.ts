import { findCommit } from "../../run/commit";
import { gitlabJobState } from "../../ci/gitlab-job";
import { forgetStacks } from "../../run/abandoned";
import { stripControlCodes } from "../../run/control-codes";
import { label } from "../../run/identity";
import {
  findGarbage,
  findOldImages,
  removeGarbage,
  removeImages,
  type Garbage,
  type GarbageImage,
  type ImageBudget,
} from "../../run/gc";
import { connectDocker } from "../../run/parts";
import { findInScope, type InScope, type Scope } from "../../run/scope";
import { loadEngine } from "../context";
import { makeStyle, wantsColor } from "../display/style";
import { UserError, type Project } from "../../engine/api";
import type { Engine } from "../../run/host";
import type { CommonOptions } from "../options";

export interface GcOptions {
  dryRun: boolean;
  keepImages: ImageBudget;
  scope: Scope;
}

/** `seatrial gc`: removes what nobody wants any longer. On a terminal it only says what it would do, without `--yes`. */
export async function gcCommand(common: CommonOptions, options: GcOptions): Promise<number> {
  const [docker, here] = [await connectDocker(), await projectHere(common)];
  const scope = checkedScope(options, here);
  // A project of another name is not the one here.
  const project = scope.project === undefined || scope.project === here?.project.name ? here : undefined;
  const jobState = (page: string) => gitlabJobState(page, process.env);
  const { garbage, images, busy }: InScope = isNarrow(scope)
    ? await findInScope(docker, scope, { jobState })
    : await everything();
  const dry = options.dryRun || (Boolean(process.stdout.isTTY) && !common.yes && !common.nonInteractive);
  const left = dry ? [] : [...(await removeGarbage(docker, garbage)), ...(await removeImages(docker, images))];
  const ofProject = garbage.filter((each) => each.project === project?.project.name).map(({ stack }) => stack);
  const lines = !dry && project ? await forgetStacks(docker, project.engine, project.project, new Set(ofProject)) : [];
  if (common.json) {
    process.stdout.write(`${JSON.stringify({ removed: !dry, stacks: garbage, images, left }, undefined, 2)}\n`);
  } else {
    const style = makeStyle(wantsColor(common.color, process.env, Boolean(process.stdout.isTTY)));
    const say = (line: string) => process.stdout.write(`${stripControlCodes(line)}\n`);
    describe(garbage, images, dry).forEach(say);
    for (const { project: of, stack, reason } of busy) say(`left the stack ${stack} of ${of} alone: ${reason}`);
    for (const { name, reason } of left) process.stdout.write(`${style.red("left")} ${name}: ${reason}\n`);
    lines.forEach(say);
    if (dry && garbage.length + images.length > 0) process.stdout.write("Nothing was removed: --yes does it.\n");
  }
  return left.length > 0 ? 1 : 0;

  async function everything(): Promise<InScope> {
    const filter = scope.project === undefined ? {} : { filter: [`${label.project}=${scope.project}`] };
    const [found, old] = await Promise.all([
      findGarbage(docker, { ...filter, jobState }),
      project ? findOldImages(docker, project.project.name, project.commit, options.keepImages) : [],
    ]);
    return { garbage: found, images: old, busy: [] };
  }
}

const isNarrow = ({ commit, branch, pipeline }: Scope): boolean =>
  commit !== undefined || branch !== undefined || pipeline !== undefined;

/** Commits are nobody else's; branches and pipelines of other projects may have the same name. */
function checkedScope({ scope, keepImages }: GcOptions, here: ProjectHere | undefined): Scope {
  for (const [name, value] of Object.entries(scope)) {
    if (value === "") throw new UserError(`gc --${name}: the value is empty; is the variable set that it comes from?`);
  }
  if (!isNarrow(scope)) return scope;
  if (keepImages.age !== undefined || keepImages.size !== undefined) {
    throw new UserError("gc: --keep-images-for and --keep-images-within are not for --commit, --branch and --pipeline");
  }
  const commit = scope.commit?.toLowerCase();
  if (commit !== undefined && !/^[0-9a-f]{7,64}$/.test(commit)) {
    throw new UserError(`gc --commit ${scope.commit}: expected a commit's hash, seven digits or more of it`);
  }
  const project = scope.project ?? here?.project.name;
  if (commit === undefined && project === undefined) {
    throw new UserError("gc --branch and --pipeline are for one project: name it with --project, or go to its folder");
  }
  return { ...scope, ...(commit === undefined ? {} : { commit }), ...(project === undefined ? {} : { project }) };
}

function describe(garbage: Garbage[], images: GarbageImage[], dry: boolean): string[] {
  if (garbage.length + images.length === 0) return ["Nothing to remove."];
  const verb = dry ? "would remove" : "removed";
  return [
    ...garbage.flatMap(({ project, stack, reason, things }) => [
      `${verb} the stack ${stack} of ${project}: ${reason}`,
      ...things.map(({ kind, name }) => `  ${kind} ${name}`),
    ]),
    ...images.map(({ names, reason }) => `${verb} the image ${names.join(", ")}: ${reason}`),
  ];
}

interface ProjectHere {
  engine: Engine;
  project: Project;
  commit?: string;
}

/** Stacks are found by their labels alone; only whose images are old needs a project. */
async function projectHere(common: CommonOptions): Promise<ProjectHere | undefined> {
  try {
    const engine = await loadEngine(common);
    const project = engine.loadProject(common.cwd);
    const commit = await findCommit(project.root);
    return { engine, project, ...(commit ? { commit: commit.sha } : {}) };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
