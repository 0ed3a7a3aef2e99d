/** A container's inputs as the body of `POST /containers/create`. */
import type Docker from "dockerode";
import { speaks } from "../engine/connect";
import { durationNanoseconds } from "../schema/duration";
import type { ContainerInputs, Endpoint, Healthcheck, Label, Mount, Throttle } from "./inputs";
import type {
  DeviceRequest,
  EndpointSettings,
  HealthConfig,
  HostConfig,
  MountPoint,
  ThrottleDevice,
} from "./inspection";

const MEBIBYTE = 1024 * 1024;

/** What the create call takes, and the networks to connect afterwards. */
export interface ContainerSpec {
  body: Record<string, unknown>;
  laterNetworks: Endpoint[];
}

/** @throws where an input needs a newer Engine than `engine` is, or has no meaning. */
export function containerSpec(engine: Docker, inputs: ContainerInputs, labels: Record<string, string>): ContainerSpec {
  requireVersions(engine, inputs);
  const { networkMode, first, later } = networks(inputs);
  const { volumes, binds, volumesFrom } = volumeEntries(inputs);
  const exposed = Object.fromEntries((inputs.ports ?? []).map((port) => [portKey(port), {}]));
  const body = {
    Image: inputs.image,
    Hostname: inputs.hostname,
    Domainname: inputs.domainname,
    User: inputs.user,
    Env: inputs.envs,
    Cmd: inputs.command,
    Entrypoint: inputs.entrypoints,
    WorkingDir: inputs.workingDir,
    Tty: inputs.tty ?? false,
    OpenStdin: inputs.stdinOpen ?? false,
    StopSignal: inputs.stopSignal,
    StopTimeout: inputs.stopTimeout || undefined,
    Labels: { ...labels, ...labelMap(inputs.labels) },
    Healthcheck: inputs.healthcheck && healthConfig(inputs.healthcheck),
    ExposedPorts: exposed,
    Volumes: volumes,
    HostConfig: { ...hostConfig(inputs), NetworkMode: networkMode, Binds: binds, VolumesFrom: volumesFrom },
    ...(first ? { NetworkingConfig: { EndpointsConfig: { [first.name]: endpointSettings(first) } } } : {}),
  };
  return { body, laterNetworks: later };
}

export const labelMap = (labels: Label[] | undefined): Record<string, string> =>
  Object.fromEntries((labels ?? []).map(({ label, value }) => [label, value]));

/** The limits and the restart policy, which `POST /containers/{id}/update` takes too. */
export function adjustableConfig(inputs: ContainerInputs): HostConfig {
  return {
    Memory: (inputs.memory ?? 0) * MEBIBYTE,
    MemoryReservation: (inputs.memoryReservation ?? 0) * MEBIBYTE,
    MemorySwap: swapBytes(inputs.memorySwap),
    CpuShares: inputs.cpuShares ?? 0,
    CpusetCpus: inputs.cpuSet ?? "",
    CpuPeriod: inputs.cpus ? undefined : inputs.cpuPeriod,
    CpuQuota: inputs.cpus ? undefined : inputs.cpuQuota,
    BlkioDeviceReadBps: inputs.deviceReadBps?.map(throttleDevice),
    BlkioDeviceReadIOps: inputs.deviceReadIops?.map(throttleDevice),
    BlkioDeviceWriteBps: inputs.deviceWriteBps?.map(throttleDevice),
    BlkioDeviceWriteIOps: inputs.deviceWriteIops?.map(throttleDevice),
    RestartPolicy: { Name: inputs.restart ?? "no", MaximumRetryCount: inputs.maxRetryCount ?? 0 },
  };
}

export function endpointSettings(endpoint: Endpoint): EndpointSettings {
  return {
    Aliases: endpoint.aliases ?? [],
    IPAMConfig: {
      IPv4Address: endpoint.ipv4Address,
      IPv6Address: endpoint.ipv6Address,
      LinkLocalIPs: endpoint.linkLocalIps,
    },
    MacAddress: endpoint.macAddress,
    DriverOpts: pairs(endpoint.driverOpts),
    GwPriority: endpoint.gwPriority,
  };
}

