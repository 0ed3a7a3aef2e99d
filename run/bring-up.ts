import type { EngineEvent } from "../engine/events";
import type { OperationResult } from "../engine/api";
import { brokenWait } from "../providers/docker/container/attach";
import { describeEnd, inspectEnd, serviceName } from "./containers";
import { stripControlCodes } from "./control-codes";
import type { Phase } from "./events";
import {
  describeInputs,
  followContainers,
  nameInUrn,
  type FollowedContainer,
  type FollowedContainers,
} from "./followed-containers";
import { guardedProvider } from "./guards/guarded-provider";
import type { RunHost } from "./host";
import { followImages } from "./image-steps";
import { label, runLabels } from "./identity";
import { lastLines } from "./logs";
import { brief } from "./messages";
import { uncheckedPolicies } from "./policies";
import type { PreparedRun } from "./prepare";
import { longestAftermath, watchEnd, type EndWatch } from "./tests-end";
import { askForThreadDumps } from "./thread-dumps";
import { within } from "./time-limit";
import { tookTooLong, type Failure, type StopReason } from "./verdict";
import { watchContainers, type Death, type Watch } from "./watch";

/** What is known when the update is over, however it ended. */
export interface FinishedUpdate {
  /** Absent where the engine itself broke. */
  result?: OperationResult;
  stop?: StopReason;
  /** What failed first, be it a step or a service that died. */
  failure?: Failure;
  /** The program refused its settings before it made anything. */
  refused: boolean;
  containers: FollowedContainers;
  tests?: TestsRun;
  /** Seconds until each container was ready, by Docker's id. */
  ready: Map<string, number>;
  /** The engine did not end it when it was told to: parts of it may still be under way. */
  abandoned: boolean;
  /** Resolves once it holds the stack no longer, which is later where it was abandoned. */
  released: Promise<void>;
}

/** How the tests container did, as far as the update tells. */
export interface TestsRun {
  container: FollowedContainer;
  /** The engine's event said so before anything of ours stopped it. */
  event?: { exitCode: number; signals: number[] };
  /** The connection on which the provider waited for the end has broken. */
  waitBroke: boolean;
  /** Its creation, which waits for its end, went well. */
  created: boolean;
}

/** What stops an update from outside, and how. */
export interface Brakes {
  /** Ends it as soon as possible. The first reason is the one that counts. */
  stop(reason: StopReason): void;
  reason(): StopReason | undefined;
  onStop(listener: () => void): void;
}

export function brakes(): Brakes {
  let reason: StopReason | undefined;
  const listeners: (() => void)[] = [];
  return {
    stop(given) {
      if (reason) return;
      reason = given;
      for (const listener of listeners) listener();
    },
    reason: () => reason,
    onStop(listener) {
      listeners.push(listener);
      if (reason) listener();
    },
  };
}

/** Milliseconds that the tests get to end by themselves once a service has died; a failing code of theirs wins. */
const grace = 3000;
/** Milliseconds that the step which failed gets to say so, when no tests run yet. */
const hesitation = 300;
/** Seconds that an update may take to end when it is told to. */
export const longestStop = 30;
/** Seconds that the end of a container's log may take to be read. */
const longestRead = 10;

/**
 * Updates the stack, the tests container's run included, and stops early where a service dies, a step fails, the
 * deadline passes or `brakes` are put on.
 */
