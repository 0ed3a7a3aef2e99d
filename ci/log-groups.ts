import { detectJob } from "./detect";
import { escapeData } from "./workflow-commands";

/** Marks in a job's log between which its page folds what is written. */
export interface LogGroup {
  start: string;
  end: string;
}

let number = 0;

/**
 * A group of lines that can be folded, in GitLab's and GitHub's logs; `undefined` elsewhere.
 *
 * Sources: https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections and GitHub's workflow commands.
 */
export function logGroup(title: string, env: NodeJS.ProcessEnv, now = Date.now()): LogGroup | undefined {
  const system = detectJob(env)?.system;
  const line = title.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 200);
  if (system === "github") return { start: `::group::${escapeData(line)}\n`, end: "::endgroup::\n" };
  if (system !== "gitlab") return undefined;
  number += 1;
  const [name, time] = [`seatrial_${number}`, Math.floor(now / 1000)];
  return {
    start: `\x1b[0Ksection_start:${time}:${name}[collapsed=true]\r\x1b[0K${line}\n`,
    end: `\x1b[0Ksection_end:${time}:${name}\r\x1b[0K`,
  };
}
