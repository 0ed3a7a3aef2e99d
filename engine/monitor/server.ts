/**
 * The engine's end of Pulumi's protocol: `ResourceMonitor` and `Engine`, on a Unix socket that only this user can open.
 *
 * Source: `proto/pulumi/{resource,engine}.proto` in pulumi/pulumi.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import {
  type LogRequest,
  LogSeverity,
  GetRootResourceResponse,
  type RequirePulumiVersionRequest,
  RequirePulumiVersionResponse,
  SetRootResourceResponse,
  type SetRootResourceRequest,
} from "@pulumi/pulumi/proto/engine_pb";
import { CallResponse, CheckFailure, InvokeResponse } from "@pulumi/pulumi/proto/provider_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import {
  ReadResourceResponse,
  RegisterResourceResponse,
  Result,
  DeploymentInfo,
  ResourceMonitorFeature,
  SupportsFeatureResponse,
  type ReadResourceRequest,
  type RegisterErrorHookRequest,
  type RegisterPackageRequest,
  type RegisterResourceHookRequest,
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  type ResourceCallRequest,
  type ResourceInvokeRequest,
  type SupportsFeatureRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb";
import { type Deployment, emptyGoal, Halted, type RegisterResult } from "../deployment/deployment";
import type { EventStream } from "../deployment/event-stream";
import type { Hooks } from "../deployment/hooks";
import type { ProgramInfo } from "../provider";
import type { Goal } from "../resource";
import { isProviderType, packageOf, parseProviderReference, urnType } from "../urn";
import { requireVersion } from "../pulumi-version";
import { temporaryFolder } from "../temporary-folder";
import { withContentHashes } from "../values";
import { statusDetails } from "../values/status-details";
import { callbackClients } from "./callbacks";
import { providerOfReceiver, registeredPackages, withOutputDependencies } from "./packages";
import { errorHookOf, hookOf } from "./hooks";
import { applyInvokeTransform, invokeTransformRequest, readInvocation } from "./invocation";
import {
  applyTransform,
  projectPosition,
  readRegistration,
  type Registration,
  transformRequest,
  withoutTransforms,
} from "./registration";
import { fromStruct, toStruct } from "./structs";

/** What SDKs may ask for by name (`SupportsFeature`), or are told at once (`GetDeploymentInfo`). */
const FEATURES = new Map<string, ResourceMonitorFeature>([
  ["secrets", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_SECRETS],
  ["resourceReferences", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES],
  ["outputValues", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES],
  ["aliasSpecs", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS],
  ["replacementTrigger", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER],
  ["deletedWith", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_DELETED_WITH],
  ["replaceWith", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_REPLACE_WITH],
  ["transforms", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_TRANSFORMS],
  ["invokeTransforms", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS],
  ["parameterization", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION],
  ["resourceHooks", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS],
  ["errorHooks", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS],
  ["sendsOptionsToHooks", ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_SENDS_OPTIONS_TO_HOOKS],
]);

/** As the SDK's own limit: a state or a log may be large. */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

/** The largest number that the protocol has for "as many as there are". */
const MOST_PARALLEL = 2 ** 31 - 1;

export interface MonitorServer {
  /** For the SDK: `unix:/…`. */
  address: string;
  /** Resolves when the program says that it will register no more. */
  readonly programEnded: Promise<void>;
  /** Tells a program that waits at its end that everything is done. */
  release(): void;
  close(): Promise<void>;
}

export interface MonitorOptions {
  deployment: Deployment;
  events: EventStream;
  hooks: Hooks;
  projectRoot: string;
  program: ProgramInfo;
  /** Passes debug messages on. */
  debug: boolean;
}

