/** Whom to be at which registry: from the provider's configuration, else from the Docker CLI's. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { configDirectory } from "../engine/connect";
import { DOCKER_HUB } from "./image-name";

/** What the Engine wants in `X-Registry-Auth`. */
export interface Credentials {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress: string;
}

/** One `registryAuth` of the provider's configuration. */
export interface RegistryAuth {
  address: string;
  username?: string;
  password?: string;
  configFile?: string;
  configFileContent?: string;
  authDisabled?: boolean;
}

interface DockerConfig {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

/** The key under which the Docker CLI keeps Docker Hub's credentials. */
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

export class RegistryCredentials {
  constructor(
    private readonly configured: readonly RegistryAuth[] = [],
    private readonly env: NodeJS.ProcessEnv = process.env,
  ) {}

  /**
   * The credentials for a registry's host; `undefined` where there are none: most registries let anybody pull.
   *
   * @throws where a configured file can't be read, or a credential helper fails.
   */
  async for(registry: string): Promise<Credentials | undefined> {
    const own = this.configured.find((auth) => hostOf(auth.address) === hostOf(registry));
    if (own?.authDisabled) return undefined;
    if (own?.username || own?.password) {
      return { username: own.username, password: own.password, serveraddress: own.address };
    }
    const config = own ? ownConfig(own) : undefined;
    return fromConfig(config ?? (await this.userConfig()), registry);
  }

  /** All that is known without asking a helper, for a build that may pull from anywhere. */
  async all(extra: readonly string[] = []): Promise<Record<string, Credentials>> {
    const config = await this.userConfig();
    const registries = new Set([
      ...this.configured.map((auth) => hostOf(auth.address)),
      ...Object.keys(config.auths ?? {}).map(hostOf),
      ...extra,
    ]);
    const result: Record<string, Credentials> = {};
    for (const registry of registries) {
      const credentials = await this.for(registry).catch(() => undefined);
      if (credentials) result[registry === DOCKER_HUB ? DOCKER_HUB_KEY : registry] = credentials;
    }
    return result;
  }

  private async userConfig(): Promise<DockerConfig> {
    try {
      return JSON.parse(readFileSync(join(configDirectory(this.env), "config.json"), "utf8")) as DockerConfig;
    } catch {
      return {};
    }
  }
}

/** The value of `X-Registry-Auth`. */
export const authHeader = (credentials: Credentials | undefined): string => headerValue(credentials ?? {});

/** JSON in a header of the Engine's: base64 for URLs, with the padding, without which it takes it for nothing. */
export const headerValue = (value: object): string =>
  Buffer.from(JSON.stringify(value)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");

/** The host of an address such as `https://index.docker.io/v1/`; Docker Hub's many names are one. */
export function hostOf(address: string): string {
  const host = address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return ["index.docker.io", "registry-1.docker.io"].includes(host) ? DOCKER_HUB : host;
}

function ownConfig(auth: RegistryAuth): DockerConfig | undefined {
  if (auth.configFileContent) return JSON.parse(auth.configFileContent) as DockerConfig;
  if (!auth.configFile) return undefined;
  const path = auth.configFile.replace(/^~(?=\/)/, homedir());
  try {
    return JSON.parse(readFileSync(path, "utf8")) as DockerConfig;
  } catch (error) {
    throw new Error(
      `can't read ${auth.configFile}, the configFile of registryAuth for ${auth.address}: ${(error as Error).message}`,
    );
  }
}

async function fromConfig(config: DockerConfig, registry: string): Promise<Credentials | undefined> {
  const host = hostOf(registry);
  const key = host === DOCKER_HUB ? DOCKER_HUB_KEY : host;
  const helper = config.credHelpers?.[host] ?? config.credHelpers?.[key] ?? config.credsStore;
  if (helper) {
    const found = await askHelper(helper, key);
    if (found) return found;
  }
  for (const [address, entry] of Object.entries(config.auths ?? {})) {
    if (hostOf(address) !== host) continue;
    const [username, password] = entry.auth ? decodeAuth(entry.auth) : [entry.username, entry.password];
    if (entry.identitytoken) return { username, identitytoken: entry.identitytoken, serveraddress: address };
    if (username) return { username, password, serveraddress: address };
  }
  return undefined;
}

function decodeAuth(auth: string): [string, string] {
  const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = text.indexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** Source of the protocol: docker/docker-credential-helpers, `get`. */
function askHelper(name: string, server: string): Promise<Credentials | undefined> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      `docker-credential-${name}`,
      ["get"],
      { timeout: 30_000, env: process.env },
      (error, stdout, stderr) => {
        if (!error) {
          const { Username: username, Secret: secret } = JSON.parse(stdout) as { Username: string; Secret: string };
          const isToken = username === "<token>";
          resolve({ ...(isToken ? { identitytoken: secret } : { username, password: secret }), serveraddress: server });
        } else if (
          /credentials not found/i.test(stdout + stderr) ||
          (error as NodeJS.ErrnoException).code === "ENOENT"
        ) {
          resolve(undefined);
        } else {
          reject(new Error(`the credential helper docker-credential-${name} failed: ${(stdout + stderr).trim()}`));
        }
      },
    );
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(server);
  });
}
