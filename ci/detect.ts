/** The CI job that this process runs in. */
export interface CiJob {
  system: "gitlab" | "github" | "other";
  /** Tells this job from every other one, retries included; absent where the system gives no number. */
  id?: string;
  /** The job's page. */
  url?: string;
  /** The commit that the job is for, in full. */
  commit?: string;
  /** The branch that the commit is of; of a merge or pull request, its source. */
  branch?: string;
  /** The number of the pipeline, or workflow run, that the job is part of. */
  pipeline?: string;
}

/** Reads the job from the environment; `undefined` on a laptop. */
export function detectJob(env: NodeJS.ProcessEnv = process.env): CiJob | undefined {
  if (env.GITLAB_CI) {
    return present({
      ...{ system: "gitlab", id: env.CI_JOB_ID, url: env.CI_JOB_URL, commit: env.CI_COMMIT_SHA },
      ...{ branch: env.CI_COMMIT_REF_NAME, pipeline: env.CI_PIPELINE_ID },
    });
  }
  if (env.GITHUB_ACTIONS) {
    const run = env.GITHUB_RUN_ID;
    return present({
      system: "github",
      // The jobs of a matrix share the run's number and the job's name; no two of them share a runner at one time.
      id: run && [run, env.GITHUB_RUN_ATTEMPT, env.GITHUB_JOB, env.RUNNER_NAME].filter(Boolean).join("-"),
      url: run && `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/actions/runs/${run}`,
      commit: env.GITHUB_SHA,
      branch: env.GITHUB_HEAD_REF || env.GITHUB_REF_NAME,
      pipeline: run,
    });
  }
  if (!env.CI || env.CI === "false" || env.CI === "0") return undefined;
  return present({ system: "other", branch: env.SEATRIAL_BRANCH, pipeline: env.SEATRIAL_PIPELINE });
}

function present(job: { [K in keyof CiJob]: CiJob[K] | undefined }): CiJob {
  return Object.fromEntries(Object.entries(job).filter(([, value]) => value)) as unknown as CiJob;
}
