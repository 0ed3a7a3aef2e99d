import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postToGithub } from "../../ci/notes/github";
import { postToGitlab } from "../../ci/notes/gitlab";
import { noteTarget } from "../../ci/notes/target";
import { environments } from "./environments";
import { standIn, type Reply, type StandIn, type StandInOptions } from "./stand-in";

const marker = "<!-- seatrial note: shop -->";
const note = (text: string) => ({ body: `${marker}\n${text}`, marker });
const usual = { request: 2000, all: 8000 };

let api: StandIn;
afterEach(async () => {
  expect(api.complaints).toEqual([]);
  await api.close();
});

/** Posts as a job of the system would. */
async function post(kind: "gitlab" | "github", text: string, token = "s3cret", patience = usual) {
  return kind === "gitlab"
    ? await postToGitlab({ kind, address: api.address, project: "34", iid: "7", token }, note(text), { patience })
    : await postToGithub({ kind, address: api.address, repository: "o/r", number: "7", token }, note(text), {
        patience,
      });
}

const open = async (kind: "gitlab" | "github", more: Partial<StandInOptions> = {}) =>
  (api = await standIn({ kind, token: "s3cret", ...(kind === "gitlab" ? { user: "bot" } : {}), ...more }));

const systems = ["gitlab", "github"] as const;

