import { hostname } from "node:os";
import { detectJob } from "../ci/detect";
import { currentProcess, processState, type ProcessIdentity, type ProcessState } from "../engine/process-identity";

/** The process that a run belongs to, precise enough to tell later whether it is still there. */
export interface Owner extends ProcessIdentity {
  host: string;
  /** The CI job's page. */
  job?: string;
}

/** This process. */
export function currentOwner(env: NodeJS.ProcessEnv = process.env): Owner {
  const job = detectJob(env)?.url;
  return { host: hostname(), ...currentProcess(), ...(job ? { job } : {}) };
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
 * Whether the owner is still there; `unknown` where nothing on this machine can say so. Jobs on different machines may
 * have the same host name, so of a job only the present boot tells.
 */
export function ownerState(owner: Owner): ProcessState {
  return processState(owner, { sameHost: owner.host === hostname() && !owner.job });
}
