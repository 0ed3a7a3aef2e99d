/** Pushing an image to its registry. */
import type Docker from "dockerode";
import type { ProviderContext } from "../../../engine/provider";
import { reasonOf } from "../engine/errors";
import { openStream, query } from "../engine/requests";
import { encodeName, followTransfer } from "../resources/local-images";
import { Progress } from "../resources/progress";
import { authHeader, type Credentials } from "./credentials";
import { parseImageName } from "./image-name";

/** The manifest's digest, `sha256:…`, as the registry has it; `undefined` where the Engine doesn't say. */
export async function push(
  engine: Docker,
  name: string,
  credentials: Credentials | undefined,
  context: ProviderContext,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { registry, tag } = parseImageName(name);
  const repository = name.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
  const path = `/images/${encodeName(repository)}/push?${query({ tag: tag ?? "latest" })}`;
  const progress = new Progress(context, `pushing ${name}`);
  try {
    const headers = { "X-Registry-Auth": authHeader(credentials) };
    return await followTransfer(await openStream(engine, { method: "POST", path, headers, signal }), progress);
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`can't push ${name}: ${whyNot(reasonOf(error), registry)}`, { cause: error });
  }
}

function whyNot(reason: string, registry: string): string {
  if (/denied|unauthorized|authentication required|no basic auth/i.test(reason)) {
    return `${registry} wants a login that may push there (${reason}); docker login ${registry}, or give credentials`;
  }
  if (/dial tcp|no such host|connection refused|i\/o timeout/i.test(reason)) {
    return `the Docker Engine doesn't reach ${registry} (${reason})`;
  }
  return reason;
}
