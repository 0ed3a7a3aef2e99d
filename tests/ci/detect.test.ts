import { detectJob } from "../../ci/detect";
import { environments } from "./environments";

test.each(Object.entries(environments))("%s", (_, { env, job }) => {
  expect(detectJob(env)).toEqual(job);
});

test.each([
  [{}, {}],
  [{ GITLAB_CI: "true", CI_COMMIT_REF_NAME: "main" }, { branch: "main" }],
  [{ GITLAB_CI: "true", CI_COMMIT_REF_NAME: "refs/merge-requests/1/head", CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: "topic", CI_MERGE_REQUEST_TARGET_BRANCH_NAME: "main" }, { branch: "topic", targetBranch: "main" }], // prettier-ignore
  [{ GITHUB_ACTIONS: "true", GITHUB_REF_NAME: "main", GITHUB_HEAD_REF: "", GITHUB_BASE_REF: "" }, { branch: "main" }],
  [{ GITHUB_ACTIONS: "true", GITHUB_REF_NAME: "1/merge", GITHUB_HEAD_REF: "topic", GITHUB_BASE_REF: "main" }, { branch: "topic", targetBranch: "main" }], // prettier-ignore
])("branches of %j", (env, branches) => {
  const { branch, targetBranch } = detectJob(env) ?? {};
  expect({ branch, targetBranch }).toEqual(branches);
});
