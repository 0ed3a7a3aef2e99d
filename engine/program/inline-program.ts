/**
 * Running a program in this process: the SDK's runtime is pointed at our monitor and the program's module is loaded
 * as the stack's body.
 *
 * Source: `sdk/nodejs/cmd/run/run.ts` and `sdk/nodejs/automation/server.ts` in pulumi/pulumi.
 */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { Console } from "node:console";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { constants, runInThisContext } from "node:vm";
import { type EngineClient, type PromiseTracking, withoutDebugMessages, withoutNotesOnPromises } from "./debug-aids";
import type { EntryPoint } from "./entry-point";
import { type EventLoopShare, shareEventLoop } from "./event-loop";
import { registerTypeScript } from "./loader";
import type { FoundProgram, InstalledSdk, ProgramOptions, RunningProgram } from "./program";

/** The parts of `@pulumi/pulumi` that a run needs, from the program's own node_modules. */
interface Sdk {
  runtime: {
    resetOptions(
      project: string,
      stack: string,
      parallel: number,
      engine: string,
      monitor: string,
      preview: boolean,
      organization: string,
    ): void;
    setAllConfig(config: Record<string, string>, secretKeys: string[]): void;
    runInPulumiStack(init: () => Promise<unknown>): Promise<unknown>;
    waitForRPCs(): Promise<void>;
    /** The connections of what runs outside of the run's async context. */
    getMonitor(): Client | undefined;
    getEngine(): (Client & EngineClient) | undefined;
  };
  promiseTracking: PromiseTracking;
  state: {
    withLocalStorage<T>(run: () => T): T;
    getStore(): SdkStore;
  };
  log: { hasErrors(): boolean };
  RunError: { isInstance(value: unknown): boolean };
  ResourceError?: { isInstance(value: unknown): boolean };
}

interface Client {
  close(): void;
}

/** What the SDK knows of one run. */
interface SdkStore {
  settings: { monitor?: Client; engine?: Client };
  callbacks?: { shutdown(): void } | undefined;
  /** Promises that have not ended. */
  leakCandidates: Set<unknown>;
}

/** How long a program that was told to stop may still call. */
const LATE_CALLS_MS = 2_000;
/** How long a program may have nothing but timers and the like under way before that is told. */
const PATIENCE_MS = 10_000;
/** How often at most it is looked whether it still has. */
const LOOK_AGAIN_MS = 20;
/** How long nothing at all is under way before a program that has not ended is taken to wait for itself. */
const STANDSTILL_MS = 2_000;
const STANDSTILL_LOOKS = 10;

export function startInlineProgram(program: FoundProgram, options: ProgramOptions): RunningProgram {
  const { entry } = program;
  const sdk = loadSdk(program.sdk);
  const errors = collectErrors(sdk, entry.file, options.onError);
  const restoreTypeScript =
    options.project.nodeOptions?.typescript === false ? () => undefined : registerTypeScript(options.project.root);
  const restoreProcess = lendProcess(options);
  let exited!: () => void;
  const exit = new Promise<void>((resolve) => (exited = resolve));
  let isOver = false;
  let isLoaded = false;
  const run: Run = {
    exit(code) {
      if (isOver) return;
      isOver = true;
      // What it still had under way it no longer waits for, and all that it has registered is there.
      if (isLoaded && Number(code) === 0) return void sent().then(exited);
      options.onError(`the program called process.exit(${code}) before it had come to its end`);
      exited();
    },
  };
  process.chdir(options.workingDirectory ?? entry.folder);
  // The SDK keeps a run's connections in an async context of its own: what a program that was told to stop still tries
  // later can't reach the next one's.
  const { share, started } = shareEventLoop(() =>
    catchExit(run, () =>
      sdk.state.withLocalStorage(() => {
        // Transforms and hooks are called outside of that context.
        global.globalStore = sdk.state.getStore();
        configure(sdk, options);
        return {
          loaded: loadProgram(sdk, entry).catch(errors.report),
          called: AsyncResource.bind(() => sdk.runtime.waitForRPCs().catch(errors.report)),
          beforeExit: AsyncResource.bind(() => share.beforeExit()),
          sent: AsyncResource.bind(() => sdk.runtime.waitForRPCs().catch(() => undefined)),
          store: sdk.state.getStore(),
        };
      }),
    ),
  );
  const { loaded, called, beforeExit, sent, store } = started;
  const ended = loaded.then(() => {
    isLoaded = true;
    const { onWarning } = options;
    return untilNothingIsLeft({ share, called, beforeExit, errors, isOver: () => isOver, onWarning });
  });
  const standstill = untilStandstill(share, Promise.race([ended, exit]));
  return {
    ended: Promise.race([ended, exit, standstill.then(errors.report)]).then(() => {
      if (!isOver && process.exitCode) options.onError(`the program set its exit code to ${process.exitCode}`);
      isOver = true;
    }),
    sent,
    disconnect() {
      isOver = true;
      share.stop();
      disconnectFrom(sdk, store);
      global.globalStore = undefined;
      restoreTypeScript();
      forget(dirname(entry.file));
      restoreProcess();
      return Promise.resolve();
    },
  };
}

