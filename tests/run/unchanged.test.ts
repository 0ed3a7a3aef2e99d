import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CreateRequest, Provider, ProviderContext } from "../../engine/provider";
import { UNKNOWN, type PropertyMap } from "../../engine/values";
import type { PreparedRun } from "../../run/prepare";
import type { Result } from "../../run/result";
import { digestInputs, recording } from "../../run/unchanged/inputs";
import { findPassed, isGoodEnough, isTrusted, rememberPassed } from "../../run/unchanged/passed";

let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unchanged-"));
  env = { XDG_DATA_HOME: folder, SEATRIAL_PASSED_KEY: "0123456789abcdef" };
});
afterEach(() => rmSync(folder, { recursive: true }));

const result: Result = {
  version: 1,
  verdict: "passed",
  exitCode: 0,
  tests: { total: 1, passed: 1, failed: 0, skipped: 0, failures: [] },
  project: "shop",
  stack: "ci-1",
  run: "abcdefghijkl",
  startedAt: "2026-01-01T12:00:00.000Z",
  finishedAt: "2026-01-01T12:00:09.000Z",
  phases: [],
  containers: [],
  artifacts: { directory: "/x", files: [], skipped: [] },
  notes: [],
  kept: false,
  cleanup: { clean: true, left: [] },
};
const record = () => join(folder, "seatrial/passed", readdirSync(join(folder, "seatrial/passed"))[0]!);

describe("the record of what has passed", () => {
  test("knows a run by its inputs, in its project, and is for its owner only", () => {
    expect(findPassed("shop", "inputs", env)).toBeUndefined();
    rememberPassed("shop", "inputs", result, env);
    expect(findPassed("shop", "inputs", env)).toEqual(result);
    expect(findPassed("shop", "other inputs", env)).toBeUndefined();
    expect(findPassed("another", "inputs", env)).toBeUndefined();
    expect(statSync(record()).mode & 0o777).toBe(0o600);
  });

  test("keeps the latest twenty", () => {
    for (let i = 0; i < 25; i++) rememberPassed("shop", `inputs ${i}`, result, env);
    expect(findPassed("shop", "inputs 4", env)).toBeUndefined();
    expect(findPassed("shop", "inputs 5", env)).toEqual(result);
  });

  test("takes nothing that another key has signed, or that was changed", () => {
    const [own, other] = ["the key of one user", "the key of another"].map((key) => ({
      ...env,
      SEATRIAL_PASSED_KEY: key,
    }));
    rememberPassed("shop", "inputs", result, own!);
    expect(findPassed("shop", "inputs", own!)).toEqual(result);
    expect(findPassed("shop", "inputs", other!)).toBeUndefined();
    // The key of the user's own, which is made now.
    expect(findPassed("shop", "inputs", { XDG_DATA_HOME: folder })).toBeUndefined();
    const signed = readFileSync(record(), "utf8");
    writeFileSync(record(), signed.replace('"total":1', '"total":2'));
    expect(findPassed("shop", "inputs", own!)).toBeUndefined();
    writeFileSync(record(), "nonsense");
    expect(findPassed("shop", "inputs", own!)).toBeUndefined();
  });

  test("refuses a key that is too short to be one", () => {
    expect(() => findPassed("shop", "inputs", { ...env, SEATRIAL_PASSED_KEY: "short" })).toThrow(
      "SEATRIAL_PASSED_KEY: expected at least 16 characters, got 5",
    );
  });

  test.each<[string, object]>([
    ["failed", { verdict: "failed", exitCode: 1 }],
    ["undetermined", { verdict: "undetermined", exitCode: 125 }],
    ["kept", { kept: true }],
    ["not cleaned up", { cleanup: { clean: false, left: [] } }],
    ["retried", { retries: [{ attempt: 1, exitCode: 1, failed: ["a"] }] }],
    ["flaky", { history: { runs: 3, flaky: ["a"], newlyFailing: [], newlyPassing: [] } }],
    ["other than expected", { expectations: { compared: 1, changed: [{ name: "a" }] } }],
  ])("takes none that was %s", (_how, more) => {
    const other = { ...result, ...more } as Result;
    expect(isGoodEnough(other)).toBe(false);
    rememberPassed("shop", "inputs", other, env);
    expect(findPassed("shop", "inputs", env)).toBeUndefined();
  });

  test.each<[boolean, string, NodeJS.ProcessEnv]>([
    [true, "on a laptop", {}],
    [true, "of a protected branch", { GITLAB_CI: "true", CI: "true", CI_COMMIT_REF_PROTECTED: "true" }],
    [false, "of a branch that is not protected", { GITLAB_CI: "true", CI: "true", CI_COMMIT_REF_PROTECTED: "false" }],
    [true, "of a push", { GITHUB_ACTIONS: "true", CI: "true", GITHUB_EVENT_NAME: "push" }],
    [false, "of a pull request", { GITHUB_ACTIONS: "true", CI: "true", GITHUB_EVENT_NAME: "pull_request" }],
    [
      false,
      "of anybody's pull request with the target's rights",
      { GITHUB_ACTIONS: "true", CI: "true", GITHUB_EVENT_NAME: "pull_request_target" },
    ],
    [false, "of another CI system", { CI: "true", SEATRIAL_PASSED_KEY: "" }],
    [true, "of another CI system that has the key", { CI: "true", SEATRIAL_PASSED_KEY: "0123456789abcdef" }],
  ])("%s: takes one %s", (trusted, _where, job) => {
    expect(isTrusted(job)).toBe(trusted);
    rememberPassed("shop", "inputs", result, { ...env, ...job });
    expect(findPassed("shop", "inputs", env) !== undefined).toBe(trusted);
  });
});

