/** The CI job that this process runs in. What the system doesn't tell is absent. */
export interface CiJob {
  system: "gitlab" | "github" | "other";
  /** Tells this job from every other one, retries included; absent where the system gives no number. */
  id?: string;
  /** The job's page. */
  url?: string;
  /** Where the job's artifacts can be looked at, once they are there. */
  artifactsUrl?: string;
  /** The commit that the job is for, in full. */
  commit?: string;
  /** The branch, or tag, that the commit is of; of a merge or pull request, its source. */
  branch?: string;
  /** The number of the pipeline, or workflow run, that the job is part of. */
  pipeline?: string;
  /** The number of the merge request, or pull request, that the job is for. */
  mergeRequest?: string;
  /** The branch that the merge request is to go into. */
  targetBranch?: string;
  /** The project's path or name there. */
  project?: string;
}

/**
 * Reads the job from the environment; `undefined` on a laptop.
 *
 * Sources: https://docs.gitlab.com/ci/variables/predefined_variables/,
 * https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
 * https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables,
 * https://circleci.com/docs/reference/variables/, https://buildkite.com/docs/pipelines/configure/environment-variables,
 * https://woodpecker-ci.org/docs/usage/environment
 */
export function detectJob(env: NodeJS.ProcessEnv = process.env): CiJob | undefined {
  if (env.GITLAB_CI) return present(gitlab(env));
  if (env.GITHUB_ACTIONS) return present(github(env));
  const other = [jenkins, circle, buildkite, woodpecker].map((read) => read(env)).find(Boolean);
  if (other) {
    const { SEATRIAL_BRANCH: branch = other.branch, SEATRIAL_PIPELINE: pipeline = other.pipeline } = env;
    return present({ ...other, system: "other", branch, pipeline });
  }
  if (!env.CI || env.CI === "false" || env.CI === "0") return undefined;
  return present({ system: "other", branch: env.SEATRIAL_BRANCH, pipeline: env.SEATRIAL_PIPELINE });
}

type Found = Partial<Record<Exclude<keyof CiJob, "system">, string | undefined>>;

function gitlab(env: NodeJS.ProcessEnv): Found & Pick<CiJob, "system"> {
  return {
    system: "gitlab",
    id: env.CI_JOB_ID,
    url: env.CI_JOB_URL,
    artifactsUrl: env.CI_JOB_URL && `${env.CI_JOB_URL}/artifacts/browse`,
    commit: env.CI_COMMIT_SHA,
    branch: env.CI_MERGE_REQUEST_SOURCE_BRANCH_NAME || env.CI_COMMIT_REF_NAME,
    pipeline: env.CI_PIPELINE_ID,
    mergeRequest: env.CI_MERGE_REQUEST_IID,
    targetBranch: env.CI_MERGE_REQUEST_TARGET_BRANCH_NAME,
    project: env.CI_PROJECT_PATH,
  };
}

function github(env: NodeJS.ProcessEnv): Found & Pick<CiJob, "system"> {
  const run = env.GITHUB_RUN_ID;
  const url = run && `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/actions/runs/${run}`;
  return {
    system: "github",
    // The jobs of a matrix share the run's number and the job's name; no two of them share a runner at one time.
    id: run && [run, env.GITHUB_RUN_ATTEMPT, env.GITHUB_JOB, env.RUNNER_NAME].filter(Boolean).join("-"),
    url,
    artifactsUrl: url && `${url}#artifacts`,
    commit: env.GITHUB_SHA,
    branch: env.GITHUB_HEAD_REF || env.GITHUB_REF_NAME,
    pipeline: run,
    mergeRequest: numberIn(/^refs\/pull\/(\d+)\//, env.GITHUB_REF),
    targetBranch: env.GITHUB_BASE_REF,
    project: env.GITHUB_REPOSITORY,
  };
}

function jenkins(env: NodeJS.ProcessEnv): Found | undefined {
  if (!env.JENKINS_URL) return undefined;
  return {
    url: env.BUILD_URL,
    artifactsUrl: env.BUILD_URL && `${env.BUILD_URL}artifact/`,
    commit: env.GIT_COMMIT,
    branch: env.CHANGE_BRANCH || env.BRANCH_NAME || env.GIT_BRANCH?.replace(/^origin\//, ""),
    mergeRequest: env.CHANGE_ID,
    targetBranch: env.CHANGE_TARGET,
    project: env.JOB_NAME,
  };
}

function circle(env: NodeJS.ProcessEnv): Found | undefined {
  if (!env.CIRCLECI) return undefined;
  return {
    url: env.CIRCLE_BUILD_URL,
    artifactsUrl: env.CIRCLE_BUILD_URL && `${env.CIRCLE_BUILD_URL}/artifacts`,
    commit: env.CIRCLE_SHA1,
    branch: env.CIRCLE_BRANCH,
    mergeRequest: numberIn(/\/pull\/(\d+)$/, env.CIRCLE_PULL_REQUEST),
    project: [env.CIRCLE_PROJECT_USERNAME, env.CIRCLE_PROJECT_REPONAME].filter(Boolean).join("/"),
  };
}

function buildkite(env: NodeJS.ProcessEnv): Found | undefined {
  if (!env.BUILDKITE) return undefined;
  const { BUILDKITE_JOB_ID: job, BUILDKITE_BUILD_URL: build } = env;
  return {
    id: job,
    url: build && (job ? `${build}#${job}` : build),
    // Asked for by a person it may be HEAD.
    commit: /^[0-9a-f]{40}$/.test(env.BUILDKITE_COMMIT ?? "") ? env.BUILDKITE_COMMIT : undefined,
    branch: env.BUILDKITE_BRANCH,
    mergeRequest: numberIn(/^(\d+)$/, env.BUILDKITE_PULL_REQUEST),
    targetBranch: env.BUILDKITE_PULL_REQUEST_BASE_BRANCH,
    project: [env.BUILDKITE_ORGANIZATION_SLUG, env.BUILDKITE_PIPELINE_SLUG].filter(Boolean).join("/"),
  };
}

function woodpecker(env: NodeJS.ProcessEnv): Found | undefined {
  if (env.CI !== "woodpecker") return undefined;
  const { CI_PIPELINE_NUMBER: pipeline, CI_WORKFLOW_NUMBER: workflow, CI_REPO: repository } = env;
  const numbers = [repository, pipeline, workflow];
  return {
    // Its steps clean up after each other.
    id: numbers.every(Boolean) ? numbers.join("-") : undefined,
    url: env.CI_STEP_URL || env.CI_PIPELINE_URL,
    commit: env.CI_COMMIT_SHA,
    branch: env.CI_COMMIT_SOURCE_BRANCH || env.CI_COMMIT_BRANCH,
    mergeRequest: env.CI_COMMIT_PULL_REQUEST,
    targetBranch: env.CI_COMMIT_TARGET_BRANCH,
    project: repository,
  };
}

function numberIn(pattern: RegExp, text: string | undefined): string | undefined {
  return pattern.exec(text ?? "")?.[1];
}

function present(job: Found & Pick<CiJob, "system">): CiJob {
  return Object.fromEntries(Object.entries(job).filter(([, value]) => value)) as unknown as CiJob;
}