function requireVersions(engine: Docker, inputs: ContainerInputs): void {
  const needs = (input: string, version: string) => {
    if (!speaks(engine, version)) {
      throw new Error(
        `${input} needs a Docker Engine with API ${version} or newer; upgrade the Engine or leave it out`,
      );
    }
  };
  if (inputs.mounts?.some((mount) => mount.volumeOptions?.subpath)) needs("mounts[].volumeOptions.subpath", "1.45");
  if (inputs.networksAdvanced?.some((endpoint) => endpoint.gwPriority)) needs("networksAdvanced[].gwPriority", "1.48");
  const startInterval = inputs.healthcheck?.startInterval;
  if (startInterval && durationNanoseconds(startInterval)) needs("healthcheck.startInterval", "1.44");
}

/**
 * The first network takes the place of the default bridge, which the container would otherwise be connected to and
 * disconnected from again. A mode of another kind stays, as the official provider leaves it.
 */
function networks({ networkMode = "bridge", networksAdvanced = [] }: ContainerInputs): {
  networkMode: string;
  first?: Endpoint;
  later: Endpoint[];
} {
  if (!["", "bridge", "default", "nat"].includes(networkMode)) return { networkMode, later: networksAdvanced };
  const [first, ...later] = networksAdvanced;
  return first ? { networkMode: first.name, first, later } : { networkMode, later };
}

function hostConfig(inputs: ContainerInputs): HostConfig {
  const systemPathsUnconfined = inputs.securityOpts?.includes("systempaths=unconfined");
  return {
    ...adjustableConfig(inputs),
    AutoRemove: inputs.rm ?? false,
    CapAdd: inputs.capabilities?.adds,
    CapDrop: inputs.capabilities?.drops,
    CgroupParent: inputs.cgroupParent,
    CgroupnsMode: inputs.cgroupnsMode,
    DeviceCgroupRules: inputs.deviceCgroupRules,
    DeviceRequests: deviceRequests(inputs),
    Devices: inputs.devices?.map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath || device.hostPath,
      CgroupPermissions: device.permissions ?? "rwm",
    })),
    Dns: inputs.dns,
    DnsOptions: inputs.dnsOpts,
    DnsSearch: inputs.dnsSearches,
    ExtraHosts: inputs.hosts?.map(({ host, ip }) => `${host}:${ip}`),
    GroupAdd: inputs.groupAdds,
    Init: inputs.init ?? false,
    IpcMode: inputs.ipcMode,
    LogConfig: { Type: inputs.logDriver ?? "", Config: inputs.logOpts },
    Mounts: inputs.mounts?.map(mountPoint),
    NanoCpus: inputs.cpus ? Math.round(Number(inputs.cpus) * 1e9) : undefined,
    PidMode: inputs.pidMode,
    PortBindings: portBindings(inputs),
    Privileged: inputs.privileged ?? false,
    PublishAllPorts: inputs.publishAllPorts ?? false,
    ReadonlyRootfs: inputs.readOnly ?? false,
    Runtime: inputs.runtime,
    SecurityOpt: inputs.securityOpts?.filter((option) => option !== "systempaths=unconfined"),
    // Unmasking the system's paths is the client's doing: the Engine takes empty lists for it.
    ...(systemPathsUnconfined ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    ShmSize: inputs.shmSize === undefined ? undefined : inputs.shmSize * MEBIBYTE,
    StorageOpt: inputs.storageOpts,
    Sysctls: inputs.sysctls,
    Tmpfs: inputs.tmpfs,
    Ulimits: inputs.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    UsernsMode: inputs.usernsMode,
  };
}

const swapBytes = (swap: number | undefined): number | undefined =>
  swap === undefined ? undefined : swap > 0 ? swap * MEBIBYTE : swap;

const throttleDevice = ({ path, rate }: Throttle): ThrottleDevice => ({ Path: path, Rate: rate });

const portKey = (port: { internal: number; protocol?: string }): string => `${port.internal}/${port.protocol ?? "tcp"}`;

function portBindings({ ports = [] }: ContainerInputs): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    const external = port.external ? String(port.external) : "";
    (bindings[portKey(port)] ??= []).push({ HostIp: port.ip ?? "0.0.0.0", HostPort: external });
  }
  return bindings;
}

