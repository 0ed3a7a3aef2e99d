import { basename, join } from "node:path";
import { z } from "zod";
import { programFolder } from "../engine/program/entry-point";
import { copyArtifacts } from "./artifacts";
import type { StackResource } from "../engine";
import type { FinishedUpdate } from "./bring-up";
import { digestOfInputs } from "./history/inputs";
import { readExpectations, type Expectations, type InputSource } from "./expectations";
import { inspectEnd, isStatus, listContainers, type ContainerEnd, type StackContainer } from "./containers";
import { endServices } from "./end-services";
import type { Extraction } from "./extract";
import { readJunitFiles, type JunitFindings } from "./junit-files";
import { label } from "./identity";
import { lastLines, saveLogs } from "./logs";
import type { PreparedRun } from "./prepare";
import { engineMessage } from "./sweep";
import { writeStackFile } from "./stack-file";
import { timeLimit, TookTooLongError, within } from "./time-limit";
import { disagreement, type PassedDeadline, type TestsEvidence } from "./verdict";

/** A container of the stack as it was when the tests were over. */
export interface CollectedContainer extends StackContainer {
  end?: ContainerEnd & { imageId: string };
  /** The name of its log's file in the folder `logs`. */
  log?: string;
}

/** All that is known and saved before the stack is taken down. */
export interface Collected {
  containers: CollectedContainer[];
  /** Reads the end of each service's log, for where it is to be shown. What can't be had is noted. */
  tails(): Promise<ServiceTail[]>;
  tests?: TestsEvidence;
  junit: JunitFindings & { expected: boolean };
  artifacts: Extraction;
  expectations?: Expectations;
  /** A digest of what was tried. */
  inputs?: string;
  /** It took too long, and something is missing for that. */
  late?: PassedDeadline;
  notes: string[];
}

/** The end of a service's log. */
interface ServiceTail {
  service: string;
  lines: string[];
}

/** How many lines of each log are shown when something failed. */
const shownLines = 60;

/**
 * Saves logs and artifacts into the results' staging folder, and gathers the evidence. What can't be had is noted and
 * doesn't keep the rest from being saved; nor does what hangs, at the deadline.
 */
export async function collect(
  prepared: PreparedRun,
  update: FinishedUpdate,
  { mayGoOn }: { mayGoOn: boolean },
): Promise<Collected> {
  const { docker, identity, results, masker } = prepared;
  const seconds = prepared.settings.deadlines.collect;
  const limit = timeLimit("saving logs and artifacts", seconds);
  const notes: string[] = [];
  let late = false;
  const attempt = async <T>(what: string, work: Promise<T>, otherwise: T): Promise<T> =>
    await limit.hold(work).catch((error: unknown) => {
      late ||= error instanceof TookTooLongError;
      notes.push(`${what}: ${engineMessage(error)}`);
      return otherwise;
    });

  // Read once: with the Pulumi CLI it takes a process.
  const resources = limit.hold(prepared.stack.resources());
  resources.catch(() => undefined);
  const [listed] = await Promise.all([
    attempt(
      "the containers can't be listed",
      listContainers(docker, { project: identity.project, stack: identity.stack }),
      [],
    ),
    attempt("the secrets in the state can't be read", learnSecrets(prepared, resources), undefined),
  ]);
  const inspected = new Map(listed.map(({ id }) => [id, inspectEnd(docker, id)]));
  const terminal = async (id: string) => (await inspected.get(id)?.catch(() => undefined))?.terminal;
  const seen = Promise.all([
    Promise.all(listed.map(({ id, name }) => attempt(`${name} can't be inspected`, inspected.get(id)!, undefined))),
    attempt(
      "logs can't be saved",
      saveLogs(docker, listed, join(results.staging, "logs"), masker, terminal),
      new Map<string, string>(),
    ),
  ]);
  // All that they had to say is saved by then.
  if (prepared.ephemeral && !mayGoOn && !update.abandoned) void seen.then(() => endServices(docker, listed, resources));
  const [[ends, logs], saved] = await Promise.all([
    seen,
    limit.hold(saveArtifacts(prepared, update, inspected, notes)).catch((error: unknown) => {
      late ||= error instanceof TookTooLongError;
      const why = `artifacts can't be copied: ${engineMessage(error)}`;
      notes.push(why);
      return nothingSaved(prepared, update, why);
    }),
  ]);
  const containers = listed.map((container, i) => ({
    ...container,
    ...(ends[i] ? { end: ends[i] } : {}),
    ...(logs.has(container.service) ? { log: basename(logs.get(container.service)!) } : {}),
  }));
  const state = await attempt("the tests' exit code can't be read from the state", resources, []);
  await attempt("stack.json can't be written", writeStackFile(results.staging, state, containers), undefined);
  const evidence = testsEvidence(update, containers, state);
  const images = containers.map(({ service, end }) => ({ service, ...end }));
  const inputs = state.length > 0 ? digestOfInputs(images, state) : undefined;
  limit.end();
  const disagreed = evidence && disagreement(evidence);
  if (disagreed) notes.push(disagreed);
  return {
    containers,
    tails: () =>
      within(seconds, "reading logs", serviceTails(prepared, update, containers)).catch((error: unknown) => {
        notes.push(`logs can't be read: ${engineMessage(error)}`);
        return [];
      }),
    ...(evidence ? { tests: evidence } : {}),
    ...saved,
    ...(inputs ? { inputs } : {}),
    ...(late ? { late: { what: "collect", seconds } } : {}),
    notes,
  };
}

