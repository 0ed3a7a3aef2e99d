import { expectDone, noteApi, NoteRefusedError, type Api, type ApiOptions } from "./api";
import { findOwn, type PostedNote } from "./own-note";

/** A merge request, and the right to write in it. */
export interface GitlabMergeRequest {
  kind: "gitlab";
  /** CI_API_V4_URL. */
  address: string;
  /** The project that the merge request is in: a number. */
  project: string;
  iid: string;
  token: string;
}

/**
 * Posts the note, or puts it in the place of the one that the token's user has posted before.
 *
 * Source: https://docs.gitlab.com/api/notes/#merge-requests and https://docs.gitlab.com/api/users/
 */
export async function postToGitlab(
  { address, project, iid, token }: GitlabMergeRequest,
  note: { body: string; marker: string },
  options: Pick<ApiOptions, "ask" | "patience"> = {},
): Promise<PostedNote> {
  const api = noteApi({ address, headers: { "private-token": token }, replaceMethod: "PUT", ...options });
  const user = await api.get("/user");
  expectDone(user, "who the token belongs to", hints);
  const author = (user.body as { id?: unknown } | undefined)?.id;
  if (typeof author !== "number") throw new NoteRefusedError("GitLab doesn't tell who the token belongs to");
  const notes = `/projects/${project}/merge_requests/${iid}/notes`;
  const isOwn = (found: Found) => found.author?.id === author && found.system !== true;
  const own = await findOwn(pages(api, notes), note.marker, isOwn);
  if (own !== undefined) {
    const replaced = await api.replace(`${notes}/${own}`, { body: note.body });
    // Somebody may have removed it a moment ago.
    if (replaced.status !== 404) {
      expectDone(replaced, "updating the note", hints);
      return { done: "updated" };
    }
  }
  expectDone(await api.create(notes, { body: note.body }), "posting the note", hints);
  return { done: "posted" };
}

interface Found {
  author?: { id?: unknown };
  system?: unknown;
}

const hints: Record<number, string> = {
  400: "GitLab takes no such note",
  401: "SEATRIAL_GITLAB_TOKEN is wrong, or has expired",
  403: 'the token may not do this: it needs the scope "api", and at least the role Reporter in the project',
  404: "there is no such merge request, or the token's user can't see it",
  422: "GitLab takes no such note",
};

/** More pages than this nobody looks through. */
const mostPages = 50;

async function* pages(api: Api, notes: string): AsyncGenerator<unknown> {
  for (let page = "1", count = 0; /^\d{1,6}$/.test(page) && count < mostPages; count++) {
    const answer = await api.get(`${notes}?sort=asc&order_by=created_at&per_page=100&page=${page}`);
    expectDone(answer, "looking for an earlier note", hints);
    yield answer.body;
    page = answer.headers.get("x-next-page") ?? "";
  }
}