function configure({ runtime, state, promiseTracking }: Sdk, options: ProgramOptions): void {
  const parallel = options.parallel ?? Number.MAX_SAFE_INTEGER;
  runtime.resetOptions(
    options.project.name,
    options.stack,
    Math.min(parallel, 2 ** 31 - 1),
    options.address,
    options.address,
    options.preview,
    options.organization,
  );
  runtime.setAllConfig(
    Object.fromEntries([...options.config].map(([key, { value }]) => [key, value])),
    [...options.config].filter(([, { secret }]) => secret).map(([key]) => key),
  );
  withoutNotesOnPromises(promiseTracking, () => state.getStore().leakCandidates);
  if (!options.debug) withoutDebugMessages(runtime.getEngine());
}

async function loadProgram({ runtime }: Sdk, entry: EntryPoint): Promise<void> {
  await runtime.runInPulumiStack(async () => resolveExports(await load(entry)));
}

interface ProgramAtItsEnd {
  share: EventLoopShare;
  /** Waits for the calls that the program has under way. */
  called(): Promise<void>;
  /** Calls the program's listeners; true if there are any. */
  beforeExit(): boolean;
  errors: ErrorCollector;
  /** It was told to stop, or has asked for its exit. */
  isOver(): boolean;
  onWarning: ProgramOptions["onWarning"];
}

/** As the CLI's process does, which ends when its event loop is empty; one that has failed goes no further. */
async function untilNothingIsLeft({
  share,
  called,
  beforeExit,
  errors,
  isOver,
  onWarning,
}: ProgramAtItsEnd): Promise<void> {
  const since = performance.now();
  let isTold = false;
  for (let pause = 1; ; pause = Math.min(2 * pause, LOOK_AGAIN_MS)) {
    await called();
    // A rejection that nobody handles is told only after the tick in which it happened.
    await nextTurn();
    await nextTurn();
    await called();
    if (isOver() || errors.hasAny()) return;
    const left = share.underWay();
    if (left.length === 0 && !beforeExit()) return;
    if (!isTold && performance.now() - since > PATIENCE_MS) {
      isTold = true;
      onWarning(
        `the program has registered all it has to, for now, but still has something under way (${left.join(", ")}): ` +
          "it is waited for, as the Pulumi CLI does. A program that waits for itself must close what it has opened.",
      );
    }
    await sleep(pause);
  }
}

/**
 * A process of its own would end when its program waits for what can't come, such as for a component of which it is
 * making a part. @returns the error to tell of it; never, where the program comes to its end
 */
async function untilStandstill(share: EventLoopShare, ended: Promise<void>): Promise<Error> {
  let isOver = false;
  const over = ended.then(() => (isOver = true));
  for (let quiet = 0; quiet < STANDSTILL_LOOKS; quiet = share.underWay().length === 0 ? quiet + 1 : 0) {
    await Promise.race([over, sleep(STANDSTILL_MS / STANDSTILL_LOOKS, undefined, { ref: false })]);
    if (isOver) return new Promise(() => undefined);
  }
  return new Error(
    "the program waits for itself: nothing that it has begun is under way any more, and it has not ended. " +
      "Look for a resource that depends on a component which it is a part of, or for a promise that is never resolved.",
  );
}

/**
 * Lets go of what the SDK has open. A call that comes late is answered as from an engine that has gone; a closed
 * connection would throw, and the SDK's log never gets over that.
 */
function disconnectFrom({ runtime }: Sdk, store: SdkStore): void {
  store.callbacks?.shutdown();
  store.callbacks = undefined;
  const clients = [store.settings.monitor, store.settings.engine, runtime.getMonitor(), runtime.getEngine()];
  setTimeout(() => clients.forEach((client) => client?.close()), LATE_CALLS_MS).unref();
}

declare global {
  /** Where the SDK keeps what it knows of the run, outside of an async context. */
  var globalStore: unknown;
}

function loadSdk({ path }: InstalledSdk): Sdk {
  const require = createRequire(path);
  const inner = <T>(name: string): T => require(join(dirname(path), "runtime", name)) as T;
  const sdk = require(path) as Sdk;
  return {
    ...sdk,
    runtime: { ...sdk.runtime, ...inner<Partial<Sdk["runtime"]>>("settings.js") },
    state: inner<Sdk["state"]>("state.js"),
    promiseTracking: inner<PromiseTracking>("debuggable.js"),
  };
}

