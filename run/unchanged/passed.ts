/** What has passed before: a record of the user's own, which no checkout can bring along. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../../engine/api";
import { ownKey } from "../../engine/secrets/stack-secrets";
import { type Result, resultSchema } from "../result";

interface Entry {
  /** Of the inputs, under the user's key. */
  inputs: string;
  result: Result;
  /** Of the two above. */
  mac: string;
}

/** How many passed runs of a project are remembered. */
const most = 20;
/** Characters of a key in the environment. */
const shortestKey = 16;

/** The result of the latest run with these inputs that has passed; `undefined` where there is none. */
export function findPassed(project: string, inputs: string, env: NodeJS.ProcessEnv): Result | undefined {
  const key = macKey(env);
  const wanted = mac(key, inputs);
  return readEntries(project, env, key).find((entry) => entry.inputs === wanted)?.result;
}

/** Remembers the run. Where its result isn't one to go by, this does nothing. */
export function rememberPassed(project: string, inputs: string, result: Result, env: NodeJS.ProcessEnv): void {
  if (!isGoodEnough(result) || !isTrusted(env)) return;
  const key = macKey(env);
  const entry = { inputs: mac(key, inputs), result };
  const entries = readEntries(project, env, key).filter((other) => other.inputs !== entry.inputs);
  const kept = [{ ...entry, mac: entryMac(key, entry) }, ...entries].slice(0, most);
  const file = recordFile(project, env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(kept), { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

/** Passed at the first attempt, with nothing that a person should look at. */
export function isGoodEnough(result: Result): boolean {
  if (result.verdict !== "passed" || result.exitCode !== 0 || !result.cleanup.clean || result.kept) return false;
  // Fields that a result has where tests are run again, compared with earlier runs, or with expected results.
  const { retries, history, expectations } = result as {
    retries?: unknown[];
    history?: { flaky?: unknown[] };
    expectations?: { changed?: unknown[] };
  };
  return ![retries, history?.flaky, expectations?.changed].some((found) => found && found.length > 0);
}

/**
 * Whether a result of this process may count for later runs: on a laptop, and in CI jobs of branches and tags that not
 * everybody can push to. What a merge request of anybody's has run must not.
 */
export function isTrusted(env: NodeJS.ProcessEnv): boolean {
  if (env.GITLAB_CI) return env.CI_COMMIT_REF_PROTECTED === "true";
  if (env.GITHUB_ACTIONS) return ["push", "schedule", "workflow_dispatch"].includes(env.GITHUB_EVENT_NAME ?? "");
  const isCi = Boolean(env.CI) && env.CI !== "false" && env.CI !== "0";
  return !isCi || Boolean(env.SEATRIAL_PASSED_KEY);
}

function readEntries(project: string, env: NodeJS.ProcessEnv, key: Buffer): Entry[] {
  try {
    const entries = JSON.parse(readFileSync(recordFile(project, env), "utf8")) as Entry[];
    return entries.filter((entry) => {
      const [given, own] = [Buffer.from(entry.mac, "hex"), Buffer.from(entryMac(key, entry), "hex")];
      const isOwn = given.length === own.length && timingSafeEqual(given, own);
      return isOwn && resultSchema.safeParse(entry.result).success && isGoodEnough(entry.result);
    });
  } catch {
    // None yet, or of no use: then the tests are run.
    return [];
  }
}

function recordFile(project: string, env: NodeJS.ProcessEnv): string {
  const name = createHash("sha256").update(project).digest("hex").slice(0, 32);
  const data = env.XDG_DATA_HOME || join(env.HOME || homedir(), ".local", "share");
  return join(data, "seatrial", "passed", `${name}.json`);
}

/** @throws {UserError} for a key in the environment that is too short to be one */
function macKey(env: NodeJS.ProcessEnv): Buffer {
  const given = env.SEATRIAL_PASSED_KEY;
  if (given && given.length < shortestKey) {
    throw new UserError(`SEATRIAL_PASSED_KEY: expected at least ${shortestKey} characters, got ${given.length}`);
  }
  return createHmac("sha256", given || ownKey(env).passphrase)
    .update("passed inputs")
    .digest();
}

const mac = (key: Buffer, text: string): string => createHmac("sha256", key).update(text).digest("hex");

const entryMac = (key: Buffer, { inputs, result }: Omit<Entry, "mac">): string =>
  mac(key, JSON.stringify([inputs, result]));
