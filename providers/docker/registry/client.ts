/** What a registry says of an image without pulling it: its digest and its manifests. */
import { createHash } from "node:crypto";
import * as http from "node:http";
import * as https from "node:https";
import type { Credentials } from "./credentials";
import { DOCKER_HUB, parseImageName } from "./image-name";

export interface RegistryOptions {
  credentials?: Credentials;
  /** Take any certificate. */
  insecure?: boolean;
  signal?: AbortSignal;
}

export interface Manifest {
  mediaType: string;
  digest: string;
  platform?: { architecture?: string; os?: string };
}

/** The registry answered, but not with what was asked for. */
export class RegistryError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = "RegistryError";
  }
}

const MANIFESTS = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
].join(", ");

/** The digest of the manifest that `image`'s tag stands for, `sha256:…`. @throws {RegistryError} */
export async function remoteDigest(image: string, options: RegistryOptions): Promise<string> {
  const answer = await request("HEAD", image, options);
  const digest = answer.headers["docker-content-digest"];
  if (typeof digest === "string") return digest;
  const { body } = await request("GET", image, options);
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

/** The manifests of an image for several platforms. @throws {RegistryError} */
export async function remoteManifests(image: string, options: RegistryOptions): Promise<Manifest[]> {
  const { body } = await request("GET", image, options);
  const { manifests } = JSON.parse(body.toString("utf8")) as { manifests?: Manifest[] };
  if (!manifests?.length) throw new Error(`${image} is for one platform only: it has no list of manifests`);
  return manifests;
}

/** Deletes what `image`'s digest, or else its tag, stands for. @throws {RegistryError} */
export async function deleteRemote(image: string, options: RegistryOptions): Promise<void> {
  await request("DELETE", image, options);
}

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

async function request(method: string, image: string, options: RegistryOptions): Promise<Answer> {
  const { registry, repository, tag, digest } = parseImageName(image);
  const path = `/v2/${repository}/manifests/${digest ?? tag ?? "latest"}`;
  const base = await reachable(registry, options);
  const headers: Record<string, string> = { Accept: MANIFESTS };
  const basic = basicAuth(options.credentials);
  let answer = await send(method, new URL(path, base), { ...headers, ...basic }, options);
  if (answer.status === 401) {
    const scope = `repository:${repository}:${method === "DELETE" ? "pull,delete" : "pull"}`;
    const bearer = await token(String(answer.headers["www-authenticate"] ?? ""), scope, options);
    if (bearer)
      answer = await send(method, new URL(path, base), { ...headers, Authorization: `Bearer ${bearer}` }, options);
  }
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw new RegistryError(explain(answer.status, image, registry), answer.status);
}

function explain(status: number, image: string, registry: string): string {
  if (status === 404) return `${registry} has no image ${image}; check the name and the tag`;
  if (status === 401 || status === 403) return `${registry} wants a login for ${image}; docker login ${registry}`;
  if (status === 405) return `${registry} doesn't let images be deleted; set keepRemotely, or delete ${image} by hand`;
  if (status === 429) return `${registry} takes no more requests for now; docker login ${registry}, or wait`;
  return `${registry} answered ${status} to a question about ${image}`;
}

/** A registry on this very machine may speak plain HTTP, as the Docker Engine allows it. */
async function reachable(registry: string, options: RegistryOptions): Promise<string> {
  const given = options.credentials?.serveraddress ?? "";
  if (/^http:\/\//.test(given)) return given.replace(/(^http:\/\/[^/]+).*$/, "$1");
  const host = registry === DOCKER_HUB ? "registry-1.docker.io" : registry;
  if (!/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(host)) return `https://${host}`;
  try {
    await send("GET", new URL("/v2/", `https://${host}`), {}, options);
    return `https://${host}`;
  } catch {
    return `http://${host}`;
  }
}

/** Source of the challenge: distribution/distribution, `docs/content/spec/auth/token.md`. */
async function token(challenge: string, scope: string, options: RegistryOptions): Promise<string | undefined> {
  const fields = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
  );
  if (!/^Bearer /i.test(challenge) || !fields.realm) return undefined;
  const url = new URL(fields.realm);
  if (fields.service) url.searchParams.set("service", fields.service);
  url.searchParams.set("scope", scope);
  const answer = await send("GET", url, basicAuth(options.credentials), options);
  if (answer.status !== 200) return undefined;
  const found = JSON.parse(answer.body.toString("utf8")) as { token?: string; access_token?: string };
  return found.token ?? found.access_token;
}

function basicAuth(credentials: Credentials | undefined): Record<string, string> {
  if (!credentials?.username) return {};
  const text = `${credentials.username}:${credentials.password ?? ""}`;
  return { Authorization: `Basic ${Buffer.from(text).toString("base64")}` };
}

function send(method: string, url: URL, headers: Record<string, string>, options: RegistryOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const client = url.protocol === "http:" ? http : https;
    const outgoing = client.request(
      url,
      { method, headers, rejectUnauthorized: !options.insecure, signal: options.signal, timeout: 30_000 },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 30 s")));
    outgoing.on("error", (error) => reject(new Error(`can't reach ${url.host}: ${error.message}`, { cause: error })));
    outgoing.end();
  });
}
