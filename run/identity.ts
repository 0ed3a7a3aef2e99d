import { randomBytes } from "node:crypto";
import type { CiJob } from "../ci/detect";
import type { Commit } from "./commit";
import { shortSha } from "./commit";
import type { Owner } from "./owner";

/** The labels that every network, volume, container and image of a run carries; images have no stack's. */
export const label = {
  project: "dev.seatrial.project",
  stack: "dev.seatrial.stack",
  commit: "dev.seatrial.commit",
  branch: "dev.seatrial.branch",
  pipeline: "dev.seatrial.pipeline",
  run: "dev.seatrial.run",
  owner: "dev.seatrial.owner",
  expires: "dev.seatrial.expires",
  /** `tests` or `service`, where the program says what a container is for. */
  role: "dev.seatrial.role",
  /** The name a person knows a container by. */
  service: "dev.seatrial.service",
  /** Of the tests container: where its input files come from, as a JSON list of `{ source, target }`. */
  inputs: "dev.seatrial.inputs",
} as const;

/** What a stack's program and labels are told. */
export interface StackIdentity {
  /** Absent outside of a test run. */
  run?: string;
  project: string;
  stack: string;
  commit?: Commit;
  /** The CI job that makes it. */
  job?: Pick<CiJob, "branch" | "pipeline">;
  /** Absent for a stack that is meant to outlive the process that makes it. */
  owner?: Owner;
  /** From when on anyone may remove what the run has left. */
  expires: Date;
}

/** What tells one run from every other. */
export interface RunIdentity extends StackIdentity {
  /** Twelve characters of base 32. */
  run: string;
}

/** How long things may stay where nobody removed them, in seconds. */
export const lifetime = { run: 2 * 3600, kept: 24 * 3600, developer: 7 * 24 * 3600 };

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** A new run's id. */
export function newRunId(): string {
  return [...randomBytes(12)].map((byte) => alphabet[byte % 32]).join("");
}

/**
 * A stack name for one run of one commit. Two runs of one commit don't meet: the end of the name is the run's. What
 * stands before the first dash, `ci`, chooses the settings file.
 */
export function stackName(commit: Commit | undefined, run: string): string {
  return `ci-${commit ? shortSha(commit.sha) : "local"}-${run.slice(0, 4)}`;
}

/** The labels of everything that the run, or a plain update, makes. */
export function runLabels(identity: StackIdentity): Record<string, string> {
  return {
    [label.project]: identity.project,
    [label.stack]: identity.stack,
    ...(identity.commit ? { [label.commit]: identity.commit.sha } : {}),
    ...(identity.job?.branch ? { [label.branch]: identity.job.branch } : {}),
    ...(identity.job?.pipeline ? { [label.pipeline]: identity.job.pipeline } : {}),
    ...(identity.run ? { [label.run]: identity.run } : {}),
    ...(identity.owner ? { [label.owner]: JSON.stringify(identity.owner) } : {}),
    [label.expires]: identity.expires.toISOString(),
  };
}

/**
 * What the program learns about the run through its environment; `undefined`: to be unset, whoever set it.
 *
 * @param ownProviders our docker provider makes the containers, not a plugin of the Pulumi CLI's
 */
export function programEnvironment(
  identity: StackIdentity,
  { ownProviders, testsCommand }: { ownProviders: boolean; testsCommand?: string[] },
): Record<`SEATRIAL_${string}`, string | undefined> {
  return {
    SEATRIAL_RUN: identity.run,
    SEATRIAL_COMMIT: identity.commit?.sha,
    SEATRIAL_BRANCH: identity.job?.branch,
    SEATRIAL_PIPELINE: identity.job?.pipeline,
    SEATRIAL_OWNER: identity.owner && JSON.stringify(identity.owner),
    SEATRIAL_EXPIRES: identity.expires.toISOString(),
    SEATRIAL_OWN_PROVIDERS: ownProviders ? "yes" : undefined,
    SEATRIAL_TESTS_COMMAND: testsCommand && JSON.stringify(testsCommand),
  };
}

/** Puts the run into this process's environment, where the program, which runs in it, reads it. */
export function enterEnvironment(...about: Parameters<typeof programEnvironment>): void {
  for (const [name, value] of Object.entries(programEnvironment(...about))) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
