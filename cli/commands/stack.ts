import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { UntypedDeployment } from "../../engine";
import { UserError } from "../../engine/api";
import { openManaged, openNamedStack, openProject, selectedStack, selectStack, stackName } from "../context";
import type { CommonOptions } from "../options";

/** `stack output [NAME]`. */
export async function outputCommand(
  common: CommonOptions,
  options: { name?: string; showSecrets: boolean; shell: boolean },
): Promise<number> {
  if (options.shell && common.json) throw new UserError("--shell and --json can't be used together");
  const stack = await openStack(common);
  const outputs = await stack.outputs({ showSecrets: options.showSecrets });
  if (options.name !== undefined) {
    if (!(options.name in outputs)) {
      throw new UserError(`the stack ${stack.name} has no output "${options.name}"${knownOutputs(outputs)}`);
    }
    const value = outputs[options.name];
    if (options.shell) print(assignment(options.name, value));
    else print(typeof value === "string" && !common.json ? value : JSON.stringify(value, undefined, 2));
  } else if (common.json) {
    print(JSON.stringify(outputs, undefined, 2));
  } else if (options.shell) {
    for (const [name, value] of Object.entries(outputs)) print(assignment(name, value));
  } else {
    print(outputTable(outputs));
  }
  return 0;
}

function outputTable(outputs: Record<string, unknown>): string {
  const rows = Object.entries(outputs).map(([name, value]) => [name, text(value)]);
  return rows.length > 0 ? table([["OUTPUT", "VALUE"], ...rows]) : "No outputs.";
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** A line that a POSIX shell takes as it is. */
function assignment(name: string, value: unknown): string {
  return `${name.replace(/[^A-Za-z0-9_]/g, "_")}='${text(value).replaceAll("'", `'\\''`)}'`;
}

/** `stack`. */
export async function showCommand(
  common: CommonOptions,
  options: { showUrns?: boolean; showIds?: boolean; showName?: boolean; showSecrets?: boolean },
): Promise<number> {
  const stack = await openStack(common);
  if (options.showName) {
    print(stack.name);
    return 0;
  }
  const [resources, outputs] = [
    await stack.resources(),
    await stack.outputs({ showSecrets: Boolean(options.showSecrets) }),
  ];
  if (common.json) {
    const list = resources.map(({ urn, type, id, parent }) => ({ urn, type, ...(id ? { id } : {}), parent }));
    print(JSON.stringify({ name: stack.name, resources: list, outputs }, undefined, 2));
    return 0;
  }
  print(`Stack ${stack.name} of ${stack.project.name}: ${resources.length} resources`);
  const rowsBelow = (above: string, depth: number): string[][] =>
    resources
      .filter(({ parent = "" }) => parent === above)
      .flatMap(({ urn, type, id = "" }) => {
        const name = options.showUrns ? urn : urn.split("::").slice(3).join("::");
        const row = ["  ".repeat(depth) + type, name, ...(options.showIds ? [id] : [])];
        return [row, ...rowsBelow(urn, depth + 1)];
      });
  const rows = rowsBelow("", 0);
  const titles = ["TYPE", options.showUrns ? "URN" : "NAME", ...(options.showIds ? ["ID"] : [])];
  if (rows.length > 0) print(`\n${table([titles, ...rows])}`);
  print(`\n${outputTable(outputs)}`);
  return 0;
}

/** `stack export`. */
export async function exportCommand(
  common: CommonOptions,
  { file, showSecrets }: { file?: string; showSecrets: boolean },
): Promise<number> {
  const stack = await openStack(common);
  const json = `${JSON.stringify(await stack.export({ showSecrets }), undefined, 4)}\n`;
  if (file === undefined) process.stdout.write(json);
  else writeFileSync(resolve(file), json, { mode: 0o600 });
  return 0;
}

/** `stack import`. */
export async function importCommand(
  common: CommonOptions,
  options: { file?: string; force: boolean },
): Promise<number> {
  const text = readText(options.file);
  let deployment: UntypedDeployment;
  try {
    deployment = JSON.parse(text) as UntypedDeployment;
  } catch (error) {
    throw new UserError(`${options.file ?? "standard input"} is not JSON: ${(error as Error).message}`);
  }
  const context = await openProject(common);
  const name = await stackName(context, common);
  const existed = (await context.engine.listStacks(context.project, process.env)).some((one) => one.name === name);
  const stack = await openNamedStack(context, common, name, true);
  try {
    await stack.import(deployment, { force: options.force });
  } catch (error) {
    if (!existed) await stack.remove();
    throw error;
  }
  process.stderr.write(`Imported into the stack ${stack.name}.\n`);
  return 0;
}

function readText(file: string | undefined): string {
  try {
    return readFileSync(file === undefined ? 0 : resolve(file), "utf8");
  } catch (error) {
    throw new UserError(`${file ?? "standard input"} can't be read: ${(error as Error).message}`);
  }
}

/** `stack history`. */
export async function historyCommand(
  common: CommonOptions,
  { fullDates, page, pageSize }: { fullDates: boolean; page: number; pageSize: number },
): Promise<number> {
  const { stack, management } = await openManaged(common);
  const all = await management.history();
  const entries = all.slice((page - 1) * pageSize, page * pageSize);
  if (common.json) {
    print(JSON.stringify(entries, undefined, 2));
    return 0;
  }
  const rows = entries.map(({ kind, result, startTime, endTime, resourceChanges, message }) => [
    fullDates ? startTime.toISOString() : `${duration(Date.now() - startTime.getTime())} ago`,
    kind,
    result,
    duration(endTime.getTime() - startTime.getTime()),
    Object.entries(resourceChanges)
      .map(([op, count]) => `${count} ${op}`)
      .join(", "),
    message,
  ]);
  print(
    rows.length > 0
      ? table([["STARTED", "OPERATION", "RESULT", "TOOK", "CHANGES", "MESSAGE"], ...rows])
      : `Nothing was done to the stack ${stack.name}${all.length > 0 ? " that is on this page" : ""}.`,
  );
  return 0;
}

/** The largest whole unit. */
function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
  ] as const;
  const unit = units.find(([, length]) => seconds >= length);
  return unit ? `${Math.floor(seconds / unit[1])}${unit[0]}` : `${seconds}s`;
}

/** `stack rename NAME`. */
export async function renameCommand(common: CommonOptions, name: string): Promise<number> {
  const { context, stack, management } = await openManaged(common);
  await management.rename(name);
  if (selectedStack(context.project) === stack.name) selectStack(context.project, name);
  process.stderr.write(`Renamed the stack ${stack.name} to ${name}.\n`);
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
    String(resourceCount ?? "?"),
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
export async function selectCommand(common: CommonOptions, name: string, create: boolean): Promise<number> {
  const context = await openProject(common);
  await openNamedStack(context, common, name, create);
  selectStack(context.project, name);
  return 0;
}

/** `stack rm [NAME]`. */
export async function removeCommand(common: CommonOptions, name: string | undefined, force: boolean): Promise<number> {
  const context = await openProject(common);
  const stack = await openNamedStack(context, common, name ?? (await stackName(context, common)), false);
  await stack.remove({ force });
  process.stderr.write(`Removed the stack ${stack.name}.\n`);
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
