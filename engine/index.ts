/**
 * The embedded engine: Pulumi's deployments, in this process.
 *
 * A caller loads a project, opens one of its stacks and runs operations on it:
 *
 *     const project = loadProject(cwd);
 *     const stack = await openStack({ project, name: "ci-1a2b3c4", create: true });
 *     const result = await runOperation(stack, { kind: "update", providers: { docker: … }, onEvent });
 */
import type { Project } from "./api";

export * from "./provider";
export * from "./values";
export * from "./events";
export * from "./api";
export { makeMasker, type Masker } from "./deployment/masker";
export { loadProject } from "./project/project";
export { removeSetting, settingPlace, writeSetting } from "./project/settings-file";
export { listStacks, manageStack, stackLocks, openStack, runOperation, setAsideBrokenState } from "./stack";

/** Loads what a program of the project needs that runs in this process, its SDK first of all. */
export async function preloadSdk(project: Project): Promise<void> {
  const { preloadSdk: load } = await import("./program/program");
  load(project);
  await import("./monitor/server");
}