describe.each(systems)("%s", (kind) => {
  test("the first note is posted, the next one takes its place", async () => {
    await open(kind);
    expect(await post(kind, "one")).toEqual({ done: "posted" });
    expect(await post(kind, "two")).toEqual({ done: "updated" });
    expect(api.notes.map(({ body }) => body)).toEqual([`${marker}\ntwo`]);
  });

  test("it is found again after hundreds of others', and only by its beginning and its author", async () => {
    await open(kind);
    const me = kind === "gitlab" ? "bot" : "github-actions[bot]";
    const of = (author: string, body: string, id: number) => ({ author, body, id });
    for (let id = 1; id <= 230; id++) api.notes.push(of("mallory", `${marker}\nnot yours`, id));
    api.notes.push(
      of(me, `quoting ${marker}`, 231),
      of(me, "<!-- seatrial note: other -->", 232),
      of(me, `${marker}\nold`, 233),
    );
    expect(await post(kind, "new")).toEqual({ done: "updated" });
    expect(api.notes.filter(({ body }) => body.endsWith("new")).map(({ id }) => id)).toEqual([233]);
    expect(api.asked.filter(({ method }) => method === "GET").map(({ query }) => query.page)).toEqual([
      undefined,
      "1",
      "2",
      "3",
    ]);
  });

  test("one that was removed meanwhile is posted anew", async () => {
    await open(kind);
    await post(kind, "one");
    const list = api.asked.length + 1;
    api.instead.push(
      ...Array.from({ length: 3 }, (_, n) => () => {
        if (n === 1) setImmediate(() => api.notes.splice(0));
        return undefined;
      }),
    );
    expect(await post(kind, "two")).toEqual({ done: "posted" });
    expect(api.asked.length).toBeGreaterThan(list);
  });

  const refused: [number, RegExp][] = [
    [401, /is wrong, or has expired$/],
    [403, /the token may not do this: /],
    [404, /there is no such (?:merge|pull) request, or the token/],
    [422, /takes no such/],
    [400, /takes no such note$|isn't taken$/],
    [301, /a redirect, which isn't followed/],
  ];
  test.each(refused)("an answer of %d ends it with one line, in which there is no token", async (status, line) => {
    await open(kind);
    const reply: Reply = {
      status,
      body: { message: "::error::\nx" },
      headers: { location: "http://127.0.0.1:9/evil" },
    };
    const refuse = ({ method }: { method: string }) => (method === "POST" ? reply : undefined);
    api.instead.push(refuse, refuse, refuse);
    const error = await post(kind, "one").catch((error: Error) => error);
    expect(error).toMatchObject({ name: "NoteRefusedError", message: expect.stringMatching(line) as string });
    expect((error as Error).message).toContain(String(status));
    expect((error as Error).message).not.toMatch(/\n|s3cret|::/);
  });

  test("a wrong token is told at the first request", async () => {
    await open(kind);
    await expect(post(kind, "one", "wrong")).rejects.toThrow(/_TOKEN is wrong, or has expired/);
    expect(api.notes).toEqual([]);
  });

  test("what fails for a moment is tried again, but nothing is posted twice", async () => {
    await open(kind);
    const busy = { status: 503, headers: { "retry-after": "0" } };
    api.instead.push(
      () => "hang up",
      () => undefined,
      () => ({ status: 502 }),
      () => undefined,
      () => busy,
    );
    expect(await post(kind, "one")).toEqual({ done: "posted" });
    expect(api.notes).toHaveLength(1);
    const posts = () => api.asked.filter(({ method }) => method === "POST").length;
    expect(posts()).toBe(2);
    // It may have been done, and the answer be lost.
    api.notes.splice(0);
    api.instead.push(
      () => undefined,
      () => undefined,
      () => "hang up",
    );
    await expect(post(kind, "two")).rejects.toThrow(/doesn't answer/);
    expect(posts()).toBe(3);
    api.instead.push(
      () => undefined,
      () => undefined,
      () => ({ status: 502 }),
    );
    await expect(post(kind, "three")).rejects.toThrow(/answered with 502: the server has failed/);
    expect(posts()).toBe(4);
  });

  test("an API that hangs is given up in bounded time", async () => {
    await open(kind);
    api.instead.push(...Array.from({ length: 9 }, () => () => "hang" as const));
    const since = Date.now();
    const short = { request: 100, all: 800 };
    await expect(post(kind, "one", "s3cret", short)).rejects.toThrow(/doesn't answer: time ran out$/);
    expect(Date.now() - since).toBeLessThan(5000);
  }, 15_000);

  test("answers that make no sense do no harm", async () => {
    await open(kind, { user: "bot" });
    const odd = [null, "<html>", [null, 1, { id: "1", body: marker }, { id: 1.5, body: marker, author: { id: 7 } }]];
    for (const body of odd) {
      api.instead.push(
        () => undefined,
        () => ({ status: 200, body }),
      );
      expect(await post(kind, "one")).toEqual({ done: "posted" });
    }
  });
});

test("a run for a fork finds its pull request by the branch and the commit that the event names", async () => {
  await open("github");
  const head = { owner: "fork", branch: "a/b&c", commit: "abc" };
  const target = { kind: "github" as const, address: api.address, repository: "o/r", token: "s3cret" };
  expect(await postToGithub({ ...target, head }, note("x"), { patience: usual })).toEqual({ done: "posted" });
  expect(api.asked[0]).toMatchObject({ path: "/repos/o/r/pulls", query: { head: "fork:a/b&c" } });
  expect(api.asked.at(-1)!.path).toBe("/repos/o/r/issues/4/comments");
  const other = { ...head, commit: "of-nobody" };
  expect(await postToGithub({ ...target, head: other }, note("x"), { patience: usual })).toBeUndefined();
});

describe("where the note goes", () => {
  beforeAll(async () => (api = await standIn({ kind: "gitlab", token: "x" })));
  const gitlab = { ...environments["GitLab, a merge request"].env, SEATRIAL_GITLAB_TOKEN: "t" };
  const github = { ...environments["GitHub, a pull request"].env, GITHUB_TOKEN: "t" };

  test("in GitLab CI to the merge request's project, which is not the fork", () => {
    expect(noteTarget({ ...gitlab, CI_PROJECT_ID: "99" })).toEqual({
      ...{ kind: "gitlab", address: "https://gitlab.example.com/api/v4", project: "34", iid: "7", token: "t" },
    });
    expect(noteTarget({ ...gitlab, CI_MERGE_REQUEST_PROJECT_ID: "" })).toMatchObject({ project: "34" });
  });

  test.each([
    ["on a laptop", {}, "no job of GitLab CI or GitHub Actions"],
    ["without a merge request", { ...gitlab, CI_MERGE_REQUEST_IID: "" }, "no pipeline of a merge request"],
    ["without a token", { ...gitlab, SEATRIAL_GITLAB_TOKEN: "" }, "there is no SEATRIAL_GITLAB_TOKEN"],
    ["with a number that is a path", { ...gitlab, CI_MERGE_REQUEST_IID: "7/../8" }, "no number"],
    ["without GitHub's token", { ...github, GITHUB_TOKEN: "" }, "there is no GITHUB_TOKEN"],
    ["with a repository that is a path", { ...github, GITHUB_REPOSITORY: "o/r/../../x" }, "is missing"],
    ["without an event", { ...github, GITHUB_EVENT_PATH: "/nowhere" }, "has no pull request"],
  ])("%s nowhere, and it says why", (_, env, why) => {
    expect(noteTarget(env)).toEqual({ kind: "none", why: expect.stringContaining(why) as string });
  });

  test("in GitHub Actions to the pull request of the event", async () => {
    const folder = await mkdtemp(join(tmpdir(), "event-"));
    const path = join(folder, "event.json");
    const of = (event: unknown) => {
      writeFileSync(path, JSON.stringify(event));
      return noteTarget({ ...github, GITHUB_EVENT_PATH: path });
    };
    try {
      const target = {
        kind: "github",
        address: "https://api.github.com",
        repository: "octocat/Hello-World",
        token: "t",
      };
      expect(of({ pull_request: { number: 12 } })).toEqual({ ...target, number: "12" });
      expect(of({ issue: { number: 13, pull_request: {} } })).toEqual({ ...target, number: "13" });
      expect(of({ issue: { number: 13 } }).kind).toBe("none");
      expect(of({ pull_request: { number: "12/../1" } }).kind).toBe("none");
      const run = {
        event: "pull_request",
        head_branch: "b",
        head_sha: "abc",
        head_repository: { owner: { login: "fork" } },
      };
      expect(of({ workflow_run: run })).toEqual({ ...target, head: { owner: "fork", branch: "b", commit: "abc" } });
      expect(of({ workflow_run: { ...run, event: "push" } }).kind).toBe("none");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
