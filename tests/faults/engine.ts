import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { probeImage } from "../e2e/seatrial";

/**
 * A Docker Engine of the lane's own: it can be restarted and filled up, and once it holds anything at all, somebody has
 * left it there.
 */
export interface OwnEngine {
  socket: string;
  /** For whatever speaks to it: `DOCKER_HOST`. */
  env: { DOCKER_HOST: string };
  docker: Docker;
  /** The small image, loaded. */
  image: string;
  dataRoot: string;
  /** Of dockerd, while it runs. */
  pid(): number;
  /** Ends it: by SIGTERM, upon which it stops its containers, or by SIGKILL. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  start(): Promise<void>;
  /** Everything that it holds besides images, as `kind name`. */
  everything(): Promise<string[]>;
  remove(): Promise<void>;
}

export interface OwnEngineOptions {
  /** Its data's folder, such as a mounted one that exists; else one of its own. */
  dataRoot?: string;
  /** Address pools, as dockerd's `--default-address-pool`; else 1,024 networks of 64 addresses. */
  pool?: string;
}

/** Starts one. It takes root on Linux, as setting up an engine does. */
export async function ownEngine(options: OwnEngineOptions = {}): Promise<OwnEngine> {
  if (process.platform !== "linux" || process.getuid!() !== 0) {
    throw new Error("the faults take a Docker Engine of their own, which only root on Linux can start");
  }
  const image = probeImage();
  // scripts/faults.mjs names a folder on a file system that an engine can work on.
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  const name = folder.slice(folder.lastIndexOf("-") + 1);
  const dataRoot = options.dataRoot ?? join(folder, "data");
  mkdirSync(dataRoot, { recursive: true });
  // The path of a socket may have 108 bytes.
  const socket = join(folder, "docker.sock");
  const docker = new Docker({ socketPath: socket });
  let dockerd: ChildProcess | undefined;

  /** As a service manager would, again where it ends at once. */
  async function start(): Promise<void> {
    for (let attempt = 1; !(await startOnce()); attempt++) {
      if (attempt === 3) throw new Error(`dockerd didn't start:\n${lastOfLog()}`);
      await endContainerd();
      // Killed at a bad moment, Docker 20.10 may end in a panic over its own database of networks, until somebody
      // removes that.
      if (attempt === 2) rmSync(join(dataRoot, "network/files/local-kv.db"), { force: true });
    }
  }

  function lastOfLog(): string {
    return readFileSync(join(folder, "dockerd.log"), "utf8").slice(-2000);
  }

  /** @returns false where it ends before it answers */
  async function startOnce(): Promise<boolean> {
    const log = openSync(join(folder, "dockerd.log"), "a");
    const args = [
      ...["--data-root", dataRoot, "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid")],
      ...["-H", `unix://${socket}`, "--default-address-pool", options.pool ?? "base=10.229.0.0/16,size=26"],
      // The rules of the engine that is there are not ours to write; containers of one network need none.
      ...["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"],
      ...["--containerd-namespace", `faults-${name}`, "--containerd-plugins-namespace", `faults-plugins-${name}`],
      ...["--shutdown-timeout", "2", "--log-level", "warn"],
    ];
    // In a network of its own: an engine without a bridge removes docker0, which is that of the engine that is there.
    dockerd = spawn("unshare", ["--net", "dockerd", ...args], { stdio: ["ignore", log, log] });
    closeSync(log);
    for (const by = Date.now() + 60_000; ; await sleep(50)) {
      if (
        await docker.ping().then(
          () => true,
          () => false,
        )
      )
        return true;
      if (dockerd.exitCode !== null) return false;
      if (Date.now() > by) throw new Error(`dockerd doesn't answer:\n${lastOfLog()}`);
    }
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (!dockerd || dockerd.exitCode !== null || dockerd.signalCode !== null) return;
    const ended = once(dockerd, "exit");
    dockerd.kill(signal);
    await ended;
    await endContainerd();
  }

  /** Killed, dockerd leaves it, or only its number, which the next dockerd would take for one that runs. */
  async function endContainerd(): Promise<void> {
    const file = join(folder, "exec/containerd/containerd.pid");
    if (!existsSync(file)) return;
    const pid = readFileSync(file, "utf8").trim();
    const runs = () =>
      existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "containerd";
    while (runs()) {
      process.kill(Number(pid), "SIGKILL");
      await sleep(20);
    }
    rmSync(file);
  }

  async function everything(): Promise<string[]> {
    const [containers, networks, volumes] = await Promise.all([
      docker.listContainers({ all: true }),
      docker.listNetworks(),
      docker.listVolumes(),
    ]);
    return [
      ...containers.map(({ Names, Id }) => `container ${Names[0] ?? Id}`),
      ...networks.filter(({ Name }) => !["bridge", "host", "none"].includes(Name)).map(({ Name }) => `network ${Name}`),
      ...(volumes.Volumes ?? []).map(({ Name }) => `volume ${Name}`),
    ];
  }

  const engine: OwnEngine = {
    socket,
    env: { DOCKER_HOST: `unix://${socket}` },
    docker,
    image,
    dataRoot,
    pid: () => dockerd!.pid!,
    stop,
    start,
    everything,
    async remove() {
      await removeAll(docker).catch(() => undefined);
      await stop("SIGTERM");
      for (const mount of mountsBelow(folder, dataRoot)) execFileSync("umount", ["-l", mount]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await start();
    const saved = spawn("docker", ["save", image], { stdio: ["ignore", "pipe", "inherit"] });
    const response = await docker.loadImage(saved.stdout);
    await once(response.resume(), "end");
    return engine;
  } catch (error) {
    await engine.remove();
    throw error;
  }
}

/** What failed tries have left would keep the engine's bridges, which outlive it. */
async function removeAll(docker: Docker): Promise<void> {
  for (const { Id } of await docker.listContainers({ all: true })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
  await docker.pruneNetworks();
}

/** The innermost first. */
function mountsBelow(...folders: string[]): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((mount) => folders.some((folder) => mount.startsWith(`${folder}/`)))
    .reverse();
}
