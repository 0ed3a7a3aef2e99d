// A Docker Engine that answers: the one that is there, else one from the distribution's packages, started here.
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { engineAddress, engineAnswers } from "../base-images/engine.mjs";
import { withLock } from "../base-images/lock.mjs";
import { run } from "../base-images/run.mjs";

const START_TIMEOUT_MS = 60_000;
const LOG_FOLDER = "/var/log/seatrial";

export async function setUpEngine(say) {
  if (await engineAnswers()) return "there";
  const { name } = engineAddress();
  if (process.env.DOCKER_HOST && name !== "unix:///var/run/docker.sock") {
    throw new Error(
      `no Docker Engine answers at DOCKER_HOST=${name}: start it, or unset DOCKER_HOST to use one on this machine`,
    );
  }
  const service = name.slice("unix://".length);
  if (process.platform !== "linux")
    throw new Error("no Docker Engine answers: start Docker Desktop (or your engine) and try again");
  if (process.getuid() !== 0) {
    const why = existsSync(service)
      ? `${service} can't be used by this user, or nothing listens there`
      : `there is no ${service}`;
    throw new Error(`no Docker Engine answers (${why}): start it, or add this user to the group "docker"`);
  }
  // Two runs that begin at the same time on a new machine must not both install and start it.
  return withLock("seatrial-docker-engine", async () => {
    if (await engineAnswers()) return "there";
    if (!onPath("dockerd")) await install(say);
    await start(say);
    return "started";
  });
}

async function install(say) {
  if (!onPath("apt-get")) {
    throw new Error(
      "no Docker Engine is installed and this is no Debian to install it on: install Docker Engine and try again",
    );
  }
  say("installing docker.io from the distribution's packages");
  const apt = (...args) =>
    run("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=120", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  await apt("update");
  try {
    await apt("install", "-y", "--no-install-recommends", ...enginePackages());
  } catch (error) {
    // An installation that was cut off, this one's predecessor perhaps, has to be finished before another can begin.
    if (!/dpkg --configure -a/.test(error.message)) throw error;
    await run("dpkg", ["--configure", "-a"], { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    await apt("install", "-y", "--no-install-recommends", ...enginePackages());
  }
}

// From Debian 13 on the client is a package of its own.
function enginePackages() {
  const { stdout } = spawnSync("apt-cache", ["search", "--names-only", "^docker-cli$"], { encoding: "utf8" });
  return stdout?.trim() ? ["docker.io", "docker-cli"] : ["docker.io"];
}

async function start(say) {
  if (await restartedByService()) return;
  forgetDeadEngine();
  mkdirSync(LOG_FOLDER, { recursive: true });
  const log = `${LOG_FOLDER}/dockerd.log`;
  const fd = openSync(log, "a");
  say("starting dockerd");
  const pool = setsOwnPools() ? undefined : freePool();
  const args = pool ? ["--default-address-pool", `base=${pool},size=24`] : [];
  // A session of its own: it outlives us, and a Ctrl-C here isn't for it.
  const engine = spawn("dockerd", args, { detached: true, stdio: ["ignore", fd, fd] });
  closeSync(fd);
  let ended;
  engine.on("error", (error) => (ended = error.message));
  engine.on("exit", (code, signal) => (ended = `it exited with ${code ?? signal}`));
  engine.unref();
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await engineAnswers(1000))) {
    if (ended || Date.now() > deadline) {
      const why = ended ?? `no answer within ${START_TIMEOUT_MS / 1000} s`;
      const words = lastError(log);
      const hint = /permission denied|not permitted/i.test(words) ? "; in a container it takes --privileged" : "";
      throw new Error(`dockerd didn't start (${why}): ${words}${hint}; its log is ${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Where a service manager runs, the engine is its own. */
async function restartedByService() {
  if (!existsSync("/run/systemd/system")) return false;
  spawnSync("systemctl", ["start", "docker"], { stdio: "ignore" });
  for (let tries = 0; tries < 100; tries++) {
    if (await engineAnswers(1000)) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

/**
 * An engine that was killed leaves the numbers of its processes behind. Another process may have such a number by now,
 * which the next engine would take for the old one, or for its containerd, and not start.
 */
function forgetDeadEngine() {
  for (const [file, program] of [
    ["/var/run/docker.pid", "dockerd"],
    ["/var/run/docker/containerd/containerd.pid", "containerd"],
  ]) {
    if (!existsSync(file)) continue;
    const comm = `/proc/${readFileSync(file, "utf8").trim()}/comm`;
    const running = existsSync(comm) ? readFileSync(comm, "utf8").trim() : "";
    if (running !== program) rmSync(file, { force: true });
  }
}

/** dockerd refuses to start with a setting that is both in its file and on its command line. */
function setsOwnPools() {
  const file = "/etc/docker/daemon.json";
  return existsSync(file) && readFileSync(file, "utf8").includes('"default-address-pools"');
}

/**
 * Networks of 256 addresses from a range that nothing here uses: 256 of them, where Docker's own pools give about 30.
 * Undefined where every candidate is taken.
 */
function freePool() {
  const routes = readRoutes();
  const candidates = [201, 202, 203, 217, 218, 219].map((second) => ({
    text: `10.${second}.0.0/16`,
    base: ((10 << 24) | (second << 16)) >>> 0,
  }));
  return candidates.find(({ base }) =>
    routes.every(({ network, mask }) => ((base ^ network) & mask & 0xffff0000) >>> 0 !== 0),
  )?.text;
}

/** Of /proc/net/route, whose numbers are hexadecimal and little-endian; the default route is none. */
function readRoutes() {
  const number = (hex) => Buffer.from(hex, "hex").readUInt32LE(0);
  return readFileSync("/proc/net/route", "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .map((fields) => ({ network: number(fields[1]), mask: number(fields[7]) }))
    .filter(({ mask }) => mask !== 0);
}

function lastError(log) {
  const lines = readFileSync(log, "utf8").trim().split("\n");
  const line =
    lines.reverse().find((text) => /fail|error|denied|not permitted/i.test(text)) ?? lines[0] ?? "it said nothing";
  return line.slice(0, 300);
}

function onPath(tool) {
  return (process.env.PATH ?? "").split(":").some((folder) => folder && existsSync(`${folder}/${tool}`));
}
