import type Docker from "dockerode";
import { detectJob } from "../../ci/detect";
import type { OperationKind, OperationOptions, OperationResult, ProviderFactory, Stack } from "../../engine";
import { findCommit } from "../../run/commit";
import { openEventLog, type EventLog } from "../../run/event-log";
import { enterEnvironment, lifetime, runLabels } from "../../run/identity";
import { enterProgramFolder } from "../../run/folder";
import { onInterrupt, interruptCode } from "../../run/signals";
import { sweepAbandoned } from "../../run/abandoned";
import { guard } from "../../run/guards";
import { guardedProvider } from "../../run/guards/guarded-provider";
import { connectDocker, loadProviders } from "../../run/parts";
import { uncheckedPolicies } from "../../run/policies";
import { readRunSettings } from "../../run/settings";
import { asks, confirmed } from "../confirm";
import { openNamedStack, openProject, stackName, type ProjectContext } from "../context";
import { diffDisplay } from "../display/diff-display";
import { jsonOutput } from "../display/json-output";
import { operationDisplay } from "../display/operation-display";
import type { OperationDisplayOptions } from "../display/operation-summary";
import { makeScreen, type Screen } from "../display/screen";
import { definedOnly, type CommonOptions } from "../options";
import {
  condemn,
  destroyByLabel,
  destroyStack,
  setAsideBrokenState,
  stacksToDestroy,
  sweepStrays,
  waitForLock,
} from "./destroy";

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
  // It answers while the engine is loaded.
  if (options.asked.kind === "destroy") connectDocker().catch(() => undefined);
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
  const destroys = asked.kind === "destroy" && !asked.previewOnly;
  const partly = Boolean(asked.targets?.length || asked.excludes?.length || asked.excludeProtected);
  const condemned = condemn(context, name, screen);
  if (destroys) await waitForLock(condemned);
  if (destroys && !partly) {
    const agrees = (question: string) => (asks(common) ? confirmed(question) : Promise.resolve(true));
    await setAsideBrokenState(condemned, agrees);
  }
  const exists = (await engine.listStacks(project, process.env)).some((stack) => stack.name === name);
  if (!exists && (asked.kind === "destroy" || asked.kind === "refresh")) {
    // Not an error: a clean-up step runs whatever happened before it.
    screen.line(`There is no stack ${name} of ${project.name}: nothing to ${asked.kind}.`);
    return destroys ? await destroyByLabel(condemned) : 0;
  }
  const [stack, commit, providers] = await Promise.all([
    openNamedStack(context, common, name, true).catch(async (error: unknown) => {
      // Such as without the passphrase: what carries labels goes all the same.
      if (destroys && !partly && !asks(common)) await sweepStrays(condemned);
      throw error;
    }),
    findCommit(project.root),
    loadProviders(),
  ]);
  const job = detectJob();
  const identity = {
    project: project.name,
    stack: name,
    ...(commit ? { commit } : {}),
    ...(job ? { job } : {}),
    expires: new Date(Date.now() + lifetime.developer * 1000),
  };
  enterEnvironment(identity, { ownProviders: !engine.pluginsOnly });
  const made = providers(runLabels(identity), destroys ? await connectDocker().catch(() => undefined) : undefined);
  const brings = asked.kind === "preview" || asked.kind === "update";
  const guarded = brings ? { ...made, docker: guardedDocker(made.docker!, context, stack, screen) } : made;
  const run = async (previewOnly: boolean) =>
    await operate(stack, common, options, { ...asked, previewOnly }, guarded, context, screen, log);

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
  return await destroyStack(condemned, stack, { partly, remove: Boolean(options.remove) }, () => run(false));
}

/** The provider with the policies and guards that the stack's settings ask for before it. */
function guardedDocker(
  docker: ProviderFactory,
  { engine, project }: ProjectContext,
  stack: Stack,
  screen: Screen,
): ProviderFactory {
  const { policies, guard: settings } = readRunSettings(stack.config);
  const unchecked = engine.pluginsOnly ? uncheckedPolicies(stack.config) : undefined;
  if (unchecked) screen.line(`${screen.style.yellow("warning")} ${unchecked}`);
  const beforeFirst = async (engineOfStack: Docker) => {
    const hasNetwork = (await stack.resources()).some(({ type }) => type === "docker:index/network:Network");
    await guard({
      ...{ docker: engineOfStack, project, stack, settings, env: process.env },
      localState: !engine.pluginsOnly,
      again: hasNetwork,
      makeRoom: async () => {
        for (const line of await sweepAbandoned(engineOfStack, engine, project)) screen.line(line);
      },
    });
  };
  return guardedProvider(docker, { levels: policies, connect: connectDocker, beforeFirst, env: process.env });
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
