import { execFile } from "node:child_process";
import { detectJob } from "../ci/detect";

/** The commit that a run is for. */
export interface Commit {
  /** The full hash. */
  sha: string;
  /** The checkout holds changes that aren't in the commit. */
  dirty: boolean;
}

/**
 * The commit of the checkout at `folder`: as the caller says (`SEATRIAL_COMMIT`), as git says, or, where git can't
 * (no repository copied, another owner's), as the CI job says.
 */
export async function findCommit(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<Commit | undefined> {
  if (env.SEATRIAL_COMMIT) return { sha: env.SEATRIAL_COMMIT, dirty: false };
  const status = await git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=normal");
  const sha = status && /^# branch\.oid ([0-9a-f]+)$/m.exec(status)?.[1];
  if (sha) return { sha, dirty: /^[^#]/m.test(status) };
  const job = detectJob(env)?.commit;
  return job ? { sha: job, dirty: false } : undefined;
}

/** The first characters of a commit's hash, as names and lines show it. */
export function shortSha(sha: string): string {
  return sha.slice(0, 7);
}

function git(folder: string, ...args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("git", ["-C", folder, ...args], { timeout: 10_000, maxBuffer: 64 << 20 }, (error, stdout) =>
      resolve(error ? undefined : stdout.trim()),
    );
  });
}
