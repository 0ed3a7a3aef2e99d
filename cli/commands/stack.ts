import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { UntypedDeployment } from "../../engine";
import { UserError } from "../../engine/api";
import { openNamedStack, openProject, selectedStack, selectStack, stackName } from "../context";
import type { CommonOptions } from "../options";

/** `stack output [NAME]`. */
export async function outputCommand(
  common: CommonOptions,
  options: { name?: string; showSecrets: boolean },
): Promise<number> {
  const stack = await openStack(common);
  const outputs = await stack.outputs({ showSecrets: options.showSecrets });
  if (options.name !== undefined) {
    if (!(options.name in outputs)) {
      throw new UserError(`the stack ${stack.name} has no output "${options.name}"${knownOutputs(outputs)}`);
    }
    const value = outputs[options.name];
    print(typeof value === "string" && !common.json ? value : JSON.stringify(value, undefined, 2));
  } else if (common.json) {
    print(JSON.stringify(outputs, undefined, 2));
  } else {
    const rows = Object.entries(outputs).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    print(rows.length > 0 ? table([["OUTPUT", "VALUE"], ...rows]) : "No outputs.");
  }
  return 0;
}

/** `stack export`. */
export async function exportCommand(common: CommonOptions, options: { file?: string }): Promise<number> {
  const stack = await openStack(common);
  const text = `${JSON.stringify(await stack.export(), undefined, 4)}\n`;
  if (options.file === undefined) process.stdout.write(text);
  else writeFileSync(resolve(options.file), text, { mode: 0o600 });
  return 0;
}

/** `stack import`. */
export async function importCommand(common: CommonOptions, options: { file?: string }): Promise<number> {
  const text = readFileSync(options.file === undefined ? 0 : resolve(options.file), "utf8");
  let deployment: UntypedDeployment;
  try {
    deployment = JSON.parse(text) as UntypedDeployment;
  } catch (error) {
    throw new UserError(`${options.file ?? "standard input"} is not JSON: ${(error as Error).message}`);
  }
  const stack = await openStack(common, true);
  await stack.import(deployment);
  process.stderr.write(`Imported into the stack ${stack.name}.\n`);
  return 0;
}

/** `stack ls`. */
export async function listCommand(common: CommonOptions): Promise<number> {
  const { engine, project } = await openProject(common);
  const stacks = await engine.listStacks(project, process.env);
  const current = selectedStack(project);
  if (common.json) {
    const list = stacks.map(({ name, lastUpdate, resourceCount }) => ({
      name,
      current: name === current,
      ...(lastUpdate ? { lastUpdate: lastUpdate.toISOString() } : {}),
      resourceCount,
    }));
    print(JSON.stringify(list, undefined, 2));
    return 0;
  }
  const rows = stacks.map(({ name, lastUpdate, resourceCount }) => [
    name === current ? `${name}*` : name,
    lastUpdate?.toISOString().replace(/\.\d+Z$/, "Z") ?? "never",
    String(resourceCount),
  ]);
  print(rows.length > 0 ? table([["NAME", "LAST UPDATE", "RESOURCES"], ...rows]) : `No stacks of ${project.name}.`);
  return 0;
}

/** `stack init NAME`. */
export async function initCommand(common: CommonOptions, name: string): Promise<number> {
  const context = await openProject(common);
  if ((await context.engine.listStacks(context.project, process.env)).some((stack) => stack.name === name)) {
    throw new UserError(`the stack ${name} of ${context.project.name} exists already`);
  }
  await openNamedStack(context, common, name, true);
  selectStack(context.project, name);
  process.stderr.write(`Made the stack ${name}.\n`);
  return 0;
}

/** `stack select NAME`. */
export async function selectCommand(common: CommonOptions, name: string): Promise<number> {
  const context = await openProject(common);
  await openNamedStack(context, common, name, false);
  selectStack(context.project, name);
  return 0;
}

/** `stack rm NAME`. */
export async function removeCommand(common: CommonOptions, name: string, force: boolean): Promise<number> {
  const context = await openProject(common);
  const stack = await openNamedStack(context, common, name, false);
  await stack.remove({ force });
  process.stderr.write(`Removed the stack ${name}.\n`);
  return 0;
}

async function openStack(common: CommonOptions, create = false) {
  const context = await openProject(common);
  return await openNamedStack(context, common, await stackName(context, common), create);
}

function knownOutputs(outputs: Record<string, unknown>): string {
  const names = Object.keys(outputs);
  return names.length > 0 ? `; it has ${names.join(", ")}` : "; it has none";
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Columns that line up. */
export function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join("  "),
    )
    .join("\n");
}
