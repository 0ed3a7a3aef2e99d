#!/usr/bin/env node
// What a scene takes at least: bare calls of the Docker Engine's API in the best order, over connections that are kept,
// and nothing else. It knows beforehand what Seatrial has to find out, checks nothing, and recovers from nothing.
//
//   node bench/floor.mjs SCENE.json NAME RESULTS
import http from "node:http";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";

const [file, name, results] = process.argv.slice(2);
const { image, services, tests } = JSON.parse(readFileSync(file, "utf8"));
const socketPath = (process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock").replace("unix://", "");
const agent = new http.Agent({ keepAlive: true });

const labels = { "dev.seatrial.bench": name };
const volume = `${name}-artifacts`;
const ids = new Map();
const prepared = [
  call("POST", "/networks/create", { Name: name, CheckDuplicate: true, Labels: labels }),
  call("POST", "/volumes/create", { Name: volume, Labels: labels }),
];
// Where a container's network is missing is asked only when it starts.
const created = new Map(
  [...services, tests].map((service) => [service.name, Promise.all([...prepared, create(service)])]),
);
const waiting = created.get(tests.name).then(() => post(tests.name, "wait?condition=next-exit"));
const ready = new Map();
for (const service of services) ready.set(service.name, makeReady(service));
await Promise.all(tests.dependsOn.map((needed) => ready.get(needed)));
await post(tests.name, "start");
const { StatusCode: exitCode } = await waiting;

mkdirSync(`${results}/logs`, { recursive: true });
const removed = [...services, tests].map(async (service) => {
  const saved = [saveLog(service.name)];
  if (service === tests) saved.push(saveArtifacts());
  await Promise.all(saved);
  await call("DELETE", `/containers/${ids.get(service.name)}?force=true&v=true`);
});
await Promise.all(removed);
await Promise.all([call("DELETE", `/networks/${name}`), call("DELETE", `/volumes/${volume}`)]);
process.exit(exitCode);

async function create({ name: service, command, health, image: own = image, env = [], binds = [], tmpfs }) {
  const isTests = service === tests.name;
  const body = {
    ...{ Image: own, Cmd: command, Labels: labels, Env: isTests ? ["ARTIFACTS_DIR=/artifacts", ...env] : env },
    ...(health ? { Healthcheck: { Test: ["CMD-SHELL", health], Timeout: 10e9, Retries: 60 } } : {}),
    HostConfig: { NetworkMode: name, Binds: isTests ? [`${volume}:/artifacts`, ...binds] : binds, Tmpfs: tmpfs },
    NetworkingConfig: { EndpointsConfig: { [name]: { Aliases: [service] } } },
  };
  const { Id } = await call("POST", `/containers/create?name=${name}-${service}`, body);
  ids.set(service, Id);
}

/** One command in the container that asks again and again is quicker than one command for each time. */
async function makeReady({ name: service, health, port, path: asked, dependsOn }) {
  await created.get(service);
  await Promise.all(dependsOn.map((needed) => ready.get(needed)));
  await post(service, "start");
  if (port) return await reach(service, port, asked);
  if (!health) return;
  const { Id } = await post(service, "exec", {
    Cmd: ["sh", "-c", `until ${health}; do sleep 0.02; done`],
    AttachStdout: true,
  });
  await call("POST", `/exec/${Id}/start`, { Detach: false, Tty: false });
}

/** From here, by its address: quicker still, where the Engine is on this machine. */
async function reach(service, port, asked = "/") {
  const { NetworkSettings } = await call("GET", `/containers/${ids.get(service)}/json`);
  const host = NetworkSettings.Networks[name].IPAddress;
  const answers = () =>
    new Promise((resolve) => {
      const request = http.get({ host, port, path: asked }, (answer) => resolve(answer.resume().statusCode < 500));
      request.on("error", () => resolve(false));
    });
  while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 10));
}

function post(service, what, body) {
  return call("POST", `/containers/${ids.get(service)}/${what}`, body);
}

async function saveLog(service) {
  const path = `/containers/${ids.get(service)}/logs?stdout=true&stderr=true&timestamps=true`;
  writeFileSync(`${results}/logs/${service}.log`, await bytes("GET", path));
}

async function saveArtifacts() {
  const archive = await bytes("GET", `/containers/${ids.get(tests.name)}/archive?path=/artifacts`);
  const tar = spawn("tar", ["-x", "-C", results, "--strip-components=1"], { stdio: ["pipe", "ignore", "inherit"] });
  // It doesn't read what is behind the archive's end.
  tar.stdin.on("error", () => undefined).end(archive);
  await new Promise((resolve) => tar.on("close", resolve));
}

async function call(method, path, body) {
  const text = (await bytes(method, path, body)).toString("utf8");
  return text.startsWith("{") ? JSON.parse(text) : text;
}

function bytes(method, path, body) {
  const chunks = [];
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text ? { "content-type": "application/json", "content-length": Buffer.byteLength(text) } : {};
    const request = http.request({ socketPath, agent, method, path: `/v1.41${path}`, headers }, (answer) => {
      answer.on("error", reject);
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => {
        const said = Buffer.concat(chunks);
        if (answer.statusCode < 400) resolve(said);
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${said.toString("utf8").trim()}`));
      });
    });
    request.on("error", reject);
    request.end(text);
  });
}
