/** A container's outputs: what was asked for, and what the Docker Engine says of it. */
import { ordered } from "../schema/outputs";
import { formatDuration } from "../schema/duration";
import { isAbsent } from "../schema/field";
import type { PropertyMap, PropertyValue } from "../../../engine/values";
import { nameOf, type EndpointSettings, type HealthConfig, type Inspection, type MountPoint } from "./inspection";

const MEBIBYTE = 1024 * 1024;

/**
 * `recorded` is what the state says, or what was planned. A container doesn't change in most respects, and the Engine
 * spells some of it otherwise (`SYS_TIME`, an image's id), so that what is recorded stands. What can change is taken from
 * the Engine, what was left to it, and what the official provider keeps in the Engine's spelling (`1m0s`, `1.0`).
 */
export function containerOutputs(recorded: PropertyMap, found: Inspection): PropertyMap {
  const outputs: PropertyMap = { ...recorded };
  for (const [name, value] of Object.entries(madeWith(found))) {
    if (isUnset(recorded[name])) outputs[name] = value;
  }
  Object.assign(outputs, current(recorded, found));
  return outputs;
}

const isUnset = (value: PropertyValue | undefined): boolean =>
  isAbsent(value) || (Array.isArray(value) && value.length === 0);

/** What the container was made with. Environment and labels are left out: the image's own can't be told apart. */
function madeWith(found: Inspection): PropertyMap {
  const { Config: config, HostConfig: host } = found;
  return {
    image: config.Image,
    hostname: config.Hostname ?? "",
    domainname: config.Domainname ?? "",
    command: config.Cmd ?? [],
    entrypoints: config.Entrypoint ?? [],
    user: config.User ?? "",
    workingDir: config.WorkingDir ?? "",
    tty: config.Tty ?? false,
    stdinOpen: config.OpenStdin ?? false,
    stopSignal: config.StopSignal ?? "",
    stopTimeout: config.StopTimeout ?? 0,
    rm: host.AutoRemove ?? false,
    readOnly: host.ReadonlyRootfs ?? false,
    dns: strings(host.Dns),
    dnsOpts: strings(host.DnsOptions),
    dnsSearches: strings(host.DnsSearch),
    securityOpts: ordered(host.SecurityOpt ?? []),
    publishAllPorts: host.PublishAllPorts ?? false,
    init: host.Init ?? false,
    capabilities: capabilities(found),
    cgroupParent: null,
    runtime: host.Runtime ?? "",
    mounts: ordered((host.Mounts ?? []).map(mount)),
    tmpfs: host.Tmpfs ?? null,
    hosts: ordered((host.ExtraHosts ?? []).map(extraHost)),
    privileged: host.Privileged ?? false,
    deviceCgroupRules: strings(host.DeviceCgroupRules),
    shmSize: Math.trunc((host.ShmSize ?? 0) / MEBIBYTE),
    logDriver: host.LogConfig?.Type ?? "",
    storageOpts: host.StorageOpt ?? null,
    networkMode: host.NetworkMode ?? "",
    usernsMode: host.UsernsMode ?? "",
    sysctls: host.Sysctls ?? null,
    ipcMode: host.IpcMode ?? "",
    groupAdds: strings(host.GroupAdd),
  };
}

