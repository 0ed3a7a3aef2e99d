import { execFile } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { UserError } from "../../engine/api";
import { temporaryFolder } from "../../engine/temporary-folder";

/** A checkout in which a program lies. */
export interface Checkout {
  /** The folder that corresponds to the project's own; there may be no program in it. */
  folder: string;
  /** The top of the checkout. */
  top: string;
  /** The full hash; absent of a folder that is no checkout of git's. */
  commit?: string;
}

export interface BaseProgram extends Checkout {
  remove(): Promise<void>;
}

/**
 * Finds the program to compare with: a folder, if `base` is a path that begins with a dot or a slash, else a commit,
 * tag or branch of the project's own repository, or of its remote `origin`. That is checked out into a temporary folder,
 * with the packages of the project where they are the same.
 *
 * Rejects with a `UserError` where there is no such thing, or where its packages are other ones.
 */
export async function openBaseProgram(base: string, project: string): Promise<BaseProgram> {
  if (/^[./]/.test(base)) return await givenFolder(resolve(base));
  const top = await topOf(project);
  if (!top) {
    throw new UserError(
      `${project} is in no git repository: --base takes the folder of the other program then, such as ../base`,
    );
  }
  const commit = await commitOf(top, base);
  const holder = temporaryFolder("base");
  const tree = join(holder, "tree");
  const remove = async () => {
    await git(top, "worktree", "remove", "--force", tree).catch(() => undefined);
    rmSync(holder, { recursive: true, force: true });
  };
  try {
    await forgetLostTrees(top);
    // No hook of the repository's has anything to do with it.
    await git(top, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--force", tree, commit);
    const folder = join(tree, relative(top, realpathSync(project)));
    linkPackages(base, top, tree, folder);
    return { folder, top: tree, commit, remove };
  } catch (error) {
    await remove();
    if (error instanceof UserError) throw error;
    throw new UserError(`${base} can't be checked out: ${(error as Error).message.trim().split("\n").at(-1)}`);
  }
}

/** What git knows of the checkout that `folder` is in. */
export async function checkoutAt(folder: string): Promise<Checkout> {
  const top = await topOf(folder);
  if (!top) return { folder, top: folder };
  const commit = await git(top, "rev-parse", "--verify", "HEAD").catch(() => undefined);
  return { folder, top, ...(commit ? { commit } : {}) };
}

/**
 * Whether a file below `folder` differs between a commit and the files as they are now; those that git ignores don't
 * count. `undefined` where git can't say.
 */
export async function filesDiffer(top: string, commit: string, folder: string): Promise<boolean | undefined> {
  try {
    const changed = await git(top, "diff", "--name-only", "--no-ext-diff", commit, "--", folder);
    return (changed || (await git(top, "ls-files", "--others", "--exclude-standard", "--", folder))) !== "";
  } catch {
    return undefined;
  }
}

async function givenFolder(folder: string): Promise<BaseProgram> {
  if (!existsSync(folder)) throw new UserError(`--base ${folder}: there is no such folder`);
  return { ...(await checkoutAt(folder)), remove: () => Promise.resolve() };
}

async function commitOf(top: string, ref: string): Promise<string> {
  if (!ref.startsWith("-")) {
    for (const name of [ref, `origin/${ref}`]) {
      const found = await git(top, "rev-parse", "--verify", "--quiet", `${name}^{commit}`).catch(() => "");
      if (found) return found;
    }
  }
  throw new UserError(
    `--base ${ref}: git knows no such commit, tag or branch here; a CI checkout may hold one commit only, and then it ` +
      `takes a "git fetch --depth=1 origin ${ref}" and "--base FETCH_HEAD"`,
  );
}

/** What git still knows of trees whose process was killed, and which the next one has removed. */
async function forgetLostTrees(top: string): Promise<void> {
  const known = await git(top, "worktree", "list", "--porcelain");
  for (const [, path] of known.matchAll(/^worktree (.*\/seatrial-base-[\w-]+\/tree)$/gm)) {
    if (!existsSync(path!)) await git(top, "worktree", "remove", "--force", path!).catch(() => undefined);
  }
}

const lockFiles = ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

/** Links the packages of the project's folder, and of those above it, to the same places of the other tree. */
function linkPackages(base: string, top: string, tree: string, folder: string): void {
  for (let there = folder; ; there = dirname(there)) {
    const here = join(top, relative(tree, there));
    const [from, to] = [join(here, "node_modules"), join(there, "node_modules")];
    if (existsSync(there) && existsSync(from) && !isThere(to)) {
      const other = lockFiles.find((name) => contentOf(join(here, name)) !== contentOf(join(there, name)));
      if (other) {
        throw new UserError(
          `${base} has other packages than those that are installed here: ${relative(top, join(here, other))} differs. ` +
            `Check it out and install its packages ("git worktree add ../base ${base}", then "npm ci" in it), and name that folder: --base ../base`,
        );
      }
      mkdirSync(there, { recursive: true });
      symlinkSync(from, to);
    }
    if (there === tree) return;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function contentOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

async function topOf(folder: string): Promise<string | undefined> {
  return await git(folder, "rev-parse", "--show-toplevel").catch(() => undefined);
}

/** Milliseconds that git may take. */
const patience = 120_000;

function git(folder: string, ...args: string[]): Promise<string> {
  // A hook that calls us has set these for its own repository.
  const { GIT_DIR: _dir, GIT_WORK_TREE: _tree, GIT_INDEX_FILE: _index, ...env } = process.env;
  return new Promise((done, failed) => {
    const options = { timeout: patience, maxBuffer: 64 << 20, env: { ...env, GIT_TERMINAL_PROMPT: "0" } };
    execFile("git", ["-C", folder, ...args], options, (error, stdout, stderr) =>
      error ? failed(new Error(stderr || error.message)) : done(stdout.trim()),
    );
  });
}