/** As text `exitCode` is a program's own, through an `apply`. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : undefined;
}

function testsEvidence(
  { result, tests }: FinishedUpdate,
  containers: CollectedContainer[],
  resources: StackResource[],
): TestsEvidence | undefined {
  const outputs = result?.result === "succeeded" ? result.outputs : {};
  const output = numberOf(outputs.exitCode);
  if (!tests) return output === undefined ? undefined : { began: true, ended: true, output };
  const container = containers.find(({ id, name }) => id === tests.container.id || name === tests.container.name);
  const end = container?.end;
  const resource = resources.find(({ urn, delete: gone }) => urn === tests.container.urn && !gone);
  const waited = tests.created ? numberOf(resource?.outputs.exitCode) : undefined;
  const notInspected = resource?.inputs.rm === true ? undefined : whyNotInspected(container);
  return {
    began: tests.created || tests.event !== undefined || end?.startedAt !== undefined,
    // Without either's word it may be our own stopping it that ended it.
    ended: !end?.running && (tests.created || tests.event !== undefined),
    ...(output === undefined ? {} : { output }),
    ...(waited === undefined ? {} : { waited }),
    ...(tests.event ? { event: tests.event.exitCode, signals: tests.event.signals } : {}),
    ...(end && !end.running && end.finishedAt ? { inspected: end.exitCode } : {}),
    ...(notInspected ? { notInspected } : {}),
    ...(tests.waitBroke ? { waitBroke: true } : {}),
    ...(end ? { oomKilled: end.oomKilled } : {}),
  };
}

function whyNotInspected(container: CollectedContainer | undefined): string | undefined {
  if (!container) return "the tests container is gone, or could not be listed";
  if (!container.end) return "the tests container could not be inspected";
  if (container.end.running) return "the tests container runs again";
  return container.end.finishedAt ? undefined : "the tests container has never ended";
}

async function saveArtifacts(
  prepared: PreparedRun,
  update: FinishedUpdate,
  inspected: Map<string, ReturnType<typeof inspectEnd>>,
  notes: string[],
): Promise<Pick<Collected, "junit" | "artifacts" | "expectations">> {
  const { docker, options, project, results, masker } = prepared;
  const { tests, containers: followed } = update;
  const none = nothingSaved(prepared, update);
  const id = tests?.container.id ?? tests?.container.name ?? followed.tests()?.name;
  if (!id) return none;
  const end = await (inspected.get(id) ?? inspectEnd(docker, id));
  if (!end) return none;
  const path = textOf(outputsOf(update).artifacts) ?? end.environment.ARTIFACTS_DIR;
  if (!path) return none;
  const copied = await copyArtifacts(docker, id, path, results).catch((error: unknown) => {
    // Created, but never started: there is nothing in it.
    if (isStatus(error, 409)) return undefined;
    throw error;
  });
  if (!copied) {
    notes.push(`the tests container has no ${path}: no artifacts`);
    return none;
  }
  if (copied.limit) notes.push(`only a part of the artifacts was copied: ${copied.limit}`);
  const pattern = junitPattern(prepared, update);
  const findings = await readJunitFiles(results.staging, copied.files, {
    ...(pattern ? { pattern } : {}),
    ...(end.createdAt ? { since: end.createdAt } : {}),
  });
  notes.push(...findings.stale.map((path) => `JUnit: ${path} is from an earlier run`));
  notes.push(...findings.problems.map((problem) => `JUnit: ${problem}`));
  const expected = pattern !== undefined;
  const isBound = expected || !options.testsCommand;
  const compared = await readExpectations(results.staging, copied, {
    ...(end.startedAt ? { since: end.startedAt } : {}),
    inputs: inputSources(end.labels[label.inputs]),
    projectRoot: project.root,
    programFolder: programFolder(project),
    mask: (text) => masker.mask(text),
  }).catch((error: unknown) => ({
    found: undefined,
    notes: [`expected results can't be read: ${engineMessage(error)}`],
  }));
  notes.push(...compared.notes.map((note) => masker.mask(note)));
  const expectations = compared.found ? { expectations: compared.found } : {};
  return {
    ...expectations,
    junit: { ...findings, ...(isBound ? {} : { stale: [], problems: [] }), expected },
    artifacts: copied,
  };
}

/** A program that labels its tests otherwise has none that is known. */
function inputSources(label: string | undefined): InputSource[] {
  const list = z.array(z.object({ source: z.string(), target: z.string().startsWith("/") }));
  try {
    return list.parse(JSON.parse(label ?? "[]"));
  } catch {
    return [];
  }
}