/** What may have changed since the container was made. */
function current(recorded: PropertyMap, found: Inspection): PropertyMap {
  const { Config: config, HostConfig: host, NetworkSettings: network, State: state } = found;
  const outputs: PropertyMap = {
    id: found.Id,
    name: nameOf(found),
    bridge: network?.Bridge ?? "",
    restart: host.RestartPolicy?.Name || "no",
    maxRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    memory: Math.trunc((host.Memory ?? 0) / MEBIBYTE),
    memoryReservation: Math.trunc((host.MemoryReservation ?? 0) / MEBIBYTE),
    memorySwap: swap(host.MemorySwap ?? 0),
    cpuShares: host.CpuShares ?? 0,
    cpuSet: host.CpusetCpus ?? "",
    deviceReadBps: throttles(host.BlkioDeviceReadBps),
    deviceReadIops: throttles(host.BlkioDeviceReadIOps),
    deviceWriteBps: throttles(host.BlkioDeviceWriteBps),
    deviceWriteIops: throttles(host.BlkioDeviceWriteIOps),
    networkDatas: networkDatas(network?.Networks ?? {}),
    cpus: host.NanoCpus ? decimal(host.NanoCpus / 1e9) : null,
    healthcheck: healthcheck(config.Healthcheck),
    platform: found.Platform ?? "",
  };
  if (Array.isArray(recorded.ports) && recorded.ports.length > 0 && state.Running) {
    const ports = portsOf(network?.Ports ?? {});
    if (ports.length > 0) outputs.ports = published(recorded.ports, ports);
  }
  if (state.Running) {
    outputs.exitCode = recorded.exitCode ?? null;
  } else {
    outputs.exitCode = state.ExitCode;
    // Seen as a difference from the program, this makes the next update start the container again.
    if (recorded.mustRun === true) outputs.mustRun = false;
  }
  return outputs;
}

/** For an import: the networks and ports that the container has, which are otherwise as recorded. */
export function importedOutputs(found: Inspection): PropertyMap {
  const networks = found.NetworkSettings?.Networks ?? {};
  const mode = found.HostConfig.NetworkMode ?? "";
  const isOwn = !["default", "bridge", "host", "none", ""].includes(mode) && !mode.startsWith("container:");
  return {
    ...(isOwn
      ? {
          networksAdvanced: ordered(
            Object.entries(networks).map(([name, settings]) => endpoint(name, settings, found)),
          ),
        }
      : {}),
    ...(isOwn ? { networkMode: "bridge" } : {}),
    ports: portsOf(found.NetworkSettings?.Ports ?? {}),
    pidMode: found.HostConfig.PidMode ?? "",
    volumes: ordered((found.HostConfig.Binds ?? []).map(bind)),
    start: true,
    removeVolumes: true,
    waitTimeout: 60,
    containerReadRefreshTimeoutMilliseconds: 15000,
    mustRun: true,
  };
}

const strings = (values: string[] | null | undefined): PropertyValue =>
  values && values.length > 0 ? ordered(values) : null;

function healthcheck(config: HealthConfig | null | undefined): PropertyValue {
  if (!config) return null;
  return {
    tests: config.Test ?? [],
    interval: formatDuration(config.Interval ?? 0),
    timeout: formatDuration(config.Timeout ?? 0),
    startPeriod: formatDuration(config.StartPeriod ?? 0),
    startInterval: formatDuration(config.StartInterval ?? 0),
    retries: config.Retries ?? 0,
  };
}

function capabilities({ HostConfig: host }: Inspection): PropertyValue {
  const [adds, drops] = [host.CapAdd ?? [], host.CapDrop ?? []];
  return adds.length + drops.length === 0 ? null : { adds: ordered(adds), drops: ordered(drops) };
}

function mount(point: MountPoint): PropertyValue {
  const { BindOptions: bindOptions, VolumeOptions: volumeOptions, TmpfsOptions: tmpfsOptions } = point;
  return {
    target: point.Target,
    source: point.Source ?? "",
    type: point.Type,
    readOnly: point.ReadOnly ?? false,
    bindOptions: bindOptions ? { propagation: bindOptions.Propagation ?? "" } : null,
    volumeOptions: volumeOptions
      ? {
          noCopy: volumeOptions.NoCopy ?? false,
          labels: ordered(Object.entries(volumeOptions.Labels ?? {}).map(([label, value]) => ({ label, value }))),
          driverName: volumeOptions.DriverConfig?.Name ?? "",
          driverOptions: volumeOptions.DriverConfig?.Options ?? null,
          subpath: volumeOptions.Subpath ?? "",
        }
      : null,
    tmpfsOptions: tmpfsOptions ? { sizeBytes: tmpfsOptions.SizeBytes ?? 0, mode: tmpfsOptions.Mode ?? 0 } : null,
  };
}

