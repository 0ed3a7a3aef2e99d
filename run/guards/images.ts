import type Docker from "dockerode";
import type { ConfigValue } from "../../engine";
import { findMissing } from "../../providers/docker/resources/local-images";
import { RegistryCredentials } from "../../providers/docker/registry/credentials";

/** An image that can't be had: because of its name, or because its registry is of no use now. */
export interface ImageFault {
  fault: "name" | "registry";
  message: string;
}

/** Milliseconds that a registry may take to say whether it has an image; then the pull will tell. */
const patience = 5000;

/**
 * Looks up the images that a project's settings name, by their keys: `images.app` and the like. Those that the program
 * builds or finds by itself are none of them.
 */
export async function imageFaults(
  docker: Docker,
  project: string,
  config: ReadonlyMap<string, ConfigValue>,
  env: NodeJS.ProcessEnv,
): Promise<ImageFault[]> {
  const prefix = `${project}:images.`;
  const named = [...config].filter(([key, { value, secret }]) => key.startsWith(prefix) && value !== "" && !secret);
  const credentials = new RegistryCredentials([], env);
  const faults = await Promise.all(
    named.map(async ([key, { value }]): Promise<ImageFault[]> => {
      const signal = AbortSignal.timeout(patience);
      const missing = await findMissing(docker, value, credentials, signal).catch(() => undefined);
      if (!missing) return [];
      const message = `the setting ${key} names the image ${value}, which isn't on the Docker Engine, and ${missing.why}`;
      return [{ fault: missing.fault, message }];
    }),
  );
  return faults.flat();
}