/** @param problem why what there may have been could not be had: what JUnit would have said isn't known then */
function nothingSaved(
  prepared: PreparedRun,
  update: FinishedUpdate,
  problem?: string,
): Pick<Collected, "junit" | "artifacts"> {
  const expected = junitPattern(prepared, update) !== undefined;
  const isBound = expected || !prepared.options.testsCommand;
  return {
    junit: { stale: [], problems: problem && isBound ? [problem] : [], expected },
    artifacts: { files: [], skipped: [] },
  };
}

/** A command in place of the tests' own is not bound to write a JUnit file, unless it is asked for. */
function junitPattern({ options }: PreparedRun, update: FinishedUpdate): string | undefined {
  return options.junit ?? (options.testsCommand ? undefined : textOf(outputsOf(update).junit));
}

function outputsOf({ result }: FinishedUpdate): Record<string, unknown> {
  return result?.result === "succeeded" ? result.outputs : {};
}

async function serviceTails(
  { docker, masker }: PreparedRun,
  { tests }: FinishedUpdate,
  containers: CollectedContainer[],
): Promise<ServiceTail[]> {
  const services = containers.filter(({ id, role }) => id !== tests?.container.id && role !== "probe");
  return await Promise.all(
    services.map(async ({ id, service }) => ({ service, lines: await lastLines(docker, id, shownLines, masker) })),
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The tests' own log was learned by nobody; what the provider made up in the meantime is known from the state. */
async function learnSecrets({ masker, stack }: PreparedRun, resources: Promise<StackResource[]>): Promise<void> {
  masker.learnStack(stack.config.values(), await resources);
}