/** `host:ip`; an IPv6 address has colons of its own. */
function extraHost(text: string): PropertyValue {
  const colon = text.indexOf(":");
  return { host: text.slice(0, colon), ip: text.slice(colon + 1) };
}

function bind(text: string): PropertyValue {
  const [source = "", containerPath = "", options = ""] = text.split(":");
  const flags = options.split(",");
  const isPath = source.startsWith("/");
  return {
    containerPath,
    fromContainer: "",
    hostPath: isPath ? source : "",
    readOnly: flags.includes("ro"),
    selinuxRelabel: flags.find((flag) => flag === "z" || flag === "Z") ?? "",
    volumeName: isPath ? "" : source,
  };
}

function endpoint(name: string, settings: EndpointSettings, found: Inspection): PropertyValue {
  const ipam = settings.IPAMConfig;
  return {
    name,
    // The Engine adds the container's short id itself.
    aliases: ordered((settings.Aliases ?? []).filter((alias) => !found.Id.startsWith(alias))),
    ipv4Address: ipam?.IPv4Address ?? "",
    ipv6Address: ipam?.IPv6Address ?? "",
    linkLocalIps: ordered(ipam?.LinkLocalIPs ?? []),
    macAddress: "",
    driverOpts: ordered(Object.entries(settings.DriverOpts ?? {}).map(([key, value]) => `${key}=${value}`)),
    gwPriority: settings.GwPriority ?? 0,
  };
}

const throttles = (devices: { Path: string; Rate: number }[] | null | undefined): PropertyValue =>
  ordered((devices ?? []).map(({ Path, Rate }) => ({ path: Path, rate: Rate })));

const swap = (bytes: number): number => (bytes > 0 ? Math.trunc(bytes / MEBIBYTE) : bytes);

function networkDatas(networks: Record<string, EndpointSettings>): PropertyValue {
  return Object.keys(networks)
    .sort()
    .map((networkName) => {
      const settings = networks[networkName]!;
      return {
        networkName,
        ipAddress: settings.IPAddress ?? "",
        ipPrefixLength: settings.IPPrefixLen ?? 0,
        gateway: settings.Gateway ?? "",
        globalIpv6Address: settings.GlobalIPv6Address ?? "",
        globalIpv6PrefixLength: settings.GlobalIPv6PrefixLen ?? 0,
        ipv6Gateway: settings.IPv6Gateway ?? "",
        macAddress: settings.MacAddress ?? "",
      };
    });
}

/** Published ports by their number in the container. */
function portsOf(ports: Record<string, { HostIp?: string; HostPort?: string }[] | null>): PropertyMap[] {
  return Object.keys(ports)
    .sort((a, b) => parseInt(a, 10) - parseInt(b, 10))
    .flatMap((key) => {
      const [internal, protocol = "tcp"] = key.split("/");
      return (ports[key] ?? []).map((binding) => ({
        internal: Number(internal),
        external: Number(binding.HostPort),
        ip: binding.HostIp ?? "",
        protocol,
      }));
    });
}

/** Those of `ports` that the program asks for: the Engine may publish one on IPv6 too. All where one isn't there. */
function published(recorded: PropertyValue[], ports: PropertyMap[]): PropertyValue[] {
  const left = [...ports];
  const found = new Set<PropertyMap>();
  for (const port of recorded as PropertyMap[]) {
    const i = left.findIndex(
      (other) =>
        other.internal === port.internal &&
        other.protocol === port.protocol &&
        (other.ip === port.ip || isAbsent(port.ip) || port.ip === "") &&
        (isAbsent(port.external) || port.external === 0 || port.external === other.external),
    );
    if (i < 0) return ports;
    left.splice(i, 1).forEach((port) => found.add(port));
  }
  return ports.filter((port) => found.has(port));
}

/** As the official provider writes it: `2.0`, `1.5`, `0.25`. */
const decimal = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));
