/** The `docker` provider over the Docker Engine API: dispatches to the handlers and does what they have in common. */
import type Docker from "dockerode";
import type { Provider, ReadResponse } from "../../engine/provider";
import { UNKNOWN, withoutOutputs, withoutSecrets, type PropertyMap } from "../../engine/values";
import { connectTo } from "./engine/connect";
import { find } from "./find";
import { invoke } from "./functions";
import { RegistryCredentials } from "./registry/credentials";
import { handlers, unsupported } from "./resources";
import type { Handler, Session } from "./resources/handler";
import { checkInputs } from "./schema/check";
import { differences, diffResponse } from "./schema/diff";
import { plannedOutputs, updatedOutputs } from "./schema/outputs";
import { configFailures, providerConfig } from "./schema/provider-config";

export interface DockerProviderOptions {
  /**
   * Labels put onto every container, network, volume and built image beside the program's own, and left out of what is
   * read back. Their names begin with `dev.seatrial.`.
   */
  labels?: Record<string, string>;
  /** A client to use instead of one of its own, wherever the provider's configuration doesn't say where to connect. */
  engine?: Docker;
  /** Run a container's health check sooner than the Docker Engine does when something waits for it. Default: true. */
  quickReadiness?: boolean;
  /** What relative paths in a program, such as build contexts, are relative to. Default: the working directory. */
  cwd?: string;
}

/** The official provider's version whose behaviour this one has. */
const VERSION = "5.2.0";

export function dockerProvider(options: DockerProviderOptions = {}): Provider {
  let configured: Session | undefined;
  const session = () => (configured ??= newSession(options, {}));

  return {
    pkg: "docker",
    version: VERSION,

    async checkConfig({ news }) {
      const failures = configFailures(plain(news));
      return failures.length > 0 ? { inputs: news, failures } : { inputs: news };
    },

    // Where the Engine is says nothing about what runs there, so that nothing is made anew for it.
    async diffConfig({ oldInputs, news }) {
      const [olds, wanted] = [plain(oldInputs), plain(news)];
      const names = [...new Set([...Object.keys(olds), ...Object.keys(wanted)])].filter(
        (name) => JSON.stringify(olds[name]) !== JSON.stringify(wanted[name]),
      );
      if (names.length === 0) return { changes: "none" };
      return {
        changes: "some",
        diffs: names,
        detailedDiff: Object.fromEntries(names.map((name) => [name, { kind: "update", inputDiff: true }])),
      };
    },

    async configure(args) {
      configured = newSession(options, plain(args));
      return { acceptSecrets: false, acceptResources: false, supportsPreview: true };
    },

    async check(request) {
      const handler = handlerOf(request.type);
      const known = { ...request, olds: plain(request.olds), news: plain(request.news) };
      return handler.check ? handler.check(session(), known) : checkInputs(handler.schema, known);
    },

    async diff(request) {
      const { schema, diff } = handlerOf(request.type);
      const known = {
        ...request,
        oldInputs: plain(request.oldInputs),
        olds: plain(request.olds),
        news: plain(request.news),
      };
      return diff ? diff(session(), known) : diffResponse(schema, known.news, differences(schema, known));
    },

    async create(request, context) {
      const handler = handlerOf(request.type);
      const known = { ...request, properties: plain(request.properties) };
      if (!request.preview) return handler.create(session(), known, context);
      if (handler.preview) return { id: "", ...(await handler.preview(session(), known, context)) };
      return { id: "", properties: { ...plannedOutputs(handler.schema, known.properties, UNKNOWN), id: UNKNOWN } };
    },

    async read(request, context): Promise<ReadResponse> {
      const known = { ...request, inputs: plain(request.inputs), properties: plain(request.properties) };
      const found = await handlerOf(request.type).read(session(), known, context);
      return found ?? { id: "", inputs: {}, properties: {} };
    },

    async find(request, context) {
      return find(session(), handlerOf(request.type), { ...request, inputs: plain(request.inputs) }, context);
    },

    async update(request, context) {
      const handler = handlerOf(request.type);
      const known = {
        ...request,
        oldInputs: plain(request.oldInputs),
        olds: plain(request.olds),
        news: plain(request.news),
      };
      if (!request.preview) return handler.update(session(), known, context);
      if (handler.preview) return handler.preview(session(), known, context);
      return { properties: updatedOutputs(handler.schema, known.olds, known.news) };
    },

    async delete(request, context) {
      const known = { ...request, oldInputs: plain(request.oldInputs), properties: plain(request.properties) };
      await handlerOf(request.type).delete(session(), known, context);
    },

    async invoke(request, context) {
      return invoke(session(), { ...request, args: plain(request.args) }, context);
    },

    async close() {
      // Connections are the client's own and idle by now; they hold nothing open.
    },
  };
}

/** Secrets and outputs are the engine's business: this provider says that it takes none. */
const plain = (properties: PropertyMap): PropertyMap => withoutSecrets(withoutOutputs(properties));

function newSession(options: DockerProviderOptions, args: PropertyMap): Session {
  const config = providerConfig(args);
  const isElsewhere = ["host", "context", "certPath", "caMaterial"].some((name) => args[name] !== undefined);
  let engine: Promise<Docker> | undefined;
  return {
    engine: () => {
      if (options.engine && !isElsewhere) return Promise.resolve(options.engine);
      engine ??= connectTo(config.address).catch((error: unknown) => {
        // The next call may find the Engine running.
        engine = undefined;
        throw error;
      });
      return engine;
    },
    credentials: new RegistryCredentials(config.registryAuth),
    labels: options.labels ?? {},
    quickReadiness: options.quickReadiness ?? true,
    get cwd() {
      return options.cwd ?? process.cwd();
    },
    dockerHost: isElsewhere ? config.address.host : undefined,
    replacements: { announced: new Set(), takenOver: new Set() },
  };
}

function handlerOf(type: string): Handler {
  const handler = handlers[type];
  if (handler) return handler;
  throw new Error(unsupported(type));
}
