import { currentOwner, ownerState, parseOwner, type Owner } from "../../run/owner";
import { label } from "../../run/identity";
import { gitlabJobState } from "../../ci/gitlab-job";
import { findGarbage, findOldImages, removeGarbage, whyGarbage } from "../../run/gc";
import { fakeEngine, type FakeEngine } from "./fake-engine";

const now = new Date("2026-01-01T12:00:00Z");
const past = "2026-01-01T11:00:00Z";
const future = "2026-01-01T13:00:00Z";
const alive = currentOwner({});
const gone: Owner = { ...alive, start: "1" };
const elsewhere: Owner = { ...alive, boot: "another", host: "another" };
const job: Owner = { ...elsewhere, job: "https://ci/jobs/1" };

const labels = (owner: Owner | undefined, expires: string | undefined) => ({
  ...(owner ? { [label.owner]: JSON.stringify(owner) } : {}),
  ...(expires ? { [label.expires]: expires } : {}),
});

test("knows itself, and tells a process from one that had its number before", () => {
  expect(ownerState(alive)).toBe("alive");
  expect(ownerState(gone)).toBe("gone");
  expect(ownerState(elsewhere)).toBe("unknown");
  expect(ownerState({ ...alive, ns: "pid:[1]" })).toBe("unknown");
  expect(ownerState({ ...alive, boot: "the last boot" })).toBe("gone");
  expect(ownerState({ host: "x", pid: 1 })).toBe("unknown");
});

test("reads owners, and no nonsense", () => {
  expect(parseOwner(JSON.stringify(alive))).toEqual(alive);
  for (const text of [undefined, "", "x", "null", "[]", '{"pid":"1","host":"x"}'])
    expect(parseOwner(text)).toBeUndefined();
});

test.each<[string, Record<string, string>[], RegExp | undefined]>([
  ["a live owner's, even if expired", [labels(alive, past)], undefined],
  ["a dead owner's", [labels(gone, future)], /process that owned it, \d+ on .* is gone/],
  ["nobody's, not expired", [labels(undefined, future)], undefined],
  ["nobody's, expired", [labels(undefined, past)], /expired at 2026-01-01T11/],
  [
    "kept, with parts that end at different times: the latest counts",
    [labels(undefined, past), labels(undefined, future)],
    undefined,
  ],
  ["another machine's, not expired", [labels(elsewhere, future)], undefined],
  ["another machine's, expired", [labels(elsewhere, past)], /expired/],
  ["a CI job's elsewhere, not expired", [labels(job, future)], undefined],
  ["a dead owner's stack that was kept since", [labels(gone, past), labels(undefined, future)], undefined],
  ["without an end", [labels(undefined, undefined)], undefined],
  ["with an end that is none", [labels(undefined, "tomorrow")], undefined],
])("%s", (_, stack, reason) => {
  const why = whyGarbage(stack, now);
  if (reason) expect(why!.reason).toMatch(reason);
  else expect(why).toBeUndefined();
});

test.each<["alive" | "gone" | "unknown", string, RegExp | undefined]>([
  ["gone", future, /CI job that owned it, https:\/\/ci\/jobs\/1, has ended/],
  ["alive", past, undefined],
  ["unknown", future, undefined],
  ["unknown", past, /expired/],
])("of a CI job elsewhere that is %s, with the end %s", (state, expires, reason) => {
  const why = whyGarbage([labels(job, expires)], now, new Map([[job.job!, state]]));
  if (reason) expect(why!.reason).toMatch(reason);
  else expect(why).toBeUndefined();
});

