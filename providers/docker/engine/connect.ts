/** A client of the Docker Engine: where it listens, whom it trusts, which version of the API both sides speak. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import Docker from "dockerode";

/** The oldest and newest API versions that are known to work. */
const OLDEST = "1.41";
const NEWEST = "1.51";

/** Where an Engine is and how to speak to it. */
export interface EngineAddress {
  /** `unix:///…`, `npipe:////…`, `tcp://host:port`, `http://…`, `https://…` or `ssh://user@host`. */
  host: string;
  /** PEM texts; without them a TCP connection is not encrypted. */
  tls?: { ca?: string; cert?: string; key?: string; verify?: boolean };
  /** What the address was taken from, for messages. */
  source: string;
}

/** The Engine can't be used; the message is one line that says why and what to do. */
export class EngineUnavailableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineUnavailableError";
  }
}

/**
 * Connects as the Docker CLI does, from `DOCKER_HOST`, else `DOCKER_CONTEXT`, else the current context, else the
 * default socket.
 *
 * @throws {EngineUnavailableError} where there is none, it may not be used, is too old or doesn't answer.
 */
export async function connectEngine(env: NodeJS.ProcessEnv = process.env): Promise<Docker> {
  return connectTo(engineAddress(env));
}

/** Connects to `address` and agrees on an API version. */
export async function connectTo(address: EngineAddress): Promise<Docker> {
  const options = clientOptions(address);
  const found = await serverVersion(newClient(options), address);
  if (compareVersions(found.ApiVersion, OLDEST) < 0) {
    throw new EngineUnavailableError(
      `the Docker Engine at ${address.host} is too old: it speaks API ${found.ApiVersion}, Seatrial needs ` +
        `${OLDEST} (Docker Engine 20.10) or newer; upgrade the Engine`,
    );
  }
  const version = compareVersions(found.ApiVersion, NEWEST) < 0 ? found.ApiVersion : NEWEST;
  if (found.MinAPIVersion && compareVersions(version, found.MinAPIVersion) < 0) {
    throw new EngineUnavailableError(
      `the Docker Engine at ${address.host} is too new: it needs API ${found.MinAPIVersion}, Seatrial speaks up to ` +
        `${NEWEST}; upgrade Seatrial`,
    );
  }
  return newClient({ ...options, version: `v${version}` });
}

/** The API version that a client made by {@link connectEngine} speaks, such as `1.41`. */
export function apiVersion(engine: Docker): string {
  const { version } = engine.modem as { version?: string };
  return version?.replace(/^v/, "") ?? NEWEST;
}

export const speaks = (engine: Docker, version: string): boolean => compareVersions(apiVersion(engine), version) >= 0;

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Where the environment says that the Engine is. */
export function engineAddress(env: NodeJS.ProcessEnv): EngineAddress {
  const tls = tlsFromDirectory(env.DOCKER_CERT_PATH, Boolean(env.DOCKER_TLS_VERIFY), env);
  if (env.DOCKER_HOST) return { host: env.DOCKER_HOST, tls, source: "DOCKER_HOST" };
  const context = env.DOCKER_CONTEXT || currentContext(env);
  if (context && context !== "default") return contextAddress(context, env);
  return { host: defaultSocket(env), source: "the default socket" };
}

/** The address that the Docker context `name` stands for. */
export function contextAddress(name: string, env: NodeJS.ProcessEnv = process.env): EngineAddress {
  if (name === "default") return { host: defaultSocket(env), source: 'the context "default"' };
  const id = createHash("sha256").update(name).digest("hex");
  const contexts = join(configDirectory(env), "contexts");
  const meta = readJson(join(contexts, "meta", id, "meta.json")) as ContextMeta | undefined;
  const endpoint = meta?.Endpoints?.docker;
  if (!endpoint?.Host) {
    throw new EngineUnavailableError(
      `the Docker context "${name}" is not known here; see docker context ls, or set DOCKER_HOST`,
    );
  }
  const directory = join(contexts, "tls", id, "docker");
  const tls = tlsFromDirectory(existsSync(directory) ? directory : undefined, !endpoint.SkipTLSVerify, env);
  return { host: endpoint.Host, tls, source: `the context "${name}"` };
}

/** Where the Docker CLI keeps its configuration. */
export const configDirectory = (env: NodeJS.ProcessEnv = process.env): string =>
  env.DOCKER_CONFIG || join(env.HOME || homedir(), ".docker");

interface ContextMeta {
  Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
}

