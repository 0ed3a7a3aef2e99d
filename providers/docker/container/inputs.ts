/** A container's inputs after the check, typed; the table in `schema/container.ts` guarantees the shape. */
import type { PropertyMap } from "../../../engine/values";

export interface Label {
  label: string;
  value: string;
}

export interface Throttle {
  path: string;
  rate: number;
}

export interface Mount {
  target: string;
  type: "bind" | "volume" | "tmpfs";
  source?: string;
  readOnly?: boolean;
  bindOptions?: { propagation?: string };
  volumeOptions?: {
    noCopy?: boolean;
    labels?: Label[];
    driverName?: string;
    driverOptions?: Record<string, string>;
    subpath?: string;
  };
  tmpfsOptions?: { sizeBytes?: number; mode?: number };
}

export interface Upload {
  file: string;
  content?: string;
  contentBase64?: string;
  source?: string;
  executable?: boolean;
  permissions?: string;
  owner?: string;
  group?: string;
}

export interface Endpoint {
  name: string;
  aliases?: string[];
  ipv4Address?: string;
  ipv6Address?: string;
  linkLocalIps?: string[];
  macAddress?: string;
  driverOpts?: string[];
  gwPriority?: number;
}

export interface Healthcheck {
  tests?: string[];
  interval?: string;
  timeout?: string;
  startPeriod?: string;
  startInterval?: string;
  retries?: number;
}

export interface VolumeEntry {
  containerPath?: string;
  fromContainer?: string;
  hostPath?: string;
  readOnly?: boolean;
  selinuxRelabel?: string;
  volumeName?: string;
}

export interface ContainerInputs {
  name: string;
  image: string;
  attach?: boolean;
  capabilities?: { adds?: string[]; drops?: string[] };
  cgroupParent?: string;
  cgroupnsMode?: string;
  command?: string[];
  cpuPeriod?: number;
  cpuQuota?: number;
  cpuSet?: string;
  cpuShares?: number;
  cpus?: string;
  destroyGraceSeconds?: number;
  deviceCgroupRules?: string[];
  deviceReadBps?: Throttle[];
  deviceReadIops?: Throttle[];
  deviceRequests?: {
    driver?: string;
    count?: number;
    deviceIds?: string[];
    capabilities?: string[];
    options?: Record<string, string>;
  }[];
  deviceWriteBps?: Throttle[];
  deviceWriteIops?: Throttle[];
  devices?: { hostPath: string; containerPath?: string; permissions?: string }[];
  dns?: string[];
  dnsOpts?: string[];
  dnsSearches?: string[];
  domainname?: string;
  entrypoints?: string[];
  envs?: string[];
  gpus?: string;
  groupAdds?: string[];
  healthcheck?: Healthcheck;
  hostname?: string;
  hosts?: { host: string; ip: string }[];
  init?: boolean;
  ipcMode?: string;
  labels?: Label[];
  logDriver?: string;
  logOpts?: Record<string, string>;
  logs?: boolean;
  maxRetryCount?: number;
  memory?: number;
  memoryReservation?: number;
  memorySwap?: number;
  mounts?: Mount[];
  mustRun?: boolean;
  networkMode?: string;
  networksAdvanced?: Endpoint[];
  pidMode?: string;
  platform?: string;
  ports?: { internal: number; external?: number; ip?: string; protocol?: string }[];
  privileged?: boolean;
  publishAllPorts?: boolean;
  readOnly?: boolean;
  removeVolumes?: boolean;
  restart?: string;
  rm?: boolean;
  runtime?: string;
  securityOpts?: string[];
  shmSize?: number;
  start?: boolean;
  stdinOpen?: boolean;
  stopSignal?: string;
  stopTimeout?: number;
  storageOpts?: Record<string, string>;
  sysctls?: Record<string, string>;
  tmpfs?: Record<string, string>;
  tty?: boolean;
  ulimits?: { name: string; soft: number; hard: number }[];
  uploads?: Upload[];
  user?: string;
  usernsMode?: string;
  volumes?: VolumeEntry[];
  wait?: boolean;
  waitTimeout?: number;
  workingDir?: string;
}

export const containerInputs = (inputs: PropertyMap): ContainerInputs => inputs as unknown as ContainerInputs;
