/** What it takes to try pipelines on this machine. It is installed when it is asked for first, and kept for the next time. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "../..");
const pins = join(root, "tools/ci");
const cache = join(root, "node_modules/.cache/seatrial-ci");

/** Runs a `.gitlab-ci.yml` with Node 22, which this takes. @returns the words to begin its command line with */
export function gitlabCiLocal(): string[] {
  needsCommand("rsync", "rsync");
  const folder = join(cache, "npm");
  installed(folder, ["package.json", "package-lock.json"], () => {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, stdio: "inherit" });
  });
  const node = join(folder, `node_modules/node-linux-${process.arch}/bin/node`);
  return [node, join(folder, "node_modules/gitlab-ci-local/dist/index.js")];
}

/** Holds files to GitLab's and GitHub's schemas, which it brings along. */
export function checkJsonschema(): string {
  const folder = join(cache, "python");
  installed(folder, ["requirements.txt"], () => {
    if (spawnSync("python3", ["-m", "venv", join(folder, "venv")]).status !== 0) {
      install("python3-venv");
      execFileSync("python3", ["-m", "venv", join(folder, "venv")]);
    }
    const pip = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "-r",
      join(folder, "requirements.txt"),
    ];
    execFileSync(join(folder, "venv/bin/python"), pip, { stdio: "inherit" });
  });
  return join(folder, "venv/bin/check-jsonschema");
}

/** Looks for what GitHub would refuse in a workflow; `undefined` where there is no Go to build it with. */
export function actionlint(): string | undefined {
  if (spawnSync("go", ["version"]).status !== 0) return undefined;
  const folder = join(cache, "go");
  installed(folder, ["go-tools.txt"], () => {
    const module = readFileSync(join(folder, "go-tools.txt"), "utf8").trim();
    execFileSync("go", ["install", module], { env: { ...process.env, GOBIN: join(folder, "bin") }, stdio: "inherit" });
  });
  return join(folder, "bin/actionlint");
}

/** Does so unless it has been done with these very pins. */
function installed(folder: string, files: string[], how: () => void): void {
  const wanted = files.map((file) => readFileSync(join(pins, file), "utf8")).join("\n");
  const done = join(folder, ".done");
  if (existsSync(done) && readFileSync(done, "utf8") === wanted) return;
  process.stderr.write(`installing ${files[0]} of tools/ci into ${folder} (once)\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of files) copyFileSync(join(pins, file), join(folder, file));
  how();
  writeFileSync(done, wanted);
}

function needsCommand(name: string, debianPackage: string): void {
  if (spawnSync(name, ["--version"]).status !== 0) install(debianPackage);
}

function install(debianPackage: string): void {
  process.stderr.write(`installing Debian's ${debianPackage} (once)\n`);
  const apt = (...args: string[]) => execFileSync("apt-get", ["-q", "-y", ...args], { stdio: "ignore" });
  try {
    apt("update");
    apt("install", "--no-install-recommends", debianPackage);
  } catch (error) {
    throw new Error(`this takes ${debianPackage}, which could not be installed: ${(error as Error).message}`);
  }
}