function currentContext(env: NodeJS.ProcessEnv): string | undefined {
  const config = readJson(join(configDirectory(env), "config.json")) as { currentContext?: string } | undefined;
  return config?.currentContext;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function defaultSocket(env: NodeJS.ProcessEnv): string {
  if (process.platform === "win32") return "npipe:////./pipe/docker_engine";
  const home = env.HOME || homedir();
  const candidates = ["/var/run/docker.sock", join(home, ".docker/run/docker.sock")];
  if (env.XDG_RUNTIME_DIR) candidates.push(join(env.XDG_RUNTIME_DIR, "docker.sock"));
  return `unix://${candidates.find((path) => existsSync(path)) ?? candidates[0]!}`;
}

function tlsFromDirectory(
  directory: string | undefined,
  verify: boolean,
  env: NodeJS.ProcessEnv,
): EngineAddress["tls"] {
  const path = directory ?? (env.DOCKER_TLS_VERIFY ? configDirectory(env) : undefined);
  if (path === undefined || (!verify && !existsSync(path))) return undefined;
  const read = (name: string) => {
    const file = join(path, name);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  };
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem"), verify };
}

/** The client puts in what `DOCKER_HOST` and its like say wherever nothing is said: so everything is. */
const NOTHING_FROM_ENVIRONMENT: Docker.DockerOptions = {
  host: undefined,
  port: undefined,
  protocol: "http",
  socketPath: undefined,
  username: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
  timeout: undefined,
};

/** A connection to a socket costs nothing; one that is kept may turn out to be dead when it is needed. */
const notKept = quiet(new Agent({ keepAlive: false }));

/**
 * The client makes a text of every request's options, whether or not anybody wants to read it: all that hangs on an
 * agent, hidden properties too. That takes 10 ms a request.
 */
function quiet<T extends Agent>(agent: T): T {
  return Object.defineProperty(agent, inspect.custom, { value: () => "Agent" });
}

function clientOptions({ host, tls, source }: EngineAddress): Docker.DockerOptions {
  const local = /^(?:unix|npipe):\/\/(.*)$/.exec(host);
  if (local) {
    return { ...NOTHING_FROM_ENVIRONMENT, socketPath: local[1] || "/var/run/docker.sock", ...{ agent: notKept } };
  }
  const address = parsedAddress(host, source);
  const options: Docker.DockerOptions = { ...NOTHING_FROM_ENVIRONMENT, host: address.hostname };
  if (address.protocol === "ssh:") {
    return {
      ...options,
      protocol: "ssh",
      port: address.port || 22,
      username: decodeURIComponent(address.username) || undefined,
      sshOptions: { agent: process.env.SSH_AUTH_SOCK },
    };
  }
  const encrypted = tls !== undefined || address.protocol === "https:";
  return {
    ...options,
    port: address.port || (encrypted ? 2376 : 2375),
    protocol: encrypted ? "https" : "http",
    ...{ pathPrefix: address.pathname || "/" },
    ...(encrypted ? { ca: tls?.ca, cert: tls?.cert, key: tls?.key } : {}),
    // Without DOCKER_TLS_VERIFY the Docker CLI encrypts but doesn't ask who answers.
    ...(encrypted && tls?.verify === false ? { agent: quiet(new TlsAgent({ rejectUnauthorized: false })) } : {}),
  };
}

function parsedAddress(host: string, source: string): URL {
  try {
    const address = new URL(host.includes("://") ? host.replace(/^tcp:/, "http:") : `http://${host}`);
    if (address.hostname !== "") return address;
  } catch {
    // Said below.
  }
  throw new EngineUnavailableError(
    `${source} gives "${host}", which is not an address; expected one such as unix:///var/run/docker.sock or ` +
      `tcp://host:2376`,
  );
}

function newClient(options: Docker.DockerOptions): Docker {
  try {
    return new Docker(options);
  } catch (error) {
    // The client reads the environment even where it is told everything.
    throw new EngineUnavailableError(`DOCKER_HOST or DOCKER_CERT_PATH can't be used: ${(error as Error).message}`);
  }
}

interface ServerVersion {
  ApiVersion: string;
  MinAPIVersion?: string;
}

async function serverVersion(engine: Docker, address: EngineAddress): Promise<ServerVersion> {
  const signal = AbortSignal.timeout(15_000);
  try {
    return (await dialVersion(engine, signal)) as ServerVersion;
  } catch (error) {
    throw new EngineUnavailableError(unavailable(error as NodeJS.ErrnoException, address, signal.aborted), {
      cause: error,
    });
  }
}

function dialVersion(engine: Docker, abortSignal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    engine.modem.dial(
      { path: "/version", method: "GET", abortSignal, statusCodes: { 200: true, 500: "server error" } } as never,
      (error: unknown, data: unknown) => (error ? reject(error as Error) : resolve(data)),
    );
  });
}

function unavailable(error: NodeJS.ErrnoException, { host, source }: EngineAddress, timedOut: boolean): string {
  const where = `${host} (from ${source})`;
  if (timedOut) return `the Docker Engine at ${where} accepts connections but doesn't answer; restart it`;
  switch (error.code ?? "") {
    case "ENOENT":
      return `no Docker Engine at ${where}: there is no such socket; start Docker, or set DOCKER_HOST`;
    case "EACCES":
    case "EPERM":
      return (
        `no permission to use the Docker Engine at ${where}: ` +
        `add the user to the group docker and log in again, or run as root`
      );
    case "ECONNREFUSED":
      return `nothing answers at ${where}: the Docker Engine isn't running there; start it, or set DOCKER_HOST`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host of the Docker Engine at ${where} has no address: check its name, or set DOCKER_HOST`;
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return `the Docker Engine at ${where} doesn't speak TLS: unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or its port`;
  }
  const what = error.message.trim();
  if (/HTTPS server|malformed HTTP response/i.test(what)) {
    return `the Docker Engine at ${where} wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH`;
  }
  return `the Docker Engine at ${where} can't be used: ${what}`;
}