export async function load({ file, esm }: EntryPoint): Promise<unknown> {
  if (!esm) return createRequire(file)(file) as unknown;
  // Compiled to CommonJS, a plain `import()` would become `require`; and code that V8 has cached has none.
  const keyword = "import";
  const loader = constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const importModule = (
    loader === undefined
      ? new Function("url", `return ${keyword}(url)`)
      : runInThisContext(`(url) => ${keyword}(url)`, { importModuleDynamically: loader })
  ) as (url: string) => Promise<Record<string, unknown>>;
  const exports = await importModule(pathToFileURL(file).href);
  if (!("default" in exports)) return exports;
  if (Object.keys(exports).length > 1) {
    throw new Error("expected entrypoint module to have either a default export or named exports but not both");
  }
  return exports["default"];
}

/** A program may export a function that makes the stack and returns its outputs. */
export async function resolveExports(exported: unknown): Promise<unknown> {
  const isModule =
    typeof exported === "object" && exported !== null && (exported as { __esModule?: boolean }).__esModule === true;
  const value = isModule && Object.keys(exported).length === 1 && "default" in exported ? exported.default : exported;
  return typeof value === "function" ? await (value as () => unknown)() : value;
}

/** A module that ran once would not run again: what belongs to the program is dropped from the cache. */
export function forget(folder: string): void {
  const cache = createRequire(join(folder, "program.js")).cache;
  for (const file of Object.keys(cache)) {
    if (file.startsWith(folder) && !file.includes("/node_modules/")) delete cache[file];
  }
}

interface ErrorCollector {
  report: (error: unknown) => void;
  hasAny: () => boolean;
}

/**
 * Errors that the program doesn't catch come as rejections nobody handles, some of them late. The handlers stay: a
 * program that was told to stop may still be in the middle of something when the operation has ended.
 */
function collectErrors(sdk: Sdk, file: string, onError: ProgramOptions["onError"]): ErrorCollector {
  const seen = new Set<unknown>();
  const report = (error: unknown): void => {
    if (seen.has(error) || error instanceof ProgramExit || isDisconnection(error)) return;
    seen.add(error);
    onError(messageOf(error));
  };
  const messageOf = (error: unknown): string => {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    if (sdk.RunError.isInstance(error)) return message;
    if (sdk.ResourceError?.isInstance(error)) {
      const failed = error as unknown as { hideStack?: boolean };
      return failed.hideStack ? message : (stack ?? message);
    }
    return `Running program '${file}' failed with an unhandled exception:\n${describe(error, stack ?? message)}`;
  };
  replaceHandlers(report);
  return { report, hasAny: () => seen.size > 0 };
}

const describe = (error: unknown, text: string): string =>
  error instanceof SyntaxError ? (error.stack ?? text) : text;

/** What was under way when the monitor went is rejected with these codes, or with no code by a closed connection. */
function isDisconnection(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return code === 14 || code === 1 || message === "Channel has been shut down";
}

let current: ((error: unknown) => void) | undefined;

function replaceHandlers(report: (error: unknown) => void): void {
  if (current === undefined) {
    process.on("unhandledRejection", (error) => current?.(error));
    process.on("uncaughtException", (error) => current?.(error));
    // The SDK handles some of its rejections late; Node would warn of each.
    process.on("rejectionHandled", () => undefined);
  }
  current = report;
}

/**
 * What a program may change of this process, and what is put back afterwards: its directory, its environment, its exit
 * code. What it writes to the console goes where the output of a program goes.
 */
function lendProcess({ onOutput }: ProgramOptions): () => void {
  const cwd = process.cwd();
  const env = { ...process.env };
  const { exitCode } = process;
  const { console } = globalThis;
  globalThis.console = new Console(
    lineWriter((line) => onOutput("stdout", line)),
    lineWriter((line) => onOutput("stderr", line)),
  );
  return () => {
    globalThis.console = console;
    process.exitCode = exitCode;
    for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
    Object.assign(process.env, env);
    process.chdir(cwd);
  };
}

/** The console writes whole lines. */
function lineWriter(say: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      for (const line of text.split("\n")) if (line.trim()) say(line);
      done();
    },
  });
}

interface Run {
  /** The program has called `process.exit`. */
  exit(code: number | string): void;
}

/** Thrown in place of an exit that the program has asked for: the process isn't the program's alone. */
class ProgramExit extends Error {}

const runs = new AsyncLocalStorage<Run>();
let catchesExit = false;

/**
 * Calls of `process.exit` that come of `start`, however late, end that program and not the process, which has a lock to
 * release and a state to save.
 */
function catchExit<T>(run: Run, start: () => T): T {
  if (!catchesExit) {
    const exit = process.exit.bind(process);
    process.exit = (code) => {
      const caller = runs.getStore();
      if (!caller) return exit(code);
      caller.exit(code ?? process.exitCode ?? 0);
      throw new ProgramExit("the program has called process.exit");
    };
    catchesExit = true;
  }
  return runs.run(run, start);
}
