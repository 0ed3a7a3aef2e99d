/**
 * Running a program in this process: the SDK's runtime is pointed at our monitor and the program's module is loaded
 * as the stack's body.
 *
 * Source: `sdk/nodejs/cmd/run/run.ts` and `sdk/nodejs/automation/server.ts` in pulumi/pulumi.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { AsyncResource } from "node:async_hooks";
import { createRequire } from "node:module";
import { dirname, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type ConfigValue, type Project, UserError } from "../api";
import { registerTypeScript } from "./loader";

export interface ProgramOptions {
  project: Project;
  stack: string;
  organization: string;
  config: Map<string, ConfigValue>;
  /** Of the monitor and the engine: one address serves both. */
  address: string;
  preview: boolean;
  parallel: number | undefined;
  workingDirectory?: string;
  /** Called for each error that nothing in the program has caught, once. */
  onError: (message: string) => void;
}

export interface RunningProgram {
  /** Resolves when the program's body and everything that it started has ended, well or not. Never rejects. */
  ended: Promise<void>;
  /** Resolves when the SDK has sent all that it has to send, such as what a hook has logged. Never rejects. */
  sent(): Promise<void>;
  /** Lets go of the SDK: closes its connections. */
  disconnect(): void;
}

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
    getEngine(): Client | undefined;
  };
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
}

/** How long a program that was told to stop may still call. */
const LATE_CALLS_MS = 2_000;

/** Throws a UserError where there is no program, or no SDK, to run. */
export function startInlineProgram(options: ProgramOptions): RunningProgram {
  const entry = entryPoint(options.project);
  const sdk = loadSdk(dirname(entry.file));
  const errors = collectErrors(sdk, entry.file, options.onError);
  const restoreTypeScript = registerTypeScript();
  const cwd = process.cwd();
  process.chdir(options.workingDirectory ?? dirname(entry.file));
  // The SDK keeps a run's connections in an async context of its own: what a program that was told to stop still tries
  // later can't reach the next one's.
  const { ended, sent, store } = sdk.state.withLocalStorage(() => {
    // Transforms and hooks are called outside of that context.
    global.globalStore = sdk.state.getStore();
    configure(sdk, options);
    return {
      ended: runToEnd(sdk, entry, errors),
      sent: AsyncResource.bind(() => sdk.runtime.waitForRPCs().catch(() => undefined)),
      store: sdk.state.getStore(),
    };
  });
  return {
    ended,
    sent,
    disconnect() {
      disconnectFrom(sdk, store);
      global.globalStore = undefined;
      restoreTypeScript();
      forget(dirname(entry.file));
      process.chdir(cwd);
    },
  };
}

function configure({ runtime }: Sdk, options: ProgramOptions): void {
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
}

async function runToEnd({ runtime }: Sdk, entry: EntryPoint, errors: ErrorCollector): Promise<void> {
  try {
    await runtime.runInPulumiStack(async () => resolveExports(await load(entry)));
  } catch (error) {
    errors.report(error);
  }
  await runtime.waitForRPCs().catch(errors.report);
  // A rejection that nobody handles is told only after the tick in which it happened.
  await new Promise((done) => setImmediate(() => setImmediate(done)));
  await runtime.waitForRPCs().catch(errors.report);
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

interface EntryPoint {
  file: string;
  /** It is an ES module, to be imported and not required. */
  esm: boolean;
}

/** `main` of Pulumi.yaml, else `main` of package.json, else index.ts or index.js. */
function entryPoint(project: Project): EntryPoint {
  const found = resolveEntry(project.main);
  if (!found) {
    throw new UserError(`${project.root} has no program: index.ts or index.js was expected, or "main" in Pulumi.yaml`);
  }
  const manifest = nearestManifest(dirname(found));
  const esm =
    extname(found) === ".mjs" ||
    extname(found) === ".mts" ||
    (manifest["type"] === "module" && !/\.c[jt]s$/.test(found));
  if (esm && /\.m?tsx?$/.test(found)) {
    throw new UserError(
      `${found} is TypeScript as an ES module, which the embedded engine can't load: leave out "type": "module" in package.json, or compile it to JavaScript`,
    );
  }
  return { file: found, esm };
}

function resolveEntry(path: string): string | undefined {
  if (!existsSync(path)) {
    return ["ts", "js"].map((extension) => `${path}.${extension}`).find((file) => existsSync(file));
  }
  if (statSync(path).isFile()) return path;
  const manifest = readManifest(join(path, "package.json"));
  const main = manifest?.["main"];
  if (typeof main === "string" && existsSync(join(path, main)) && statSync(join(path, main)).isFile())
    return resolve(path, main);
  return ["index.ts", "index.js", "index.mjs", "index.cjs"]
    .map((name) => join(path, name))
    .find((file) => existsSync(file));
}

function nearestManifest(folder: string): Record<string, unknown> {
  const manifest = readManifest(join(folder, "package.json"));
  if (manifest) return manifest;
  const parent = dirname(folder);
  return parent === folder ? {} : nearestManifest(parent);
}

function readManifest(file: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function loadSdk(folder: string): Sdk {
  const require = createRequire(join(folder, "program.js"));
  let path: string;
  try {
    path = require.resolve("@pulumi/pulumi");
  } catch {
    throw new UserError(`the program in ${folder} has no @pulumi/pulumi: run "npm install" there`);
  }
  const inner = <T>(name: string): T => require(join(dirname(path), "runtime", name)) as T;
  const sdk = require(path) as Sdk;
  return {
    ...sdk,
    runtime: { ...sdk.runtime, ...inner<Partial<Sdk["runtime"]>>("settings.js") },
    state: inner<Sdk["state"]>("state.js"),
  };
}

async function load({ file, esm }: EntryPoint): Promise<unknown> {
  if (!esm) return createRequire(file)(file) as unknown;
  // Compiled to CommonJS, a plain `import()` would become `require`.
  const importModule = new Function("url", "return import(url)") as (url: string) => Promise<Record<string, unknown>>;
  const exports = await importModule(pathToFileURL(file).href);
  if (!("default" in exports)) return exports;
  if (Object.keys(exports).length > 1) {
    throw new Error("expected entrypoint module to have either a default export or named exports but not both");
  }
  return exports["default"];
}

/** A program may export a function that makes the stack and returns its outputs. */
async function resolveExports(exported: unknown): Promise<unknown> {
  const isModule =
    typeof exported === "object" && exported !== null && (exported as { __esModule?: boolean }).__esModule === true;
  const value = isModule && Object.keys(exported).length === 1 && "default" in exported ? exported.default : exported;
  return typeof value === "function" ? await (value as () => unknown)() : value;
}

/** A module that ran once would not run again: what belongs to the program is dropped from the cache. */
function forget(folder: string): void {
  const cache = createRequire(join(folder, "program.js")).cache;
  for (const file of Object.keys(cache)) {
    if (file.startsWith(folder) && !file.includes("/node_modules/")) delete cache[file];
  }
}

interface ErrorCollector {
  report: (error: unknown) => void;
}

/**
 * Errors that the program doesn't catch come as rejections nobody handles, some of them late. The handlers stay: a
 * program that was told to stop may still be in the middle of something when the operation has ended.
 */
function collectErrors(sdk: Sdk, file: string, onError: ProgramOptions["onError"]): ErrorCollector {
  const seen = new Set<unknown>();
  const report = (error: unknown): void => {
    if (seen.has(error) || isDisconnection(error)) return;
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
  return { report };
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
