import type { SerializedResource } from "./state/checkpoint";
import type { Masker } from "./deployment/masker";
import type { EngineEvent, Op } from "./events";
import type { ProviderFactory } from "./provider";
import type { PropertyMap } from "./values";

/** A Pulumi.yaml and where it lies. */
export interface Project {
  name: string;
  /** The folder of Pulumi.yaml. */
  root: string;
  /** The program's file or folder: `main`, resolved against `root`. */
  main: string;
  runtime: string;
  /** `runtime.options` of Pulumi.yaml, as far as they say how the program is run. */
  nodeOptions?: NodeOptions;
  description?: string;
  /** Defaults of the project's own `config:` block, by full key. */
  config: Map<string, ConfigValue>;
  /** `plugins.providers` of Pulumi.yaml: plugins that are taken from a folder. */
  plugins?: ProjectPlugin[];
  /** The folder or file URL of `backend.url`, if Pulumi.yaml names one. */
  backendUrl?: string;
  /** The range of `requiredPulumiVersion`. */
  requiredPulumiVersion?: string;
}

export interface ProjectPlugin {
  name: string;
  /** The folder that the executable lies in, absolute. */
  path: string;
  version?: string;
}

export interface NodeOptions {
  /** Whether the SDK loads TypeScript. */
  typescript: boolean;
  /** Another file than tsconfig.json. */
  tsconfig?: string;
  /** Arguments for node itself. */
  nodeargs: string[];
}

/** One configuration value as the program gets it: text, or JSON of an object or list. */
export interface ConfigValue {
  value: string;
  secret: boolean;
}

export interface OpenStackOptions {
  project: Project;
  /** The stack's name, such as `ci-1a2b3c4`. */
  name: string;
  /** Makes the stack where the backend doesn't know it; otherwise opening it is an error. */
  create?: boolean;
  /** The calling environment: PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE and the like. `process.env` if absent. */
  env?: NodeJS.ProcessEnv;
  /** `--config` values: full key or `key` of the project's own namespace, to its value; they win. */
  config?: Record<string, string>;
  /** Another settings file than Pulumi.<stack>.yaml. */
  configFile?: string;
}

/** Where a stack is, whether it can be opened or not. */
export type StackPlace = Pick<OpenStackOptions, "project" | "name" | "env">;

/** A stack that can be operated on. */
export interface Stack {
  readonly project: Project;
  readonly name: string;
  /** Every configuration value the program will see, by full key; secrets decrypted. */
  readonly config: Map<string, ConfigValue>;
  /** The settings file that was read, if there is one. */
  readonly settingsFile?: string;
  /** The deployment as `pulumi stack export` gives it (`{version, deployment}`); secrets encrypted unless asked for. */
  export(options?: { showSecrets?: boolean }): Promise<UntypedDeployment>;
  /**
   * Replaces the state by an exported one. Refuses versions it doesn't know; unless forced also snapshots that aren't
   * sound and those of another stack.
   */
  import(deployment: UntypedDeployment, options?: { force?: boolean }): Promise<void>;
  /** The stack's outputs; secrets as `[secret]` unless asked for. */
  outputs(options?: { showSecrets?: boolean }): Promise<Record<string, unknown>>;
  /** The resources of the state: what `logs`, `rerun` and reports need. Decrypted. */
  resources(): Promise<StackResource[]>;
  /** Removes the stack from the backend. Refuses while it has resources, unless forced. */
  remove(options?: { force?: boolean }): Promise<void>;
}

export interface StackResource {
  urn: string;
  type: string;
  custom: boolean;
  id?: string;
  parent?: string;
  delete?: boolean;
  /** It may not be deleted. */
  protect?: boolean;
  /** Deleted from the stack, it stays where it is. */
  retainOnDelete?: boolean;
  inputs: PropertyMap;
  outputs: PropertyMap;
  /** URNs of what it was made after. */
  dependencies: string[];
  additionalSecretOutputs: string[];
}

export interface UntypedDeployment {
  version: number;
  deployment: Record<string, unknown> | null;
  /** What a reader must understand of it; only with version 4. */
  features?: string[];
}

/** What can be done about a stack besides operating on it. */
export interface StackManagement {
  /** What was done to the stack, the last first. */
  history(): Promise<HistoryEntry[]>;
  /** Who holds the stack's lock, as far as the backend knows. */
  locks(): Promise<StackLock[]>;
  /** Absent where locks are all there is to cancel: tells whoever holds the stack that it is to be let go. */
  cancel?(): Promise<void>;
  /** Takes the locks away. What an operation that broke off has recorded is put into the state first. */
  breakLocks(locks: StackLock[]): Promise<void>;
  /** Gives the stack another name: in its state, its history and its settings file. */
  rename(name: string): Promise<void>;
  /** Encrypts a text as the stack's secrets are; where there is a `salt`, it belongs beside it in a settings file. */
  encrypt(plaintext: string): Promise<{ ciphertext: string; salt?: string }>;
}

