import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { detectJob } from "../ci/detect";

/** The process that a run belongs to, precise enough to tell later whether it is still there. */
export interface Owner {
  host: string;
  pid: number;
  /** When the process started, in clock ticks since boot: a pid is used again, the pair isn't. */
  start?: string;
  boot?: string;
  /** The PID namespace; a pid means nothing outside it. */
  ns?: string;
  /** The CI job's page. */
  job?: string;
}

/** This process. */
export function currentOwner(env: NodeJS.ProcessEnv = process.env): Owner {
  const job = detectJob(env)?.url;
  return {
    host: hostname(),
    pid: process.pid,
    ...optional("start", startTime(process.pid)),
    ...optional("boot", bootId()),
    ...optional("ns", pidNamespace()),
    ...optional("job", job),
  };
}

/** The owner in a label, or `undefined` where the label holds none. */
export function parseOwner(label: string | undefined): Owner | undefined {
  if (!label) return undefined;
  try {
    const owner = JSON.parse(label) as Partial<Owner> | null;
    return owner && typeof owner.pid === "number" && typeof owner.host === "string" ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether the owner is still there. `unknown` unless it lived in this kernel's present boot and in this process's PID
 * namespace: nothing can be said about another machine's processes.
 */
export function ownerState(owner: Owner): "alive" | "gone" | "unknown" {
  const boot = bootId();
  if (!boot || !owner.boot || !owner.start) return "unknown";
  // The host is booted anew: no process of the old boot lives. Only the same host can say so.
  if (owner.boot !== boot) return owner.host === hostname() && !owner.job ? "gone" : "unknown";
  if (!owner.ns || owner.ns !== pidNamespace()) return "unknown";
  return startTime(owner.pid) === owner.start ? "alive" : "gone";
}

function bootId(): string | undefined {
  return read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
}

function pidNamespace(): string | undefined {
  return read(() => readlinkSync("/proc/self/ns/pid"));
}

/** Field 22 of /proc/PID/stat; the second field, the name, may itself hold blanks and brackets. */
function startTime(pid: number): string | undefined {
  return read(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended, though its entry is still there.
    return fields[0] === "Z" ? undefined : fields[19];
  });
}

function read<T>(value: () => T): T | undefined {
  try {
    return value();
  } catch {
    return undefined;
  }
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
