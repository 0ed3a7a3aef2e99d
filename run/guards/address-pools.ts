/** Each network takes a range of addresses out of the Engine's pools; without one left, none can be made. */
import { label } from "../identity";
import { parsePrefix, type Range } from "./ipv4";
import { subnets, type EngineInfo, type EngineNetwork, type Route } from "./locality";

/** What there is for networks whose program names no subnet. */
export interface AddressPools {
  total: number;
  free: number;
}

/** Source: `localScopeDefaultNetworks` in moby/moby, `libnetwork/ipamutils`: 31 networks. */
const builtIn = [
  { Base: "172.17.0.0/16", Size: 16 },
  { Base: "172.18.0.0/16", Size: 16 },
  { Base: "172.19.0.0/16", Size: 16 },
  { Base: "172.20.0.0/14", Size: 16 },
  { Base: "172.24.0.0/14", Size: 16 },
  { Base: "172.28.0.0/14", Size: 16 },
  { Base: "192.168.0.0/16", Size: 20 },
];

/** Counts the IPv4 ranges of the Engine's pools, and those that nothing in `taken` overlaps with. */
export function countPools(info: Pick<EngineInfo, "DefaultAddressPools">, taken: Range[]): AddressPools {
  const pools = info.DefaultAddressPools?.length ? info.DefaultAddressPools : builtIn;
  let total = 0;
  let free = 0;
  for (const { Base, Size } of pools) {
    const base = parsePrefix(Base);
    if (!base) continue; // An IPv6 pool.
    const step = 2 ** (32 - Size);
    const count = Math.floor((base.last - base.first + 1) / step);
    total += count;
    free += count - countOverlapped(base, step, taken);
  }
  return { total, free };
}

/** How many of the ranges of `step` addresses in `base` overlap with something in `taken`. */
function countOverlapped(base: Range, step: number, taken: Range[]): number {
  const indexes = taken
    .filter(({ first, last }) => last >= base.first && first <= base.last)
    .map(({ first, last }) => ({
      first: Math.floor((Math.max(first, base.first) - base.first) / step),
      last: Math.floor((Math.min(last, base.last) - base.first) / step),
    }))
    .sort((a, b) => a.first - b.first);
  let counted = 0;
  let next = 0;
  for (const { first, last } of indexes) {
    counted += Math.max(last - Math.max(first, next) + 1, 0);
    next = Math.max(next, last + 1);
  }
  return counted;
}

/** What else an Engine sees on its host. */
export interface EngineHost {
  routes: Route[];
  nameServers: Range[];
}

/**
 * What the Engine takes for taken: its networks, and, where its host can be seen, what routes and name servers lie in.
 * Until version 23 (API 1.42) any route but the default one counts, since then only those without a gateway. Source:
 * `InferReservedNetworks` in moby/moby, `libnetwork/netutils`, and its forerunner `CheckRouteOverlaps`.
 */
export function takenRanges(networks: EngineNetwork[], host: EngineHost | undefined, before23: boolean): Range[] {
  const routes = (host?.routes ?? []).filter(({ onLink }) => before23 || onLink).map(({ range }) => range);
  return [...subnets(networks), ...routes, ...(host?.nameServers ?? [])];
}

/** What is wrong where there are fewer free ranges than `wanted`. */
export function poolsFault(
  { total, free }: AddressPools,
  networks: EngineNetwork[],
  wanted: number,
): string | undefined {
  if (free >= wanted) return undefined;
  const own = networks.filter((network) => subnets([network]).length > 0);
  const ours = own.filter(({ Labels }) => Labels?.[label.project] !== undefined);
  return (
    `the Docker Engine has ${free} of ${total} address ranges left for networks, a run wants ${wanted}; the rest is ` +
    `taken by networks, of which it has ${own.length}, ${ours.length} of them from runs, and by routes of its host: ` +
    `remove what runs have left with seatrial gc and unused networks with docker network prune, or give it more ranges ` +
    `as default-address-pools in its daemon.json`
  );
}
