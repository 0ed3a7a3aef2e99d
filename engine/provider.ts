/**
 * What the engine asks of a provider: Pulumi's `ResourceProvider` service (`pulumi/provider.proto`) as TypeScript.
 *
 * A provider lives in the same process and is handed to the engine, or is a plugin process behind an adapter that
 * speaks gRPC. The engine can't tell which.
 */
import type { ConfigValue } from "./api";
import type { Goal } from "./resource";
import type { PropertyMap } from "./values/property-value";

/** Identifies the resource a request is about. */
export interface ResourceIdentity {
  urn: string;
  /** The last part of the URN. */
  name: string;
  /** The type token, such as `docker:index/container:Container`. */
  type: string;
}

export type Severity = "debug" | "info" | "warning" | "error";

/** What a provider may use while it serves one request. */
export interface ProviderContext {
  /** Aborted when the operation is cancelled: stop as soon as nothing is left behind, then reject. */
  readonly signal: AbortSignal;
  /**
   * Shows a message, attributed to the request's resource. `ephemeral` messages are progress that needn't be kept.
   * Messages of one stream (a positive number) are the lines or chunks of one output, such as a container's.
   */
  log(severity: Severity, message: string, options?: { ephemeral?: boolean; streamId?: number }): void;
}

export interface CheckRequest extends ResourceIdentity {
  /** The inputs of the last deployment, as `check` returned them; empty for a new resource. */
  olds: PropertyMap;
  /** The program's inputs. In a preview they may hold unknowns. */
  news: PropertyMap;
  /** 32 bytes from which a provider may derive a name; equal for equal URNs within one operation's plan. */
  randomSeed: Uint8Array;
}

/** A problem with one input: `property` is a path such as `ports[0].internal`, empty for the whole resource. */
export interface CheckFailure {
  property: string;
  reason: string;
}

export interface CheckResponse {
  /** The inputs with the provider's defaults put in. */
  inputs: PropertyMap;
  failures?: CheckFailure[];
}

export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

export interface PropertyDiff {
  kind: DiffKind;
  /** The difference is one of the inputs, not between the inputs and the outputs. */
  inputDiff: boolean;
}

export interface DiffRequest extends ResourceIdentity {
  id: string;
  oldInputs: PropertyMap;
  /** The outputs in the state. */
  olds: PropertyMap;
  /** The new inputs, checked. */
  news: PropertyMap;
  ignoreChanges: string[];
}

export interface DiffResponse {
  /** `unknown`: the provider doesn't say; the engine compares the inputs itself. */
  changes: "none" | "some" | "unknown";
  /** Top-level properties that can't be changed in place. */
  replaces?: string[];
  /** Top-level properties that differ. */
  diffs?: string[];
  /** Properties that never change. */
  stables?: string[];
  /** The old one must be gone before the new one can be made. */
  deleteBeforeReplace?: boolean;
  /** Each difference by its path. */
  detailedDiff?: Record<string, PropertyDiff>;
}

export interface CreateRequest extends ResourceIdentity {
  properties: PropertyMap;
  /** Seconds; 0 for the provider's own default. */
  timeout: number;
  /** True: say what would come out, create nothing. Asked only of providers that support previews. */
  preview: boolean;
}

/** What a provider says of a resource that it has made, changed or read. */
export interface ResourceHints {
  /** The resource is to be read before it is changed or deleted, since it may have changed by itself. */
  refreshBeforeUpdate?: boolean;
}

export interface CreateResponse extends ResourceHints {
  id: string;
  /** The outputs. */
  properties: PropertyMap;
}

export interface UpdateRequest extends ResourceIdentity {
  id: string;
  oldInputs: PropertyMap;
  olds: PropertyMap;
  news: PropertyMap;
  timeout: number;
  ignoreChanges: string[];
  preview: boolean;
}

export interface UpdateResponse extends ResourceHints {
  properties: PropertyMap;
}

export interface DeleteRequest extends ResourceIdentity {
  id: string;
  oldInputs: PropertyMap;
  /** The outputs in the state. */
  properties: PropertyMap;
  timeout: number;
}

export interface ReadRequest extends ResourceIdentity {
  id: string;
  /** The inputs in the state, empty for an import or a `get`. */
  inputs: PropertyMap;
  /** The outputs in the state, empty likewise. */
  properties: PropertyMap;
}

export interface ReadResponse extends ResourceHints {
  /** Empty: the resource is gone. */
  id: string;
  inputs: PropertyMap;
  properties: PropertyMap;
}

/** A resource that was being created when an operation was interrupted, so that its id is not known. */
export interface FindRequest extends ResourceIdentity {
  inputs: PropertyMap;
  /** Ids that the state knows already, such as that of the one it was to replace: none of them is it. */
  known: string[];
}

