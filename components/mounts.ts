import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type * as docker from "@pulumi/docker";
import { z } from "zod";
import { containerPath, text, UsageError } from "./arguments";

/** One mount: of a named volume, or of a file or folder of this machine. */
export const mount = z.union(
  [
    z.strictObject({
      /** The volume's name. */
      volume: text,
      /** Where in the container. */
      target: containerPath,
      readOnly: z.boolean().optional(),
    }),
    z.strictObject({
      /** A path of this machine, relative to the project. Works only where the Docker Engine runs on this machine. */
      source: z.string().min(1),
      /** Where in the container. */
      target: containerPath,
      readOnly: z.boolean().optional(),
    }),
  ],
  { error: "expected {volume, target, readOnly?} or {source, target, readOnly?}" },
);

export type Mount = z.input<typeof mount>;

/**
 * The docker provider's form of mounts.
 *
 * @throws {UsageError} if a source doesn't exist: Docker would make an empty folder of that name, as root
 */
export function containerVolumes(mounts: Mount[], what: string): docker.types.input.ContainerVolume[] {
  return mounts.map((mount) => {
    const common = { containerPath: mount.target, ...(mount.readOnly ? { readOnly: true } : {}) };
    if ("volume" in mount) {
      return { volumeName: mount.volume, ...common };
    }
    if (!existsSync(mount.source)) {
      throw new UsageError(`${what}: nothing is at "${mount.source}", which is to be mounted at ${mount.target}`);
    }
    return { hostPath: resolve(mount.source), ...common };
  });
}
