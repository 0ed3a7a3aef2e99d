/** Whether what can be seen from here, disks, routes and ports, is what the Docker Engine sees. */
import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import { number, parsePrefix, type Range } from "./ipv4";

/** The part of the Engine's `GET /info` that guards read. */
export interface EngineInfo {
  /** The host's name. */
  Name: string;
  KernelVersion: string;
  DockerRootDir: string;
  /** Absent where the Engine has its built-in ones. */
  DefaultAddressPools?: { Base: string; Size: number }[] | null;
}

/** The part of the Engine's `GET /networks` that guards read. */
export interface EngineNetwork {
  Id: string;
  Name: string;
  Driver: string;
  Scope: string;
  Labels?: Record<string, string> | null;
  Options?: Record<string, string> | null;
  IPAM?: { Config?: { Subnet?: string }[] | null } | null;
}

/** A line of the kernel's routing table, without the default route. */
export interface Route {
  device: string;
  range: Range;
  /** Without a gateway: its addresses are on the device's own network. */
  onLink: boolean;
}

/**
 * True where the Engine runs on this machine's own file system, as far as can be told: a job's container that was
 * given its host's socket has another host name, and so has a virtual machine.
 */
export function sharesFiles(info: EngineInfo, socketPath: string | undefined): boolean {
  return socketPath !== undefined && info.Name === hostname() && info.KernelVersion === release();
}

/** True where one of the Engine's own bridges is among this process's routes: its ports are the Engine's then. */
export function sharesNetwork(networks: EngineNetwork[], routes: Route[]): boolean {
  const devices = new Set(routes.map(({ device }) => device));
  return networks.some(
    ({ Driver, Id, Options }) =>
      Driver === "bridge" && devices.has(Options?.["com.docker.network.bridge.name"] ?? `br-${Id.slice(0, 12)}`),
  );
}

/** The routes of this process; none where they can't be read. Source: proc_net_route in the kernel's documentation. */
export function readRoutes(file = "/proc/net/route"): Route[] {
  const littleEndian = (hex: string) => Buffer.from(hex, "hex").readUInt32LE(0);
  return readLines(file)
    .slice(1)
    .map((line) => line.split("\t"))
    .filter((fields) => fields.length > 7 && littleEndian(fields[7]!) !== 0)
    .map((fields) => {
      const [device, first, mask] = [fields[0]!, littleEndian(fields[1]!), littleEndian(fields[7]!)];
      const viaGateway = (Number.parseInt(fields[3]!, 16) & 0x2) !== 0;
      return { device, range: { first, last: (first | ~mask) >>> 0 }, onLink: !viaGateway };
    });
}

/** The name servers of this process that have an IPv4 address. */
export function readNameServers(file = "/etc/resolv.conf"): Range[] {
  return readLines(file).flatMap((line) => {
    const address = /^nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/.exec(line)?.[1];
    return address ? [{ first: number(address), last: number(address) }] : [];
  });
}

/** The IPv4 subnets of networks that share address pools: those of a swarm have pools of their own. */
export function subnets(networks: EngineNetwork[]): Range[] {
  return networks
    .filter(({ Scope }) => Scope === "local")
    .flatMap(({ IPAM }) => IPAM?.Config ?? [])
    .flatMap(({ Subnet }) => parsePrefix(Subnet ?? "") ?? []);
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").trim().split("\n");
  } catch {
    return [];
  }
}