function healthConfig(check: Healthcheck): HealthConfig {
  const nanoseconds = (text: string | undefined) => (text === undefined ? 0 : durationNanoseconds(text));
  return {
    Test: check.tests,
    Interval: nanoseconds(check.interval),
    Timeout: nanoseconds(check.timeout),
    StartPeriod: nanoseconds(check.startPeriod),
    StartInterval: nanoseconds(check.startInterval) || undefined,
    Retries: check.retries ?? 0,
  };
}

function mountPoint(mount: Mount): MountPoint {
  const { bindOptions, volumeOptions, tmpfsOptions } = mount;
  return {
    Type: mount.type,
    Target: mount.target,
    Source: mount.source,
    ReadOnly: mount.readOnly ?? false,
    ...(mount.type === "bind" && bindOptions ? { BindOptions: { Propagation: bindOptions.propagation } } : {}),
    ...(mount.type === "volume" && volumeOptions
      ? {
          VolumeOptions: {
            NoCopy: volumeOptions.noCopy ?? false,
            Labels: labelMap(volumeOptions.labels),
            ...(volumeOptions.driverName || volumeOptions.driverOptions
              ? { DriverConfig: { Name: volumeOptions.driverName, Options: volumeOptions.driverOptions } }
              : {}),
            Subpath: volumeOptions.subpath,
          },
        }
      : {}),
    ...(mount.type === "tmpfs" && tmpfsOptions
      ? { TmpfsOptions: { SizeBytes: tmpfsOptions.sizeBytes, Mode: tmpfsOptions.mode } }
      : {}),
  };
}

/** `volumes` entries are anonymous volumes, named or host directories, or all volumes of another container. */
function volumeEntries({ volumes = [] }: ContainerInputs): {
  volumes: Record<string, object>;
  binds: string[];
  volumesFrom: string[];
} {
  const result = { volumes: {} as Record<string, object>, binds: [] as string[], volumesFrom: [] as string[] };
  for (const volume of volumes) {
    if (volume.fromContainer) {
      result.volumesFrom.push(volume.fromContainer);
      continue;
    }
    const path = volume.containerPath!;
    const source = volume.hostPath || volume.volumeName;
    result.volumes[path] = {};
    if (!source) continue;
    const relabel = volume.selinuxRelabel ? `,${volume.selinuxRelabel}` : "";
    result.binds.push(`${source}:${path}:${volume.readOnly ? "ro" : "rw"}${relabel}`);
  }
  return result;
}

function deviceRequests({ gpus, deviceRequests }: ContainerInputs): DeviceRequest[] | undefined {
  if (gpus) return [gpuRequest(gpus)];
  return deviceRequests?.map((request) => ({
    Driver: request.driver ?? "cdi",
    Count: request.count ?? 0,
    DeviceIDs: request.deviceIds ?? [],
    Capabilities: request.capabilities ? [request.capabilities] : [],
    Options: request.options ?? {},
  }));
}

/** `all`, a number, or `key=value` fields as `docker run --gpus` takes them. */
export function gpuRequest(text: string): DeviceRequest {
  const value = text.trim().replace(/^(["'])(.*)\1$/, "$2");
  const request: DeviceRequest = { Driver: "", Count: 0, DeviceIDs: [], Capabilities: [["gpu"]], Options: {} };
  if (value === "all") return { ...request, Count: -1 };
  if (/^\d+$/.test(value)) return { ...request, Count: Number(value) };
  // A comma belongs to the list before it unless a new key follows.
  for (const field of value.split(/,(?=\w+=)/)) {
    const [key, ...rest] = field.split("=");
    const given = rest.join("=");
    if (key === "device") request.DeviceIDs = given.split(",");
    else if (key === "count") request.Count = given === "all" ? -1 : Number(given);
    else if (key === "driver") request.Driver = given;
    else if (key === "capabilities") request.Capabilities = [["gpu", ...given.split(",").filter((c) => c !== "gpu")]];
    else throw new Error(`gpus can't be "${text}": expected all, a number or device=<id[,id…]>`);
  }
  return request;
}

const pairs = (texts: string[] | undefined): Record<string, string> | undefined =>
  texts &&
  Object.fromEntries(
    texts
      .filter((text) => text.includes("="))
      .map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]),
  );
