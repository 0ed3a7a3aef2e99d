import { findCommit } from "../../run/commit";
import { gitlabJobState } from "../../ci/gitlab-job";
import { forgetStacks } from "../../run/abandoned";
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
import { loadEngine } from "../context";
import { makeStyle, wantsColor } from "../display/style";
import { UserError, type Project } from "../../engine/api";
import type { Engine } from "../../run/host";
import type { CommonOptions } from "../options";

/** `seatrial gc`: removes what nobody wants any longer. On a terminal it only says what it would do, without `--yes`. */
export async function gcCommand(
  common: CommonOptions,
  options: { dryRun: boolean; keepImages: ImageBudget },
): Promise<number> {
  const docker = await connectDocker();
  const project = await projectHere(common);
  const [garbage, images] = await Promise.all([
    findGarbage(docker, { jobState: (page) => gitlabJobState(page, process.env) }),
    project ? findOldImages(docker, project.project.name, project.commit, options.keepImages) : [],
  ]);
  const dry = options.dryRun || (Boolean(process.stdout.isTTY) && !common.yes && !common.nonInteractive);
  const left = dry ? [] : [...(await removeGarbage(docker, garbage)), ...(await removeImages(docker, images))];
  const ofProject = garbage.filter((each) => each.project === project?.project.name).map(({ stack }) => stack);
  const lines = !dry && project ? await forgetStacks(docker, project.engine, project.project, new Set(ofProject)) : [];
  if (common.json) {
    process.stdout.write(`${JSON.stringify({ removed: !dry, stacks: garbage, images, left }, undefined, 2)}\n`);
  } else {
    const style = makeStyle(wantsColor(common.color, process.env, Boolean(process.stdout.isTTY)));
    for (const line of describe(garbage, images, dry)) process.stdout.write(`${line}\n`);
    for (const { name, reason } of left) process.stdout.write(`${style.red("left")} ${name}: ${reason}\n`);
    for (const line of lines) process.stdout.write(`${line}\n`);
    if (dry && garbage.length + images.length > 0) process.stdout.write("Nothing was removed: --yes does it.\n");
  }
  return left.length > 0 ? 1 : 0;
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
