/** How long GitLab may take to answer, in milliseconds. */
const patience = 10_000;

/** GitLab's words for a job that is over. */
const over = ["success", "failed", "canceled", "skipped"];

/**
 * Whether the CI job with this page has ended, as this project's GitLab has it. Only the job's number is taken from the
 * page's address, and only where that is one of this project's: what is asked is CI_SERVER_URL, with
 * SEATRIAL_GITLAB_TOKEN, else the job's own token. `unknown` outside of GitLab CI and where GitLab doesn't tell.
 *
 * Source: https://docs.gitlab.com/api/jobs/#get-a-single-job
 */
export async function gitlabJobState(
  page: string,
  env: NodeJS.ProcessEnv,
  ask: typeof fetch = fetch,
): Promise<"alive" | "gone" | "unknown"> {
  const { CI_SERVER_URL, CI_PROJECT_URL, CI_PROJECT_ID, CI_JOB_TOKEN, SEATRIAL_GITLAB_TOKEN } = env;
  const token = SEATRIAL_GITLAB_TOKEN || CI_JOB_TOKEN;
  if (!CI_SERVER_URL || !CI_PROJECT_URL || !/^\d+$/.test(CI_PROJECT_ID ?? "") || !token) return "unknown";
  const jobs = `${CI_PROJECT_URL}/-/jobs/`;
  const number = page.startsWith(jobs) ? page.slice(jobs.length) : "";
  if (!/^\d{1,20}$/.test(number)) return "unknown";
  try {
    const response = await ask(`${CI_SERVER_URL}/api/v4/projects/${CI_PROJECT_ID}/jobs/${number}`, {
      headers: { [SEATRIAL_GITLAB_TOKEN ? "PRIVATE-TOKEN" : "JOB-TOKEN"]: token },
      // Nobody else is to get the token.
      redirect: "error",
      signal: AbortSignal.timeout(patience),
    });
    if (!response.ok) return "unknown";
    const { id, status } = (await response.json()) as { id?: unknown; status?: unknown };
    if (String(id) !== number || typeof status !== "string") return "unknown";
    return over.includes(status) ? "gone" : "alive";
  } catch {
    return "unknown";
  }
}
