/** The branches that a CI job is about. */
export interface Branches {
  /** The one that is tried. */
  branch?: string;
  /** The one that a merge request wants to go into. */
  base?: string;
}

/** Reads them from the environment of GitLab's or GitHub's jobs; empty on a laptop. */
export function detectBranches(env: NodeJS.ProcessEnv = process.env): Branches {
  const [branch, base] = env.GITLAB_CI
    ? [env.CI_MERGE_REQUEST_SOURCE_BRANCH_NAME || env.CI_COMMIT_REF_NAME, env.CI_MERGE_REQUEST_TARGET_BRANCH_NAME]
    : env.GITHUB_ACTIONS
      ? [env.GITHUB_HEAD_REF || env.GITHUB_REF_NAME, env.GITHUB_BASE_REF]
      : [];
  return { ...(branch ? { branch } : {}), ...(base ? { base } : {}) };
}