export async function bringUp(
  prepared: PreparedRun,
  host: RunHost,
  brakes: Brakes,
  hooks: { onEvent(event: EngineEvent): void; onPhase(phase: Phase, urn?: string): void },
): Promise<FinishedUpdate> {
  const { docker, identity, options, stack, masker } = prepared;
  const controller = new AbortController();
  const providers = host.providers(runLabels(identity), docker);
  const failures: { urn?: string; id?: string; death: boolean; failure: Failure }[] = [];
  const started = new Map<string, number>();
  const ready = new Map<string, number>();
  const diagnostics = new Map<string, string>();
  let tests: TestsRun | undefined;
  let testsRunning = false;
  let testsEnd: EndWatch | undefined;
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  const imagesUnderWay = followImages();
  let buildsImages = false;
  let askedForDumps = false;
  let abandon: (error: Error) => void = () => undefined;
  let stopTimer: NodeJS.Timeout | undefined;
  const abandoned = new Promise<never>((_, reject) => (abandon = reject));
  abandoned.catch(() => undefined);
  brakes.onStop(() => {
    const reason = brakes.reason()!;
    host.report({ kind: "stopping", reason: describeStop(reason) });
    void stop(reason);
  });

  async function stop(reason: StopReason): Promise<void> {
    if (reason.kind === "deadline") await askForDumps();
    controller.abort();
    if (over) return;
    stopTimer = setTimeout(
      () => abandon(new Error(`the update has not ended within ${longestStop} s of being stopped`)),
      longestStop * 1000,
    );
  }

  /** Of tests that hang, before anything ends them. */
  async function askForDumps(): Promise<void> {
    const id = testsId();
    if (askedForDumps || !id) return;
    askedForDumps = true;
    const jvms = await askForThreadDumps(docker, id);
    if (jvms > 0) {
      host.report({ kind: "note", level: "info", text: "the JVM was asked for the stacks of its threads" });
    }
  }

  function testsId(): string | undefined {
    return tests?.container.id ?? tests?.container.name;
  }

  function onEnginePhase(): void {
    if (!testsRunning && !over) hooks.onPhase(buildsImages ? "build" : "up");
  }

  const unchecked = host.engine.pluginsOnly ? uncheckedPolicies(stack.config) : undefined;
  if (unchecked) host.report({ kind: "note", level: "warning", text: unchecked });
  const guarded = guardedProvider(providers.docker!, {
    levels: prepared.settings.policies,
    connect: () => Promise.resolve(docker),
    env: host.env,
  });
  const containers = followContainers(guarded, {
    ...(options.testsCommand ? { testsCommand: options.testsCommand } : {}),
    onTestsStarting(container) {
      if (over) return;
      testsRunning = true;
      tests = { container, created: false, waitBroke: false };
      hooks.onPhase("tests", container.urn);
      testsEnd = watchEnd(docker, testsId, onOverdue);
    },
    onTestsEnded(container) {
      testsRunning = false;
      tests = { created: false, waitBroke: false, ...tests, container };
      testsEnd?.close();
      onEnginePhase();
    },
  });

  /** The tests container has ended, and the step that waits for it doesn't. */
  function onOverdue(): void {
    const message = `its step has not ended within ${longestAftermath} s of the container's end`;
    const { name: container, resource = "tests" } = tests?.container ?? {};
    brakes.stop({
      kind: "failure",
      failure: { resource, ...(container ? { container } : {}), message, lastLines: [] },
    });
  }

  const known = options.again ? await knownContainers(prepared) : new Map<string, FollowedContainer>();
  const find = (death: Death) => containers.byId(death.id) ?? known.get(death.id) ?? containers.byName(death.name);

  function failSoon(): void {
    timer ??= setTimeout(
      () => {
        // With the tests' end there is nothing left to stop, and their code may still win.
        if (!over && (testsRunning || !tests)) {
          brakes.stop(testsDeadline(tests, failures, prepared) ?? { kind: "failure", failure: firstFailure()! });
        }
      },
      testsRunning ? grace : hesitation,
    );
  }

  /** A service that died is why a step beside it failed; where both are about one container, the step knows more. */
  function firstFailure(): Failure | undefined {
    const death = failures.find((failure) => failure.death);
    if (!death) return failures[0]?.failure;
    return (failures.find(({ urn, death: isDeath }) => !isDeath && urn && urn === death.urn) ?? death).failure;
  }

  async function onDeath(death: Death): Promise<void> {
    if (over || brakes.reason() || containers.isBeingRemoved(death.id)) return;
    const role = death.labels[label.role];
    const container = find(death);
    const current = containers.tests();
    const isTests = role === "tests" || (current?.id ? current.id === death.id : current?.name === death.name);
    if (isTests) {
      // An earlier run's tests container may end as well: replaced, or stopped by hand.
      if (tests && (!tests.container.name || tests.container.name === death.name || tests.container.id === death.id)) {
        tests.event = { exitCode: death.exitCode, signals: death.signals };
        testsEnd?.told();
      }
      return;
    }
    if (role !== undefined ? role !== "service" : mayDie(container, death)) return;
    const end = await inspectEnd(docker, death.id).catch(() => undefined);
    if (over || brakes.reason() || containers.isBeingRemoved(death.id) || end?.restarts || end?.running) return;
    const how = describeEnd({ exitCode: death.exitCode, oomKilled: end?.oomKilled ?? false });
    const service = serviceName(death.labels, death.name);
    failures.push({
      ...(container ? { urn: container.urn } : {}),
      id: death.id,
      death: true,
      failure: {
        resource: container?.resource ?? service,
        container: death.name,
        message: `${service} ${how} while it was needed`,
        lastLines: await readLastLines(death.id),
      },
    });
    if (testsRunning) {
      const text = `${service} ${how}; the tests have ${grace / 1000} s to end by themselves`;
      host.report({ kind: "note", level: "warning", text });
    }
    failSoon();
  }

  async function readLastLines(id: string): Promise<string[]> {
    return await within(longestRead, "reading a log", lastLines(docker, id, 20, masker)).catch(() => []);
  }

  function onEvent(event: EngineEvent): void {
    if (over) return;
    hooks.onEvent(event);
    buildsImages = imagesUnderWay(event);
    onEnginePhase();
    if (host.engine.pluginsOnly) containers.event(event);
    const { diagnosticEvent, resourcePreEvent, resOutputsEvent, resOpFailedEvent } = event;
    if (diagnosticEvent?.urn && diagnosticEvent.streamID && isTestsUrn(diagnosticEvent.urn)) {
      const stream = diagnosticEvent.streamID === 2 ? "stderr" : "stdout";
      host.report({ kind: "output", stream, text: diagnosticEvent.message });
    }
    if (tests && diagnosticEvent?.urn === tests.container.urn && diagnosticEvent.message.includes(brokenWait)) {
      tests.waitBroke = true;
    }
    if (diagnosticEvent?.severity === "error" && diagnosticEvent.urn) {
      const before = diagnostics.get(diagnosticEvent.urn);
      diagnostics.set(diagnosticEvent.urn, before ? `${before}\n${diagnosticEvent.message}` : diagnosticEvent.message);
    }
    if (resourcePreEvent) started.set(resourcePreEvent.metadata.urn, performance.now());
    if (resOutputsEvent) {
      const { urn, op, new: state } = resOutputsEvent.metadata;
      const from = started.get(urn);
      if (state?.id && from !== undefined && op !== "same") ready.set(state.id, (performance.now() - from) / 1000);
      // Stopped, a plugin's container is ended by us, and made all the same.
      const endedByUs = host.engine.pluginsOnly && brakes.reason();
      if (tests && urn === tests.container.urn && isMaking(op) && !endedByUs) tests.created = true;
    }
    if (resOpFailedEvent && !brakes.reason()) {
      const { urn } = resOpFailedEvent.metadata;
      failures.push({ urn, death: false, failure: stepFailure(urn, diagnostics.get(urn), containers) });
      failSoon();
    }
  }

  function isTestsUrn(urn: string): boolean {
    return containers.tests()?.urn === urn;
  }

  onEnginePhase();
  let watch: Watch | undefined;
  let result: OperationResult | undefined;
  let wasAbandoned = false;
  let released: Promise<void> = Promise.resolve();
  try {
    const selector = { project: identity.project, stack: identity.stack };
    const watching = watchContainers(docker, selector, (death) => void onDeath(death));
    watch = await Promise.race([watching, abandoned]);
    const operation = host.engine.runOperation(stack, {
      kind: "update",
      providers: { ...providers, docker: containers.factory },
      onEvent,
      signal: controller.signal,
      masker,
      parallel: options.parallel,
      isolated: options.isolated,
      message: `seatrial ${options.again ? "rerun" : "test"} ${identity.run}`,
      ...(options.again ? await onlyTheTests(prepared) : {}),
    });
    released = operation.then(
      () => undefined,
      () => undefined,
    );
    result = await Promise.race([operation, abandoned.finally(() => (wasAbandoned = true))]);
  } catch (error) {
    failures.push({ death: false, failure: { message: messageOf(error), lastLines: [] } });
  } finally {
    over = true;
    clearTimeout(timer);
    testsEnd?.close();
    clearTimeout(stopTimer);
    watch?.close();
  }
  if (result?.result === "failed" && failures.length === 0) {
    const error = result.errors[0];
    const failure = error?.urn
      ? stepFailure(error.urn, error.message, containers)
      : { message: oneMessage(error?.message ?? "the update failed"), lastLines: [] };
    failures.push({ death: false, failure });
  }
  // An attached migration may have been taken for the tests until those came along.
  if (tests && tests.container.urn !== containers.tests()?.urn) tests = undefined;
  const ending = brakes.reason() ?? testsDeadline(tests, failures, prepared);
  if (ending?.kind === "deadline") await askForDumps();
  const failure = await withLastLines(firstFailure(), containers);
  return {
    ...(result ? { result } : {}),
    ...(ending ? { stop: ending.kind === "failure" && failure ? { ...ending, failure } : ending } : {}),
    ...(failure ? { failure } : {}),
    refused: !ending && ready.size === 0 && refusedSettings(result),
    containers,
    ...(tests ? { tests } : {}),
    ready,
    abandoned: wasAbandoned,
    released,
  };

  async function withLastLines(
    failure: Failure | undefined,
    followed: FollowedContainers,
  ): Promise<Failure | undefined> {
    if (!failure || failure.lastLines.length > 0) return failure;
    const urn = failures.find((candidate) => candidate.failure === failure)?.urn;
    const id = urn === undefined ? undefined : (followed.byUrn(urn)?.id ?? followed.byUrn(urn)?.name);
    return id ? { ...failure, lastLines: await readLastLines(id) } : failure;
  }
}

