/** The small parts on their own. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contextEntries, ignorePatterns } from "../../../providers/docker/build/context";
import { contextDigest, modeText } from "../../../providers/docker/build/digest";
import { baseImages, needsBuildKit } from "../../../providers/docker/build/dockerfile";
import { gpuRequest } from "../../../providers/docker/container/spec";
import { demultiplexer, TextOutput } from "../../../providers/docker/engine/stream";
import { deleteRemote, remoteDigest, remoteManifests } from "../../../providers/docker/registry/client";
import { RegistryCredentials } from "../../../providers/docker/registry/credentials";
import { isImageId, parseImageName } from "../../../providers/docker/registry/image-name";
import { formatBytes, parseBytes } from "../../../providers/docker/resources/bytes";

const scratch = mkdtempSync(join(tmpdir(), "seatrial-pieces-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function project(name: string, files: Record<string, string>): string {
  const root = join(scratch, name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), content);
    chmodSync(join(root, path), 0o644);
  }
  return root;
}

const sha = (text: string) => createHash("sha256").update(text).digest();

describe("the context's digest", () => {
  test("is over the Dockerfile and each file's name, mode and content, in order", () => {
    const root = project("digest", { Dockerfile: "FROM x\n", "b/c": "c", "b.txt": "b", a: "a" });
    const expected = createHash("sha256");
    for (const [name, mode, content] of [
      ["Dockerfile", "----------", "FROM x\n"],
      ["Dockerfile", "-rw-r--r--", "FROM x\n"],
      ["a", "-rw-r--r--", "a"],
      ["b/c", "-rw-r--r--", "c"],
      ["b.txt", "-rw-r--r--", "b"],
    ] as const) {
      expected.update(name).update(mode).update(sha(content)).update("\0");
    }
    expect(contextDigest(root, ".", "Dockerfile")).toBe(expected.digest("hex"));
  });

  test("changes with a mode, a name and a link's end, not with what is ignored or the Dockerfile's place", () => {
    const root = project("sensitive", {
      "app/Dockerfile": "FROM x\n",
      "app/run": "r",
      "app/x.log": "l",
      "app/.dockerignore": "*.log\n",
    });
    const digest = () => contextDigest(root, "app", "app/Dockerfile");
    const first = digest();
    writeFileSync(join(root, "app/x.log"), "other");
    expect(digest()).toBe(first);
    chmodSync(join(root, "app/run"), 0o755);
    const second = digest();
    expect(second).not.toBe(first);
    symlinkSync("run", join(root, "app/link"));
    const third = digest();
    expect(third).not.toBe(second);
    rmSync(join(root, "app/link"));
    symlinkSync("./run", join(root, "app/link"));
    expect(digest()).toBe(third);
    writeFileSync(join(root, "elsewhere"), "FROM x\n");
    expect(contextDigest(root, "app", "elsewhere")).toBe(third);
  });

  test("modes are spelled as Go spells them", () => {
    expect(modeText({ mode: 0o100644 })).toBe("-rw-r--r--");
    expect(modeText({ mode: 0o104755 })).toBe("urwxr-xr-x");
    expect(modeText({ mode: 0o120777 })).toBe("Lrwxrwxrwx");
    expect(modeText({ mode: 0o010600 })).toBe("prw-------");
  });
});

test("a Dockerfile's own ignore file comes before the context's, and exceptions hold", () => {
  const root = project("ignored", {
    "a/b/keep": "",
    "a/b/drop": "",
    "a/c": "",
    top: "",
    ".dockerignore": "top\n",
    "x.Dockerfile.dockerignore": "# comment\n/a\n!a/b/keep\n*.dockerignore\n.dockerignore\n",
  });
  const paths = (dockerfile: string) =>
    [...contextEntries(root, ignorePatterns(root, join(root, dockerfile)))].map(({ path }) => path);
  expect(paths("x.Dockerfile").filter((path) => !path.endsWith("/b"))).toEqual(["a/b/keep", "top"]);
  expect(paths("Dockerfile")).toEqual([
    ".dockerignore",
    "a",
    "a/b",
    "a/b/drop",
    "a/b/keep",
    "a/c",
    "x.Dockerfile.dockerignore",
  ]);
});

test("state is left out of every context, unless it is excepted", () => {
  const root = project("state", { ".seatrial/.pulumi/key": "", "app/.seatrial/runs": "", "app/main": "" });
  const paths = () => [...contextEntries(root, ignorePatterns(root, join(root, "Dockerfile")))].map(({ path }) => path);
  expect(paths()).toEqual(["app", "app/main"]);
  writeFileSync(join(root, ".dockerignore"), "main\n!app/.seatrial\n");
  expect(paths()).toEqual([".dockerignore", "app", "app/.seatrial", "app/.seatrial/runs", "app/main"]);
});

describe("a Dockerfile", () => {
  test.each([
    ["# syntax=docker/dockerfile:1\nFROM x", true],
    ["# a comment\n#syntax = x\nFROM x", true],
    ["FROM x\nRUN --mount=type=cache,target=/x make", true],
    ["FROM x\nRUN echo \\\n  --mount", false],
    ["FROM x\nRUN <<EOF\necho\nEOF", true],
    ["FROM x\nCOPY --link a b", true],
    ["FROM x\nCOPY --from=y --chown=1 a b", false],
    ["FROM x\n# RUN --mount=x", false],
  ])("%j needs BuildKit: %s", (text, expected) => expect(needsBuildKit(text)).toBe(expected));

  test("is made from images, not from its stages", () => {
    const text = [
      "ARG BASE=debian",
      "ARG TAG",
      "FROM --platform=linux/amd64 ${BASE}:${TAG:-12} AS build",
      "ARG BASE=other",
      "FROM scratch",
      "COPY --from=build /a /a",
      "COPY --from=0 /a /a",
      "COPY --from=tools:1 /b /b",
      "FROM build",
    ].join("\n");
    expect(baseImages(text, {})).toEqual(["debian:12", "tools:1"]);
    expect(baseImages(text, { BASE: "alpine", TAG: "3" })).toEqual(["alpine:3", "tools:1"]);
  });
});

test.each([
  ["alpine", { registry: "docker.io", repository: "library/alpine", tag: undefined, digest: undefined }],
  ["user/app:v1", { registry: "docker.io", repository: "user/app", tag: "v1", digest: undefined }],
  ["localhost:5000/app", { registry: "localhost:5000", repository: "app", tag: undefined, digest: undefined }],
  ["r.test/a/b:1@sha256:00", { registry: "r.test", repository: "a/b", tag: "1", digest: "sha256:00" }],
])("image name %s", (name, expected) => expect(parseImageName(name)).toEqual(expected));

test("an id is no name", () => {
  expect(isImageId(`sha256:${"0".repeat(64)}`)).toBe(true);
  expect(isImageId("alpine")).toBe(false);
});

test.each([
  ["all", { Count: -1, DeviceIDs: [] }],
  ["2", { Count: 2 }],
  ["device=0,2", { DeviceIDs: ["0", "2"] }],
  ['"device=GPU-1"', { DeviceIDs: ["GPU-1"] }],
  ["count=1,capabilities=utility", { Count: 1, Capabilities: [["gpu", "utility"]] }],
])("gpus %s", (text, expected) => expect(gpuRequest(text)).toMatchObject(expected));

test("amounts of memory", () => {
  expect([parseBytes("10G"), parseBytes("512MiB"), parseBytes("1.5k"), parseBytes("7"), parseBytes(undefined)]).toEqual(
    [10 * 2 ** 30, 2 ** 29, 1536, 7, 0],
  );
  expect([formatBytes(10 * 2 ** 30), formatBytes(1536), formatBytes(0)]).toEqual(["10GiB", "1.5KiB", "0"]);
  expect(() => parseBytes("much")).toThrow(/not an amount/);
});

describe("output", () => {
  const frame = (id: number, text: string) => {
    const content = Buffer.from(text);
    const header = Buffer.from([id, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(content.length, 4);
    return Buffer.concat([header, content]);
  };

  test("is put together from frames that come in pieces", () => {
    const bytes = Buffer.concat([frame(1, "out ä"), frame(2, "err"), frame(1, "")]);
    for (const size of [1, 3, 7, 100]) {
      const got = { 1: "", 2: "" };
      const output = new TextOutput(false, (id, text) => (got[id] += text));
      for (let i = 0; i < bytes.length; i += size) output.write(bytes.subarray(i, i + size));
      output.end();
      expect(got).toEqual({ 1: "out ä", 2: "err" });
    }
  });

  test("is never cut within a character", () => {
    const texts: string[] = [];
    const output = new TextOutput(true, (_, text) => texts.push(text));
    const bytes = Buffer.from("a€b");
    output.write(bytes.subarray(0, 2));
    output.write(bytes.subarray(2));
    output.end();
    expect(texts).toEqual(["a", "€b"]);
  });

  test("skips what is known already", () => {
    const got = { 1: "", 2: "" };
    const output = new TextOutput(false, (id, text) => (got[id] += text));
    output.skip({ 1: 4, 2: 0 });
    output.write(Buffer.concat([frame(1, "one"), frame(2, "x"), frame(1, "two")]));
    expect(got).toEqual({ 1: "wo", 2: "x" });
  });

  test("of both streams stays apart", () => {
    const ids: number[] = [];
    demultiplexer((id) => ids.push(id))(Buffer.concat([frame(2, "a"), frame(1, "b")]));
    expect(ids).toEqual([2, 1]);
  });
});

describe("credentials", () => {
  const auth = (text: string) => Buffer.from(text).toString("base64");

  test("come from the provider's configuration, else from the Docker CLI's", async () => {
    const root = project("docker", {
      "config.json": JSON.stringify({
        auths: { "r.test": { auth: auth("me:secret:2") }, "https://index.docker.io/v1/": { auth: auth("hub:x") } },
      }),
    });
    const credentials = new RegistryCredentials([{ address: "https://own.test", username: "u", password: "p" }], {
      DOCKER_CONFIG: root,
    });
    expect(await credentials.for("own.test")).toEqual({
      username: "u",
      password: "p",
      serveraddress: "https://own.test",
    });
    expect(await credentials.for("r.test")).toMatchObject({ username: "me", password: "secret:2" });
    expect(await credentials.for("docker.io")).toMatchObject({ username: "hub" });
    expect(await credentials.for("other.test")).toBeUndefined();
    expect(Object.keys(await credentials.all()).sort()).toEqual(["https://index.docker.io/v1/", "own.test", "r.test"]);
  });

  test("come from a helper", async () => {
    const root = project("helped", { "config.json": JSON.stringify({ credHelpers: { "r.test": "seatrial-test" } }) });
    const helper = join(root, "docker-credential-seatrial-test");
    writeFileSync(helper, '#!/bin/sh\nread server; printf \'{"Username":"%s","Secret":"s"}\' "$server"\n', {
      mode: 0o755,
    });
    const path = process.env.PATH;
    process.env.PATH = `${root}:${path!}`;
    try {
      expect(await new RegistryCredentials([], { DOCKER_CONFIG: root }).for("r.test")).toEqual({
        username: "r.test",
        password: "s",
        serveraddress: "r.test",
      });
    } finally {
      process.env.PATH = path;
    }
  });
});

describe("a registry", () => {
  let server: Server;
  let host: string;
  const deleted: string[] = [];
  const list = JSON.stringify({
    manifests: [{ mediaType: "m", digest: "sha256:1", platform: { architecture: "amd64", os: "linux" } }],
  });

  beforeAll(async () => {
    server = createServer((request, response) => {
      const { url = "", method, headers } = request;
      if (url === "/v2/") return response.end("{}");
      if (url.startsWith("/token"))
        return response.end(JSON.stringify({ token: headers.authorization ? "good" : "none" }));
      if (headers.authorization !== "Bearer good") {
        response.writeHead(401, { "www-authenticate": `Bearer realm="http://${host}/token",service="s"` });
        return response.end();
      }
      if (method === "DELETE") {
        deleted.push(url);
        return response.writeHead(202).end();
      }
      if (url.endsWith("/missing")) return response.writeHead(404).end();
      response.setHeader("docker-content-digest", "sha256:abc");
      response.end(list);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const credentials = () => ({ username: "u", password: "p", serveraddress: host });

  test("tells digests and manifests to who is let in", async () => {
    expect(await remoteDigest(`${host}/app:1`, { credentials: credentials() })).toBe("sha256:abc");
    expect(await remoteManifests(`${host}/app:1`, { credentials: credentials() })).toMatchObject([
      { digest: "sha256:1" },
    ]);
    await deleteRemote(`${host}/app@sha256:abc`, { credentials: credentials() });
    expect(deleted).toEqual(["/v2/app/manifests/sha256:abc"]);
  });

  test("refuses others, and says what it doesn't have", async () => {
    await expect(remoteDigest(`${host}/app:1`, {})).rejects.toThrow(`${host} wants a login for ${host}/app:1`);
    await expect(remoteDigest(`${host}/app:missing`, { credentials: credentials() })).rejects.toThrow(
      `${host} has no image`,
    );
  });
});