describe("a run's inputs", () => {
  const containerType = "docker:index/container:Container";
  const urnOf = (type: string, name: string, stack: string) => `urn:pulumi:${stack}::shop::${type}::${name}`;
  const context = { log: () => undefined } as unknown as ProviderContext;
  const images: Record<string, string> = { "app:1": "sha256:app-1", "app:2": "sha256:app-1", "new:1": "sha256:new" };

  /** The digest of a program with one container, as a preview or an update of the stack sees it. */
  async function digest(
    inputs: PropertyMap,
    { stack = "ci-1", run = "abcdefghijkl", preview = true, version = "1", type = containerType } = {},
  ) {
    const made: string[] = [];
    const inner = {
      check: async ({ news }: { news: PropertyMap }) => ({ inputs: news }),
      create: async ({ name, preview: isPreview, properties }: CreateRequest) => {
        if (!isPreview) made.push(name);
        return { id: isPreview ? "" : "c".repeat(64), properties };
      },
    } as unknown as Provider;
    const recorded = recording();
    const provider = recorded.providers({ docker: () => inner }).docker!();
    const urn = urnOf(type, "box", stack);
    const identity = { urn, name: "box", type };
    await provider.check({ ...identity, olds: {}, news: inputs, randomSeed: new Uint8Array() }, context);
    const { id } = await provider.create({ ...identity, properties: inputs, timeout: 0, preview }, context);
    const beside = { urn: urnOf(containerType, "probe", stack), name: "probe", type: containerType };
    const networkMode = `container:${id}`;
    await provider.check(
      { ...beside, olds: {}, news: { image: "app:1", networkMode }, randomSeed: new Uint8Array() },
      context,
    );
    writeFileSync(join(folder, "index.js"), "");
    const docker = {
      version: async () => ({ Version: "20" }),
      getImage: (name: string) => ({
        inspect: async () => {
          if (images[name]) return { Id: images[name] };
          throw Object.assign(new Error("no such image"), { statusCode: 404 });
        },
      }),
    };
    return await digestInputs(
      recorded,
      {
        docker,
        project: { root: folder, main: join(folder, "index.js") },
        stack: { config: new Map() },
        options: {},
        identity: { run, stack },
      } as unknown as PreparedRun,
      version,
    );
  }

  const box = { image: "app:1", name: "shop-ci-1-box", envs: ["A=1"] };

  test("are the same in another run's preview, and when the stack is made", async () => {
    const before = await digest({ ...box, envs: ["A=1", "RUN=abcdefghijkl"] });
    const other = { ...box, name: "shop-ci-2-box", envs: ["A=1", "RUN=bbbbbbbbbbbb"] };
    expect(await digest(other, { stack: "ci-2", run: "bbbbbbbbbbbb" })).toBe(before);
    expect(await digest({ ...box, envs: ["A=1", "RUN=abcdefghijkl"] }, { preview: false })).toBe(before);
    const labels = [{ label: "dev.seatrial.expires", value: "2026" }];
    expect(await digest({ ...box, envs: ["A=1", "RUN=abcdefghijkl"], labels })).toBe(before);
  });

  test("are others with another image, variable, version or program; an image's name doesn't matter", async () => {
    const before = await digest(box);
    expect(await digest({ ...box, image: "app:2" })).toBe(before);
    const changed = [
      await digest({ ...box, image: "new:1" }),
      await digest({ ...box, envs: ["A=2"] }),
      await digest(box, { version: "2" }),
    ];
    writeFileSync(join(folder, "package.json"), "{}");
    changed.push(await digest(box));
    expect(new Set([before, ...changed]).size).toBe(5);
  });

  test.each<[string, PropertyMap, RegExp]>([
    ["not known yet", { envs: [UNKNOWN] }, /an input of box is known only when the stack is made/],
    ["an image that isn't there", { image: "nowhere:1" }, /box has an image that is not on the Docker Engine yet/],
    ["a mounted folder", { volumes: [{ hostPath: "/x", containerPath: "/y" }] }, /box mounts a folder of this machine/],
    ["a foreign volume", { volumes: [{ volumeName: "v", containerPath: "/y" }] }, /mounts a volume that is not the st/],
    ["a mount", { mounts: [{ type: "bind", source: "/x", target: "/y" }] }, /box mounts what is not the stack's/],
    ["the machine's network", { networkMode: "host" }, /box is in the network of this machine/],
    ["a foreign network", { networksAdvanced: [{ name: "n" }] }, /box is in a network that is not the stack's/],
  ])("can't be known with %s", async (_what, more, message) => {
    await expect(digest({ ...box, ...more })).rejects.toThrow(message);
  });

  test("can't be known with a resource of another kind, or one that is read", async () => {
    const recorded = recording();
    const state = { custom: true };
    const event = (type: string, urn = "urn:pulumi:s::p::t::n") =>
      recorded.event({ resourcePreEvent: { metadata: { urn, type, new: state } } } as never);
    event("docker:index/container:Container");
    event("pulumi:pulumi:Stack");
    event("pulumi:providers:docker", "urn:pulumi:s::p::pulumi:providers:docker::default_5_2_0");
    expect(recorded.problem()).toBeUndefined();
    event("random:index/randomId:RandomId");
    expect(recorded.problem()).toBe("nobody knows what decides about a random:index/randomId:RandomId");
  });
});
