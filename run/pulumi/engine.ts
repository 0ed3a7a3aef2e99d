/**
 * The Pulumi CLI as the engine of a run, through the Automation API: stacks and operations as the embedded engine has
 * them, done by the CLI with plugins and a backend of its own.
 */
import type { PulumiCommand, Workspace } from "@pulumi/pulumi/automation";
import type {
  OpenStackOptions,
  OperationOptions,
  OperationResult,
  Project,
  PropertyMap,
  Stack,
  StackSummary,
  StepDigest,
} from "../../engine";
import { UserError } from "../../engine/api";
import { makeMasker } from "../../engine/deployment/masker";
import { loadProject } from "../../engine/project/project";
import type { Engine } from "../host";
import { connectDocker } from "../parts";
import { CliError, inOwnGroup } from "./command";
import { eventReader } from "./events";
import { followOutput, type FollowedOutput } from "./output";
import { importWithCli } from "./import";
import { manageCliStack } from "./manage";
import { providePlugins } from "./plugins";
import { inlineProgram, requireSdk } from "./program";
import { openCliStack, type CliStack } from "./stack";
import { makeWorkspace, type CliWorkspace } from "./workspace";

export interface PulumiEngineOptions {
  /** Finds the CLI, or gets it; asked once, when something has to be done. */
  findCli(): Promise<PulumiCommand>;
  /** Told in one line what isn't as everywhere else. */
  say(line: string): void;
}

/** What a stack holds beyond its public face. */
interface Opened {
  cli: CliStack;
  workspace: CliWorkspace;
  /** The CLI's environment beside ours, for its plugins. */
  plugins(): Promise<Record<string, string>>;
}

/** Its operations take no `providers`: they run in processes that the CLI starts, and events alone tell of them. */
export function pulumiEngine({ findCli, say }: PulumiEngineOptions): Engine {
  const opened = new WeakMap<Stack, Opened>();
  let command: ReturnType<typeof find> | undefined;
  const find = async () => inOwnGroup(await findCli());
  const theCommand = () => (command ??= find());

  async function openStack(options: OpenStackOptions): Promise<Stack> {
    const run = await theCommand();
    const workspace = makeWorkspace(options);
    const cli = await openCliStack({ ...options, command: run, workspace, automation: automation(options.project) });
    let plugins: Promise<Record<string, string>> | undefined;
    opened.set(cli.stack, {
      cli,
      workspace,
      plugins: () => (plugins ??= providePlugins({ project: options.project, workspace, run: cli.run, say })),
    });
    return cli.stack;
  }

  return {
    loadProject,
    openStack,
    pluginsOnly: true,

    async listStacks(project: Project, env: NodeJS.ProcessEnv): Promise<StackSummary[]> {
      const workspace = makeWorkspace({ project, name: "none", env });
      const { stdout } = await (await theCommand()).run(["stack", "ls", "--json"], workspace.folder, workspace.env);
      const stacks = JSON.parse(stdout) as { name: string; lastUpdate?: string; resourceCount?: number }[];
      return stacks.map(({ name, lastUpdate, resourceCount }) => ({
        project: project.name,
        name: name.split("/").at(-1)!,
        ...(lastUpdate ? { lastUpdate: new Date(lastUpdate) } : {}),
        resourceCount: resourceCount ?? 0,
      }));
    },

    manageStack(stack) {
      const { cli, workspace } = opened.get(stack)!;
      return manageCliStack(cli, workspace);
    },

    async runOperation(stack: Stack, options: OperationOptions): Promise<OperationResult> {
      const { cli, plugins } = opened.get(stack)!;
      Object.assign(cli.automation.workspace.envVars, await plugins());
      return await operate(cli, options);
    },
  };
}

/** The program's own, since it serves the program; ours where the project has no program to speak of. */
function automation(project: Project): typeof import("@pulumi/pulumi/automation") {
  return (
    requireSdk<typeof import("@pulumi/pulumi/automation")>(project, "@pulumi/pulumi/automation") ??
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only where the program has none
    (require("@pulumi/pulumi/automation") as typeof import("@pulumi/pulumi/automation"))
  );
}

/** Without a Docker Engine there is no container either. */
const notFollowed: FollowedOutput = { ended: () => Promise.resolve(), kill: () => undefined };

