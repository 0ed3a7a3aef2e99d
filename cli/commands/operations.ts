import { createInterface } from "node:readline/promises";
import type { OperationKind, OperationResult, ProviderFactory, Stack } from "../../engine";
import { UserError } from "../../engine/api";
import { detectJob } from "../../ci/detect";
import { findCommit } from "../../run/commit";
import { labelFilter } from "../../run/containers";
import { openEventLog, type EventLog } from "../../run/event-log";
import { enterEnvironment, label, lifetime, runLabels } from "../../run/identity";
import { ownerState, parseOwner } from "../../run/owner";
import { readRecords, removeRecord } from "../../run/records";
import { onInterrupt, interruptCode } from "../../run/signals";
import { listThings, removeThings } from "../../run/sweep";
import { connectDocker, loadProviders } from "../../run/parts";
import { openNamedStack, openProject, stackName, type ProjectContext } from "../context";
import { operationDisplay } from "../display/operation-display";
import { makeScreen, type Screen } from "../display/screen";
import { definedOnly, type CommonOptions } from "../options";

export interface OperationCommandOptions {
  kind: OperationKind;
  /** Refreshes first. */
  refresh?: boolean;
  expectNoChanges?: boolean;
  targets?: string[];
  replaces?: string[];
  message?: string;
}

/** `seatrial up`, `preview`, `refresh` and `destroy`. @returns the exit code */
export async function operationCommand(common: CommonOptions, options: OperationCommandOptions): Promise<number> {
  const context = await openProject(common);
  const names =
    options.kind === "destroy" ? await stacksToDestroy(context, common) : [await stackName(context, common)];
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
  const exists = (await engine.listStacks(project, process.env)).some((stack) => stack.name === name);
  if (!exists && (options.kind === "destroy" || options.kind === "refresh")) {
    // Not an error: a clean-up step runs whatever happened before it.
    screen.line(`There is no stack ${name} of ${project.name}: nothing to ${options.kind}.`);
    return options.kind === "destroy"
      ? await sweepStrays({ project: project.name, stack: name }, new Set(), screen)
      : 0;
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
  const run = async (kind: OperationKind) =>
    await operate(stack, kind, common, options, providers(runLabels(identity)), context, screen, log);

  if (asks(common) && options.kind !== "preview") {
    if (options.kind === "update" && !common.skipPreview) {
      const preview = await run("preview");
      if (preview.result.result === "failed") return preview.code;
    }
    if (!(await confirmed(`${questions[options.kind]} (${name})?`))) {
      screen.line("Nothing was done.");
      return 1;
    }
  }
  if (options.kind !== "destroy") return (await run(options.kind)).code;
  const selector = { project: project.name, stack: name };
  // First what the state doesn't know, such as a container that was being made when its run was killed: it would hold
  // on to the network and the volumes.
  const known = new Set((await stack.resources()).map(({ id }) => id ?? ""));
  await sweepStrays(selector, known, screen);
  const { result, code } = await run("destroy");
  // Of a part of the stack, what else carries its labels is meant to stay.
  if (options.targets?.length) return code;
  const left = await sweepStrays(selector, result.result === "succeeded" ? new Set() : known, screen);
  // A stack that a test run made goes with it.
  if (result.result === "succeeded" && left === 0 && readRecords(project).some((record) => record.stack === name)) {
    await stack.remove();
    removeRecord(project, name);
  }
  return Math.max(code, left);
}

async function operate(
  stack: Stack,
  kind: OperationKind,
  common: CommonOptions,
  options: OperationCommandOptions,
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
  const display = operationDisplay(screen, { kind, stack: stack.name, verbose: common.verbose });
  try {
    const result = await engine.runOperation(stack, {
      kind,
      providers,
      signal: controller.signal,
      onEvent(event) {
        log?.write(event);
        display.event(event);
      },
      ...definedOnly({
        parallel: common.parallel,
        isolated: common.isolated,
        refresh: options.refresh,
        expectNoChanges: options.expectNoChanges,
        targets: options.targets,
        replaces: options.replaces,
        message: options.message,
      }),
    });
    const outputs = kind === "preview" || kind === "destroy" ? {} : await stack.outputs();
    display.end(result, outputs);
    if (common.json) {
      const { errors, changes, durationSeconds } = result;
      const summary = { stack: stack.name, kind, result: result.result, changes, durationSeconds, errors, outputs };
      process.stdout.write(`${JSON.stringify(summary, undefined, 2)}\n`);
    }
    const code = interrupted ? interruptCode(interrupted) : result.result === "succeeded" ? 0 : 1;
    return { result, code };
  } finally {
    display.close();
    release();
  }
}

const questions: Record<Exclude<OperationKind, "preview">, string> = {
  update: "Perform this update",
  refresh: "Refresh the state of this stack",
  destroy: "Destroy everything in this stack",
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
