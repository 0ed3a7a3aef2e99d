// The few Docker Engine API calls that set-up needs, over node:http alone: this runs before `npm ci` has.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import path from "node:path";

/** How to reach the engine: DOCKER_HOST where it is set, else the default socket. */
export function engineAddress(env = process.env) {
  const host = env.DOCKER_HOST || "unix:///var/run/docker.sock";
  if (host.startsWith("unix://")) return { name: host, options: { socketPath: host.slice("unix://".length) } };
  const url = /^(tcp|http|https):\/\//.test(host) ? new URL(host.replace(/^tcp:/, "http:")) : undefined;
  if (!url) throw new Error(`DOCKER_HOST is ${host}: only unix://, tcp://, http:// and https:// are supported here`);
  const tls = url.protocol === "https:" || Boolean(env.DOCKER_TLS_VERIFY);
  const options = { host: url.hostname, port: url.port || (tls ? 2376 : 2375) };
  if (tls && env.DOCKER_CERT_PATH) {
    const pem = (name) => readFileSync(path.join(env.DOCKER_CERT_PATH, name));
    Object.assign(options, { ca: pem("ca.pem"), cert: pem("cert.pem"), key: pem("key.pem") });
  }
  return { name: host, tls, options };
}

/** True when an engine answers within `timeoutMs`. */
export async function engineAnswers(timeoutMs = 3000) {
  try {
    return (await call("GET", "/_ping", { timeoutMs })).status === 200;
  } catch {
    return false;
  }
}

export async function imageExists(name) {
  const { status } = await call("GET", `/images/${encodeURIComponent(name)}/json`, { timeoutMs: 10_000 });
  return status === 200;
}

/** Makes `name` from a tar stream, as `docker import` does; `changes` are Dockerfile instructions. */
export async function importImage(name, tar, changes) {
  const { repo, tag } = splitTag(name);
  const query = new URLSearchParams({ fromSrc: "-", repo, tag });
  for (const change of changes) query.append("changes", change);
  const { status, body } = await call("POST", `/images/create?${query}`, { stream: tar });
  if (status !== 200) throw new Error(`the Docker Engine refused to import ${name}: ${messageOf(body)}`);
  failOnErrorLine(body, `importing ${name}`);
}

/**
 * Pulls `name`; returns undefined when it is there, else why not. An engine that hears nothing from the registry
 * within `firstWordMs` is given up on: without a network, name look-ups can hang for much longer than anyone waits.
 */
export async function pullImage(name, firstWordMs = 3000) {
  const { repo, tag } = splitTag(name);
  const query = new URLSearchParams({ fromImage: repo, tag });
  try {
    const { status, body } = await call("POST", `/images/create?${query}`, { timeoutMs: firstWordMs });
    if (status !== 200) return messageOf(body);
    failOnErrorLine(body, `pulling ${name}`);
    return undefined;
  } catch (error) {
    return error.message;
  }
}

/** Runs a command in a new container of `image` to its end, and keeps the result as `name`. */
export async function runAndCommit(image, name, command, changes) {
  // By a name, so that the next attempt removes what one that was killed has left.
  const container = name.replace(/[:/]/g, "-");
  await call("DELETE", `/containers/${container}?force=1&v=1`, {});
  const created = await json("POST", `/containers/create?name=${container}`, {
    Image: image,
    Entrypoint: [],
    Cmd: command,
  });
  try {
    await json("POST", `/containers/${created.Id}/start`);
    const { StatusCode } = await json("POST", `/containers/${created.Id}/wait`);
    if (StatusCode !== 0) {
      const { body } = await call("GET", `/containers/${created.Id}/logs?stdout=1&stderr=1&tail=5`, {});
      throw new Error(`${command[0]} in ${image} exited ${StatusCode}: ${withoutFrames(body)}`);
    }
    const { repo, tag } = splitTag(name);
    const query = new URLSearchParams({ container: created.Id, repo, tag });
    for (const change of changes) query.append("changes", change);
    await json("POST", `/commit?${query}`);
  } finally {
    await call("DELETE", `/containers/${created.Id}?force=1&v=1`, {});
  }
}

/** Takes a tag away, and the image with it when that was its last. */
export async function removeImage(name) {
  await call("DELETE", `/images/${encodeURIComponent(name)}`, {});
}

async function json(method, target, payload) {
  const { status, body } = await call(method, target, { payload });
  if (status >= 300) throw new Error(`the Docker Engine refused ${method} ${target}: ${messageOf(body)}`);
  return body ? JSON.parse(body) : undefined;
}

/** `timeoutMs` bounds the wait for the answer's first byte, not for its last. */
function call(method, target, { payload, stream, timeoutMs }) {
  const { tls, options } = engineAddress();
  return new Promise((resolve, reject) => {
    const headers = payload
      ? { "content-type": "application/json" }
      : stream
        ? { "content-type": "application/x-tar" }
        : {};
    const request = (tls ? https : http).request({ ...options, method, path: target, headers, agent: false });
    const timer =
      timeoutMs && setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    request.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        clearTimeout(timer);
        body += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode, body });
      });
    });
    if (stream) {
      stream.on("error", (error) => request.destroy(error));
      stream.pipe(request);
    } else {
      request.end(payload ? JSON.stringify(payload) : undefined);
    }
  });
}

// The engine puts eight bytes before each piece of a container's log: the stream's number, zeroes, the length.
function withoutFrames(log) {
  return log.replace(/[\x00-\x02]\x00{3}[^]{4}/g, "").trim();
}

// The engine answers 200 first and tells of a failure in the stream that follows.
function failOnErrorLine(body, doing) {
  for (const line of body.split("\n").filter(Boolean)) {
    const { error } = JSON.parse(line);
    if (error) throw new Error(`${doing}: ${error}`);
  }
}

function messageOf(body) {
  try {
    return JSON.parse(body).message;
  } catch {
    return body.trim();
  }
}

function splitTag(name) {
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/")
    ? { repo: name.slice(0, colon), tag: name.slice(colon + 1) }
    : { repo: name, tag: "latest" };
}