export async function serveMonitor(options: MonitorOptions): Promise<MonitorServer> {
  const { deployment, events, hooks } = options;
  const folder = temporaryFolder("engine");
  const address = `unix:${join(folder, "engine.sock")}`;
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.server_max_unrequested_time_in_server": 30 * 60,
  });
  const callbacks = callbackClients();
  const stackTransforms: Callback[] = [];
  const invokeTransforms: Callback[] = [];
  const packages = registeredPackages();
  const goals = new Map<string, Registration>();
  let rootUrn = "";
  let ended!: () => void;
  let released!: () => void;
  const programEnded = new Promise<void>((resolve) => (ended = resolve));
  const release = new Promise<void>((resolve) => (released = resolve));

  /** The registration with what it has of its parent, as its own, its ancestors' and the stack's transforms leave it. */
  const transformed = async (request: RegisterResourceRequest): Promise<Registration> => {
    const asked = readRegistration(request);
    const parent = goals.get(asked.goal.parent);
    inherit(asked.goal, parent?.goal);
    if ((asked.goal.custom || asked.remote) && !asked.goal.provider) {
      const pkg = packageOf(asked.goal.type);
      asked.goal.provider = asked.providers[pkg] ?? parent?.providers[pkg] ?? "";
    }
    let registration = asked;
    const own = request.getTransformsList();
    const inherited = ancestors(asked.goal.parent).flatMap((urn) => transformsByUrn.get(urn) ?? []);
    for (const callback of [...own, ...inherited, ...stackTransforms]) {
      const response = await callbacks.invoke(callback, transformRequest(registration, own.length > 0));
      registration = applyTransform(registration, response);
    }
    const { goal } = registration;
    const plain = withoutTransforms(asked.goal, goal, own.length > 0);
    return {
      ...registration,
      goal: { ...plain, inputs: await withContentHashes(plain.inputs) },
      providers: goal.custom ? registration.providers : { ...parent?.providers, ...registration.providers },
    };
  };
  const transformsByUrn = new Map<string, Callback[]>();
  const ancestors = (urn: string): string[] => {
    const parent = goals.get(urn)?.goal.parent;
    return urn ? [urn, ...(parent ? ancestors(parent) : [])] : [];
  };

  const resolveProvider = async ({ goal, version, remote }: Registration, packageRef: string): Promise<string> => {
    // A component has none of its own; transforms have seen what it would hand on.
    if ((!goal.custom && !remote) || isProviderType(goal.type)) return "";
    return goal.provider || defaultProvider(goal.type, version, packageRef);
  };

  const defaultProvider = (token: string, version: string, packageRef: string): Promise<string> => {
    if (!packageRef) return deployment.defaultProvider(packageOf(token), version);
    const found = packages.get(packageRef);
    return deployment.defaultProvider(found.name, found.version, found.plugin);
  };

  /** The monitor's address for plugins, some of which know no Unix sockets. */
  let portAddress: Promise<string> | undefined;
  const monitorAddress = (): Promise<string> =>
    (portAddress ??= bind(server, "127.0.0.1:0").then((port) => `127.0.0.1:${port}`));

  /** A component of a plugin: the plugin registers it, and the resources that it is made of. */
  const construct = async (
    { goal, providers }: Registration,
    request: RegisterResourceRequest,
  ): Promise<RegisterResourceResponse> => {
    const urn = deployment.urnOf(goal);
    transformsByUrn.set(urn, request.getTransformsList());
    const { state, stateDependencies, ...made } = await deployment.construct(goal.provider, {
      goal,
      providers,
      program: options.program,
      monitorAddress: await monitorAddress(),
    });
    const message = new RegisterResourceResponse();
    message.setUrn(made.urn);
    message.setResult(Result.SUCCESS);
    message.setObject(
      toStruct(state, { secrets: request.getAcceptsecrets(), resources: request.getAcceptresources() }),
    );
    for (const [key, urns] of Object.entries(withOutputDependencies(state, stateDependencies))) {
      const dependencies = new RegisterResourceResponse.PropertyDependencies();
      dependencies.setUrnsList(urns);
      message.getPropertydependenciesMap().set(key, dependencies);
    }
    return message;
  };

  const call = async (request: ResourceCallRequest): Promise<CallResponse> => {
    const token = request.getTok();
    const args = fromStruct(request.getArgs());
    const argDependencies: Record<string, string[]> = {};
    request.getArgdependenciesMap().forEach((value, key) => (argDependencies[key] = value.getUrnsList()));
    const provider =
      request.getProvider() ||
      providerOfReceiver(token, args["__self__"], (urn) => goals.get(urn)?.goal.provider) ||
      (await defaultProvider(token, request.getVersion(), request.getPackageref()));
    const { result, resultDependencies, failures } = await deployment.call(provider, {
      token,
      args,
      argDependencies: withOutputDependencies(args, argDependencies),
      program: options.program,
      monitorAddress: await monitorAddress(),
    });
    const message = new CallResponse();
    message.setReturn(toStruct(result, { secrets: true, resources: true }));
    for (const [key, urns] of Object.entries(withOutputDependencies(result, resultDependencies))) {
      const dependencies = new CallResponse.ReturnDependencies();
      dependencies.setUrnsList(urns);
      message.getReturndependenciesMap().set(key, dependencies);
    }
    message.setFailuresList(checkFailures(failures));
    return message;
  };

  const register = async (request: RegisterResourceRequest): Promise<RegisterResourceResponse> => {
    const registration = await transformed(request);
    const { goal } = registration;
    goal.provider = await resolveProvider(registration, request.getPackageref());
    if (registration.remote) return construct(registration, request);
    if (isProviderType(goal.type)) goal.inputs = packages.providerInputs(goal.inputs, registration.version, request);
    const position = projectPosition(request.getSourceposition(), options.projectRoot);
    if (position) goal.sourcePosition = position;
    const outcome = await registerAs(registration, request);
    return response(outcome, request);
  };

  const registerAs = async (registration: Registration, request: RegisterResourceRequest): Promise<RegisterResult> => {
    const { goal } = registration;
    const urn = deployment.urnOf(goal);
    if (!goals.has(urn)) {
      goals.set(urn, registration);
      // Those of a plugin's component are known already: the plugin doesn't send them.
      if (!transformsByUrn.has(urn)) transformsByUrn.set(urn, request.getTransformsList());
    }
    const result = await deployment.register(goal);
    // One that is left alone under its old name is called by that from now on, by its children too.
    if (!goals.has(result.state.urn)) goals.set(result.state.urn, registration);
    return result;
  };

  const response = (outcome: RegisterResult, request: RegisterResourceRequest): RegisterResourceResponse => {
    const { state, result } = outcome;
    const message = new RegisterResourceResponse();
    message.setUrn(state.urn);
    message.setId(state.id);
    // What a component gave back last time may refer to resources that this run has not registered yet.
    const outputs = request.getCustom() ? state.outputs : {};
    message.setObject(
      toStruct(outputs, { secrets: request.getAcceptsecrets(), resources: request.getAcceptresources() }),
    );
    if (request.getSupportsresultreporting()) {
      message.setResult(result === "success" ? Result.SUCCESS : result === "failed" ? Result.FAIL : Result.SKIP);
    } else if (result !== "success") throw new Halted();
    return message;
  };

  const read = async (request: ReadResourceRequest): Promise<ReadResourceResponse> => {
    const type = request.getType();
    const goal: Goal = {
      ...emptyGoal(type, request.getName()),
      parent: request.getParent(),
      inputs: fromStruct(request.getProperties()),
      dependencies: request.getDependenciesList(),
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
      provider: request.getProvider() || (await defaultProvider(type, request.getVersion(), request.getPackageref())),
    };
    goals.set(deployment.urnOf(goal), {
      goal,
      providers: {},
      version: request.getVersion(),
      pluginDownloadUrl: "",
      remote: false,
      timeouts: undefined,
    });
    const state = await deployment.read(goal, request.getId());
    const message = new ReadResourceResponse();
    message.setUrn(state.urn);
    message.setProperties(
      toStruct(state.outputs, { secrets: request.getAcceptsecrets(), resources: request.getAcceptresources() }),
    );
    return message;
  };

  const invoke = async (request: ResourceInvokeRequest): Promise<InvokeResponse> => {
    let invocation = readInvocation(request);
    for (const callback of invokeTransforms) {
      const response = await callbacks.invoke(callback, invokeTransformRequest(invocation));
      invocation = applyInvokeTransform(invocation, response);
    }
    const { token, args, version } = invocation;
    const provider = invocation.provider || (await defaultProvider(token, version, request.getPackageref()));
    const { result, failures } = await deployment.invoke(token, args, provider);
    const message = new InvokeResponse();
    message.setReturn(toStruct(result, { secrets: true, resources: request.getAcceptresources() }));
    message.setFailuresList(checkFailures(failures));
    return message;
  };

  const refuse = (what: string) => (): never => {
    throw new Error(`${what} is not supported by the embedded engine: use the Pulumi CLI`);
  };

  server.addService(
    ResourceMonitorService as never,
    {
      getDeploymentInfo: unary(() => deploymentInfo(options.program)),
      supportsFeature: unary((request: SupportsFeatureRequest) => {
        const message = new SupportsFeatureResponse();
        message.setHassupport(FEATURES.has(request.getId()));
        return message;
      }),
      registerResource: unary(register),
      registerResourceOutputs: unary(async (request: RegisterResourceOutputsRequest) => {
        const outputs = await withContentHashes(fromStruct(request.getOutputs()));
        await deployment.registerOutputs(request.getUrn(), outputs);
        return new Empty();
      }),
      readResource: unary(read),
      invoke: unary(invoke),
      call: unary(call),
      registerStackTransform: unary((callback: Callback) => {
        stackTransforms.push(callback);
        return new Empty();
      }),
      registerStackInvokeTransform: unary((callback: Callback) => {
        invokeTransforms.push(callback);
        return new Empty();
      }),
      registerResourceHook: unary((request: RegisterResourceHookRequest) => {
        hooks.register(request.getName(), hookOf(request, callbacks));
        return new Empty();
      }),
      registerErrorHook: unary((request: RegisterErrorHookRequest) => {
        hooks.registerErrorHook(request.getName(), errorHookOf(request, callbacks));
        return new Empty();
      }),
      registerPackage: unary((request: RegisterPackageRequest) => packages.register(request)),
      signalAndWaitForShutdown: unary(async () => {
        ended();
        await release;
        return new Empty();
      }),
    } as UntypedServiceImplementation,
  );

  server.addService(
    EngineService as never,
    {
      log: unary((request: LogRequest) => {
        const severity = request.getSeverity();
        if (severity === LogSeverity.ERROR) {
          // With the deployment over, what the program still complains of is a consequence.
          const error = { message: request.getMessage(), ...(request.getUrn() ? { urn: request.getUrn() } : {}) };
          if (!deployment.isHalted) deployment.programFailed(error);
          return new Empty();
        }
        if (severity === LogSeverity.DEBUG && !options.debug) return new Empty();
        const name = severity === LogSeverity.DEBUG ? "debug" : severity === LogSeverity.WARNING ? "warning" : "info";
        events.diagnostic(name, request.getMessage(), {
          urn: request.getUrn(),
          ephemeral: request.getEphemeral(),
          streamId: request.getStreamid(),
        });
        return new Empty();
      }),
      getRootResource: unary(() => {
        const message = new GetRootResourceResponse();
        message.setUrn(rootUrn);
        return message;
      }),
      setRootResource: unary((request: SetRootResourceRequest) => {
        rootUrn = request.getUrn();
        return new SetRootResourceResponse();
      }),
      startDebugging: unary(refuse("a debugger")),
      requirePulumiVersion: unary((request: RequirePulumiVersionRequest) => {
        requireVersion(request.getPulumiVersionRange());
        return new RequirePulumiVersionResponse();
      }),
    } as UntypedServiceImplementation,
  );

  await bind(server, address);
  return {
    address,
    programEnded,
    release: () => released(),
    async close() {
      released();
      callbacks.close();
      server.forceShutdown();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
}

function checkFailures(failures: { property: string; reason: string }[] = []): CheckFailure[] {
  return failures.map(({ property, reason }) => {
    const failure = new CheckFailure();
    failure.setProperty(property);
    failure.setReason(reason);
    return failure;
  });
}

/** A child has its parent's protection, retention and provider, unless it says otherwise. */
function inherit(goal: Goal, parent: Goal | undefined): void {
  if (!parent) return;
  if (!goal.deletedWith) goal.deletedWith = parent.deletedWith;
  goal.protect ??= parent.protect;
  goal.retainOnDelete ??= parent.retainOnDelete;
  if (!goal.provider && parent.provider) {
    const pkg = urnType(parseProviderReference(parent.provider).urn).split(":").pop();
    if (!goal.custom || packageOf(goal.type) === pkg) goal.provider = parent.provider;
  }
}

function deploymentInfo({ config, ...program }: ProgramInfo): DeploymentInfo {
  const message = new DeploymentInfo();
  message.setProject(program.project);
  message.setStack(program.stack);
  message.setOrganization(program.organization);
  message.setDryrun(program.preview);
  message.setParallel(Math.min(program.parallel ?? MOST_PARALLEL, MOST_PARALLEL));
  for (const [key, { value, secret }] of config) {
    message.getConfigMap().set(key, value);
    if (secret) message.addConfigsecretkeys(key);
  }
  message.setSupportedfeaturesList([...FEATURES.values()]);
  return message;
}

type Handler<Request, Response> = (request: Request) => Response | Promise<Response>;

/** A unary method; a stopped deployment is told as UNAVAILABLE, which the SDK takes as the end and not as an error. */
function unary<Request, Response>(handle: Handler<Request, Response>) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    void (async () => handle(call.request))().then(
      (response) => callback(null, response),
      (error: Error) =>
        callback({
          code: error instanceof Halted ? status.UNAVAILABLE : status.UNKNOWN,
          details: statusDetails(error.message),
        }),
    );
  };
}
