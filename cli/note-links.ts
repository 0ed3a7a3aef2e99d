import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { detectJob } from "../ci/detect";
import type { NoteLinks } from "../report/note/note";

/** The addresses that a note links to: the CI system's own, and none from the data. */
export function noteLinks(folder: string, env: NodeJS.ProcessEnv): NoteLinks {
  const job = detectJob(env);
  const report = env.SEATRIAL_REPORT_URL || (job?.system === "gitlab" ? reportInArtifacts(folder, env) : undefined);
  return {
    ...(job?.url ? { job: job.url } : {}),
    ...(report ? { report } : {}),
    ...(job?.artifactsUrl ? { artifacts: job.artifactsUrl } : {}),
  };
}

/** GitLab shows single files of a job's artifacts, by their path in the project. */
function reportInArtifacts(folder: string, env: NodeJS.ProcessEnv): string | undefined {
  const page = join(folder, "report", "index.html");
  if (!env.CI_JOB_URL || !env.CI_PROJECT_DIR || !existsSync(page)) return undefined;
  const path = relative(env.CI_PROJECT_DIR, page);
  return path.startsWith("..") ? undefined : `${env.CI_JOB_URL}/artifacts/file/${path}`;
}
