import type Docker from "dockerode";
import type { CreateRequest, ProviderContext, ProviderFactory } from "../../engine/provider";
import { isMap, type PropertyMap, withoutOutputs, withoutSecrets } from "../../engine/values";
import { connectTo } from "../../providers/docker/engine/connect";
import { RegistryCredentials } from "../../providers/docker/registry/credentials";
import { providerConfig } from "../../providers/docker/schema/provider-config";
import { withMethods } from "../followed-containers";
import { type Levels, violations } from "../policies";
import { imageFault } from "./images";
import { type EngineNetwork, readRoutes, sharesNetwork } from "./locality";
import { type HostPort, portFaults } from "./ports";

const containerType = "docker:index/container:Container";

/** What the guards need to know of a run. */
export interface GuardedProviderOptions {
  levels: Levels;
  /** To the Engine that a provider uses whose configuration names none. */
  connect(): Promise<Docker>;
  /** Rejects where the machine lacks something; asked once, before anything is made. */
  beforeFirst?(engine: Docker): Promise<void>;
  env: NodeJS.ProcessEnv;
}

/** The Engine that a provider uses. */
interface Connection {
  engine: Docker;
  sharesNetwork: boolean;
  credentials: RegistryCredentials;
}

/**
 * The Docker provider with policies and guards before it. What a policy speaks against is a warning, or fails the check,
 * by which the engine refuses the resource before it is made, in previews too. A host port that is taken fails its
 * container before it is made; in a preview it is a warning, as is an image that can't be had, which an update's own
 * pull tells at the same moment.
 */
export function guardedProvider(docker: ProviderFactory, options: GuardedProviderOptions): ProviderFactory {
  const images = { built: new Set<string>(), pulled: new Set<string>() };
  const warned = new Set<string>();
  /** By URN, what a new container takes the place of. */
  const replaced = new Map<string, string>();
  let begun: Promise<void> | undefined;
  const begin = async (engine: Promise<Docker>) => options.beforeFirst?.(await engine);

  return () => {
    const inner = docker();
    let configuration: PropertyMap = {};
    let connection: Promise<Connection> | undefined;
    const connected = () => (connection ??= connect(configuration, options));
    return withMethods(inner, {
      configure: async (args, identity) => {
        configuration = plain(args);
        return await inner.configure(args, identity);
      },
      check: async (request, context) => {
        const response = await inner.check(request, context);
        if (response.failures && response.failures.length > 0) return response;
        const inputs = plain(response.inputs);
        noteImage(request.type, inputs);
        const found = violations(options.levels, { type: request.type, inputs, builtImages: images.built });
        for (const { level, line } of found) {
          if (level === "warning" && !warned.has(`${request.urn} ${line}`)) context.log("warning", line);
          warned.add(`${request.urn} ${line}`);
        }
        const failures = found.filter(({ level }) => level === "error");
        if (failures.length === 0) return response;
        return { ...response, failures: failures.map(({ line }) => ({ property: "", reason: line })) };
      },
      diff: async (request, context) => {
        replaced.set(request.urn, request.id);
        return await inner.diff(request, context);
      },
      create: async (request, context) => {
        if (!request.preview && options.beforeFirst) await (begun ??= begin(options.connect()));
        if (request.type === containerType) await guardContainer(request, context, connected);
        return await inner.create(request, context);
      },
    });
  };

  /** The images that the program makes or pulls itself. */
  function noteImage(type: string, { imageName, targetImage, name, build }: PropertyMap): void {
    const note = (set: Set<string>, given: unknown) => typeof given === "string" && set.add(given);
    if (type === "docker:index/image:Image") note(images.built, imageName);
    else if (type === "docker:index/tag:Tag") note(images.built, targetImage);
    else if (type === "docker:index/remoteImage:RemoteImage") note(isMap(build) ? images.built : images.pulled, name);
  }

  async function guardContainer(
    request: CreateRequest,
    context: ProviderContext,
    connected: () => Promise<Connection>,
  ): Promise<void> {
    const { image, ...inputs } = plain(request.properties);
    const ports = hostPorts(inputs);
    const named =
      typeof image === "string" && !images.built.has(image) && !images.pulled.has(image) ? image : undefined;
    const asksForImage = request.preview && named !== undefined;
    if (ports.length === 0 && !asksForImage) return;
    const found = await connected().catch(() => undefined);
    // Where the Engine can't be asked, what follows says so better.
    if (!found) return;
    const except = replaced.get(request.urn);
    const faults = await portFaults(found.engine, ports, { ...found, ...(except ? { except } : {}) });
    if (!request.preview && faults.length > 0) throw new Error(faults.join("\n"));
    const missing = asksForImage ? await imageFault(found.engine, named, found.credentials) : undefined;
    for (const fault of [...faults, ...(missing ? [missing.message] : [])]) context.log("warning", fault);
  }
}

async function connect(configuration: PropertyMap, options: GuardedProviderOptions): Promise<Connection> {
  const { address, registryAuth } = providerConfig(configuration, options.env);
  const isElsewhere = ["host", "context", "certPath", "caMaterial"].some((name) => configuration[name] !== undefined);
  const engine = await (isElsewhere ? connectTo(address) : options.connect());
  const networks = (await engine.listNetworks()) as EngineNetwork[];
  const credentials = new RegistryCredentials(registryAuth, options.env);
  return { engine, sharesNetwork: sharesNetwork(networks, readRoutes()), credentials };
}

const plain = (properties: PropertyMap): PropertyMap => withoutSecrets(withoutOutputs(properties));

/** Those that the program chooses itself. */
function hostPorts({ ports }: PropertyMap): HostPort[] {
  return (Array.isArray(ports) ? ports : []).filter(isMap).flatMap(({ external, ip, protocol }) => {
    if (typeof external !== "number" || external === 0) return [];
    const [on = "0.0.0.0", by = "tcp"] = [ip, protocol].map((value) => (typeof value === "string" ? value : undefined));
    return [{ port: external, ip: on, protocol: by }];
  });
}
