/**
 * Providers as resources: `pulumi:providers:<pkg>` in the state, a configured instance in memory.
 *
 * Check, Diff and Create of such a resource are CheckConfig, DiffConfig and Configure of the provider it stands for.
 * Other resources refer to it as `urn::id`.
 *
 * A provider is a plugin that the user names, else one of this process where that has the version that is asked for
 * or a compatible one, else a plugin that is found as the CLI finds it.
 *
 * Source: `docs/architecture/providers/{default,built-in}.md` and `pkg/resource/deploy/providers` in pulumi/pulumi.
 */
import { randomUUID } from "node:crypto";
import type { PluginHost, PluginRequest } from "../plugins/host";
import { isCompatible } from "../plugins/version";
import type { Capabilities, Provider, ProviderContext, ProviderFactory } from "../provider";
import type { ResourceState } from "../resource";
import { formatProviderReference, parseProviderReference, providedPackage, urnName } from "../urn";
import {
  containsUnknown,
  equalValues,
  isMap,
  mapEntries,
  type PropertyMap,
  UNKNOWN_SENTINEL,
  withoutSecrets,
} from "../values";

export interface ProviderInstance {
  provider: Provider;
  /** `undefined` while its configuration isn't known, which happens in previews only. */
  capabilities: Capabilities | undefined;
}

/** Inputs that tell the engine which plugin to load; they are not configuration. */
const INTERNAL_KEY = "__internal";
const VERSION_KEY = "version";

export class ProviderRegistry {
  private readonly instances = new Map<string, Promise<ProviderInstance>>();
  /** By URN: checked, and not configured yet. */
  private readonly checked = new Map<string, Provider>();
  private readonly all = new Set<Provider>();

  /** `factories` are the providers of this process, by package. */
  constructor(
    private readonly factories: Record<string, ProviderFactory>,
    private readonly olds: Map<string, ResourceState>,
    private readonly plugins: PluginHost,
  ) {}

  /** A provider that manages provider resources. */
  readonly builtin: Provider = {
    pkg: "pulumi",
    version: "",
    checkConfig: () => Promise.reject(new Error("not a configurable provider")),
    diffConfig: () => Promise.reject(new Error("not a configurable provider")),
    configure: () => Promise.resolve({ acceptSecrets: true, acceptResources: true, supportsPreview: true }),
    check: async (request, context) => {
      const provider = await this.make(request.type, request.news);
      const config = configOf(request.news);
      const response = await provider.checkConfig({ ...request, olds: configOf(request.olds), news: config }, context);
      if (response.failures?.length) await this.discard(provider);
      else this.checked.set(request.urn, provider);
      const { [INTERNAL_KEY]: internal, [VERSION_KEY]: version } = request.news;
      return {
        ...response,
        inputs: {
          ...(internal === undefined ? {} : { [INTERNAL_KEY]: internal }),
          ...(version === undefined ? {} : { [VERSION_KEY]: version }),
          ...response.inputs,
        },
      };
    },
    diff: async (request, context) => {
      const provider = this.checked.get(request.urn) ?? (await this.get(formatProviderReference(request))).provider;
      const olds = configOf(request.oldInputs);
      const news = configOf(request.news);
      const diff = await provider.diffConfig({ ...request, oldInputs: olds, news }, context);
      return diff.changes === "unknown" ? { changes: equalValues(olds, news) ? "none" : "some" } : diff;
    },
    create: async ({ urn, type, properties, preview }) => {
      const id = preview ? UNKNOWN_SENTINEL : randomUUID();
      await this.configure(urn, id, type, properties);
      return { id, properties: configOf(properties) };
    },
    update: async ({ urn, id, type, news }) => {
      await this.configure(urn, id, type, news);
      return { properties: configOf(news) };
    },
    read: async ({ id, inputs, properties }) => ({ id, inputs, properties }),
    delete: () => Promise.resolve(),
    invoke: ({ token }) => Promise.reject(new Error(`there is no function ${token}`)),
    close: () => Promise.resolve(),
  };

  /** Makes the instance of a provider resource that has been checked usable under `urn::id`. */
  async configure(urn: string, id: string, type: string, inputs: PropertyMap): Promise<void> {
    const provider = this.checked.get(urn);
    this.checked.delete(urn);
    await this.start(urn, id, type, inputs, provider);
  }

  /** The instance behind a reference; one that only the old state knows is configured from there. */
  async get(reference: string): Promise<ProviderInstance> {
    const known = this.instances.get(reference);
    if (known) return known;
    const { urn, id } = parseProviderReference(reference);
    const state = this.olds.get(urn);
    if (!state || state.id !== id) throw new Error(`the provider ${reference} is not known`);
    return this.start(urn, id, state.type, state.inputs, undefined);
  }

  /** The state has the provider, or it has been registered. */
  knows(reference: string): boolean {
    const { urn, id } = parseProviderReference(reference);
    return this.instances.has(reference) || this.olds.get(urn)?.id === id;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.all].map((provider) => provider.close()));
  }

  private start(
    urn: string,
    id: string,
    type: string,
    inputs: PropertyMap,
    checked: Provider | undefined,
  ): Promise<ProviderInstance> {
    const instance = (async (): Promise<ProviderInstance> => {
      const provider = checked ?? (await this.make(type, inputs));
      const config = configOf(inputs);
      if (containsUnknown(config)) return { provider, capabilities: undefined };
      return { provider, capabilities: await provider.configure(config, { urn, name: urnName(urn), type, id }) };
    })();
    this.instances.set(formatProviderReference({ urn, id }), instance);
    return instance;
  }

  private async make(type: string, inputs: PropertyMap): Promise<Provider> {
    const provider = await this.load(providedPackage(type), pluginRequest(providedPackage(type), inputs));
    this.all.add(provider);
    return provider;
  }

  private async load(pkg: string, request: PluginRequest): Promise<Provider> {
    const isNamed = this.plugins.isNamed(request);
    const factory = this.factories[pkg];
    if (factory && !isNamed && !request.parameterization) {
      const provider = factory();
      if (!request.version || !provider.version || isCompatible(request.version, provider.version)) return provider;
      await provider.close();
    }
    return this.plugins.load(request);
  }

  private async discard(provider: Provider): Promise<void> {
    this.all.delete(provider);
    await provider.close();
  }
}

/** Which plugin serves a provider resource; of one that a parameter makes, the plugin's own name and version. */
function pluginRequest(pkg: string, inputs: PropertyMap): PluginRequest {
  const plain = withoutSecrets(inputs);
  const internal = plain[INTERNAL_KEY];
  const parameter = isMap(internal) ? internal["parameterization"] : undefined;
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  if (!isMap(internal) || parameter === undefined) {
    const version = text(plain[VERSION_KEY]);
    return { name: pkg, ...(version ? { version } : {}) };
  }
  const version = text(internal[VERSION_KEY]);
  return {
    name: text(internal["name"]) || pkg,
    ...(version ? { version } : {}),
    parameterization: {
      name: pkg,
      version: text(plain[VERSION_KEY]),
      value: Buffer.from(text(parameter), "base64"),
    },
  };
}

function configOf(inputs: PropertyMap): PropertyMap {
  const config = mapEntries(inputs, (value) => value);
  delete config[INTERNAL_KEY];
  return config;
}

/** What a provider call may use; messages go to the events of the operation. */
export type ContextFor = (urn: string) => ProviderContext;
