import { setImmediate as nextTurn } from "node:timers/promises";
import type Docker from "dockerode";
import { detectJob } from "../ci/detect";
import { UserError, type Project, type Stack } from "../engine/api";
import { makeMasker, type Masker } from "../engine/deployment/masker";
import { sweepAbandoned } from "./abandoned";
import type { ResultsFolder } from "./artifacts";
import { findCommit, type Commit } from "./commit";
import { guard, lookAt, type Guarded } from "./guards";
import type { RunHost } from "./host";
import { enterEnvironment, lifetime, newRunId, stackName, type RunIdentity } from "./identity";
import { currentOwner } from "./owner";
import { readRecords, removeRecord, writeRecord } from "./records";
import { longestRun, readRunSettings, type RunSettings } from "./settings";
import type { Orders } from "./watchdog/orders";
import { containerWatchdog, together } from "./watchdog/container";
import type { Watchdog } from "./watchdog/start";

export interface TestOptions {
  cwd: string;
  /** A name of its own for each run if absent. */
  stack?: string;
  config?: Record<string, string>;
  configFile?: string;
  /** In place of the tests container's own command. */
  testsCommand?: string[];
  /** Leaves the stack as it is. */
  keep?: boolean;
  /** Leaves the run out where one with the same inputs has passed before. */
  ifChanged?: boolean;
  /** Runs the tests again in a stack that was kept. */
  again?: boolean;
  /** Where the results go. */
  artifacts?: string;
  /** Which of the artifacts are JUnit files; there must be one then. */
  junit?: string;
  /** Seconds that the run may take until the tests have ended; wins over the setting `run:deadline`. */
  timeout?: number;
  /** How often failed tests are tried again; wins over the setting `run:retries`. */
  retries?: number;
  /** The folder of past runs. */
  history?: string;
  parallel?: number;
  /** Runs the program in a process of its own. */
  isolated?: boolean;
}

/** A run that has all it needs to begin. */
export interface PreparedRun {
  options: TestOptions;
  identity: RunIdentity;
  project: Project;
  stack: Stack;
  docker: Docker;
  /** Knows the secrets of the stack as soon as the engine does. */
  masker: Masker;
  results: ResultsFolder;
  settings: RunSettings;
  startedAt: Date;
  /** The stack was made for this run and goes with it. */
  ephemeral: boolean;
  /** Cleans up where this process is killed; absent where the stack is meant to stay. */
  watchdog?: Watchdog;
}

/**
 * Reads the settings, names the run, finds the Docker Engine. Nothing is made yet but the stack's entry in the state,
 * and that doesn't stay where it rejects: with a `UserError` for what the caller got wrong.
 *
 * @param onOpened told of the run's names and settings as soon as they are known
 */
export async function prepare(
  project: Project,
  results: ResultsFolder,
  options: TestOptions,
  host: RunHost,
  startedAt: Date,
  onOpened: (run: OpenedRun) => void,
): Promise<PreparedRun> {
  // It starts beside all that follows.
  let watchdog = options.keep || options.again ? undefined : host.startWatchdog();
  const opening = openRun(project, options, host).then((opened) => {
    onOpened(opened);
    return opened;
  });
  try {
    const connecting = connect(host);
    const facts = connecting.then(lookAt);
    for (const answer of [opening, connecting, facts]) answer.catch(() => undefined);
    // While git and the Docker Engine take their time to answer.
    if (!options.isolated) await nextTurn().then(() => host.engine.preloadSdk?.(project));
    const [opened, docker] = await Promise.all([opening, connecting]);
    const prepared = prepareWith(project, opened, docker, results, options, host, startedAt);
    const { watchdog: container } = prepared.settings;
    if (watchdog && container) {
      const onEngine = containerWatchdog(docker, prepared.identity, { ...container, script: host.watchdogScript });
      watchdog = together([watchdog, onEngine]);
    }
    // Before anything is made, somebody is there to remove it, and there is what it takes.
    const tell = (text: string) => host.report({ kind: "note", level: "warning", text });
    await Promise.all([watchdog?.arm(orders(prepared, host), tell), guard({ ...guarded(prepared, host), facts })]);
    return watchdog ? { ...prepared, watchdog } : prepared;
  } catch (error) {
    await watchdog?.dismiss();
    const opened = await opening.catch(() => undefined);
    if (opened && !options.again) await forget(project, opened);
    throw error;
  }
}

/** A stack for which nothing has been made. */
export async function forget(project: Project, { stack }: Pick<OpenedRun, "stack">): Promise<void> {
  await stack.remove().catch(() => undefined);
  removeRecord(project, stack.name);
}

/** Milliseconds after which it is said that the Docker Engine lets us wait. */
const noticeable = 1000;

