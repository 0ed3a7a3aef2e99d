import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Project } from "../engine";
import { discardResults, openResults, publishResults, resultsTarget, type ResultsFolder } from "./artifacts";
import type { Brakes } from "./bring-up";
import type { RunHost } from "./host";
import type { PhaseClock } from "./phases";
import { forget, prepare, type OpenedRun, type PreparedRun, type TestOptions } from "./prepare";
import { writeResult, type Result } from "./result";
import type { Judgement } from "./verdict";

/** How far a run has got before it has all it needs to begin. */
export interface SetUp {
  startedAt: Date;
  project?: Project;
  /** Absent where there is no folder for results. */
  results?: ResultsFolder;
  opened?: OpenedRun;
  prepared?: PreparedRun;
}

/** Seconds that the set-up may take to end once the run is to stop. */
const longestStop = 5;

/**
 * Sets a run up, and writes down in `found` how far it has got.
 *
 * @returns `undefined` where the run was stopped before that came to an end
 */
export async function setUp(
  found: SetUp,
  options: TestOptions,
  host: RunHost,
  brakes: Brakes,
  onOpened: (run: OpenedRun) => void,
): Promise<PreparedRun | undefined> {
  try {
    found.project = host.engine.loadProject(options.cwd);
  } catch (error) {
    found.results = await resultsWithoutProject(options, host);
    throw error;
  }
  const { root: projectRoot } = found.project;
  found.results = await openResults(resultsTarget({ artifacts: options.artifacts, env: host.env, projectRoot }));
  const preparing = prepare(found.project, found.results, options, host, found.startedAt, (opened) => {
    found.opened = opened;
    onOpened(opened);
  }).then((prepared) => (found.prepared = prepared));
  preparing.catch(() => undefined);
  const stopped = new Promise<undefined>((resolve) => brakes.onStop(() => resolve(undefined)));
  const prepared = await Promise.race([preparing, stopped]);
  if (prepared) return prepared;
  // What it has made so far it removes by itself.
  const end = await Promise.race([preparing.catch(() => undefined), sleep(longestStop * 1000, "late" as const)]);
  if (end !== "late") return end;
  // Such as while it waits for an Engine that doesn't answer.
  if (found.opened && !options.again) await forget(found.project, found.opened);
  return undefined;
}

/** Where Pulumi.yaml can't be read: the folder that was asked for, else the usual one beside the file. */
async function resultsWithoutProject(options: TestOptions, host: RunHost): Promise<ResultsFolder | undefined> {
  const { artifacts, cwd: projectRoot } = options;
  const isProject = ["Pulumi.yaml", "Pulumi.yml"].some((name) => existsSync(join(projectRoot, name)));
  if (!artifacts && !host.env.ARTIFACTS_DIR && !isProject) return undefined;
  return await openResults(resultsTarget({ artifacts, env: host.env, projectRoot })).catch(() => undefined);
}

/** Leaves the result of a run that has ended before it began. */
export async function endInSetUp(found: SetUp, judgement: Judgement, clock: PhaseClock): Promise<Result> {
  const { results, project, opened } = found;
  const result: Result = {
    version: 1,
    ...judgement,
    tests: { total: 0, passed: 0, failed: 0, skipped: 0, failures: [] },
    project: project?.name ?? "",
    stack: opened?.stack.name ?? "",
    ...(opened?.commit ? { commit: opened.commit.sha, dirty: opened.commit.dirty } : {}),
    run: opened?.run ?? "",
    startedAt: found.startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    phases: clock.finish(),
    containers: [],
    artifacts: { directory: results?.target ?? "", files: [], skipped: [] },
    notes: [],
    kept: false,
    cleanup: { clean: true, left: [] },
  };
  if (!results) return result;
  try {
    await writeResult(results.staging, result);
    await publishResults(results);
  } catch (error) {
    await discardResults(results).catch(() => undefined);
    return { ...result, notes: [`result.json can't be written: ${(error as Error).message}`] };
  }
  return result;
}