export interface InvokeRequest {
  /** The function's token, such as `docker:index/getNetwork:getNetwork`. */
  token: string;
  args: PropertyMap;
  /** True in a preview, where a function with effects should not have them. */
  preview: boolean;
}

export interface InvokeResponse {
  result: PropertyMap;
  failures?: CheckFailure[];
}

/** Who a program is and how it runs: for SDKs that ask, and for providers that register resources as it does. */
export interface ProgramInfo {
  project: string;
  stack: string;
  organization: string;
  /** By full key. */
  config: Map<string, ConfigValue>;
  preview: boolean;
  parallel: number | undefined;
}

/** A component that is made by a provider, of resources that it registers itself. */
export interface ConstructRequest {
  /** Type, name, options and inputs; these may be outputs with dependencies. */
  goal: Goal;
  /** References of providers for the component's children, by package. */
  providers: Record<string, string>;
  program: ProgramInfo;
  /** Where its resources are registered. */
  monitorAddress: string;
}

export interface ConstructResponse {
  urn: string;
  /** The component's outputs; they may be outputs with dependencies. */
  state: PropertyMap;
  stateDependencies: Record<string, string[]>;
}

/** A method of a component. */
export interface CallRequest {
  token: string;
  /** The receiver is `__self__`. Arguments may be outputs with dependencies. */
  args: PropertyMap;
  argDependencies: Record<string, string[]>;
  program: ProgramInfo;
  monitorAddress: string;
}

export interface CallResponse {
  result: PropertyMap;
  resultDependencies: Record<string, string[]>;
  failures?: CheckFailure[];
}

/** What a provider can take, as it answers to `configure`. */
export interface Capabilities {
  /** Inputs may hold secrets; otherwise the engine strips them and marks outputs of the same name afterwards. */
  acceptSecrets: boolean;
  /** Inputs may hold resource references; otherwise the engine sends the id, or the URN of a component. */
  acceptResources: boolean;
  /** `create` and `update` may be called in a preview. */
  supportsPreview: boolean;
}

/**
 * A resource provider. Methods reject with an `Error` whose message says what failed, why, and what to do;
 * `create`, `update` and `read` with an {@link InitializationError} where the resource exists all the same.
 */
export interface Provider {
  /** The package, such as `docker`. */
  readonly pkg: string;
  /** Semantic version without a leading v: that of the official provider whose behaviour this one has. */
  readonly version: string;
  checkConfig(request: CheckRequest, context: ProviderContext): Promise<CheckResponse>;
  diffConfig(request: DiffRequest, context: ProviderContext): Promise<DiffResponse>;
  /** `args` is the provider's configuration: the inputs of its `pulumi:providers:<pkg>` resource, which `identity` tells. */
  configure(args: PropertyMap, identity?: ResourceIdentity & { id: string }): Promise<Capabilities>;
  check(request: CheckRequest, context: ProviderContext): Promise<CheckResponse>;
  diff(request: DiffRequest, context: ProviderContext): Promise<DiffResponse>;
  create(request: CreateRequest, context: ProviderContext): Promise<CreateResponse>;
  read(request: ReadRequest, context: ProviderContext): Promise<ReadResponse>;
  update(request: UpdateRequest, context: ProviderContext): Promise<UpdateResponse>;
  delete(request: DeleteRequest, context: ProviderContext): Promise<void>;
  /**
   * Looks for a resource by what a creation leaves on it from the start: its name, its labels. `undefined` where there
   * is none that is surely this one. Without this method such a resource is forgotten, with a warning.
   */
  find?(request: FindRequest, context: ProviderContext): Promise<ReadResponse | undefined>;
  invoke(request: InvokeRequest, context: ProviderContext): Promise<InvokeResponse>;
  /** Without this method the package has no components. */
  construct?(request: ConstructRequest): Promise<ConstructResponse>;
  /** Without this method the package has no components with methods. */
  call?(request: CallRequest): Promise<CallResponse>;
  /** Releases connections and processes. */
  close(): Promise<void>;
}

/** Makes one instance for each provider resource. */
export type ProviderFactory = () => Provider;

/** The resource exists, but isn't in order: it stays in the state, with `reasons` as its init errors. */
export class InitializationError extends Error {
  constructor(
    readonly id: string,
    readonly properties: PropertyMap,
    /** The inputs as they are now; the requested ones where it is absent. */
    readonly inputs: PropertyMap | undefined,
    readonly reasons: string[],
  ) {
    super(reasons.join("; "));
    this.name = "InitializationError";
  }
}
