// A Docker Engine that answers: the one that is there, else one from the distribution's packages, started here.
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { engineAddress, engineAnswers } from "../base-images/engine.mjs";
import { run } from "./report.mjs";

const START_TIMEOUT_MS = 60_000;
const PID_FILE = "/var/run/docker.pid";
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
  if (!onPath("dockerd")) await install(say);
  await start(say);
  return "started";
}

async function install(say) {
  if (!onPath("apt-get")) {
    throw new Error(
      "no Docker Engine is installed and this is no Debian to install it on: install Docker Engine and try again",
    );
  }
  say("installing docker.io from the distribution's packages");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], { env });
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "docker.io"], { env });
}

async function start(say) {
  if (await restartedByService()) return;
  forgetDeadEngine();
  mkdirSync(LOG_FOLDER, { recursive: true });
  const log = `${LOG_FOLDER}/dockerd.log`;
  const fd = openSync(log, "a");
  say("starting dockerd");
  const pool = freePool();
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
      throw new Error(
        `dockerd didn't start (${ended ?? `no answer within ${START_TIMEOUT_MS / 1000} s`}): ${lastError(log)}; its log is ${log}`,
      );
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

/** The pid file of an engine that was killed keeps the next one from starting. */
function forgetDeadEngine() {
  if (!existsSync(PID_FILE)) return;
  const pid = Number(readFileSync(PID_FILE, "utf8"));
  const command = existsSync(`/proc/${pid}/comm`) ? readFileSync(`/proc/${pid}/comm`, "utf8").trim() : "";
  if (command !== "dockerd") rmSync(PID_FILE, { force: true });
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
