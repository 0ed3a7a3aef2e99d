/**
 * Providers as resources: `pulumi:providers:<pkg>` in the state, a configured instance in memory.
 *
 * Check, Diff and Create of such a resource are CheckConfig, DiffConfig and Configure of the provider it stands for.
 * Other resources refer to it as `urn::id`.
 *
 * Source: `docs/architecture/providers/{default,built-in}.md` and `pkg/resource/deploy/providers` in pulumi/pulumi.
 */
import { randomUUID } from "node:crypto";
import { UserError } from "../api";
import type { Capabilities, Provider, ProviderContext, ProviderFactory } from "../provider";
import type { ResourceState } from "../resource";
import { formatProviderReference, parseProviderReference, providedPackage } from "../urn";
import { containsUnknown, mapEntries, type PropertyMap, UNKNOWN_SENTINEL, withoutSecrets } from "../values";

export interface ProviderInstance {
  provider: Provider;
  /** `undefined` while its configuration isn't known, which happens in previews only. */
  capabilities: Capabilities | undefined;
}

/** Inputs that tell the engine which plugin to load; they are not configuration. */
const INTERNAL_KEY = "__internal";

export class ProviderRegistry {
  private readonly instances = new Map<string, Promise<ProviderInstance>>();
  private readonly all: Provider[] = [];

  constructor(
    private readonly factories: Record<string, ProviderFactory>,
    private readonly olds: Map<string, ResourceState>,
  ) {}

  /** A provider that manages provider resources. */
  readonly builtin: Provider = {
    pkg: "pulumi",
    version: "",
    checkConfig: () => Promise.reject(new Error("not a configurable provider")),
    diffConfig: () => Promise.reject(new Error("not a configurable provider")),
    configure: () => Promise.resolve({ acceptSecrets: true, acceptResources: true, supportsPreview: true }),
    check: async (request, context) => {
      const provider = this.make(request.type);
      const config = configOf(request.news);
      const response = await provider.checkConfig({ ...request, olds: configOf(request.olds), news: config }, context);
      const internal = request.news[INTERNAL_KEY];
      return {
        ...response,
        inputs: { ...(internal === undefined ? {} : { [INTERNAL_KEY]: internal }), ...response.inputs },
      };
    },
    diff: (request, context) =>
      this.make(request.type).diffConfig(
        { ...request, oldInputs: configOf(request.oldInputs), news: configOf(request.news) },
        context,
      ),
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

  /** Makes the instance of a provider resource usable under `urn::id`. */
  async configure(urn: string, id: string, type: string, inputs: PropertyMap): Promise<void> {
    const reference = formatProviderReference({ urn, id });
    const instance = this.start(type, inputs);
    this.instances.set(reference, instance);
    await instance;
  }

  /** The instance behind a reference; one that only the old state knows is configured from there. */
  async get(reference: string): Promise<ProviderInstance> {
    const known = this.instances.get(reference);
    if (known) return known;
    const { urn, id } = parseProviderReference(reference);
    const state = this.olds.get(urn);
    if (!state || state.id !== id) throw new Error(`the provider ${reference} is not known`);
    await this.configure(urn, id, state.type, state.inputs);
    return this.instances.get(reference)!;
  }

  /** The state has the provider, or it has been registered. */
  knows(reference: string): boolean {
    const { urn, id } = parseProviderReference(reference);
    return this.instances.has(reference) || this.olds.get(urn)?.id === id;
  }

  /** The package is served in this process. */
  has(pkg: string): boolean {
    return pkg in this.factories;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.all.map((provider) => provider.close()));
  }

  private make(type: string): Provider {
    const pkg = providedPackage(type);
    const factory = this.factories[pkg];
    if (!factory) {
      throw new UserError(
        `the provider "${pkg}" is not built into the embedded engine (it has ${Object.keys(this.factories).sort().join(", ")}): run this program with the Pulumi CLI`,
      );
    }
    const provider = factory();
    this.all.push(provider);
    return provider;
  }

  private async start(type: string, inputs: PropertyMap): Promise<ProviderInstance> {
    const provider = this.make(type);
    const config = configOf(inputs);
    if (containsUnknown(config)) return { provider, capabilities: undefined };
    return { provider, capabilities: await provider.configure(withoutSecrets(config)) };
  }
}

function configOf(inputs: PropertyMap): PropertyMap {
  const config = mapEntries(inputs, (value) => value);
  delete config[INTERNAL_KEY];
  return config;
}

/** What a provider call may use; messages go to the events of the operation. */
export type ContextFor = (urn: string) => ProviderContext;
