/** The `build` of `RemoteImage` and `RegistryImage` as a build of ours. */
import { isAbsolute, join } from "node:path";
import type { BuildRequest } from "../build/build";

export interface BuildInputs {
  context: string;
  dockerfile?: string;
  additionalContexts?: string[];
  authConfigs?: {
    hostName: string;
    userName?: string;
    password?: string;
    auth?: string;
    email?: string;
    serverAddress?: string;
    identityToken?: string;
    registryToken?: string;
  }[];
  buildArgs?: Record<string, string>;
  buildId?: string;
  buildLogFile?: string;
  builder?: string;
  cacheFroms?: string[];
  cacheTos?: string[];
  cgroupParent?: string;
  cpuPeriod?: number;
  cpuQuota?: number;
  cpuSetCpus?: string;
  cpuSetMems?: string;
  cpuShares?: number;
  extraHosts?: string[];
  forceRemove?: boolean;
  isolation?: string;
  label?: Record<string, string>;
  labels?: Record<string, string>;
  memory?: number;
  memorySwap?: number;
  networkMode?: string;
  noCache?: boolean;
  platform?: string;
  provenance?: string;
  pullParent?: boolean;
  remoteContext?: string;
  remove?: boolean;
  sbom?: string;
  secrets?: { id: string; src?: string; env?: string }[];
  securityOpts?: string[];
  sessionId?: string;
  shmSize?: number;
  squash?: boolean;
  suppressOutput?: boolean;
  tags?: string[];
  target?: string;
  ulimits?: { name: string; hard: number; soft: number }[];
  useLegacyBuilder?: boolean;
  version?: string;
}

export function buildRequest(inputs: BuildInputs, name: string): BuildRequest {
  const dockerfile = inputs.dockerfile ?? "Dockerfile";
  return {
    tags: [name, ...(inputs.tags ?? [])],
    context: inputs.context,
    // Here the Dockerfile is relative to the context, other than docker.Image's.
    dockerfile: isAbsolute(dockerfile) || inputs.remoteContext ? dockerfile : join(inputs.context, dockerfile),
    args: inputs.buildArgs,
    target: inputs.target || undefined,
    platform: inputs.platform || undefined,
    network: inputs.networkMode || undefined,
    addHosts: inputs.extraHosts,
    cacheFrom: inputs.cacheFroms,
    labels: { ...inputs.label, ...inputs.labels },
    classic: inputs.useLegacyBuilder === true || inputs.version === "1",
    buildKit: inputs.version === "2",
    noCache: inputs.noCache,
    pull: inputs.pullParent,
    remoteContext: inputs.remoteContext || undefined,
    logFile: inputs.buildLogFile || undefined,
    limits: {
      rm: inputs.remove ?? true,
      forcerm: inputs.forceRemove ?? inputs.remove ?? true,
      q: inputs.suppressOutput,
      isolation: inputs.isolation,
      cpusetcpus: inputs.cpuSetCpus,
      cpusetmems: inputs.cpuSetMems,
      cpushares: inputs.cpuShares,
      cpuquota: inputs.cpuQuota,
      cpuperiod: inputs.cpuPeriod,
      memory: inputs.memory,
      memswap: inputs.memorySwap,
      cgroupparent: inputs.cgroupParent,
      shmsize: inputs.shmSize,
      squash: inputs.squash,
      securityopt: inputs.securityOpts?.length ? JSON.stringify(inputs.securityOpts) : undefined,
      ulimits: inputs.ulimits?.length
        ? JSON.stringify(inputs.ulimits.map(({ name: Name, soft: Soft, hard: Hard }) => ({ Name, Soft, Hard })))
        : undefined,
      buildid: inputs.buildId,
      session: inputs.sessionId,
    },
    auth: Object.fromEntries(
      (inputs.authConfigs ?? []).map((auth) => [
        auth.hostName,
        {
          username: auth.userName,
          password: auth.password,
          auth: auth.auth,
          email: auth.email,
          serveraddress: auth.serverAddress,
          identitytoken: auth.identityToken,
          registrytoken: auth.registryToken,
        },
      ]),
    ),
    secrets: inputs.secrets?.map(({ id, src, env }) => ({ id, src: src || undefined, env: env || undefined })),
    cliOptions: cliOptions(inputs),
  };
}

/** Asked for by something that only it has. */
const isForBuildx = (inputs: BuildInputs): boolean =>
  Boolean(inputs.builder || inputs.provenance || inputs.sbom) ||
  [inputs.additionalContexts, inputs.cacheTos].some((list) => (list?.length ?? 0) > 0);

/** What only buildx has. */
function cliOptions(inputs: BuildInputs): string[] {
  return [
    ...(inputs.additionalContexts ?? []).flatMap((context) => ["--build-context", context]),
    ...(inputs.cacheTos ?? []).flatMap((target) => ["--cache-to", target]),
    ...(inputs.ulimits ?? []).flatMap(({ name, soft, hard }) =>
      isForBuildx(inputs) ? ["--ulimit", `${name}=${soft}:${hard}`] : [],
    ),
    ...(inputs.builder ? ["--builder", inputs.builder] : []),
    ...(inputs.provenance ? [`--provenance=${inputs.provenance}`] : []),
    ...(inputs.sbom ? [`--sbom=${inputs.sbom}`] : []),
  ];
}
