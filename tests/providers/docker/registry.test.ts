/** Pushing to and pulling from a real registry that wants a login. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PropertyMap } from "../../../engine/values";
import { openRegistry, USER, type Registry } from "./registry";
import { Harness, PREFIX, testContext } from "./support";

const cwd = mkdtempSync(join(tmpdir(), "seatrial-pushed-"));
const DOCKER_CONFIG = process.env.DOCKER_CONFIG;
const PATH = process.env.PATH;

let registry: Registry;
let harness: Harness;
/** Knows no login. */
let stranger: Harness;

beforeAll(async () => {
  const opened = await openRegistry({ login: true });
  if (typeof opened === "string") throw new Error(opened);
  registry = opened;
  writeDockerConfig({ auths: { [registry.address]: { auth: base64(`${USER.username}:${USER.password}`) } } });
  [harness, stranger] = [new Harness({ cwd }), new Harness({ cwd })];
  await Promise.all([harness.open(), stranger.open()]);
  await stranger.provider.configure({ registryAuth: [{ address: registry.address, authDisabled: true }] });
  mkdirSync(join(cwd, "app"));
  writeFileSync(join(cwd, "app/Dockerfile"), `FROM ${harness.image}\nRUN echo ${PREFIX} > /made\n`);
});

afterAll(async () => {
  registry.close();
  rmSync(cwd, { recursive: true });
  process.env.PATH = PATH;
  if (DOCKER_CONFIG === undefined) delete process.env.DOCKER_CONFIG;
  else process.env.DOCKER_CONFIG = DOCKER_CONFIG;
  for (const { RepoTags, RepoDigests } of await harness.engine.listImages()) {
    for (const name of [...(RepoTags ?? []), ...(RepoDigests ?? [])]) {
      if (!name.startsWith(`${registry.address}/`)) continue;
      // A tag may take the digest with it.
      await harness.engine
        .getImage(name)
        .remove({ force: true })
        .catch(() => undefined);
    }
  }
  await harness.close();
  await stranger.provider.close();
});
jest.setTimeout(120_000);

const base64 = (text: string) => Buffer.from(text).toString("base64");

function writeDockerConfig(config: object): void {
  process.env.DOCKER_CONFIG = join(cwd, "docker-config");
  mkdirSync(process.env.DOCKER_CONFIG, { recursive: true });
  writeFileSync(join(process.env.DOCKER_CONFIG, "config.json"), JSON.stringify(config));
}

const nameOf = (tag: string) => `${registry.address}/${PREFIX}/app:${tag}`;

const isHere = (name: string) =>
  harness.engine
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );

/** The image's digest in the registry, after it has gone from the Engine. */
async function pushed(tag: string, more: PropertyMap = {}): Promise<{ name: string; digest: string }> {
  const name = nameOf(tag);
  const image = { imageName: name, build: { context: "app" }, ...more };
  const made = await harness.create("Image", "app", image);
  const digest = (made.outputs.repoDigest as string).split("@")[1]!;
  await harness.engine.getImage(name).remove({ force: true });
  return { name, digest };
}

test("docker.Image is pushed with the login of its inputs, and its digest is the registry's", async () => {
  const image = (password: string): PropertyMap => ({
    imageName: nameOf("inputs"),
    build: { context: "app" },
    registry: { server: registry.address, username: USER.username, password },
  });
  await expect(stranger.create("Image", "app", image("wrong"))).rejects.toThrow(
    new RegExp(`^can't push ${nameOf("inputs")}: ${registry.address} wants a login that may push there`),
  );
  const context = testContext();
  const made = await stranger.create("Image", "app", image(USER.password), context);
  expect(made.outputs.repoDigest).toMatch(new RegExp(`^${registry.address}/${PREFIX}/app@sha256:[0-9a-f]{64}$`));
  expect(made.outputs.registryServer).toBe(registry.address);
  expect(context.lines.some(({ message }) => message.startsWith(`pushing ${nameOf("inputs")}`))).toBe(true);
  const { result } = await harness.provider.invoke(
    { token: "docker:index/getRegistryImage:getRegistryImage", args: { name: nameOf("inputs") }, preview: false },
    testContext(),
  );
  expect(made.outputs.repoDigest).toBe(`${registry.address}/${PREFIX}/app@${result.sha256Digest as string}`);
  // Another password is no other image.
  expect((await stranger.diff(made, image("changed"))).changes).toBe("none");
});

test("docker.RemoteImage is pulled by its tag and by its digest, and pulled again only when it is asked to", async () => {
  const { name, digest } = await pushed("pulled");
  await expect(stranger.create("RemoteImage", "app", { name })).rejects.toThrow(
    `${registry.address} doesn't have it or wants a login`,
  );
  const context = testContext();
  const made = await harness.create("RemoteImage", "app", { name }, context);
  expect(made.outputs.repoDigest).toBe(`${name.replace(/:\w+$/, "")}@${digest}`);
  expect(context.lines.map(({ message }) => message)).toContain(`pulling ${name}`);
  expect((await harness.diff((await harness.refresh(made))!, { name })).changes).toBe("none");
  const again = testContext();
  await harness.create("RemoteImage", "app", { name }, again);
  expect(again.lines.filter(({ message }) => message.startsWith("pulling"))).toEqual([]);
  const triggered = testContext();
  await harness.create("RemoteImage", "app", { name, pullTriggers: [digest] }, triggered);
  expect(triggered.lines.map(({ message }) => message)).toContain(`pulling ${name}`);
  await harness.delete(made);
  expect(await isHere(name)).toBe(false);

  const byDigest = `${name.replace(/:\w+$/, "")}@${digest}`;
  const pinned = await harness.create("RemoteImage", "pinned", { name: byDigest });
  expect(pinned.outputs.repoDigest).toBe(byDigest);
  await harness.delete(pinned);
  expect(await isHere(byDigest)).toBe(false);
});

