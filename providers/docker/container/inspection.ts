/** What the Docker Engine says of a container: the part of `GET /containers/{id}/json` that is used here. */
import type Docker from "dockerode";
import { isNotFound } from "../engine/errors";
import { call } from "../engine/requests";

export interface PortBinding {
  HostIp?: string;
  HostPort?: string;
}

export interface EndpointSettings {
  NetworkID?: string;
  Aliases?: string[] | null;
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] } | null;
  IPAddress?: string;
  IPPrefixLen?: number;
  Gateway?: string;
  GlobalIPv6Address?: string;
  GlobalIPv6PrefixLen?: number;
  IPv6Gateway?: string;
  MacAddress?: string;
  DriverOpts?: Record<string, string> | null;
  GwPriority?: number;
}

export interface HealthConfig {
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

export interface ContainerState {
  Status: string;
  Running: boolean;
  Paused?: boolean;
  Restarting?: boolean;
  OOMKilled?: boolean;
  ExitCode: number;
  Error?: string;
  StartedAt?: string;
  Health?: { Status: string; FailingStreak?: number; Log?: { ExitCode: number; Output: string }[] | null };
}

export interface MountPoint {
  Target: string;
  Source?: string;
  Type: string;
  ReadOnly?: boolean;
  BindOptions?: { Propagation?: string };
  VolumeOptions?: {
    NoCopy?: boolean;
    Labels?: Record<string, string> | null;
    DriverConfig?: { Name?: string; Options?: Record<string, string> | null };
    Subpath?: string;
  };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

export interface DeviceRequest {
  Driver?: string;
  Count?: number;
  DeviceIDs?: string[] | null;
  Capabilities?: string[][] | null;
  Options?: Record<string, string> | null;
}

export interface ThrottleDevice {
  Path: string;
  Rate: number;
}

export interface HostConfig {
  [other: string]: unknown;
  AutoRemove?: boolean;
  Binds?: string[] | null;
  BlkioDeviceReadBps?: ThrottleDevice[] | null;
  BlkioDeviceReadIOps?: ThrottleDevice[] | null;
  BlkioDeviceWriteBps?: ThrottleDevice[] | null;
  BlkioDeviceWriteIOps?: ThrottleDevice[] | null;
  CapAdd?: string[] | null;
  CapDrop?: string[] | null;
  CgroupParent?: string;
  CgroupnsMode?: string;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpuShares?: number;
  CpusetCpus?: string;
  DeviceCgroupRules?: string[] | null;
  DeviceRequests?: DeviceRequest[] | null;
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[] | null;
  Dns?: string[] | null;
  DnsOptions?: string[] | null;
  DnsSearch?: string[] | null;
  ExtraHosts?: string[] | null;
  GroupAdd?: string[] | null;
  Init?: boolean | null;
  IpcMode?: string;
  LogConfig?: { Type?: string; Config?: Record<string, string> | null };
  Memory?: number;
  MemoryReservation?: number;
  MemorySwap?: number;
  Mounts?: MountPoint[] | null;
  NanoCpus?: number;
  NetworkMode?: string;
  PidMode?: string;
  Privileged?: boolean;
  PublishAllPorts?: boolean;
  ReadonlyRootfs?: boolean;
  RestartPolicy?: { Name?: string; MaximumRetryCount?: number };
  Runtime?: string;
  SecurityOpt?: string[] | null;
  ShmSize?: number;
  StorageOpt?: Record<string, string> | null;
  Sysctls?: Record<string, string> | null;
  Tmpfs?: Record<string, string> | null;
  Ulimits?: { Name: string; Soft: number; Hard: number }[] | null;
  UsernsMode?: string;
  VolumesFrom?: string[] | null;
}

export interface Inspection {
  Id: string;
  Name: string;
  Image: string;
  Platform?: string;
  State: ContainerState;
  Config: {
    Cmd?: string[] | null;
    Domainname?: string;
    Entrypoint?: string[] | null;
    Env?: string[] | null;
    Healthcheck?: HealthConfig | null;
    Hostname?: string;
    Image: string;
    Labels?: Record<string, string> | null;
    OpenStdin?: boolean;
    Shell?: string[] | null;
    StopSignal?: string;
    StopTimeout?: number | null;
    Tty?: boolean;
    User?: string;
    WorkingDir?: string;
  };
  HostConfig: HostConfig;
  NetworkSettings?: {
    Bridge?: string;
    Ports?: Record<string, PortBinding[] | null> | null;
    Networks?: Record<string, EndpointSettings> | null;
  };
}

/** The container with this id or name; `undefined` where there is none. */
export async function inspectContainer(
  engine: Docker,
  id: string,
  signal?: AbortSignal,
): Promise<Inspection | undefined> {
  try {
    return await call<Inspection>(engine, {
      method: "GET",
      path: `/containers/${encodeURIComponent(id)}/json`,
      signal,
    });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The name without the slash that the Engine puts before it. */
export const nameOf = (inspection: Inspection): string => inspection.Name.replace(/^\//, "");
