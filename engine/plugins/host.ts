/** The plugins of one operation: found, started, and ended with it. */
import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type ConfigValue, type Project, UserError } from "../api";
import type { EventStream } from "../deployment/event-stream";
import type { Provider } from "../provider";
import type { Parameterization, PluginProvider } from "./client";
import type { EngineServer } from "./engine-service";
import { executableName, findPlugin, projectPlugin } from "./find";
import { type PluginProcess, startPlugin } from "./process";

/** What a provider resource says of the plugin that serves it. */
export interface PluginRequest {
  /** The plugin's name; other than the package's for one that a parameter makes. */
  name: string;
  /** As the program asks for it; any if absent. */
  version?: string;
  parameterization?: Parameterization;
}

export interface PluginHost {
  /** Starts a plugin of its own for each call: one process serves one configuration. */
  load(request: PluginRequest): Promise<Provider>;
  /** Pulumi.yaml or PULUMI_DEBUG_PROVIDERS names a plugin for this package: it comes before what is built in. */
  isNamed(request: PluginRequest): boolean;
  /** Ends what is still running. */
  close(): Promise<void>;
}

export interface PluginHostOptions {
  project: Project;
  config: Map<string, ConfigValue>;
  events: EventStream;
  /** Aborted when the operation is cancelled: plugins are told to stop. */
  signal: AbortSignal;
  debug: boolean;
  env: NodeJS.ProcessEnv;
}

/** The package of resources whose provider is part of the program. */
const DYNAMIC = "pulumi-nodejs";

export function pluginHost({ project, config, events, signal, debug, env }: PluginHostOptions): PluginHost {
  let engine: Promise<EngineServer> | undefined;
  const running = new Set<PluginProvider>();
  const folder =
    existsSync(project.main) && statSync(project.main).isDirectory() ? project.main : dirname(project.main);
  const search = ({ name, version }: PluginRequest) => ({ name, version, projectPlugins: project.plugins ?? [], env });
  const cancel = (): void => running.forEach((plugin) => void plugin.cancel());
  signal.addEventListener("abort", cancel, { once: true });

  const environment = (name: string): NodeJS.ProcessEnv => ({
    ...env,
    PULUMI_PROJECT: project.name,
    ...(name === DYNAMIC ? { PULUMI_NODEJS_PROJECT: project.name } : {}),
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries([...config].map(([key, { value }]) => [key, value]))),
  });

  const start = async (request: PluginRequest, engineAddress: string): Promise<StartedPlugin> => {
    const { name, version } = request;
    const isDynamic = name === DYNAMIC;
    const command = isDynamic ? [process.execPath, dynamicProvider(project)] : [findPlugin(search(request))];
    const title = isDynamic ? "of dynamic providers" : `${executableName(name)}${version ? ` ${version}` : ""}`;
    const plugin = await startPlugin(
      { title, command: [...command, engineAddress], cwd: folder, env: environment(name) },
      // A program's own provider may say what it likes; what other plugins print is for their makers.
      (line, stream) => {
        if (isDynamic) events.diagnostic(stream === "stdout" ? "info" : "info#err", line);
        else if (debug) events.diagnostic("debug", line);
      },
    );
    return { process: plugin, title, folder: dirname(command.at(-1)!) };
  };

  return {
    isNamed: (request) => attachedPort(env, request.name) !== undefined || projectPlugin(search(request)) !== undefined,
    async load(request) {
      const { name, parameterization } = request;
      // Loaded for those who have plugins: gRPC takes a good part of a command's start.
      const { connectPlugin } = await import("./client");
      engine ??= import("./engine-service").then(({ serveEngine }) => serveEngine(events, debug));
      const engineAddress = (await engine).address;
      const port = attachedPort(env, name);
      const started = port ? attachTo(port) : await start(request, engineAddress);
      const provider = await connectPlugin(started.process, {
        pkg: parameterization?.name ?? name,
        title: started.title,
        engineAddress,
        folder: started.folder,
        attach: port !== undefined,
        ...(parameterization ? { parameterization } : {}),
      });
      running.add(provider);
      void started.process.ended.then(() => running.delete(provider));
      return provider;
    },
    async close() {
      signal.removeEventListener("abort", cancel);
      await Promise.allSettled([...running].map((plugin) => plugin.close()));
      (await engine)?.close();
    },
  };
}

interface StartedPlugin {
  process: PluginProcess;
  title: string;
  /** Where it lies. */
  folder: string;
}

/** Of a plugin that runs on its own, as in a debugger: PULUMI_DEBUG_PROVIDERS has `name:port` for it. */
function attachedPort(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const entries = (env["PULUMI_DEBUG_PROVIDERS"] ?? "").split(",").map((entry) => entry.split(":"));
  const port = entries.find(([pkg]) => pkg === name)?.[1];
  if (port === undefined) return undefined;
  if (/^\d+$/.test(port)) return Number(port);
  throw new UserError(`PULUMI_DEBUG_PROVIDERS: the port of ${name} must be a number, not "${port}"`);
}

/** It doesn't end with us, so that there is nothing to end. */
function attachTo(port: number): StartedPlugin {
  const ended = new Promise<never>(() => undefined);
  return { process: { port, ended, close: () => Promise.resolve() }, title: `at port ${port}`, folder: "" };
}

/** The SDK's own, from the program's node_modules. */
function dynamicProvider(project: Project): string {
  try {
    return createRequire(join(project.main, "program.js")).resolve("@pulumi/pulumi/cmd/dynamic-provider");
  } catch {
    throw new UserError(`the program in ${project.root} has no @pulumi/pulumi: run "npm install" there`);
  }
}
