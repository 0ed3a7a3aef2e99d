/** The step itself: finds or installs Seatrial, compares the stack in pull requests, runs the tests, comments. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { annotate, environment, input, isCancelled, run, set } from "./runner";

void main().then((code) => (process.exitCode = code));

async function main(): Promise<number> {
  const folder = resolve(process.env.GITHUB_WORKSPACE ?? ".", input("working-directory"));
  if (!existsSync(folder)) {
    annotate("error", `working-directory: there is no ${input("working-directory")}; check the repository out first`);
    return 2;
  }
  const seatrial = installedIn(folder) ?? (await install());
  if (seatrial === undefined) return 1;
  // First of all, so that nothing is left whatever comes.
  set("GITHUB_STATE", "seatrial", seatrial);
  set("GITHUB_STATE", "folder", folder);
  const artifacts = resolve(folder, input("artifacts"));
  const call = (args: string[], env = environment()) =>
    run(process.execPath, [seatrial, ...args], { cwd: folder, env });

  const base = input("preview") === "true" ? baseOfPullRequest() : undefined;
  if (base !== undefined) {
    const isThere =
      spawnSync("git", ["cat-file", "-e", `${base}^{commit}`], { cwd: folder, stdio: "ignore" }).status === 0;
    const fetched = isThere ? 0 : await run("git", ["fetch", "--quiet", "--depth=1", "origin", base], { cwd: folder });
    const code = fetched || (await call(["preview", "--base", base, "--artifacts", artifacts]));
    if (isCancelled()) return code;
    if (code !== 0) annotate("warning", "the stack could not be compared with that of the target branch");
  }
  const more = input("arguments")
    .split("\n")
    .flatMap((line) => line.trim() || []);
  const code = await call(["test", "--non-interactive", "--artifacts", artifacts, ...more]);
  set("GITHUB_OUTPUT", "exit-code", String(code));
  set("GITHUB_OUTPUT", "verdict", verdictIn(artifacts));
  if (
    input("token") &&
    !isCancelled() &&
    (await call(["note", artifacts], { ...environment(), GITHUB_TOKEN: input("token") })) !== 0
  ) {
    annotate("warning", "the comment on the pull request could not be written");
  }
  return code;
}

/** The project's own Seatrial: its start script, from the folder upwards. */
function installedIn(folder: string): string | undefined {
  const script = join(folder, "node_modules/seatrial/bin/seatrial");
  if (existsSync(script)) return realpathSync(script);
  return dirname(folder) === folder ? undefined : installedIn(dirname(folder));
}

async function install(): Promise<string | undefined> {
  const target = join(process.env.RUNNER_TEMP ?? ".", "seatrial");
  const version = input("version");
  const what = /[/\\]/.test(version) ? version : `seatrial@${version}`;
  const options = ["--prefix", target, "--no-audit", "--no-fund", "--loglevel=error"];
  if ((await run("npm", ["install", ...options, what])) !== 0) {
    annotate("error", `${what} can't be installed: add seatrial to the project's devDependencies, or name a version`);
    return undefined;
  }
  return join(target, "node_modules/seatrial/bin/seatrial");
}

/** The commit that the pull request is to be merged into. */
function baseOfPullRequest(): string | undefined {
  try {
    const event = JSON.parse(readFileSync(process.env.GITHUB_EVENT_PATH ?? "", "utf8")) as {
      pull_request?: { base?: { sha?: unknown } };
    };
    const sha = event.pull_request?.base?.sha;
    return typeof sha === "string" && /^[0-9a-f]{40,64}$/.test(sha) ? sha : undefined;
  } catch {
    return undefined;
  }
}

/** Empty where no run has come so far as to leave a result. */
function verdictIn(artifacts: string): string {
  try {
    const { verdict } = JSON.parse(readFileSync(join(artifacts, "result.json"), "utf8")) as { verdict?: unknown };
    return typeof verdict === "string" && /^[a-z-]+$/.test(verdict) ? verdict : "";
  } catch {
    return "";
  }
}
