/** All that decides how a run's tests end, as far as it can be known before they run. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type Docker from "dockerode";
import type { EngineEvent } from "../../engine/events";
import type { CreateRequest, ProviderContext, ProviderFactory } from "../../engine/provider";
import {
  containsUnknown,
  isMap,
  type PropertyMap,
  type PropertyValue,
  withoutOutputs,
  withoutSecrets,
} from "../../engine/values";
import { withMethods } from "../followed-containers";
import { isStatus } from "../containers";
import { makesImage } from "../image-steps";
import type { PreparedRun } from "../prepare";

/** Types of resources whose inputs say all of them; a program with others is always run. */
const understood = new Set([
  "docker:index/container:Container",
  "docker:index/image:Image",
  "docker:index/network:Network",
  "docker:index/volume:Volume",
  "command:local:Command",
]);

/** What has an id that the Docker Engine makes up; a volume's is its name. */
const idsOfEngine = new Set(["docker:index/container:Container", "docker:index/network:Network"]);

/** Why the inputs can't be known, as a person is told it: a run with such ones is never skipped. */
export class UnknownInputs extends Error {}

interface Known {
  type: string;
  inputs: PropertyMap;
  /** What comes out, of an image. */
  output?: PropertyValue;
}

/** What one operation has registered. */
export interface Recording {
  providers(given: Record<string, ProviderFactory>): Record<string, ProviderFactory>;
  /** Learns of what other providers do. */
  event(event: EngineEvent): void;
  resources: Map<string, Known>;
  /** URNs by the ids that Docker has given. */
  ids: Map<string, string>;
  problem(): string | undefined;
}

/**
 * Stands between the engine and the providers, and writes down what is registered. In a preview images are made all
 * the same, as they stay in any case, so that their ids are known; what gets an id from the Engine has its URN for one.
 */
export function recording(): Recording {
  const resources = new Map<string, Known>();
  const ids = new Map<string, string>();
  let problem: string | undefined;

  const wrapped = (factory: ProviderFactory): ProviderFactory => {
    return () => {
      const inner = factory();
      return withMethods(inner, {
        check: async (request, context) => {
          const response = await inner.check(request, context);
          resources.set(request.urn, { type: request.type, inputs: plain(response.inputs) });
          return response;
        },
        create: async (request, context) => {
          const response = await inner.create(realised(request), context);
          const known = resources.get(request.urn);
          if (known && makesImage(request.urn)) known.output = outputOf(request.type, response.properties);
          if (!idsOfEngine.has(request.type)) return response;
          const id = request.preview ? request.urn : response.id;
          ids.set(id, request.urn);
          return { ...response, id };
        },
        read: (request: Parameters<typeof inner.read>[0], context: ProviderContext) => {
          problem ??= `${request.name} is read and not made by the program`;
          return inner.read(request, context);
        },
      });
    };
  };

  return {
    providers: (given) => Object.fromEntries(Object.entries(given).map(([name, factory]) => [name, wrapped(factory)])),
    event({ resourcePreEvent }) {
      const { urn = "", type = "", new: state } = resourcePreEvent?.metadata ?? {};
      if (!state?.custom || understood.has(type)) return;
      const isDefault = type.startsWith("pulumi:providers:") && /::default(_[\w]+)*$/.test(urn);
      if (type !== "pulumi:pulumi:Stack" && !isDefault) problem ??= `nobody knows what decides about a ${type}`;
    },
    resources,
    ids,
    problem: () => problem,
  };
}

const realised = (request: CreateRequest): CreateRequest =>
  request.preview && makesImage(request.urn) && !containsUnknown(request.properties)
    ? { ...request, preview: false }
    : request;

const outputOf = (type: string, outputs: PropertyMap): PropertyValue =>
  plain(outputs)[type === "docker:index/image:Image" ? "repoDigest" : "stdout"] ?? null;

const plain = (properties: PropertyMap): PropertyMap => withoutSecrets(withoutOutputs(properties));

/**
 * A digest of everything that is known to decide: the resources, the images' ids, the program's files, the settings,
 * the versions. Names of this run's own don't count.
 *
 * @throws {UnknownInputs} where something can't be known
 */
export async function digestInputs(recorded: Recording, prepared: PreparedRun, version: string): Promise<string> {
  const problem = recorded.problem();
  if (problem) throw new UnknownInputs(problem);
  const { docker, project, stack, options } = prepared;
  const resources: unknown[] = [];
  for (const urn of [...recorded.resources.keys()].sort()) {
    resources.push([urn, await decisive(urn, recorded, docker, project.main)]);
  }
  const engine = (await docker.version()) as { Version?: string; Arch?: string };
  const parts = {
    version,
    node: process.version,
    engine: [engine.Version, engine.Arch],
    config: [...stack.config].sort(([a], [b]) => (a < b ? -1 : 1)),
    command: options.testsCommand ?? null,
    junit: options.junit ?? null,
    files: await programFiles(project.root, project.main),
    resources,
  };
  return createHash("sha256")
    .update(`${options.stack ?? ""}\n`) // A name that was asked for may decide something, such as the settings.
    .update(neutral(JSON.stringify(parts), recorded, prepared))
    .digest("hex");
}

