/** Images that the Docker Engine has, or can get. */
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { ProviderContext } from "../../../engine/provider";
import { explained, isNotFound, reasonOf } from "../engine/errors";
import { call, openStream, query } from "../engine/requests";
import { jsonMessages } from "../engine/stream";
import { authHeader, type RegistryCredentials } from "../registry/credentials";
import { isImageId, parseImageName } from "../registry/image-name";
import { Progress } from "./progress";
import type { Session } from "./handler";

/** The part of `GET /images/{name}/json` that is used here. */
export interface ImageInspection {
  Id: string;
  RepoTags?: string[] | null;
  RepoDigests?: string[] | null;
  Config?: { Labels?: Record<string, string> | null } | null;
}

/** The local image of this name or id; `undefined` where there is none. */
export async function inspectImage(
  engine: Docker,
  name: string,
  signal?: AbortSignal,
): Promise<ImageInspection | undefined> {
  try {
    return await call<ImageInspection>(engine, { method: "GET", path: `/images/${encodeName(name)}/json`, signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** An image's name in a path: its slashes are the path's. */
export const encodeName = (name: string): string => name.split("/").map(encodeURIComponent).join("/");

export interface PullOptions {
  platform?: string;
  context: ProviderContext;
  signal: AbortSignal;
}

/** The local image, pulled first where it isn't there. */
export async function findOrPull(session: Session, name: string, options: PullOptions): Promise<ImageInspection> {
  const engine = await session.engine();
  const found = await inspectImage(engine, name, options.signal);
  if (found) return found;
  if (isImageId(name)) {
    throw new Error(
      `there is no image ${name} on the Docker Engine, and an id can't be pulled; build or load the image`,
    );
  }
  await pull(session, engine, name, options);
  const pulled = await inspectImage(engine, name, options.signal);
  if (!pulled) throw new Error(`image ${name} was pulled but isn't there; see docker images`);
  return pulled;
}

/** Gets the image from its registry, whether it is here or not. */
export async function pull(session: Session, engine: Docker, name: string, options: PullOptions): Promise<void> {
  const { registry, tag, digest } = parseImageName(name);
  const repository = name.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
  const path = `/images/create?${query({ fromImage: repository, tag: digest ?? tag ?? "latest", platform: options.platform })}`;
  const progress = new Progress(options.context, `pulling ${name}`);
  try {
    const headers = { "X-Registry-Auth": authHeader(await session.credentials.for(registry)) };
    const stream = await openStream(engine, { method: "POST", path, headers, signal: options.signal });
    await followTransfer(stream, progress);
  } catch (error) {
    options.signal.throwIfAborted();
    throw new Error(
      `there is no image ${name} on the Docker Engine, and it can't be pulled: ${whyNot(error, registry)}`,
      {
        cause: error,
      },
    );
  }
}

interface TransferMessage {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
  errorDetail?: { message?: string };
  aux?: { Digest?: string };
}

/** Follows a pull or a push. Resolves with the digest that a push reports. @throws what the registry refuses. */
export async function followTransfer(stream: Readable, progress: Progress): Promise<string | undefined> {
  let pushed: string | undefined;
  for await (const message of jsonMessages<TransferMessage>(stream)) {
    if (message.error) throw new Error(message.errorDetail?.message ?? message.error);
    pushed = message.aux?.Digest ?? pushed;
    if (message.id) progress.layer(message.id, message.status ?? "", message.progressDetail);
  }
  return pushed;
}

function whyNot(error: unknown, registry: string): string {
  return knownReason(error, registry)?.why ?? explained("pull", error).message.replace(/^can't pull: /, "");
}

/** Why an image can't be had: there is none of that name, or its registry is of no use now. */
export interface MissingImage {
  fault: "name" | "registry";
  why: string;
}

function knownReason(error: unknown, registry: string): MissingImage | undefined {
  const reason = reasonOf(error);
  if (/manifest unknown|manifest for .* not found|not found: manifest/i.test(reason)) {
    return { fault: "name", why: `${registry} has no such tag; check the name and the tag` };
  }
  if (
    /pull access denied|repository does not exist|unauthorized|authentication required|no basic auth|denied/i.test(
      reason,
    )
  ) {
    return {
      fault: "name",
      why: `${registry} doesn't have it or wants a login; check the name, or docker login ${registry}`,
    };
  }
  if (/toomanyrequests|rate limit/i.test(reason)) {
    return {
      fault: "registry",
      why: `${registry} lets no more pulls through for now; docker login ${registry}, or wait`,
    };
  }
  if (
    /dial tcp|no such host|i\/o timeout|connection refused|network is unreachable|TLS handshake|Client\.Timeout/i.test(
      reason,
    )
  ) {
    return {
      fault: "registry",
      why: `the Docker Engine doesn't reach ${registry} (${reason}); check its network and proxy, or build or load the image`,
    };
  }
  return undefined;
}

/**
 * Looks for an image on the Engine, else asks its registry through the Engine, without pulling it.
 *
 * @returns why it can't be had; `undefined` where it can, or where nobody says
 */
export async function findMissing(
  engine: Docker,
  name: string,
  credentials: RegistryCredentials,
  signal: AbortSignal,
): Promise<MissingImage | undefined> {
  if (await inspectImage(engine, name, signal)) return undefined;
  if (isImageId(name)) {
    return { fault: "name", why: "an id can't be pulled; build or load the image, or name it" };
  }
  const { registry } = parseImageName(name);
  try {
    const headers = { "X-Registry-Auth": authHeader(await credentials.for(registry)) };
    await call(engine, { method: "GET", path: `/distribution/${encodeName(name)}/json`, headers, signal });
    return undefined;
  } catch (error) {
    return knownReason(error, registry);
  }
}

/** The digest of the repository that `name` is in, as the official provider picks it; empty where there is none. */
export function repoDigest(name: string, { RepoDigests: digests }: ImageInspection): string {
  if (!digests?.length) return "";
  const colon = name.indexOf(":");
  const repository = colon < 0 ? name : name.slice(0, colon);
  return digests.length === 1 ? digests[0]! : (digests.find((digest) => digest.startsWith(repository)) ?? digests[0]!);
}
