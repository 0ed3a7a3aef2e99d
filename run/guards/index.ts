/** Before a run makes anything: is there what it needs? */
import type Docker from "dockerode";
import { type Project, type Stack, UserError } from "../../engine/api";
import { backendFolder } from "../../engine/state/file-backend";
import { speaks } from "../../providers/docker/engine/connect";
import { explained } from "../../providers/docker/engine/errors";
import type { GuardSettings } from "../settings";
import { countPools, poolsFault, takenRanges } from "./address-pools";
import { diskFaults, type Place } from "./disk";
import { EnvironmentError } from "./environment-error";
import { settingsImageFaults } from "./images";
import {
  type EngineInfo,
  type EngineNetwork,
  readNameServers,
  readRoutes,
  sharesFiles,
  sharesNetwork,
} from "./locality";

/** What a run is about to work with. */
export interface Guarded {
  docker: Docker;
  project: Project;
  stack: Stack;
  settings: GuardSettings;
  /** The folder of the results, where there will be any. */
  results?: string;
  /** The state is kept in files of this machine. */
  localState: boolean;
  /** The stack has its network already. */
  again: boolean;
  /** What has been asked of the Engine already. */
  facts?: Promise<Facts>;
  /** Removes what nobody needs any more and may hold address ranges. */
  makeRoom?(): Promise<void>;
  env: NodeJS.ProcessEnv;
}

/**
 * Looks at everything at once. Resolves where nothing is wrong; rejects with an {@link EnvironmentError} for what is
 * wrong with the machine or its Docker Engine, with a {@link UserError} for what is wrong with the settings: one line
 * for each.
 */
export async function guard(guarded: Guarded): Promise<void> {
  const { docker, project, stack, env } = guarded;
  const [images, facts] = await Promise.all([
    settingsImageFaults(docker, project.name, stack.config, env),
    guarded.facts ?? lookAt(docker),
  ]);
  const disks = await diskFaults(places(guarded, facts), guarded.settings.freeDisk);
  const pools = guarded.again ? undefined : await poolsLeft(guarded, facts);
  const registries = images.filter(({ fault }) => fault === "registry").map(({ message }) => message);
  const faults = [...disks, ...(pools ? [pools] : []), ...registries];
  if (faults.length > 0) throw new EnvironmentError(faults);
  if (images.length > 0) throw new UserError(images.map(({ message }) => message).join("\n"));
}

/** What an Engine says of itself. */
export interface Facts {
  info: EngineInfo;
  networks: EngineNetwork[];
}

/** Rejects with an {@link EnvironmentError}. */
export async function lookAt(docker: Docker): Promise<Facts> {
  try {
    const [info, networks] = await Promise.all([docker.info(), docker.listNetworks()]);
    return { info: info as EngineInfo, networks: networks as EngineNetwork[] };
  } catch (error) {
    throw new EnvironmentError([explained("see what the Docker Engine has left", error).message]);
  }
}

function places({ docker, project, results, localState, env }: Guarded, { info }: Facts): Place[] {
  const { socketPath } = docker.modem as { socketPath?: string };
  const found: Place[] = [];
  if (results) found.push({ what: "the results", path: results, remedy: "write them elsewhere with --artifacts" });
  if (localState) {
    const path = backendFolder(project, env);
    found.push({ what: "the state", path, remedy: "keep it elsewhere with PULUMI_BACKEND_URL" });
  }
  if (sharesFiles(info, socketPath)) {
    const remedy = "make room with seatrial gc or docker system prune";
    found.push({ what: "the Docker Engine's data", path: info.DockerRootDir, remedy });
  }
  return found;
}

/** What is wrong with the address ranges once there is as much room as can be made. */
async function poolsLeft({ docker, settings, makeRoom }: Guarded, facts: Facts): Promise<string | undefined> {
  const fault = poolsOf(docker, facts, settings.freeNetworks);
  if (!fault || !makeRoom) return fault;
  await makeRoom();
  return poolsOf(docker, await lookAt(docker), settings.freeNetworks);
}

function poolsOf(docker: Docker, { info, networks }: Facts, wanted: number): string | undefined {
  const routes = readRoutes();
  const host = sharesNetwork(networks, routes) ? { routes, nameServers: readNameServers() } : undefined;
  return poolsFault(countPools(info, takenRanges(networks, host, !speaks(docker, "1.42"))), networks, wanted);
}