async function connect(host: RunHost): Promise<Docker> {
  const text = "waiting for the Docker Engine to answer";
  const timer = setTimeout(() => host.report({ kind: "note", level: "warning", text }), noticeable);
  return await host.connectDocker().finally(() => clearTimeout(timer));
}

function orders({ identity, project, results, options }: PreparedRun, host: RunHost): Orders {
  return {
    project: project.name,
    stack: identity.stack,
    run: identity.run,
    root: project.root,
    remove: [results.staging],
    cli: host.cli,
    ...(options.configFile ? { configFile: options.configFile } : {}),
  };
}

function guarded({ docker, project, stack, settings, results, options }: PreparedRun, host: RunHost): Guarded {
  return {
    ...{ docker, project, stack, env: host.env },
    settings: settings.guard,
    results: results.target,
    localState: !host.engine.pluginsOnly,
    again: Boolean(options.again),
    makeRoom: async () => {
      for (const text of await sweepAbandoned(docker, host.engine, project)) {
        host.report({ kind: "note", level: "info", text });
      }
    },
  };
}

/** A run that has a name and settings. */
export interface OpenedRun {
  run: string;
  stack: Stack;
  settings: RunSettings;
  commit?: Commit;
  /** The run tests a stack again that was kept. */
  kept?: KeptStack;
}

async function openRun(project: Project, options: TestOptions, host: RunHost): Promise<OpenedRun> {
  const commit = await (host.findCommit?.(project.root) ?? findCommit(project.root, host.env));
  const run = newRunId();
  const kept = options.again ? keptStack(project, options.stack) : undefined;
  const name = kept?.name ?? options.stack ?? stackName(commit, run);
  const stack = await host.engine.openStack({
    project,
    name,
    create: !options.again,
    env: host.env,
    config: options.config,
    configFile: options.configFile ?? kept?.configFile,
  });
  try {
    const resources = await stack.resources();
    if (options.again && resources.length === 0) throw new UserError(`the stack ${name} has no resources to test`);
    if (!options.again && resources.length > 0) {
      throw new UserError(
        `the stack ${name} has ${resources.length} resources already: run its tests with seatrial rerun --stack ${name}, ` +
          `or remove them first with seatrial destroy --stack ${name}`,
      );
    }
    const settings = readRunSettings(stack.config);
    if (options.timeout !== undefined) settings.deadlines.run = options.timeout;
    return { run, stack, settings, ...(commit ? { commit } : {}), ...(kept ? { kept } : {}) };
  } catch (error) {
    // It refuses where there are resources.
    if (!options.again) await stack.remove().catch(() => undefined);
    throw error;
  }
}

function prepareWith(
  project: Project,
  { run, stack, settings, commit, kept }: OpenedRun,
  docker: Docker,
  results: ResultsFolder,
  options: TestOptions,
  host: RunHost,
  startedAt: Date,
): PreparedRun {
  const outlives = options.keep || options.again;
  const expiresIn = outlives ? lifetime.kept : Math.max(lifetime.run, longestRun(settings.deadlines) + 600);
  // A kept stack's images and labels are of the commit that it was made for.
  const commitOfRun = kept?.commit ? { sha: kept.commit, dirty: false } : commit;
  const job = detectJob(host.env);
  const identity: RunIdentity = {
    run,
    project: project.name,
    stack: stack.name,
    ...(commitOfRun ? { commit: commitOfRun } : {}),
    ...(job ? { job } : {}),
    ...(outlives ? {} : { owner: currentOwner(host.env) }),
    expires: new Date(startedAt.getTime() + expiresIn * 1000),
  };
  writeRecord(project, {
    stack: stack.name,
    run,
    kept: Boolean(outlives),
    startedAt: startedAt.toISOString(),
    ...(commitOfRun ? { commit: commitOfRun.sha } : {}),
    ...(job?.id ? { job: job.id } : {}),
    ...(options.configFile ? { configFile: options.configFile } : {}),
    ...(identity.owner ? { owner: identity.owner } : {}),
  });
  const { testsCommand } = options;
  enterEnvironment(identity, { ownProviders: !host.engine.pluginsOnly, ...(testsCommand ? { testsCommand } : {}) });
  return {
    options,
    identity,
    project,
    stack,
    docker,
    masker: makeMasker(),
    results,
    settings,
    startedAt,
    ephemeral: !outlives,
  };
}

interface KeptStack {
  name: string;
  /** The full hash. */
  commit?: string;
  configFile?: string;
}

/** The stack that `rerun` means: the named one, else the one kept last. */
function keptStack(project: Project, named: string | undefined): KeptStack {
  const records = readRecords(project).filter((record) => record.kept);
  if (named) return { name: named, ...records.find((record) => record.stack === named) };
  const last = records[0];
  if (!last) {
    throw new UserError("no stack has been kept: run seatrial test --keep first, or name one with --stack");
  }
  return { name: last.stack, ...last };
}
