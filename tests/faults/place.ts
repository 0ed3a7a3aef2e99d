import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { start, type Ended, type Running } from "../e2e/seatrial";
import { must } from "./campaign";
import type { OwnEngine } from "./engine";

const root = join(__dirname, "../..");

/** A checkout of the small program, of a commit and a project of its own, for one try. */
export interface Place {
  folder: string;
  project: string;
  /** Must not be seen in anything that a run shows or writes. */
  canary: string;
  start(args: string[], env?: NodeJS.ProcessEnv): Running;
  run(args: string[], env?: NodeJS.ProcessEnv): Promise<Ended>;
  /** `seatrial test` of the program in a scenario. */
  test(scenario: string, ...more: string[]): Running;
  /** What the engine holds that is named after the project or labelled with it. */
  left(): Promise<string[]>;
  /** Stacks in the state, and what else of a run is on disk. */
  leftOnDisk(): string[];
  /** Processes that still work in the folder. */
  processes(): number[];
  remove(): void;
}

export function place(engine: OwnEngine, fixture = "program"): Place {
  const folder = mkdtempSync(join(tmpdir(), "faults-"));
  cpSync(join(__dirname, fixture), folder, { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const project = basename(folder).toLowerCase();
  const file = join(folder, "Pulumi.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*$/m, `name: ${project}`));
  const canary = `canary-${randomBytes(12).toString("hex")}`;
  const commit = randomBytes(20).toString("hex");
  const common = { ...engine.env, FAULTS_CANARY: canary, SEATRIAL_COMMIT: commit };
  const begin = (args: string[], env: NodeJS.ProcessEnv = {}) => start(folder, args, { ...common, ...env });
  const here: Place = {
    folder,
    project,
    canary,
    start: begin,
    run: (args, env) => begin(args, env).ended,
    test: (scenario, ...more) => begin(["test", "-c", `image=${engine.image}`, "-c", `scenario=${scenario}`, ...more]),
    async left() {
      const all = await engine.everything();
      const named = all.filter((thing) => thing.includes(project));
      const filters = { label: [`dev.seatrial.project=${project}`] };
      const volumes = await engine.docker.listVolumes({ filters });
      return [...new Set([...named, ...(volumes.Volumes ?? []).map(({ Name }) => `volume ${Name}`)])];
    },
    leftOnDisk() {
      const stacks = join(folder, ".seatrial/.pulumi/stacks", project);
      const results = join(folder, "build");
      return [
        ...namesIn(stacks).filter((name) => name.endsWith(".json")),
        ...namesIn(results).filter((name) => name.startsWith(".")),
      ];
    },
    processes: () => processesIn(folder),
    remove() {
      for (const pid of processesIn(folder)) process.kill(pid, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return here;
}

/** A run that must be as good as any: passed, and nothing left of it. */
export async function mustPass(here: Place, args: string[] = []): Promise<Ended> {
  const ended = await here.test("ok", ...args).ended;
  must(ended.code === 0 && ended.result?.verdict === "passed", `a good run ended with ${tell(ended)}`);
  mustBe("after a good run", await here.left(), []);
  return ended;
}

/** Says what is there and shouldn't be. */
export function mustBe(when: string, left: string[], expected: string[]): void {
  must(JSON.stringify(left) === JSON.stringify(expected), `${when} there is: ${left.join(", ")}`);
}

/** The canary is in no output and no file that a run leaves. */
export function mustKeepSecret(here: Place, ended: Ended): void {
  must(!`${ended.stdout}${ended.stderr}`.includes(here.canary), "the secret is shown on the terminal");
  for (const file of filesBelow(join(here.folder, "build"))) {
    must(!readFileSync(file, "utf8").includes(here.canary), `the secret is in ${file}`);
  }
}

/** How a run ended, for a message: its code and what it said last. */
export function tell({ code, stdout, stderr }: Ended): string {
  return `${code}:\n${`${stdout}\n${stderr}`.trim().split("\n").slice(-25).join("\n")}`;
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function processesIn(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === folder;
      } catch {
        return false; // Gone meanwhile.
      }
    })
    .map(Number);
}
