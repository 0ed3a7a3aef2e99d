import {
  bool,
  int,
  list,
  map,
  object,
  orderedObjects,
  replacing,
  set,
  string,
  type Fields,
  type ResourceSchema,
} from "./field";

/** How `RemoteImage` and `RegistryImage` build; most changes of it make the image new. */
const build: Fields = replacing({
  context: string({ required: true }),
  dockerfile: string({ default: "Dockerfile" }),
  additionalContexts: list(),
  authConfigs: orderedObjects(
    {
      hostName: string({ required: true }),
      userName: string(),
      password: string({ secret: true }),
      auth: string(),
      email: string(),
      serverAddress: string(),
      identityToken: string(),
      registryToken: string(),
    },
    { change: "update" },
  ),
  buildArgs: map(),
  buildId: string(),
  buildLogFile: string(),
  builder: string(),
  cacheFroms: list(),
  cacheTos: list(),
  cgroupParent: string(),
  cpuPeriod: int(),
  cpuQuota: int(),
  cpuSetCpus: string(),
  cpuSetMems: string(),
  cpuShares: int(),
  extraHosts: list(),
  forceRemove: bool(),
  isolation: string(),
  label: map({ change: "update" }),
  labels: map(),
  memory: int(),
  memorySwap: int(),
  networkMode: string(),
  noCache: bool(),
  platform: string(),
  provenance: string(),
  pullParent: bool(),
  remoteContext: string(),
  remove: bool({ default: true }),
  sbom: string(),
  secrets: orderedObjects({ id: string({ required: true }), src: string(), env: string() }),
  securityOpts: list(),
  sessionId: string(),
  shmSize: int(),
  squash: bool(),
  suppressOutput: bool(),
  tags: list({ change: "update" }),
  target: string(),
  ulimits: orderedObjects({
    name: string({ required: true }),
    hard: int({ required: true }),
    soft: int({ required: true }),
  }),
  useLegacyBuilder: bool({ default: false }),
  version: string(),
});

export const remoteImageSchema: ResourceSchema = {
  token: "docker:index/remoteImage:RemoteImage",
  timeouts: true,
  fields: {
    ...replacing({
      name: string({ required: true }),
      platform: string({ default: "" }),
      pullTriggers: set(),
      triggers: map(),
    }),
    build: object(build, { conflicts: ["pullTriggers"] }),
    forceRemove: bool(),
    keepLocally: bool(),
    imageId: string({ output: true }),
    repoDigest: string({ output: true }),
  },
};

export const registryImageSchema: ResourceSchema = {
  token: "docker:index/registryImage:RegistryImage",
  autonamed: true,
  timeouts: true,
  fields: {
    ...replacing({ name: string(), triggers: map() }),
    build: object(build),
    authConfig: object({
      address: string({ required: true }),
      username: string(),
      password: string({ secret: true }),
    }),
    insecureSkipVerify: bool({ default: false }),
    keepRemotely: bool({ default: false }),
    sha256Digest: string({ output: true }),
  },
};

export const tagSchema: ResourceSchema = {
  token: "docker:index/tag:Tag",
  fields: replacing({
    sourceImage: string({ required: true }),
    targetImage: string({ required: true }),
    tagTriggers: set(),
    sourceImageId: string({ output: true }),
  }),
};

/** `docker.Image`, which the official provider builds itself; it keeps its inputs in its outputs. */
export const imageSchema: ResourceSchema = {
  token: "docker:index/image:Image",
  fields: {
    imageName: string({ required: true }),
    build: object({
      context: string(),
      dockerfile: string(),
      args: map(),
      target: string(),
      platform: string(),
      network: string(),
      addHosts: list(),
      builderVersion: string(),
      cacheFrom: object({ images: list() }),
      contextDigest: string(),
    }),
    buildOnPreview: bool(),
    registry: object({ server: string(), username: string(), password: string({ secret: true }) }),
    skipPush: bool(),
  },
};
