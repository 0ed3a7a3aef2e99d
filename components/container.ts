import * as docker from "@pulumi/docker";
import { z } from "zod";
import { containerPath, text } from "./arguments";
import { containerEnvironment, environment, passthrough } from "./environment";
import { labels, type Role } from "./labels";
import { memorySize } from "./memory-size";
import { containerVolumes, mount } from "./mounts";
import { dockerName } from "./names";
import { Network } from "./network";

/** What can be said of any container of the stack. */
export const containerFields = {
  /** The image's name or id. */
  image: text,
  /** The network on which it is reached by its component's name. */
  network: z.custom<Network>((value) => value instanceof Network, { error: "expected a Network" }),
  /** Instead of the image's own command. */
  command: z.array(text).min(1).optional(),
  /** Its variables; it gets these, those of `passthrough`, and no others. */
  environment: environment.default({}),
  /** Names of variables of the calling environment that it gets. */
  passthrough: passthrough.prefault({}),
  volumes: z.array(mount).default([]),
  /** Folders kept in memory, which every user may write to. */
  tmpfs: z.array(containerPath).default([]),
  /** Name or id, `user:group`. */
  user: z.string().min(1).optional(),
  /** The most it may use: `512m`, `1g`. */
  memory: memorySize.optional(),
  /** The most it may use: `1.5` is one and a half cores. */
  cpus: z.number().positive().optional(),
  /** Its share when there is too little for all, relative to the usual 1024. */
  cpuShares: z.int().min(2).optional(),
};

/** The docker provider's inputs for a container of the stack, in a network, under its short name. */
export function containerArgs(
  name: string,
  role: Role,
  what: string,
  args: z.output<z.ZodObject<typeof containerFields>>,
): docker.ContainerArgs {
  return {
    name: dockerName(name),
    image: args.image,
    command: args.command,
    envs: containerEnvironment(args.environment, args.passthrough, what),
    user: args.user,
    networksAdvanced: [{ name: args.network.networkName, aliases: [name] }],
    volumes: args.volumes.length > 0 ? containerVolumes(args.volumes, what) : undefined,
    tmpfs: args.tmpfs.length > 0 ? Object.fromEntries(args.tmpfs.map((path) => [path, "rw,mode=1777"])) : undefined,
    memory: args.memory,
    cpus: args.cpus === undefined ? undefined : String(args.cpus),
    cpuShares: args.cpuShares,
    restart: "no",
    labels: labels({ role, service: name }),
  };
}
