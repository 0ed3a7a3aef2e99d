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
  /** The folder or file URL of `backend.url`, if Pulumi.yaml names one. */
  backendUrl?: string;
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

/** A stack that can be operated on. */
export interface Stack {
  readonly project: Project;
  readonly name: string;
  /** Every configuration value the program will see, by full key; secrets decrypted. */
  readonly config: Map<string, ConfigValue>;
  /** The settings file that was read, if there is one. */
  readonly settingsFile?: string;
  /** The deployment as `pulumi stack export` gives it (`{version, deployment}`); secrets encrypted. */
  export(): Promise<UntypedDeployment>;
  /** Replaces the state by an exported one. Refuses versions it doesn't know and snapshots that aren't sound. */
  import(deployment: UntypedDeployment): Promise<void>;
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
  inputs: PropertyMap;
  outputs: PropertyMap;
}

export interface UntypedDeployment {
  version: number;
  deployment: Record<string, unknown> | null;
}

export type OperationKind = "preview" | "update" | "refresh" | "destroy";

export interface OperationOptions {
  kind: OperationKind;
  /** Providers in this process, by package name. */
  providers: Record<string, ProviderFactory>;
  /** Called for every event, in order, while the operation runs. Must not throw. */
  onEvent?: (event: EngineEvent) => void;
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
  /** URNs to be replaced even if nothing changed. */
  replaces?: string[];
  /** Refreshes before the operation. */
  refresh?: boolean;
  /** Fails where anything would change. */
  expectNoChanges?: boolean;
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

/** A stack as `stack ls` shows it. */
export interface StackSummary {
  project: string;
  name: string;
  lastUpdate?: Date;
  resourceCount: number;
}

/** An error whose message is the whole story: what, why, what to do. Shown without a stack trace. */
export class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UserError";
  }
}