async function operate(cli: CliStack, options: OperationOptions): Promise<OperationResult> {
  const { automation: stack, stack: own } = cli;
  refuseUnsupported(options);
  const isPreview = options.kind === "preview" || options.previewOnly;
  const started = performance.now();
  const masker = options.masker ?? makeMasker();
  masker.learnStack(own.config.values());
  const docker = options.kind === "update" && !isPreview ? await connectDocker().catch(() => undefined) : undefined;
  const reader = eventReader({
    onEvent: (event) => options.onEvent?.(event),
    masker,
    follow: (name, onText) => (docker ? followOutput(docker, name, onText) : notFollowed),
    debug: options.debug ?? false,
  });
  const common = {
    color: "never" as const,
    suppressProgress: true,
    suppressOutputs: true,
    onEvent: reader.take,
    signal: options.signal,
    parallel: options.parallel,
    message: options.message,
    debug: options.debug,
    target: options.targets,
    targetDependents: options.targetDependents,
    exclude: options.excludes,
    excludeDependents: options.excludeDependents,
    runProgram: options.runProgram,
  };
  const { refresh, expectNoChanges, replaces: replace, continueOnError, previewOnly, excludeProtected } = options;
  const stop = () => reader.killAttached();
  options.signal?.addEventListener("abort", stop, { once: true });
  let failure: Error | undefined;
  const usesProgram = options.kind === "preview" || options.kind === "update" || options.runProgram;
  const program = usesProgram ? inlineProgram(own.project, masker, options.workingDirectory) : undefined;
  // A refresh and a destroy take it from there.
  stack.workspace.program = program?.run;
  try {
    if (options.signal?.aborted) throw new CliError(null, "", "error: cancelled before it began");
    if (options.kind === "import") await importWithCli(cli, options, reader.take);
    else if (options.kind === "refresh") await stack.refresh({ ...common, previewOnly, expectNoChanges });
    else if (options.kind === "destroy")
      await stack.destroy({ ...common, previewOnly, refresh, continueOnError, excludeProtected });
    else if (isPreview) {
      const preview = async () =>
        await stack.preview({ ...common, refresh, expectNoChanges, replace, program: program!.run });
      if (options.onStep) await tellingSteps(stack.workspace, preview, options.onStep);
      else await preview();
    } else await stack.up({ ...common, refresh, expectNoChanges, replace, continueOnError, program: program!.run });
  } catch (error) {
    failure = error as Error;
  } finally {
    program?.dispose();
    stack.workspace.program = undefined;
    options.signal?.removeEventListener("abort", stop);
  }

  const { summary, errors, stackOutputs } = await reader.end();
  const cancelled = options.signal?.aborted ?? false;
  if (failure && !summary && !cancelled && errors.length === 0) {
    throw failure instanceof CliError ? new UserError(`pulumi: ${failure.message}`) : failure;
  }
  if (failure && errors.length === 0 && !cancelled) errors.push({ message: failure.message });
  const outputs =
    options.kind === "update" && !isPreview && !failure
      ? ((await own.outputs({ showSecrets: true })) as PropertyMap)
      : stackOutputs;
  return {
    result: failure || errors.length > 0 ? "failed" : "succeeded",
    cancelled,
    changes: summary?.resourceChanges ?? {},
    durationSeconds: (performance.now() - started) / 1000,
    errors,
    outputs,
  };
}

/** Events don't tell all that `preview --json` does: the CLI is asked for that as well. */
async function tellingSteps(
  { pulumiCommand }: Workspace,
  preview: () => Promise<unknown>,
  onStep: (step: StepDigest) => void,
): Promise<void> {
  const runner = pulumiCommand as ReturnType<typeof inOwnGroup>;
  const { run } = runner;
  let printed = "";
  runner.run = async (args, ...more) => {
    if (args[0] !== "preview") return await run(args, ...more);
    const done = await run([...args, "--json"], ...more).catch((error: unknown) => {
      if (error instanceof CliError) printed = error.stdout;
      throw error;
    });
    printed = done.stdout;
    // The Automation API looks for the summary among the events.
    return done;
  };
  try {
    await preview();
  } finally {
    runner.run = run;
    for (const step of stepsIn(printed)) onStep(step);
  }
}

function stepsIn(printed: string): StepDigest[] {
  try {
    return (JSON.parse(printed) as { steps?: StepDigest[] }).steps ?? [];
  } catch {
    return []; // It failed before there was anything to tell.
  }
}

function refuseUnsupported(options: OperationOptions): void {
  if (!options.isolated) return;
  throw new UserError("--isolated is not done with --engine pulumi: the program runs in this process");
}
