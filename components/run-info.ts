/** What a run says about itself, in variables that it sets for the program. */
export interface RunInfo {
  /** The commit that is tried; `dev` where nobody says. */
  commit: string;
  /** The branch that the commit is of, and the number of the CI pipeline; absent outside of CI. */
  branch?: string;
  pipeline?: string;
  /** The run's id; absent where the plain CLI or a developer runs the program. */
  run?: string;
  /** Who answers for the stack (host, process, job); absent for one that is kept. */
  owner?: string;
  /** When the stack may be swept, in ISO 8601. */
  expires: string;
}

const hour = 3_600_000;

/**
 * Reads SEATRIAL_COMMIT, SEATRIAL_BRANCH and SEATRIAL_PIPELINE (else what GitLab or GitHub calls them), SEATRIAL_RUN,
 * SEATRIAL_OWNER and SEATRIAL_EXPIRES.
 * A stack that nobody gave an end expires in 24 hours, at the full hour so that two programs of one run agree.
 */
export function runInfo(env: NodeJS.ProcessEnv = process.env, now: Date = new Date()): RunInfo {
  return {
    commit: env.SEATRIAL_COMMIT || env.CI_COMMIT_SHA || env.GITHUB_SHA || "dev",
    branch: env.SEATRIAL_BRANCH || env.CI_COMMIT_REF_NAME || env.GITHUB_HEAD_REF || env.GITHUB_REF_NAME || undefined,
    pipeline: env.SEATRIAL_PIPELINE || env.CI_PIPELINE_ID || env.GITHUB_RUN_ID || undefined,
    run: env.SEATRIAL_RUN || undefined,
    owner: env.SEATRIAL_OWNER || undefined,
    expires: env.SEATRIAL_EXPIRES || new Date(Math.ceil(now.getTime() / hour) * hour + 24 * hour).toISOString(),
  };
}
