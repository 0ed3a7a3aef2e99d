import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret, type PropertyMap } from "../../../engine/values";
import { Harness, identity, PREFIX, testContext } from "./support";

const cwd = mkdtempSync(join(tmpdir(), "seatrial-image-"));
const harness = new Harness({ cwd, labels: { "dev.seatrial.run": "test" } });

beforeAll(() => harness.open());
afterAll(async () => {
  await harness.close();
  rmSync(cwd, { recursive: true });
});
jest.setTimeout(120_000);

function files(directory: string, contents: Record<string, string>): void {
  for (const [name, content] of Object.entries(contents)) {
    const file = join(cwd, directory, name);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o644);
  }
}

const dockerfile = (more = "") =>
  `ARG BASE=${harness.image}\nFROM $BASE AS base\nARG WHO\nCOPY . /ctx/\nRUN echo "$WHO" > /who\n${more}`;

const realDocker = () => execFileSync("sh", ["-c", "command -v docker"], { encoding: "utf8" }).trim();

const inspectImage = (name: string) => harness.engine.getImage(name).inspect();

describe("docker.Image", () => {
  test("is built once, and again when a file or an argument changes", async () => {
    files("app", { Dockerfile: dockerfile(), "a.txt": "a", "skip/b.txt": "b", ".dockerignore": "skip\n" });
    const given = (who: string): PropertyMap => ({
      imageName: `${PREFIX}-app:v1`,
      skipPush: true,
      build: { context: "./app", args: { WHO: who }, builderVersion: "BuilderV1" },
    });
    const context = testContext();
    const made = await harness.create("Image", "app", given("one"), context);
    expect(made.id).toBe(`${PREFIX}-app:v1`);
    const { __inputs: kept, ...outputs } = made.outputs;
    expect(kept).toEqual(new Secret(made.inputs));
    expect(outputs).toEqual({
      baseImageName: made.id,
      context: "./app",
      dockerfile: "Dockerfile",
      imageName: made.id,
      platform: expect.stringMatching(/^linux\//),
      registryServer: "",
      repoDigest: (await inspectImage(made.id)).Id,
    });
    expect((await inspectImage(made.id)).Config.Labels).toMatchObject({ "dev.seatrial.run": "test" });
    expect(context.lines.some(({ message }) => message.startsWith("Step 1/"))).toBe(true);
    expect(context.lines.every(({ ephemeral }) => ephemeral)).toBe(true);
    expect((await harness.diff(made, given("one"))).changes).toBe("none");

    const again = testContext();
    const same = await harness.create("Image", "app", given("one"), again);
    expect(same.outputs.repoDigest).toBe(outputs.repoDigest);
    expect(again.lines.map(({ message }) => message)).toEqual([`${made.id} is built already`]);

    const elsewhere = testContext();
    const renamed = await harness.create(
      "Image",
      "renamed",
      { ...given("one"), imageName: `${PREFIX}-app:v2` },
      elsewhere,
    );
    expect(elsewhere.lines.map(({ message }) => message)).toEqual([`${PREFIX}-app:v2 is built already`]);
    expect(renamed.outputs.repoDigest).toBe(outputs.repoDigest);
    expect((await inspectImage(`${PREFIX}-app:v2`)).Id).toBe(outputs.repoDigest);

    expect(await harness.diff(made, given("two"))).toEqual({
      changes: "some",
      detailedDiff: { build: { kind: "update", inputDiff: false } },
    });
    const updated = await harness.update(made, given("two"));
    expect(updated.outputs.repoDigest).not.toBe(outputs.repoDigest);

    files("app", { "skip/b.txt": "changed" });
    expect((await harness.diff(updated, given("two"))).changes).toBe("none");
    files("app", { "a.txt": "changed" });
    expect((await harness.diff(updated, given("two"))).changes).toBe("some");
    // Nothing of the official provider's happens at the end either.
    await harness.delete(updated);
    await inspectImage(made.id);
  });

  test("takes a Dockerfile from outside, targets, links and ignored files", async () => {
    files("out", { "in/file": "x\n", "in/run.sh": "#!/bin/sh\n", "in/.dockerignore": "*\n!file\n!link\n!run.sh\n" });
    files("out", {
      "other.Dockerfile": `${dockerfile()}\nFROM base AS wanted\nLABEL stage=wanted\nFROM base\nLABEL stage=last\n`,
    });
    chmodSync(join(cwd, "out/in/run.sh"), 0o755);
    symlinkSync("file", join(cwd, "out/in/link"));
    const build = {
      context: "./out/in",
      dockerfile: "./out/other.Dockerfile",
      target: "wanted",
      builderVersion: "BuilderV1",
    };
    const made = await harness.create("Image", "out", { imageName: `${PREFIX}-out`, skipPush: true, build });
    expect(made.outputs.dockerfile).toBe("../other.Dockerfile");
    expect((await inspectImage(made.id)).Config.Labels).toMatchObject({ stage: "wanted" });
    const run = await harness.create("Container", "run", {
      name: `${PREFIX}-out`,
      image: made.outputs.repoDigest as string,
      command: ["sh", "-c", "cd /ctx; ls -A; cat link; test -x run.sh && echo runs"],
      ...{ attach: true, logs: true, mustRun: false },
    });
    expect(run.outputs.containerLogs).toBe("file\nlink\nrun.sh\nx\nruns\n");
    await harness.delete(run);
  });

  describe("with the Engine's own BuildKit", () => {
    const kit = (more: PropertyMap = {}): PropertyMap => ({
      imageName: `${PREFIX}-kit:v1`,
      skipPush: true,
      build: { context: "kit", args: { WHO: PREFIX }, target: "last", addHosts: ["elsewhere:10.0.0.7"], ...more },
    });

    beforeAll(() =>
      files("kit", {
        Dockerfile: [
          `FROM ${harness.image} AS last`,
          "ARG WHO",
          "COPY . /ctx",
          "RUN --mount=type=cache,target=/cache echo hello $WHO > /who; cat /who /etc/hosts",
          "FROM last",
          "RUN exit 1",
        ].join("\n"),
        "Dockerfile.dockerignore": "skip\n",
        ".dockerignore": "*\n",
        keep: "kept",
        skip: "skipped",
      }),
    );

    test("is built where only that understands the Dockerfile, and shows its steps", async () => {
      const context = testContext();
      const made = await harness.create("Image", "kit", kit(), context);
      const shown = context.lines.map(({ message }) => message);
      expect(shown).toEqual(
        expect.arrayContaining([expect.stringMatching(/^#\d+ \[last 3\/3\] RUN --mount=type=cache/)]),
      );
      expect(shown).toEqual(expect.arrayContaining([expect.stringMatching(new RegExp(`^#\\d+ hello ${PREFIX}$`))]));
      expect(shown).toEqual(expect.arrayContaining([expect.stringMatching(/^#\d+ 10\.0\.0\.7\s+elsewhere$/)]));
      expect((await inspectImage(made.id)).Config.Labels).toMatchObject({ "dev.seatrial.run": "test" });
      const run = await harness.create("Container", "run", {
        name: `${PREFIX}-kit`,
        image: made.outputs.repoDigest as string,
        command: ["sh", "-c", "cat /who; ls /ctx"],
        ...{ attach: true, logs: true, mustRun: false },
      });
      expect(run.outputs.containerLogs).toMatch(new RegExp(`^hello ${PREFIX}\n(?:Dockerfile.*\n)*keep\n$`));
      await harness.delete(run);
    });

    test("fails with the step and what it printed", async () => {
      files("kit-bad", {
        Dockerfile: `FROM ${harness.image}\nRUN --mount=type=cache,target=/c echo about to fail; exit 9\n`,
      });
      const creation = harness.create("Image", "kit", kit({ context: "kit-bad", target: null }));
      await expect(creation).rejects.toThrow(
        /^the build failed at step \[.*\] RUN .*exit 9: .*exit code: 9\n {2}about to fail$/,
      );
    });

    test("has the build's secrets while it runs, and not in the image", async () => {
      files("kit-secret", {
        Dockerfile: `FROM ${harness.image}\nRUN --mount=type=secret,id=token sh -c 'test "$(cat /run/secrets/token)" = hush && echo knows ${PREFIX}'\n`,
        token: "hush",
        ".dockerignore": "token\n",
      });
      const context = testContext();
      const build = {
        context: join(cwd, "kit-secret"),
        secrets: [{ id: "token", src: join(cwd, "kit-secret/token") }],
      };
      const made = await harness.create("RemoteImage", "kit", { name: `${PREFIX}-kit:v3`, build }, context);
      expect(context.lines.map(({ message }) => message)).toEqual(
        expect.arrayContaining([expect.stringMatching(new RegExp(`^#\\d+ knows ${PREFIX}$`))]),
      );
      await harness.delete(made);
    });

    test("is not taken where the builder before it is asked for", async () => {
      const old = { ...kit({ builderVersion: "BuilderV1" }), imageName: `${PREFIX}-kit:v4` };
      await expect(harness.create("Image", "kit", old)).rejects.toThrow(
        /it needs BuildKit, and builderVersion asks for the builder before it/,
      );
    });
  });

  test("is built by the Docker CLI where only its buildx can do what is asked for", async () => {
    files("cli", { Dockerfile: `FROM ${harness.image}\n` });
    const name = `${PREFIX}-cli:v1`;
    // A CLI that writes down what it is told, and makes the image in the easiest way.
    const bin = join(cwd, "bin");
    files("bin", {
      docker: `#!/bin/sh\n[ "$2" = version ] && exit 0\necho "$@" "$SECRET_ARG" > ${bin}/told\necho "#1 building"\nexec ${realDocker()} tag ${harness.image} ${name}\n`,
    });
    chmodSync(join(bin, "docker"), 0o755);
    const path = process.env.PATH;
    process.env.PATH = `${bin}:${path!}`;
    try {
      const context = testContext();
      const build = { context: "cli", buildArgs: { SECRET_ARG: "hidden" }, target: "last", builder: "other" };
      await harness.create("RemoteImage", "cli", { name, build }, context);
      expect(context.lines.map(({ message }) => message)).toContain("#1 building");
      const told = readFileSync(join(bin, "told"), "utf8");
      expect(told).toMatch(/^buildx build --load --progress=plain --tag \S+-cli:v1 --file \S+\/cli\/Dockerfile /);
      expect(told).toMatch(/ --build-arg SECRET_ARG --target last .*--builder other \S+\/cli hidden$/m);
    } finally {
      process.env.PATH = path;
    }
  });

  test("fails with the step and what it printed, and leaves no container", async () => {
    files("bad", { Dockerfile: dockerfile("RUN echo about to fail; exit 9\n") });
    const build = { context: "bad", builderVersion: "BuilderV1" };
    const before = (await harness.engine.listContainers({ all: true })).length;
    const creation = harness.create("Image", "bad", { imageName: `${PREFIX}-bad`, skipPush: true, build });
    await expect(creation).rejects.toThrow(
      /^the build failed at step \d\/\d+ : RUN echo about to fail; exit 9: .*9\n {2}about to fail$/,
    );
    expect((await harness.engine.listContainers({ all: true })).length).toBe(before);
  });

  test("is checked", async () => {
    files("app", { Dockerfile: dockerfile() });
    const check = (news: PropertyMap) => harness.check("Image", "app", news);
    await expect(check({ imageName: "x", build: { context: "app" } })).rejects.toThrow(
      "imageName must begin with a registry to be pushed",
    );
    await expect(
      check({ imageName: "x", skipPush: true, build: { context: "app", dockerfile: "./Dockerfile" } }),
    ).rejects.toThrow(
      "build.dockerfile names ./Dockerfile, which doesn't exist; it is relative to the project: did you mean app/Dockerfile?",
    );
    await expect(check({ imageName: "x", skipPush: true, build: { context: "none" } })).rejects.toThrow(
      "build.context must be a directory, and there is none at none",
    );
    await expect(check({ imageName: "x", skipPush: true, build: { context: "app", arguments: {} } })).rejects.toThrow(
      "build.arguments is not an input here",
    );
  });

  test("is not built in a preview", async () => {
    files("app", { Dockerfile: dockerfile() });
    const properties = await harness.check("Image", "app", {
      imageName: `${PREFIX}-preview`,
      skipPush: true,
      build: { context: "app" },
    });
    const request = { ...identity("Image", "app"), properties, timeout: 0, preview: true };
    expect((await harness.provider.create(request, testContext())).properties).toEqual(properties);
    await expect(inspectImage(`${PREFIX}-preview`)).rejects.toThrow();
  });
});

describe("docker.RemoteImage", () => {
  test("is built, unchanged, kept through a replacement by itself, deleted", async () => {
    files("remote", { Dockerfile: dockerfile() });
    const given = (trigger: string): PropertyMap => ({
      name: `${PREFIX}-remote:v1`,
      build: { context: "remote", buildArgs: { WHO: "remote" }, tags: [`${PREFIX}-remote:too`] },
      triggers: { trigger },
      forceRemove: true,
    });
    const made = await harness.create("RemoteImage", "app", given("one"));
    const { Id: id } = await inspectImage(`${PREFIX}-remote:too`);
    expect(made).toMatchObject({ id: `${id}${PREFIX}-remote:v1`, outputs: { imageId: id, repoDigest: "" } });
    expect((await harness.diff(made, given("one"))).changes).toBe("none");
    expect((await harness.diff((await harness.refresh(made))!, given("one"))).changes).toBe("none");

    expect((await harness.diff(made, given("two"))).replaces).toEqual(["triggers"]);
    const replacement = await harness.create("RemoteImage", "app", given("two"));
    await harness.delete(made);
    expect(await harness.refresh(replacement)).toBeDefined();
    await harness.delete(replacement);
    expect(await harness.refresh(replacement)).toBeUndefined();
    await harness.delete(replacement);
  });

  test("is found where it is", async () => {
    const made = await harness.create("RemoteImage", "tiny", { name: harness.image, keepLocally: true });
    expect(made.outputs.imageId).toBe((await inspectImage(harness.image)).Id);
    await harness.delete(made);
    await inspectImage(harness.image);
  });

  test("that a container uses says so", async () => {
    await harness.create("Tag", "tag", { sourceImage: harness.image, targetImage: `${PREFIX}-used:v1` });
    files("used", { Dockerfile: `FROM ${harness.image}\nLABEL used=1\n` });
    const made = await harness.create("RemoteImage", "used", { name: `${PREFIX}-used:v1`, build: { context: "used" } });
    const box = await harness.create("Container", "box", {
      name: `${PREFIX}-used`,
      image: made.outputs.imageId!,
      command: ["sleep", "1000"],
    });
    await expect(harness.delete(made)).rejects.toThrow(
      /still uses it; remove the container, or set keepLocally or forceRemove/,
    );
    await harness.delete(box);
    await harness.delete(made);
  });
});

describe("docker.Tag", () => {
  test("names an image, and stays when it is deleted", async () => {
    const given = { sourceImage: harness.image, targetImage: `${PREFIX}-tag:v1` };
    const made = await harness.create("Tag", "tag", given);
    expect(made.id).toBe(`${harness.image}.${PREFIX}-tag:v1`);
    expect(made.outputs.sourceImageId).toBe((await inspectImage(given.targetImage)).Id);
    expect((await harness.diff(made, given)).changes).toBe("none");
    await harness.delete(made);
    await inspectImage(given.targetImage);
  });

  test("needs an image to name", async () => {
    await expect(
      harness.create("Tag", "tag", { sourceImage: `${PREFIX}-no`, targetImage: `${PREFIX}-tag` }),
    ).rejects.toThrow(`there is no image ${PREFIX}-no on the Docker Engine`);
  });
});

describe("functions", () => {
  const invoke = async (name: string, args: PropertyMap) => {
    const { result, failures } = await harness.provider.invoke(
      { token: `docker:index/${name}:${name}`, args, preview: false },
      testContext(),
    );
    if (failures) throw new Error(failures.map(({ property, reason }) => `${property} ${reason}`).join("; "));
    return result;
  };

  test("getNetwork", async () => {
    expect(await invoke("getNetwork", { name: "bridge" })).toMatchObject({
      name: "bridge",
      driver: "bridge",
      scope: "local",
    });
    await expect(invoke("getNetwork", { name: `${PREFIX}-no` })).rejects.toThrow(`there is no network ${PREFIX}-no`);
    await expect(invoke("getNetwork", {})).rejects.toThrow("name is required");
  });

  test("getRemoteImage", async () => {
    expect(await invoke("getRemoteImage", { name: harness.image })).toMatchObject({
      id: (await inspectImage(harness.image)).Id,
    });
  });

  test("getLogs", async () => {
    const box = await harness.create("Container", "box", {
      name: `${PREFIX}-logs`,
      image: harness.image,
      command: ["sh", "-c", "echo one; echo two >&2"],
      ...{ attach: true, mustRun: false },
    });
    const { logsListStrings } = await invoke("getLogs", { name: box.id });
    expect([...(logsListStrings as string[])].sort()).toEqual(["one", "two"]);
    expect(await invoke("getLogs", { name: box.id, showStderr: false })).toMatchObject({ logsListStrings: ["one"] });
    await harness.delete(box);
  });

  test("what isn't there is refused by name", async () => {
    await expect(invoke("getPlugin", { alias: `${PREFIX}-no` })).rejects.toThrow(/there is no plugin/);
    await expect(invoke("getNothing", {})).rejects.toThrow("there is no function docker:index/getNothing:getNothing");
  });
});
