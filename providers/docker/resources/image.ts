/** `docker.Image`: built from a context and pushed, unless told otherwise. */
import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type {
  CheckFailure,
  CheckRequest,
  CheckResponse,
  CreateRequest,
  CreateResponse,
  DiffKind,
  DiffRequest,
  DiffResponse,
  ProviderContext,
  UpdateRequest,
} from "../../../engine/provider";
import {
  containsUnknown,
  equalValues,
  isMap,
  mapValue,
  Secret,
  Unknown,
  type PropertyMap,
} from "../../../engine/values";
import { relativeDockerfile } from "../build/archive";
import { build, hostPlatform } from "../build/build";
import { contextDigest } from "../build/digest";
import { isDirectory } from "../build/paths";
import { hostOf, type Credentials } from "../registry/credentials";
import { DOCKER_HUB, parseImageName } from "../registry/image-name";
import { push } from "../registry/push";
import { checkInputs } from "../schema/check";
import { isAbsent } from "../schema/field";
import { imageSchema } from "../schema/images";
import { withTimeout, type Handler, type Session } from "./handler";

interface ImageInputs {
  imageName: string;
  build: {
    context: string;
    dockerfile: string;
    args?: Record<string, string>;
    target?: string;
    platform?: string;
    network?: string;
    addHosts?: string[];
    builderVersion?: "BuilderV1" | "BuilderBuildKit";
    cacheFrom?: { images?: string[] };
  };
  registry?: { server?: string; username?: string; password?: string };
  skipPush?: boolean;
  buildOnPreview?: boolean;
}

const inputsOf = (properties: PropertyMap): ImageInputs => properties as unknown as ImageInputs;

export const image: Handler = {
  schema: imageSchema,

  check: (session, request) => Promise.resolve(check(session, request)),

  diff: (_, request) => Promise.resolve(diff(request)),

  async preview(session, request, context) {
    const inputs = "news" in request ? request.news : request.properties;
    if (!canBuildInPreview(inputs, context)) return { properties: inputs };
    return make(session, inputs, request, context, true);
  },

  create: (session, request, context) => make(session, request.properties, request, context, false),

  update: (session, request, context) => make(session, request.news, request, context, false),

  // What the image is on the Engine or in the registry is of no concern to the official provider either.
  read: (_, { id, inputs, properties }) => {
    if (Object.keys(properties).length === 0) throw new Error("a docker.Image can't be imported; build it with up");
    const known = { ...properties };
    if (isMap(known.__inputs)) known.__inputs = new Secret(known.__inputs);
    return Promise.resolve({ id, inputs, properties: known });
  },

  delete: () => Promise.resolve(),
};

function check(session: Session, request: CheckRequest): CheckResponse {
  const { inputs: checked, failures = [] } = checkInputs(imageSchema, request);
  const inputs = withoutDefaults(checked);
  inputs.buildOnPreview ??= false;
  if (isMap(inputs.build) || isAbsent(inputs.build)) {
    const given = (inputs.build ?? {}) as PropertyMap;
    delete given.contextDigest;
    inputs.build = withBuildDefaults(session, given, isAbsent(checked.build), failures);
  }
  if (failures.length === 0) failures.push(...nameFailures(inputs));
  return failures.length > 0 ? { inputs, failures } : { inputs };
}

/** The official provider keeps no record of defaults for this resource. */
const withoutDefaults = (inputs: PropertyMap): PropertyMap =>
  mapValue(inputs, (value) => {
    if (!isMap(value) || !("__defaults" in value)) return undefined;
    const { __defaults, ...rest } = value;
    return withoutDefaults(rest);
  }) as PropertyMap;

function withBuildDefaults(
  session: Session,
  given: PropertyMap,
  isAbsentBuild: boolean,
  failures: CheckFailure[],
): PropertyMap {
  const result: PropertyMap = { ...given };
  result.context ??= ".";
  const { context } = result;
  if (isAbsent(result.dockerfile) && typeof context === "string") {
    result.dockerfile = isAbsentBuild ? "Dockerfile" : join(context, "Dockerfile");
  }
  result.platform ??= hostPlatform();
  if (typeof context === "string" && typeof result.dockerfile === "string") {
    const problem = pathProblem(session, context, result.dockerfile);
    if (problem) failures.push(problem);
    else result.contextDigest = contextDigest(session.cwd, context, result.dockerfile);
  }
  if (isMap(result.cacheFrom) && isAbsent(result.cacheFrom.images)) {
    failures.push({ property: "build.cacheFrom.images", reason: "is required" });
  }
  return result;
}