/** A program that labels nothing: a container that is attached or may end may do so, and with 0 any may. */
function mayDie(container: FollowedContainer | undefined, death: Death): boolean {
  return death.exitCode === 0 || container === undefined || container.attached || container.mayEnd;
}

/**
 * An error that a program throws for its user to read (Pulumi's `RunError`: a missing setting, say) comes as its bare
 * message; any other exception is told as one, and a failed step names its resource.
 */
function refusedSettings(result: OperationResult | undefined): boolean {
  const error = result?.errors[0];
  return error !== undefined && error.urn === undefined && !error.message.startsWith("Running program");
}

function isMaking(op: string): boolean {
  return op === "create" || op === "create-replacement" || op === "replace";
}

/** The tests' own limit of time is theirs: the provider gives up on the container then. */
function testsDeadline(
  tests: TestsRun | undefined,
  failures: { urn?: string; failure: Failure }[],
  prepared: PreparedRun,
): StopReason | undefined {
  if (!tests || tests.created || tests.event) return undefined;
  const own = failures.find(({ urn }) => urn === tests.container.urn);
  if (!own || !/took longer than/.test(own.failure.message)) return undefined;
  return {
    kind: "deadline",
    what: "tests",
    seconds: secondsIn(own.failure.message) ?? prepared.settings.deadlines.run,
  };
}

