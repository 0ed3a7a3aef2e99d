/** Images that the program doesn't make: can they be had? */
import type Docker from "dockerode";
import type { ConfigValue } from "../../engine";
import { findMissing, type MissingImage } from "../../providers/docker/resources/local-images";
import { RegistryCredentials } from "../../providers/docker/registry/credentials";

/** An image that can't be had: because of its name, or because its registry is of no use now. */
export interface ImageFault {
  fault: MissingImage["fault"];
  message: string;
}

/** Milliseconds that a registry may take to say whether it has an image; then the pull will tell. */
const patience = 5000;

/** What is wrong where an image is neither on the Engine nor, as far as anybody says, to be had. */
export async function imageFault(
  docker: Docker,
  name: string,
  credentials: RegistryCredentials,
): Promise<ImageFault | undefined> {
  const missing = await findMissing(docker, name, credentials, AbortSignal.timeout(patience)).catch(() => undefined);
  return (
    missing && { fault: missing.fault, message: `there is no image ${name} on the Docker Engine, and ${missing.why}` }
  );
}

/** Looks up the images that a project's settings name, by their keys: `images.app` and the like. */
export async function settingsImageFaults(
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
      const found = await imageFault(docker, value, credentials);
      return found ? [{ ...found, message: `the setting ${key} can't be used: ${found.message}` }] : [];
    }),
  );
  return faults.flat();
}