function pathProblem(session: Session, context: string, dockerfile: string): CheckFailure | undefined {
  if (!isDirectory(resolve(session.cwd, context))) {
    return { property: "build.context", reason: `must be a directory, and there is none at ${context}` };
  }
  if (existsSync(resolve(session.cwd, dockerfile))) return undefined;
  const inContext = join(context, dockerfile);
  const isMeant = !isAbsolute(dockerfile) && existsSync(resolve(session.cwd, inContext));
  return {
    property: "build.dockerfile",
    reason: `names ${dockerfile}, which doesn't exist${isMeant ? `; it is relative to the project: did you mean ${inContext}?` : ""}`,
  };
}

/** To push, or to use a cache from, a registry must be named. */
function nameFailures(inputs: PropertyMap): CheckFailure[] {
  const cache = isMap(inputs.build) && isMap(inputs.build.cacheFrom) ? inputs.build.cacheFrom.images : undefined;
  const images = Array.isArray(cache) ? cache : [];
  if (images.length === 0 && (inputs.skipPush === true || containsUnknown(inputs.skipPush))) return [];
  const server = isMap(inputs.registry) ? inputs.registry.server : undefined;
  const names = [...(isAbsent(server) || server === "" ? [["imageName", inputs.imageName] as const] : [])];
  return names.flatMap(([property, name]) => {
    if (typeof name !== "string" || /^(?:[^/]*[.:][^/]*|localhost)\//.test(name)) return [];
    return [
      {
        property,
        reason: `must begin with a registry to be pushed: ${DOCKER_HUB}/<user>/${name}, for one; or set skipPush: true`,
      },
    ];
  });
}

function diff({ olds, oldInputs, news }: DiffRequest): DiffResponse {
  const kept = olds.__inputs instanceof Secret ? olds.__inputs.element : olds.__inputs;
  const before = isMap(kept) ? kept : oldInputs;
  const detailedDiff: Record<string, { kind: DiffKind; inputDiff: boolean }> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(news)])) {
    const [old, wanted] = [before[name], news[name]];
    if (equalValues(old ?? undefined, wanted ?? undefined)) continue;
    // Credentials change often and make no other image.
    if (name === "registry" && isMap(old) && isMap(wanted) && equalValues(old.server, wanted.server)) continue;
    detailedDiff[name] = { kind: isAbsent(old) ? "add" : isAbsent(wanted) ? "delete" : "update", inputDiff: false };
  }
  return Object.keys(detailedDiff).length === 0 ? { changes: "none" } : { changes: "some", detailedDiff };
}

function canBuildInPreview(properties: PropertyMap, context: ProviderContext): boolean {
  if (properties.buildOnPreview !== true) return false;
  const given = properties.build;
  const needed = isMap(given) ? [properties.imageName, given.context, given.dockerfile, given.args] : [];
  if (given instanceof Unknown || needed.some((value) => containsUnknown(value))) {
    context.log("warning", "buildOnPreview: not built, since some of what the build needs is not known in a preview");
    return false;
  }
  return true;
}

async function make(
  session: Session,
  properties: PropertyMap,
  request: CreateRequest | UpdateRequest,
  context: ProviderContext,
  isPreview: boolean,
): Promise<CreateResponse> {
  const inputs = inputsOf(properties);
  const { imageName, build: given, registry } = inputs;
  const signal = withTimeout(context, request.timeout, `building ${imageName}`);
  const id = await build(
    session,
    {
      tags: [imageName],
      context: given.context,
      dockerfile: given.dockerfile,
      args: given.args,
      target: given.target,
      platform: given.platform,
      network: given.network,
      addHosts: given.addHosts,
      cacheFrom: given.cacheFrom?.images,
      classic: given.builderVersion === "BuilderV1",
      buildKit: given.builderVersion === "BuilderBuildKit",
      outlives: true,
    },
    context,
    signal,
  );
  let repoDigest = id;
  if (!inputs.skipPush && !isPreview) {
    const credentials = await credentialsFor(session, inputs);
    const digest = await push(await session.engine(), imageName, credentials, context, signal);
    const { registry: host, repository } = parseImageName(imageName);
    repoDigest = digest ? `${host}/${repository}@${digest}` : "<none>@<none>";
  }
  return {
    id: imageName,
    properties: {
      __inputs: new Secret(properties),
      baseImageName: imageName,
      context: given.context,
      dockerfile: relativeDockerfile(resolve(session.cwd, given.context), resolve(session.cwd, given.dockerfile)),
      imageName,
      platform: given.platform ?? "",
      registryServer: registry?.server ?? "",
      repoDigest,
    },
  };
}

async function credentialsFor(
  session: Session,
  { imageName, registry }: ImageInputs,
): Promise<Credentials | undefined> {
  const server = registry?.server ? hostOf(registry.server) : parseImageName(imageName).registry;
  if (registry?.username && registry.password) {
    return { username: registry.username, password: registry.password, serveraddress: server };
  }
  return session.credentials.for(server);
}
