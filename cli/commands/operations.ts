import { rmSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline/promises";
import type { OperationKind, OperationOptions, OperationResult, ProviderFactory, Stack } from "../../engine";
import { UserError } from "../../engine/api";
import { detectJob } from "../../ci/detect";
import { findCommit } from "../../run/commit";
import { labelFilter } from "../../run/containers";
import { openEventLog, type EventLog } from "../../run/event-log";
import { enterEnvironment, label, lifetime, runLabels } from "../../run/identity";
import { ownerState, parseOwner } from "../../run/owner";
import { readRecords, removeRecord } from "../../run/records";
import { enterProgramFolder } from "../../run/folder";
import { onInterrupt, interruptCode } from "../../run/signals";
import { listThings, removeThings } from "../../run/sweep";
import { connectDocker, loadProviders } from "../../run/parts";
import { openNamedStack, openProject, stackName, type ProjectContext } from "../context";
import { diffDisplay } from "../display/diff-display";
import { jsonOutput } from "../display/json-output";
import { operationDisplay } from "../display/operation-display";
import type { OperationDisplayOptions } from "../display/operation-summary";
import { makeScreen, type Screen } from "../display/screen";
import { definedOnly, type CommonOptions } from "../options";

export interface OperationCommandOptions {
  /** What the engine is asked to do. */
  asked: Omit<OperationOptions, "providers" | "onEvent" | "onStep" | "signal" | "parallel" | "isolated">;
  /** What is shown of it. */
  shown: Partial<OperationDisplayOptions>;
  /** Every property that differs is shown, instead of one row for each resource. */
  diff?: boolean;
  skipPreview?: boolean;
  /** Of a destroy: the stack and its settings file go too. */
  remove?: boolean;
}

/** `seatrial up`, `preview`, `refresh`, `destroy` and `import`. @returns the exit code */
export async function operationCommand(common: CommonOptions, options: OperationCommandOptions): Promise<number> {
  const context = await openProject(common);
  enterProgramFolder(context.project);
  const names =
    options.asked.kind === "destroy" ? await stacksToDestroy(context, common) : [await stackName(context, common)];
  const stream = common.json ? process.stderr : process.stdout;
  const screen = makeScreen({ stream, env: process.env, ...definedOnly({ color: common.color }) });
  const log = common.eventLog ? openEventLog(common.eventLog) : undefined;
  try {
    let code = 0;
    for (const name of names) code = Math.max(code, await operateOn(name, context, common, options, screen, log));
    return code;
  } finally {
    log?.close();
    screen.close();
  }
}

async function operateOn(
  name: string,
  context: ProjectContext,
  common: CommonOptions,
  options: OperationCommandOptions,
  screen: Screen,
  log: EventLog | undefined,
): Promise<number> {
  const { engine, project } = context;
  const { asked } = options;
  const exists = (await engine.listStacks(project, process.env)).some((stack) => stack.name === name);
  if (!exists && (asked.kind === "destroy" || asked.kind === "refresh")) {
    // Not an error: a clean-up step runs whatever happened before it.
    screen.line(`There is no stack ${name} of ${project.name}: nothing to ${asked.kind}.`);
    return asked.kind === "destroy" ? await sweepStrays({ project: project.name, stack: name }, new Set(), screen) : 0;
  }
  const [stack, commit, providers] = await Promise.all([
    openNamedStack(context, common, name, true),
    findCommit(project.root),
    loadProviders(),
  ]);
  const identity = {
    project: project.name,
    stack: name,
    ...(commit ? { commit } : {}),
    expires: new Date(Date.now() + lifetime.developer * 1000),
  };
  enterEnvironment(identity);
  const run = async (previewOnly: boolean) =>
    await operate(
      stack,
      common,
      options,
      { ...asked, previewOnly },
      providers(runLabels(identity)),
      context,
      screen,
      log,
    );

  if (asked.kind === "preview" || asked.previewOnly) return (await run(true)).code;
  if (asks(common)) {
    if (!options.skipPreview) {
      const preview = await run(true);
      if (preview.result.result === "failed") return preview.code;
    }
    if (!(await confirmed(`${questions[asked.kind]} (${name})?`))) {
      screen.line("Nothing was done.");
      return 1;
    }
  }
  if (asked.kind !== "destroy") return (await run(false)).code;
  const selector = { project: project.name, stack: name };
  // First what the state doesn't know, such as a container that was being made when its run was killed: it would hold
  // on to the network and the volumes.
  const known = new Set((await stack.resources()).map(({ id }) => id ?? ""));
  await sweepStrays(selector, known, screen);
  const { result, code } = await run(false);
  // Of a part of the stack, what else carries its labels is meant to stay.
  if (asked.targets?.length || asked.excludes?.length) return code;
  const left = await sweepStrays(selector, result.result === "succeeded" ? new Set() : known, screen);
  // A stack that a test run made goes with it.
  const isRun = readRecords(project).some((record) => record.stack === name);
  if (result.result === "succeeded" && left === 0 && (isRun || options.remove)) {
    await stack.remove();
    if (isRun) removeRecord(project, name);
    if (options.remove) removeSettings(stack, screen);
  }
  return Math.max(code, left);
}

/** The settings file goes with its stack, unless other stacks are served by it. */
function removeSettings({ settingsFile, name }: Stack, screen: Screen): void {
  if (settingsFile !== undefined && basename(settingsFile).replace(/\.ya?ml$/, "") === `Pulumi.${name}`) {
    rmSync(settingsFile, { force: true });
    screen.line(`Removed ${settingsFile}`);
  }
  screen.line(`Removed the stack ${name}`);
}

async function operate(
  stack: Stack,
  common: CommonOptions,
  options: OperationCommandOptions,
  asked: OperationCommandOptions["asked"],
  providers: Record<string, ProviderFactory>,
  { engine }: ProjectContext,
  screen: Screen,
  log: EventLog | undefined,
): Promise<{ result: OperationResult; code: number }> {
  const controller = new AbortController();
  let interrupted: NodeJS.Signals | undefined;
  const release = onInterrupt((signal, count) => {
    interrupted ??= signal;
    controller.abort();
    if (count === 1) screen.line(`${signal}: stopping; what has been made is recorded`);
    else if (count > 2) process.exit(interruptCode(signal));
  });
  const shown: OperationDisplayOptions = {
    kind: asked.kind,
    stack: stack.name,
    preview: asked.kind === "preview" || Boolean(asked.previewOnly),
    verbose: common.verbose,
    showSames: false,
    showReplacementSteps: false,
    showFullOutput: false,
    showSecrets: false,
    suppressOutputs: false,
    ...options.shown,
  };
  const display = options.diff ? diffDisplay(screen, shown) : operationDisplay(screen, shown);
  const json = common.json ? jsonOutput(writeWhileRead, shown) : undefined;
  try {
    const result = await engine.runOperation(stack, {
      ...asked,
      providers,
      signal: controller.signal,
      onEvent(event) {
        log?.write(event);
        json?.event(event);
        display.event(event);
      },
      ...(json ? { onStep: json.step } : {}),
      isolated: common.isolated,
      ...definedOnly({ parallel: common.parallel }),
    });
    display.end(result);
    json?.end(result);
    const code = interrupted ? interruptCode(interrupted) : result.result === "succeeded" ? 0 : 1;
    return { result, code };
  } finally {
    display.close();
    release();
  }
}

/** Writes to standard output until its reader has gone. */
function writeWhileRead(text: string): void {
  if (!process.stdout.errored && !process.stdout.destroyed) process.stdout.write(text);
}

const questions: Record<Exclude<OperationKind, "preview">, string> = {
  update: "Perform this update",
  refresh: "Refresh the state of this stack",
  destroy: "Destroy everything in this stack",
  import: "Take these resources into this stack",
};

/** A question makes sense only where someone can answer it; where none can, the command line is the answer. */
function asks({ yes, nonInteractive }: CommonOptions): boolean {
  return !yes && !nonInteractive && Boolean(process.stdin.isTTY) && Boolean(process.stderr.isTTY);
}

async function confirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [yes/no] `)).trim());
  } finally {
    lines.close();
  }
}

/** Without a name, in a CI job: whatever its runs have left. */
async function stacksToDestroy(context: ProjectContext, common: CommonOptions): Promise<string[]> {
  const job = detectJob()?.id;
  if (common.stack || job === undefined) return [await stackName(context, common)];
  const ofJob = readRecords(context.project).filter((record) => record.job === job);
  if (ofJob.length > 0) return ofJob.map(({ stack }) => stack);
  try {
    return [await stackName(context, common)];
  } catch (error) {
    // All is well: the job's runs have cleaned up after themselves.
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** Removes what carries the stack's labels and isn't `known`, unless a process that is alive owns it. */
async function sweepStrays(
  selector: { project: string; stack: string },
  known: Set<string>,
  screen: Screen,
): Promise<number> {
  const docker = await connectDocker();
  const things = (await listThings(docker, labelFilter(selector))).filter(({ id, labels }) => {
    const owner = parseOwner(labels[label.owner]);
    return !known.has(id) && (!owner || ownerState(owner) !== "alive");
  });
  const left = await removeThings(docker, things);
  const stuck = new Set(left.map(({ id }) => id));
  for (const { kind, name, id } of things) if (!stuck.has(id)) screen.line(`Removed by label: ${kind} ${name}`);
  for (const { kind, name, reason } of left) screen.line(screen.style.red(`Left: ${kind} ${name}: ${reason}`));
  return left.length > 0 ? 1 : 0;
}