function secondsIn(message: string): number | undefined {
  const match = /took longer than (\d+(?:\.\d+)?) s/.exec(message);
  return match ? Number(match[1]) : undefined;
}

function stepFailure(urn: string, message: string | undefined, containers: FollowedContainers): Failure {
  const container = containers.byUrn(urn);
  // Our provider says the container's last words as well; they have their own place.
  const [what = "", said] = oneMessage(message ?? "failed").split("; its last log lines:\n");
  return {
    resource: nameInUrn(urn),
    ...(container?.name ? { container: container.name } : {}),
    message: what,
    lastLines: said?.split("\n").map((line) => line.replace(/^ {2}/, "")) ?? [],
  };
}

function describeStop(reason: StopReason): string {
  if (reason.kind === "signal") return `${reason.signal}: stopping and cleaning up`;
  if (reason.kind === "deadline") return `${tookTooLong(reason)}: stopping`;
  return `${reason.failure.resource ?? "a step"} failed: stopping the rest`;
}

function oneMessage(message: string): string {
  const lines = stripControlCodes(brief(message)).trim().split("\n");
  return lines.slice(0, 30).join("\n");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The containers that are there already, by Docker's id. */
async function knownContainers({ stack }: PreparedRun): Promise<Map<string, FollowedContainer>> {
  const known = new Map<string, FollowedContainer>();
  for (const resource of await stack.resources()) {
    if (resource.type !== "docker:index/container:Container" || !resource.id) continue;
    known.set(resource.id, {
      urn: resource.urn,
      resource: nameInUrn(resource.urn),
      id: resource.id,
      ...describeInputs(resource.inputs),
    });
  }
  return known;
}

/** A second run of the tests makes their container anew and leaves the rest of the stack alone. */
async function onlyTheTests({ stack }: PreparedRun): Promise<{ targets?: string[]; replaces?: string[] }> {
  const all = await stack.resources();
  const candidates = all
    .filter(({ type, delete: gone }) => type === "docker:index/container:Container" && !gone)
    .map((resource) => ({ urn: resource.urn, ...describeInputs(resource.inputs) }));
  const tests =
    candidates.find(({ role }) => role === "tests") ??
    candidates.filter(({ role, attached }) => role === undefined && attached).at(-1);
  return tests ? { targets: [tests.urn], replaces: [tests.urn] } : {};
}
