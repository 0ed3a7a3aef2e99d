/** What the Docker Engine refuses, in one line that says what failed, why, and what to do. */

/** An answer of the Engine other than success; what `docker-modem` rejects with. */
export interface EngineError extends Error {
  statusCode?: number;
  json?: { message?: string } | Buffer | null;
}

export const statusOf = (error: unknown): number | undefined => (error as EngineError | undefined)?.statusCode;

export const isNotFound = (error: unknown): boolean => statusOf(error) === 404;

/** The Engine's own words, without the client's "(HTTP code 409) unexpected - ". */
export function reasonOf(error: unknown): string {
  const { json, message } = error as EngineError;
  if (json && !Buffer.isBuffer(json) && json.message) return json.message.trim();
  return String(message ?? error)
    .replace(/^\(HTTP code \d+\) [^-]* - /, "")
    .trim();
}

/** True where we ended the call ourselves. */
export const isAbort = (error: unknown): boolean => (error as Error | undefined)?.name === "AbortError";

/** True where the connection broke, as opposed to an answer or an abort of ours. */
export function isConnectionLost(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  if (statusOf(error) !== undefined) return false;
  return (
    ["ECONNRESET", "ECONNREFUSED", "EPIPE", "ENOENT", "ETIMEDOUT", "ERR_STREAM_PREMATURE_CLOSE"].includes(code ?? "") ||
    /socket hang up|premature close|aborted/i.test(message ?? "")
  );
}

/** Explains why `what` (such as `create container x`) failed. */
export function explained(what: string, error: unknown): Error {
  if (isAbort(error)) return new Error(`${what}: cancelled`, { cause: error });
  return new Error(`can't ${what}: ${explain(error)}`, { cause: error });
}

function explain(error: unknown): string {
  const reason = reasonOf(error);
  for (const [pattern, advice] of KNOWN) {
    const match = pattern.exec(reason);
    if (match) return advice(match, reason);
  }
  if (isConnectionLost(error))
    return `the connection to the Docker Engine broke (${reason}); see whether it still runs`;
  return reason;
}

const KNOWN: readonly [RegExp, (match: RegExpExecArray, reason: string) => string][] = [
  [
    /container name "\/?([^"]+)" is already in use by container "?([0-9a-f]{12})/i,
    ([, name, id]) =>
      `the name ${name} is taken by container ${id}; remove it with docker rm -f ${name}, or choose another name`,
  ],
  [
    /network with name (\S+) already exists/i,
    ([, name]) => `a network ${name} exists already; remove it with docker network rm ${name}, or choose another name`,
  ],
  [
    /bind for (\S+?):(\d+) failed: port is already allocated/i,
    ([, ip, port]) =>
      `port ${port} on ${ip} is taken by another container (docker ps --filter publish=${port}); ` +
      `stop it, or publish another port`,
  ],
  [
    /listen \w+ (\S+):(\d+): bind: address already in use|address already in use.*?:(\d+)/i,
    ([, ip, port, other]) =>
      `port ${port ?? other} ${ip ? `on ${ip} ` : ""}is taken by a process of the host; stop it, or publish another port`,
  ],
  [
    /all predefined address pools have been fully subnetted|non-overlapping IPv4 address pool/i,
    () =>
      `the Docker Engine has no address range left for another network; remove unused ones with docker network prune, ` +
      `or add ranges as default-address-pools to its daemon.json`,
  ],
  [
    /Pool overlaps with other one on this address space/i,
    () =>
      `its address range overlaps with that of another network; choose another subnet, ` +
      `or remove the other network (docker network ls)`,
  ],
  [
    /no space left on device/i,
    (_, reason) => `the disk of the Docker Engine is full (${reason}); make room with docker system prune`,
  ],
  [/network (\S+) not found/i, ([, name]) => `there is no network ${name}; it was removed, or its name is another`],
  [
    /invalid mount config for type "bind": bind source path does not exist: (.+)/i,
    ([, path]) => `${path} doesn't exist on the machine of the Docker Engine; a bind mount needs it there`,
  ],
  [
    /exec: \\?"([^"\\]+)\\?": (?:executable file not found|stat)/i,
    ([, command], reason) =>
      reason.includes("unable to start") || reason.includes("OCI runtime") || reason.includes("exec:")
        ? `the image has no command ${command}; check command and entrypoints`
        : reason,
  ],
];
