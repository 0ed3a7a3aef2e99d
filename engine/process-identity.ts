/** Which process it is, precisely enough to tell later whether it is still there. */
import { readFileSync, readlinkSync } from "node:fs";

export interface ProcessIdentity {
  pid: number;
  /** When it started, in clock ticks since boot: a pid is used again, the pair isn't. */
  start?: string;
  /** The kernel's id of its present boot. */
  boot?: string;
  /** The PID namespace; a pid means nothing outside it. */
  ns?: string;
}

export type ProcessState = "alive" | "gone" | "unknown";

/** This process. Where the system has no /proc there is only its number. */
export function currentProcess(): ProcessIdentity {
  const known = { start: startTime(process.pid), boot: bootId(), ns: pidNamespace() };
  return { pid: process.pid, ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)) };
}

/**
 * Whether the process is still there. `unknown` unless it lived in this kernel's present boot and in this process's PID
 * namespace: nothing can be said about another machine's processes. `sameHost`: it is known to have lived on this
 * machine, so that none of an earlier boot is left.
 */
export function processState(
  { pid, start, boot, ns }: ProcessIdentity,
  { sameHost }: { sameHost: boolean },
): ProcessState {
  const present = bootId();
  if (!present || !boot || !start) return "unknown";
  if (boot !== present) return sameHost ? "gone" : "unknown";
  if (!ns || ns !== pidNamespace()) return "unknown";
  return startTime(pid) === start ? "alive" : "gone";
}

/** The same of a process on this machine of which only the number is known: another one may have it by now. */
export function stateOfNumber(pid: number): ProcessState {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "gone" : "alive";
  }
  return statOf(pid)?.[0] === "Z" ? "gone" : "alive";
}

function bootId(): string | undefined {
  return read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
}

function pidNamespace(): string | undefined {
  return read(() => readlinkSync("/proc/self/ns/pid"));
}

/** A zombie has ended, though its parent hasn't taken notice: a container whose first process never does is full of them. */
function startTime(pid: number): string | undefined {
  const fields = statOf(pid);
  return fields?.[0] === "Z" ? undefined : fields?.[19];
}

/** /proc/PID/stat from its third field on, the state; the second, the name, may itself hold blanks and brackets. */
function statOf(pid: number): string[] | undefined {
  return read(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  });
}

function read<T>(value: () => T): T | undefined {
  try {
    return value();
  } catch {
    return undefined;
  }
}