/** What is another one in each run stands for itself: the stack, the run, the ids of containers. */
function neutral(text: string, { ids }: Recording, { identity }: PreparedRun): string {
  let result = text;
  for (const [id, urn] of ids) result = result.replaceAll(id, urn);
  return result.replaceAll(identity.run, "<run>").replaceAll(identity.stack, "<stack>");
}

async function decisive(urn: string, recorded: Recording, docker: Docker, main: string): Promise<unknown> {
  const { type, inputs, output } = recorded.resources.get(urn)!;
  const name = urn.split("::").at(-1)!;
  if (makesImage(urn)) {
    if (inputs.skipPush === false) throw new UnknownInputs(`the image ${name} is pushed`);
    if (typeof output !== "string" || output === "") throw new UnknownInputs(`the image of ${name} is not known`);
    return output;
  }
  if (containsUnknown(inputs)) throw new UnknownInputs(`an input of ${name} is known only when the stack is made`);
  const { labels, ...rest } = inputs;
  const own = { ...rest, labels: withoutOurs(labels) };
  return type === "docker:index/container:Container" ? await container(name, own, recorded, docker, main) : own;
}

/** Of a container also what its inputs only name. */
async function container(
  name: string,
  inputs: PropertyMap,
  { resources }: Recording,
  docker: Docker,
  main: string,
): Promise<unknown> {
  const refuse = (why: string): never => {
    throw new UnknownInputs(`${name} ${why}`);
  };
  const ofStack = (type: string) =>
    new Set([...resources.values()].filter((known) => known.type === type).map((known) => known.inputs.name));
  const volumes = ofStack("docker:index/volume:Volume");
  for (const volume of list(inputs.volumes)) {
    if (volume.hostPath) refuse("mounts a folder of this machine");
    if (volume.fromContainer) refuse("takes over another container's volumes");
    if (volume.volumeName && !volumes.has(volume.volumeName)) refuse("mounts a volume that is not the stack's");
  }
  for (const { type, source } of list(inputs.mounts)) {
    if (type !== "tmpfs" && !(type === "volume" && volumes.has(source ?? ""))) refuse("mounts what is not the stack's");
  }
  if (list(inputs.devices).length > 0) refuse("is given a device");
  if (inputs.networkMode === "host") refuse("is in the network of this machine");
  const networks = ofStack("docker:index/network:Network");
  for (const network of list(inputs.networksAdvanced)) {
    if (!networks.has(network.name ?? "")) refuse("is in a network that is not the stack's");
  }
  const uploads = list(inputs.uploads)
    .map(({ source }) => source)
    .filter((source) => typeof source === "string" && source !== "")
    .map((source) => digestFile(resolve(main, "..", source as string)) ?? digestFile(resolve(source as string)));
  if (uploads.includes(undefined)) refuse("is given a file that can't be read");
  return { ...inputs, image: await imageId(String(inputs.image), docker, refuse), uploaded: uploads };
}

async function imageId(name: string, docker: Docker, refuse: (why: string) => never): Promise<string> {
  try {
    return (await docker.getImage(name).inspect()).Id;
  } catch (error) {
    if (isStatus(error, 404)) return refuse(`has an image that is not on the Docker Engine yet, ${name}`);
    throw error;
  }
}

const list = (value: PropertyValue | undefined): PropertyMap[] => (Array.isArray(value) ? value.filter(isMap) : []);

/** Ours say whose a thing is, and differ from run to run. */
const withoutOurs = (labels: PropertyValue | undefined): PropertyMap[] =>
  list(labels).filter(({ label }) => typeof label !== "string" || !label.startsWith("dev.seatrial."));

const digestFile = (file: string): string | undefined => {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return undefined;
  }
};

/** Files beside the program that say which packages, and which versions of them, it runs with. */
const beside = [
  "Pulumi.yaml",
  "Pulumi.yml",
  "package.json",
  "package-lock.json",
  "npm-shrinkwrap.json",
  "yarn.lock",
].concat(["pnpm-lock.yaml", "bun.lock", "tsconfig.json"]);

/** The digests of the program's own files, those that it imports and those that say which packages it has. */
async function programFiles(root: string, main: string): Promise<[string, string | undefined][]> {
  const { build } = await import("esbuild");
  try {
    const { metafile, warnings } = await build({
      ...{ entryPoints: [main], bundle: true, packages: "external", platform: "node", write: false, metafile: true },
      ...{ absWorkingDir: root, outdir: "unused", logLevel: "silent", loader: { ".node": "empty" } },
    });
    if (warnings.some(({ id }) => id === "unsupported-dynamic-import")) throw new Error("it imports by computed names");
    const files = Object.keys(metafile.inputs).map((file) => resolve(root, file));
    const others = beside.flatMap((file) => [join(root, file), join(main, file)]).filter((file) => existsSync(file));
    return [...new Set([...files, ...others])].sort().map((file) => [relative(root, file), digestFile(file)]);
  } catch (error) {
    throw new UnknownInputs(`the program's files are not known: ${(error as Error).message.split("\n")[0]}`);
  }
}
