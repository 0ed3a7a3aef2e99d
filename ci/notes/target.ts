import { readFileSync } from "node:fs";
import type { GithubPullRequest } from "./github";
import type { GitlabMergeRequest } from "./gitlab";

/** Where the job's note goes; or why it goes nowhere, in one line. */
export type NoteTarget = GitlabMergeRequest | GithubPullRequest | { kind: "none"; why: string };

/** Finds the merge request that the job is for, and a token. All of it comes from the CI system's own environment. */
export function noteTarget(env: NodeJS.ProcessEnv): NoteTarget {
  if (env.GITLAB_CI) return gitlabTarget(env);
  if (env.GITHUB_ACTIONS) return githubTarget(env);
  return none("this is no job of GitLab CI or GitHub Actions");
}

function gitlabTarget(env: NodeJS.ProcessEnv): NoteTarget {
  const { CI_API_V4_URL: address, CI_MERGE_REQUEST_IID: iid, SEATRIAL_GITLAB_TOKEN: token } = env;
  // In a fork's pipeline the latter is the fork.
  const project = env.CI_MERGE_REQUEST_PROJECT_ID || env.CI_PROJECT_ID;
  if (!iid) return none("this is no pipeline of a merge request");
  if (!token) return none("there is no SEATRIAL_GITLAB_TOKEN");
  if (!address || !isNumber(project) || !isNumber(iid)) {
    return none("CI_API_V4_URL, CI_PROJECT_ID or CI_MERGE_REQUEST_IID is missing, or no number");
  }
  return { kind: "gitlab", address, project, iid, token };
}

function githubTarget(env: NodeJS.ProcessEnv): NoteTarget {
  const { GITHUB_API_URL: address, GITHUB_REPOSITORY: repository, GITHUB_EVENT_PATH: path, GITHUB_TOKEN: token } = env;
  if (!token) return none("there is no GITHUB_TOKEN");
  if (!address || !/^[\w.-]+\/[\w.-]+$/.test(repository ?? "")) {
    return none("GITHUB_API_URL or GITHUB_REPOSITORY is missing");
  }
  const found = pullOfEvent(path);
  if (!found) return none("the event that the workflow runs for has no pull request");
  return { kind: "github", address, repository: repository!, token, ...found };
}

/** The number, or of a `workflow_run`, which for forks has none, the branch and commit that it was for. */
function pullOfEvent(path: string | undefined): Pick<GithubPullRequest, "number" | "head"> | undefined {
  let event: Event;
  try {
    event = JSON.parse(readFileSync(path ?? "", "utf8")) as Event;
  } catch {
    return undefined;
  }
  const run = event.workflow_run;
  const number = event.pull_request?.number ?? (event.issue?.pull_request ? event.issue.number : undefined);
  if (isNumber(String(number))) return { number: String(number) };
  const { head_branch: branch, head_sha: commit, head_repository: repository } = run ?? {};
  const owner = repository?.owner?.login;
  return run?.event?.startsWith("pull_request") && branch && commit && owner
    ? { head: { owner, branch, commit } }
    : undefined;
}

interface Event {
  pull_request?: { number?: unknown };
  issue?: { number?: unknown; pull_request?: unknown };
  workflow_run?: {
    event?: string;
    head_branch?: string;
    head_sha?: string;
    head_repository?: { owner?: { login?: string } };
  };
}

function none(why: string): NoteTarget {
  return { kind: "none", why };
}

function isNumber(text: string | undefined): text is string {
  return /^[1-9]\d{0,19}$/.test(text ?? "");
}
