import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = join(__dirname, "../..");

/** A copy of this checkout, to be changed and run; it stands for a commit of its own. */
export interface Checkout {
  folder: string;
  /** Replaces a text that must occur in the file exactly once. */
  edit(file: string, text: string, replacement: string): void;
  /**
   * Runs a program in it to its end. `interrupt` is sent once `at` has been shown.
   * @throws if it takes longer than four minutes; it is killed then
   */
  run(
    command: string[],
    options?: { env?: NodeJS.ProcessEnv; interrupt?: { at: string; signal: NodeJS.Signals } },
  ): Promise<Ended>;
  /** Removes it, and the images made for its commit. */
  remove(): void;
}

export interface Ended {
  code: number | null;
  output: string;
  seconds: number;
}

export function copyOfCheckout(): Checkout {
  const folder = mkdtempSync(join(tmpdir(), "seatrial-checkout-"));
  const commit = randomBytes(20).toString("hex");
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const file of files.split("\0").filter((name) => name && existsSync(join(root, name)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return {
    folder,
    edit(file, text, replacement) {
      const path = join(folder, file);
      const parts = readFileSync(path, "utf8").split(text);
      if (parts.length !== 2)
        throw new Error(`${file} holds ${JSON.stringify(text)} ${parts.length - 1} times, not once`);
      writeFileSync(path, parts.join(replacement));
    },
    run([program, ...args], { env = {}, interrupt } = {}) {
      const since = performance.now();
      return new Promise((resolve, reject) => {
        const child = spawn(program!, args, {
          cwd: folder,
          env: {
            ...process.env,
            CI: "",
            GITLAB_CI: "",
            GITHUB_ACTIONS: "",
            ARTIFACTS_DIR: "",
            IMAGE: "",
            CI_COMMIT_SHA: commit,
            SEATRIAL_COMMIT: commit,
            ...env,
          },
          stdio: ["ignore", "pipe", "pipe"],
          detached: true,
        });
        let output = "";
        let interrupted = false;
        const take = (chunk: Buffer): void => {
          output += chunk.toString();
          if (!interrupt || interrupted || !output.includes(interrupt.at)) return;
          interrupted = true;
          child.kill(interrupt.signal);
        };
        const timer = setTimeout(() => {
          process.kill(-child.pid!, "SIGKILL");
          reject(new Error(`${[program, ...args].join(" ")} hangs; so far it printed:\n${output.slice(-4000)}`));
        }, 240_000);
        child.stdout.on("data", take);
        child.stderr.on("data", take);
        child.on("error", reject);
        child.on("close", (code) => {
          clearTimeout(timer);
          resolve({ code, output, seconds: (performance.now() - since) / 1000 });
        });
      });
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
      for (const name of ["seatrial-example-api", "seatrial-example-database"]) {
        for (const tag of [commit, commit.slice(0, 7)]) spawnSync("docker", ["rmi", `${name}:${tag}`]);
      }
    },
  };
}

/** The run's own account of itself. */
export function resultOf({ folder }: Checkout): {
  verdict: string;
  exitCode: number;
  tests: { total: number; failed: number };
} {
  return JSON.parse(readFileSync(join(folder, "build/tests/result.json"), "utf8")) as never;
}

/** Names of what the Docker Engine holds of a stack of this project. */
export function leftOf(stack: string): string[] {
  const filters = ["--filter", "label=dev.seatrial.project=seatrial", "--filter", `label=dev.seatrial.stack=${stack}`];
  const list = (...args: string[]): string[] =>
    execFileSync("docker", [...args, ...filters], { encoding: "utf8" })
      .split("\n")
      .filter(Boolean);
  return [
    ...list("ps", "-a", "--format", "{{.Names}}"),
    ...list("network", "ls", "--format", "{{.Name}}"),
    ...list("volume", "ls", "--format", "{{.Name}}"),
  ];
}
