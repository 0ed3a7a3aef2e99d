import { expectDone, noteApi, type Api, type ApiOptions } from "./api";
import { findOwn, type PostedNote } from "./own-note";

/** A pull request, and the right to write in it. */
export interface GithubPullRequest {
  kind: "github";
  /** GITHUB_API_URL. */
  address: string;
  /** `owner/name`. */
  repository: string;
  /** Its number; absent where the event names only the commit and the branch that a run was for. */
  number?: string;
  head?: { owner: string; branch: string; commit: string };
  token: string;
}

/**
 * Posts the note as a comment, or puts it in the place of the one that the token's user has posted before.
 *
 * @returns `undefined` where there is no open pull request
 * Source: https://docs.github.com/en/rest/issues/comments and https://docs.github.com/en/rest/pulls/pulls
 */
export async function postToGithub(
  { address, repository, number, head, token }: GithubPullRequest,
  note: { body: string; marker: string },
  options: Pick<ApiOptions, "ask" | "patience"> = {},
): Promise<PostedNote | undefined> {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
  };
  const api = noteApi({ address, headers, replaceMethod: "PATCH", ...options });
  const pull = number ?? (head && (await pullOf(api, repository, head)));
  if (pull === undefined) return undefined;
  const isOwn = await whoIsOwn(api);
  const comments = `/repos/${repository}/issues/${pull}/comments`;
  const own = await findOwn(pages(api, comments), note.marker, isOwn);
  if (own !== undefined) {
    const replaced = await api.replace(`/repos/${repository}/issues/comments/${own}`, { body: note.body });
    // Somebody may have removed it a moment ago.
    if (replaced.status !== 404) {
      expectDone(replaced, "updating the comment", hints);
      return { done: "updated" };
    }
  }
  expectDone(await api.create(comments, { body: note.body }), "posting the comment", hints);
  return { done: "posted" };
}

interface Found {
  user?: { login?: unknown; type?: unknown } | null;
}

/** A job's own token is an app's: it can't ask who it is, and its comments are a bot's. */
async function whoIsOwn(api: Api): Promise<(found: Found) => boolean> {
  const user = await api.get("/user");
  if (user.status === 403 || user.status === 404) return ({ user }) => user?.type === "Bot";
  expectDone(user, "who the token belongs to", hints);
  const login = (user.body as { login?: unknown } | undefined)?.login;
  return ({ user }) => typeof login === "string" && user?.login === login;
}

/**
 * The open pull request from a branch with this commit at its head. The event of a run for a fork names the branch but
 * no pull request.
 */
async function pullOf(
  api: Api,
  repository: string,
  head: NonNullable<GithubPullRequest["head"]>,
): Promise<string | undefined> {
  const from = encodeURIComponent(`${head.owner}:${head.branch}`);
  const answer = await api.get(`/repos/${repository}/pulls?state=open&head=${from}&per_page=100`);
  expectDone(answer, "looking for the pull request", hints);
  const pulls = Array.isArray(answer.body) ? (answer.body as { number?: unknown; head?: { sha?: unknown } }[]) : [];
  const found = pulls.find((pull) => pull?.head?.sha === head.commit)?.number;
  return Number.isSafeInteger(found) ? String(found) : undefined;
}

const hints: Record<number, string> = {
  401: "GITHUB_TOKEN is wrong, or has expired",
  403: 'the token may not do this: the job needs "permissions: pull-requests: write", which runs for forks never have',
  404: "there is no such pull request, or the token can't see it",
  410: "the repository takes no comments",
  422: "GitHub takes no such comment, or the conversation is locked",
};

/** More pages than this nobody looks through. */
const mostPages = 50;

async function* pages(api: Api, comments: string): AsyncGenerator<unknown> {
  for (let page = 1; page <= mostPages; page++) {
    const answer = await api.get(`${comments}?per_page=100&page=${page}`);
    expectDone(answer, "looking for an earlier comment", hints);
    yield answer.body;
    if (!/;\s*rel="next"/.test(answer.headers.get("link") ?? "")) return;
  }
}