describe("what GitLab says of a job", () => {
  const env = {
    CI_SERVER_URL: "https://gitlab.example",
    CI_PROJECT_URL: "https://gitlab.example/group/project",
    CI_PROJECT_ID: "42",
    CI_JOB_TOKEN: "token",
  };
  const page = `${env.CI_PROJECT_URL}/-/jobs/17`;
  const asked: [string, RequestInit][] = [];
  const answering = (body: unknown, status = 200) =>
    (async (url: string, init: RequestInit) => {
      asked.push([url, init]);
      return new Response(JSON.stringify(body), { status });
    }) as typeof fetch;
  beforeEach(() => void asked.splice(0));

  test.each([
    ["success", "gone"],
    ["failed", "gone"],
    ["canceled", "gone"],
    ["running", "alive"],
    ["canceling", "alive"],
    ["a word of tomorrow", "alive"],
  ])("that is %s", async (status, state) => {
    expect(await gitlabJobState(page, env, answering({ id: 17, status }))).toBe(state);
    const [url, { headers, redirect }] = asked[0]!;
    expect([url, headers, redirect]).toEqual([
      "https://gitlab.example/api/v4/projects/42/jobs/17",
      { "JOB-TOKEN": "token" },
      "error",
    ]);
  });

  test("with a token of its own", async () => {
    await gitlabJobState(page, { ...env, SEATRIAL_GITLAB_TOKEN: "mine" }, answering({}));
    expect(asked[0]![1].headers).toEqual({ "PRIVATE-TOKEN": "mine" });
  });

  test.each([
    ["of an address in a label", "https://evil.example/group/project/-/jobs/17", env],
    ["of another project", "https://gitlab.example/group/other/-/jobs/17", env],
    ["of no number", `${env.CI_PROJECT_URL}/-/jobs/17/../../../x`, env],
    ["outside of GitLab", page, {}],
    ["without a token", page, { ...env, CI_JOB_TOKEN: "" }],
  ])("is not asked %s", async (_, address, its) => {
    expect(await gitlabJobState(address, its, answering({ id: 17, status: "success" }))).toBe("unknown");
    expect(asked).toEqual([]);
  });

  test.each<[string, typeof fetch]>([
    ["refuses", answering({}, 403)],
    ["tells of another job", answering({ id: 18, status: "success" })],
    ["is no GitLab", answering(null)],
    ["doesn't answer", () => Promise.reject(new Error("no route"))],
  ])("is nothing where it %s", async (_, ask) => {
    expect(await gitlabJobState(page, env, ask)).toBe("unknown");
  });
});

describe("on an engine", () => {
  let engine: FakeEngine;
  afterEach(() => engine.close());
  const of = (owner: Owner | undefined, stack: string, kind: "container" | "network" = "container") => ({
    kind,
    name: `${stack}-${kind}`,
    labels: { [label.project]: "p", [label.stack]: stack, ...labels(owner, future) },
  });

  test("two that collect at once both succeed, and take nothing of a live run's", async () => {
    engine = await fakeEngine([
      of(gone, "dead"),
      of(gone, "dead", "network"),
      of(alive, "live"),
      of(undefined, "kept"),
    ]);
    const found = await Promise.all([0, 1].map(() => findGarbage(engine.docker, { now })));
    const left = await Promise.all(found.map((garbage) => removeGarbage(engine.docker, garbage)));
    expect(left).toEqual([[], []]);
    expect(engine.things.map(({ name }) => name)).toEqual(["live-container", "kept-container"]);
  });

  test("each job is asked about once, and only where this machine can't tell", async () => {
    engine = await fakeEngine([of(job, "a"), of(job, "a", "network"), of({ ...gone, job: "https://ci/jobs/2" }, "b")]);
    const asked: string[] = [];
    const jobState = async (page: string) => (asked.push(page), "gone" as const);
    const garbage = await findGarbage(engine.docker, { now, jobState });
    expect(asked).toEqual([job.job]);
    expect(garbage.map(({ stack, things }) => [stack, things.length])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
  });

  test.each([
    ["all", {}, ["new", "middle", "old"]],
    ["what is too old", { age: 5000 }, ["old"]],
    ["the oldest, where there is no room", { size: 250 }, ["old"]],
    ["what either says", { age: 2000, size: 50 }, ["new", "middle", "old"]],
    ["none within both", { age: 86_400, size: 1000 }, []],
  ])("of images of older commits %s may go", async (_, budget, names) => {
    const image = (name: string, commit: string, age: number) => ({
      kind: "image" as const,
      name,
      labels: { [label.project]: "p", [label.commit]: commit },
      more: { Size: 100, Created: now.getTime() / 1000 - age },
    });
    engine = await fakeEngine([
      image("present", "c2", 10),
      image("old", "c1", 9000),
      image("new", "c1", 1000),
      image("middle", "c1", 4000),
    ]);
    const old = await findOldImages(engine.docker, "p", "c2", budget, now);
    expect(old.map(({ id }) => id).sort()).toEqual([...names].sort());
  });

  test("an image that the present commit has found again stays; one that only its contents name is an earlier build", async () => {
    const image = (name: string, commit: string, tags: string[]) => ({
      kind: "image" as const,
      name,
      labels: { [label.project]: "p", [label.commit]: commit },
      more: { RepoTags: tags, Size: 100, Created: 0 },
    });
    engine = await fakeEngine([
      image("found-again", "c1", ["app:c1", "seatrial-build:0a", "app:c2"]),
      image("old", "c1", ["app:c1", "seatrial-build:0b"]),
      image("built", "c2", ["app:c2", "seatrial-build:0c"]),
      image("built-before", "c2", ["seatrial-build:0d"]),
    ]);
    const old = await findOldImages(engine.docker, "p", "c2", {}, now);
    expect(old.map(({ id, names, reason }) => [id, names, reason])).toEqual([
      ["old", ["app:c1"], "it is of the older commit c1"],
      ["built-before", ["built-before"], "a later build has its name"],
    ]);
  });
});