/** What an operation did, as the backend's history tells it. */
export interface HistoryEntry {
  kind: string;
  message: string;
  result: string;
  startTime: Date;
  endTime: Date;
  resourceChanges: Partial<Record<Op, number>>;
  environment: Record<string, string>;
}

export interface StackLock {
  file: string;
  pid: number;
  username: string;
  hostname: string;
  /** ISO 8601. */
  timestamp: string;
  /** Whether the process is there; `unknown` on another host or in another PID namespace. */
  owner: "alive" | "gone" | "unknown";
}

export type OperationKind = "preview" | "update" | "refresh" | "destroy" | "import";

/** An existing resource that an `import` adopts. */
export interface ImportRequest {
  type: string;
  name: string;
  /** The provider's id of it; empty for a component, which has none. */
  id: string;
  /** A URN, or the name of another of the requests; the stack if absent. */
  parent?: string;
  /** URN of an explicit provider in the state. */
  provider?: string;
  /** Version of the default provider. */
  version?: string;
  protect: boolean;
}

/** One step in the form of the CLI's `preview --json`: secrets as `[secret]`, unknowns as the sentinel. */
export interface StepDigest {
  op: Op;
  urn: string;
  provider?: string;
  oldState?: SerializedResource;
  newState?: SerializedResource;
  diffReasons?: string[];
  replaceReasons?: string[];
  detailedDiff: Record<string, { kind: string; inputDiff: boolean }> | null;
}

export interface OperationOptions {
  kind: OperationKind;
  /** Providers in this process, by package name. */
  providers: Record<string, ProviderFactory>;
  /** Only finds out what an update, a refresh, a destroy or an import would do; a `preview` is that of an update. */
  previewOnly?: boolean;
  /** Of an import: what to adopt. */
  imports?: ImportRequest[];
  /** Called for every event, in order, while the operation runs. Must not throw. */
  onEvent?: (event: EngineEvent) => void;
  /** Called for every step; for one that a refresh has changed a second time, with what it found. Must not throw. */
  onStep?: (step: StepDigest) => void;
  /**
   * Aborting it cancels: no new step starts, running provider calls are told to stop, what exists is recorded, and
   * the result is `failed` with `cancelled` set.
   */
  signal?: AbortSignal;
  /** How many steps may run at once; unlimited if absent. */
  parallel?: number;
  /** Goes on with what doesn't depend on a resource that failed. */
  continueOnError?: boolean;
  /** URNs (`*` and `**` allowed) that alone are operated on. */
  targets?: string[];
  targetDependents?: boolean;
  /** URNs that are not operated on. */
  excludes?: string[];
  /** What depends on something excluded is excluded too. */
  excludeDependents?: boolean;
  /** Of a destroy: protected resources, and what they depend on, are not operated on. */
  excludeProtected?: boolean;
  /** URNs to be replaced even if nothing changed. */
  replaces?: string[];
  /** Refreshes before the operation. */
  refresh?: boolean;
  /**
   * Of a refresh or a destroy, or of an update that refreshes: runs the program for it, so that providers are configured
   * as it wants them now, and its hooks can be called.
   */
  runProgram?: boolean;
  /** Fails where anything would change. */
  expectNoChanges?: boolean;
  /** Learns the secrets that the operation sees, so that its caller can keep them out of what else it shows. */
  masker?: Masker;
  /** Shows the SDK's own debug messages. */
  debug?: boolean;
  /** Shown in the stack's history. */
  message?: string;
  /** Runs the program in a process of its own, even where this one would do. */
  isolated?: boolean;
  /** Directory that the program runs in; `project.main`'s own if absent. */
  workingDirectory?: string;
}

export interface OperationResult {
  result: "succeeded" | "failed";
  /** The operation was cancelled by its signal. */
  cancelled: boolean;
  changes: Partial<Record<Op, number>>;
  durationSeconds: number;
  /** What went wrong, in the order it happened; empty when it succeeded. */
  errors: OperationError[];
  /** Stack outputs after the operation, secrets in the clear; of a preview, what is known. */
  outputs: PropertyMap;
}

export interface OperationError {
  /** The resource that failed; absent for an error of the program or the engine. */
  urn?: string;
  message: string;
}

/** A state that can't be read has been put where it is in nobody's way. */
export interface StateSetAside {
  /** Why it can't be read. */
  problem: string;
  /** What its files are called now. */
  files: string[];
}

/** A stack as `stack ls` shows it. */
export interface StackSummary {
  project: string;
  name: string;
  lastUpdate?: Date;
  /** Absent where the state can't be read. */
  resourceCount?: number;
}

/** An error whose message is the whole story: what, why, what to do. Shown without a stack trace. */
export class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UserError";
  }
}

/** Another operation on the stack is under way, or its lock is left and nothing proves that nobody holds it. */
export class StackLockedError extends UserError {}
