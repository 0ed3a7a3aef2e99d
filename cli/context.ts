import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Project, Stack, StackManagement } from "../engine";
import { UserError } from "../engine/api";
import type { Engine } from "../run/host";
import type { CommonOptions } from "./options";

/** The engine is loaded when a command needs it: the SDK that comes with it takes most of a command's start. */
export async function loadEngine({ engine }: Pick<CommonOptions, "engine">): Promise<Engine> {
  if (engine !== "pulumi") return (await import("../engine")) satisfies Engine;
  const [{ pulumiEngine }, { findPulumi }] = await Promise.all([
    import("../run/pulumi/engine"),
    import("../run/pulumi/find-cli"),
  ]);
  const say = (line: string) => void process.stderr.write(`[pulumi] ${line}\n`);
  const builder = join(__dirname, "..", "tools", "pulumi", "build.mjs");
  return pulumiEngine({ findCli: () => findPulumi({ builder, say }), say });
}

/** A command's project and the engine that knows it. */
export interface ProjectContext {
  engine: Engine;
  project: Project;
}

export async function openProject(options: CommonOptions): Promise<ProjectContext> {
  const engine = await loadEngine(options);
  return { engine, project: engine.loadProject(options.cwd) };
}

/** Opens the stack that a command is about. */
export async function openNamedStack(
  { engine, project }: ProjectContext,
  options: CommonOptions,
  name: string,
  create: boolean,
): Promise<Stack> {
  return await engine.openStack({
    project,
    name,
    create,
    env: process.env,
    config: options.config,
    ...(options.configFile ? { configFile: options.configFile } : {}),
  });
}

/** A stack with what can be done about it beside operations. */
export async function openManaged(options: CommonOptions, name?: string): Promise<ManagedStack> {
  const context = await openProject(options);
  const stack = await openNamedStack(context, options, name ?? (await stackName(context, options)), false);
  return { context, stack, management: context.engine.manageStack(stack) };
}

export interface ManagedStack {
  context: ProjectContext;
  stack: Stack;
  management: StackManagement;
}

/**
 * The stack that a command means: the named one, else the selected one, else `dev` where it has settings, else the only
 * one there is. Rejects with a `UserError` where that leaves a choice.
 */
export async function stackName({ engine, project }: ProjectContext, options: CommonOptions): Promise<string> {
  if (options.stack) return plainName(options.stack, project.name);
  const selected = selectedStack(project);
  if (selected) return selected;
  if (["yaml", "yml"].some((ending) => existsSync(join(project.root, `Pulumi.dev.${ending}`)))) return "dev";
  const stacks = await engine.listStacks(project, process.env);
  if (stacks.length === 1) return stacks[0]!.name;
  const known = stacks.map(({ name }) => name).join(", ");
  throw new UserError(`which stack? Name one with --stack${known ? `; there are ${known}` : `, such as --stack dev`}`);
}

/** Pulumi also knows a stack as `organization/project/stack`. */
function plainName(name: string, project: string): string {
  const parts = name.split("/");
  if (parts.length === 3 && parts[1] === project) return parts[2]!;
  return parts.length === 2 && parts[0] === "organization" ? parts[1]! : name;
}

export function selectedStack(project: Project): string | undefined {
  try {
    return readFileSync(selectionFile(project), "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

export function selectStack(project: Project, name: string): void {
  mkdirSync(join(project.root, ".seatrial"), { recursive: true, mode: 0o700 });
  writeFileSync(selectionFile(project), `${name}\n`, { mode: 0o600 });
}

function selectionFile(project: Project): string {
  return join(project.root, ".seatrial", "selected-stack");
}