test("a container's image is pulled, with the login that a credential helper knows", async () => {
  const { name } = await pushed("helped");
  const helper = join(cwd, "docker-credential-seatrial");
  const answer = JSON.stringify({ ServerURL: registry.address, Username: USER.username, Secret: USER.password });
  writeFileSync(helper, `#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = ${registry.address} ] && echo '${answer}'\n`);
  chmodSync(helper, 0o755);
  process.env.PATH = `${cwd}:${PATH!}`;
  const login = { auths: { [registry.address]: { auth: base64(`${USER.username}:${USER.password}`) } } };
  writeDockerConfig({ credHelpers: { [registry.address]: "seatrial" } });
  try {
    const made = await harness.create("Container", "box", {
      name: `${PREFIX}-pulled`,
      image: name,
      command: ["true"],
      mustRun: false,
    });
    expect(await isHere(name)).toBe(true);
    await harness.delete(made);
  } finally {
    writeDockerConfig(login);
    process.env.PATH = PATH;
  }
});

test("a build with either builder is made from an image that is in the registry only", async () => {
  const { name, digest } = await pushed("base");
  for (const [builderVersion, run] of [
    ["BuilderV1", "RUN cat /made"],
    ["BuilderBuildKit", "RUN --mount=type=cache,target=/c cat /made"],
  ] as const) {
    mkdirSync(join(cwd, builderVersion));
    writeFileSync(join(cwd, builderVersion, "Dockerfile"), `FROM ${name.replace(/:\w+$/, "")}@${digest}\n${run}\n`);
    const context = testContext();
    const given = { imageName: `${PREFIX}-${builderVersion.toLowerCase()}`, skipPush: true };
    const build = { context: builderVersion, builderVersion };
    await harness.create("Image", "app", { ...given, build }, context);
    expect(context.lines.map(({ message }) => message)).toContainEqual(expect.stringContaining(PREFIX));
  }
});

test("docker.RegistryImage is pushed, found unchanged, and deleted from its registry unless it is to be kept", async () => {
  const name = nameOf("registry");
  await harness.create("Image", "app", { imageName: name, skipPush: true, build: { context: "app" } });
  const made = await harness.create("RegistryImage", "app", { name });
  expect(made.outputs).toMatchObject({ id: made.id, sha256Digest: made.id, name, keepRemotely: false });
  expect((await harness.diff((await harness.refresh(made))!, { name })).changes).toBe("none");
  const kept = await harness.update(made, { name, keepRemotely: true });
  expect(kept.outputs).toMatchObject({ keepRemotely: true, sha256Digest: made.id });
  await harness.delete(kept);
  expect(await harness.refresh(made)).toBeDefined();
  await harness.delete(made);
  expect(await harness.refresh(made)).toBeUndefined();
  await harness.delete(made);
  const named = { name, authConfig: { address: `http://${registry.address}`, ...USER } };
  const own = await stranger.create("RegistryImage", "own", named);
  expect(own.id).toBe(made.id);
  await stranger.delete(own);
});

test("lookups: a digest, and the manifests of an image that has several", async () => {
  const { name, digest } = await pushed("looked-up");
  const invoke = (who: Harness, which: string, args: PropertyMap) =>
    who.provider.invoke({ token: `docker:index/${which}:${which}`, args, preview: false }, testContext());
  expect((await invoke(harness, "getRegistryImage", { name })).result).toMatchObject({
    id: digest,
    sha256Digest: digest,
  });
  await expect(invoke(stranger, "getRegistryImage", { name })).rejects.toThrow(`${registry.address} wants a login`);
  await expect(invoke(harness, "getRegistryImage", { name: nameOf("none") })).rejects.toThrow(
    `${registry.address} has no image ${nameOf("none")}`,
  );
  const address = `http://${registry.address}/v2/${PREFIX}/app/manifests`;
  const headers = { Authorization: `Basic ${base64(`${USER.username}:${USER.password}`)}` };
  const type = "application/vnd.docker.distribution.manifest.v2+json";
  const list = {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifests: [{ mediaType: type, size: 1, digest, platform: { architecture: "amd64", os: "linux" } }],
  };
  const put = await fetch(`${address}/list`, {
    method: "PUT",
    headers: { ...headers, "Content-Type": list.mediaType },
    body: JSON.stringify(list),
  });
  expect(put.status).toBe(201);
  const authConfig = { address: `http://${registry.address}`, ...USER };
  const { result } = await invoke(stranger, "getRegistryImageManifests", { name: nameOf("list"), authConfig });
  expect(result).toMatchObject({
    manifests: [{ mediaType: type, sha256Digest: digest, architecture: "amd64", os: "linux" }],
  });
});
