/**
 * A stack of 1,000 resources, killed outright at 50 random moments: nothing is doubled and nothing left, whatever the
 * next `up` and `destroy` find. SEATRIAL_SEED plays the same choices again; the moments are as exact as the clock.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = resolve(__dirname, "../..");
const COUNT = 1_000;
/** How often a kill is tried before the operation is over already. */
const TRIES = 10;

const seed = Number(process.env["SEATRIAL_SEED"] ?? Date.now() % 1_000_000);
console.log(`seed ${seed}: SEATRIAL_SEED=${seed} makes the same choices`);
let last = seed;
/** From 0 up to 1 (mulberry32). */
function random(): number {
  last = (last + 0x6d2b79f5) | 0;
  let bits = Math.imul(last ^ (last >>> 15), 1 | last);
  bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
}

const scratch = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "seatrial-kill-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Ended {
  /** Absent where it was killed. */
  code: number | null;
  output: string;
  /** Milliseconds from the beginning of the operation. */
  took: number;
}

/** Runs a process; `whenBegun` may kill it, from the moment that it says `begun`, or has begun at all. */
async function run(
  command: string[],
  {
    cwd,
    env,
    begun,
    kill,
  }: { cwd?: string; env?: NodeJS.ProcessEnv; begun?: string; kill?: (kill: () => void) => void },
): Promise<Ended> {
  const child = spawn(process.execPath, command, {
    ...(cwd ? { cwd } : {}),
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let started: number | undefined;
  const begin = (): void => {
    if (started !== undefined || (begun !== undefined && !output.includes(begun))) return;
    started = Date.now();
    kill?.(() => child.kill("SIGKILL"));
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      begin();
    });
  }
  if (begun === undefined) begin();
  const code = await new Promise<number | null>((done, fail) => {
    child.on("error", fail);
    child.on("close", done);
  });
  return { code, output, took: Date.now() - (started ?? Date.now()) };
}

interface State {
  checkpoint: {
    latest?: {
      resources?: { urn: string; type: string; id?: string }[];
      pending_operations?: unknown[];
    };
  };
}

function stateIn(file: string, type: string): { ids: string[]; pending: number } {
  const { latest } = (JSON.parse(readFileSync(file, "utf8")) as State).checkpoint;
  return {
    ids: (latest?.resources ?? []).flatMap((resource) => (resource.type === type ? [resource.id!] : [])).sort(),
    pending: latest?.pending_operations?.length ?? 0,
  };
}

describe("an engine that is killed, over things that are looked for", () => {
  const ENGINE = join(scratch, "engine.js");
  beforeAll(() => {
    symlinkSync(join(ROOT, "node_modules"), join(scratch, "node_modules"));
    const flags = ["--bundle", "--platform=node", "--target=node20", "--packages=external", "--log-level=error"];
    execFileSync(join(ROOT, "node_modules/.bin/esbuild"), [
      join(__dirname, "kill-engine.ts"),
      ...flags,
      `--outfile=${ENGINE}`,
    ]);
  });

  const made = { size: 1, fixed: 1 };
  /** What is killed, on top of what `made` says. */
  const scenarios: { what: string; kind: "update" | "destroy"; inputs: object; anew?: true; atCompaction?: true }[] = [
    { what: "the first up", kind: "update", inputs: made, anew: true },
    { what: "an update", kind: "update", inputs: { size: 2, fixed: 1 } },
    { what: "a replacement", kind: "update", inputs: { size: 1, fixed: 2 } },
    { what: "a replacement, the old ones first", kind: "update", inputs: { size: 1, fixed: 2, alone: true } },
    { what: "a destroy", kind: "destroy", inputs: made },
    { what: "compacting the journal", kind: "update", inputs: { size: 2, fixed: 1 }, atCompaction: true },
  ];
  /** How long each took where it wasn't killed, in milliseconds. */
  const durations = new Map<string, number>();

  test.each(Array.from({ length: 40 }, (_, n) => ({ n: n + 1, ...scenarios[n % scenarios.length]! })))(
    "kill $n: $what",
    async ({ what, kind, inputs, anew, atCompaction }) => {
      const folder = mkdtempSync(join(scratch, "stack-"));
      const things = join(folder, "things");
      const stateFile = join(folder, ".pulumi/stacks/trial/test.json");
      const engine = (operation: string, values: object, kill?: (kill: () => void) => void): Promise<Ended> =>
        run([ENGINE, folder, operation, JSON.stringify(values)], { begun: "begun", ...(kill ? { kill } : {}) });
      const succeeds = async (operation: string, values: object): Promise<void> => {
        const { code, output } = await engine(operation, values);
        expect([code, output]).toEqual([0, "begun\n"]);
      };

      for (let tries = 1; ; tries++) {
        if (!anew) await succeeds("update", made);
        const moment = random() * (durations.get(what) ?? 1_000);
        const { code, took } = await engine(kind, inputs, (kill) => {
          if (atCompaction) whenCompacting(stateFile, kill);
          else setTimeout(kill, moment);
        });
        if (code === null) break;
        durations.set(what, took);
        if (tries === TRIES) throw new Error(`${what} was over ${TRIES} times before it was killed`);
        await succeeds("destroy", made);
      }

      await succeeds("update", inputs);
      const files = readdirSync(things);
      expect(files.map((file) => file.split("#")[0]).sort()).toEqual(
        Array.from({ length: COUNT }, (_, n) => `thing-${n}`).sort(),
      );
      for (const file of files) {
        expect(JSON.parse(readFileSync(join(things, file), "utf8"))).toMatchObject(inputs);
      }
      expect(stateIn(stateFile, "fake:index:Thing")).toEqual({ ids: files.sort(), pending: 0 });

      await succeeds("destroy", inputs);
      expect(readdirSync(things)).toEqual([]);
      expect(stateIn(stateFile, "fake:index:Thing")).toEqual({ ids: [], pending: 0 });
      rmSync(folder, { recursive: true });
    },
    120_000,
  );

  /** Kills while the journal becomes the checkpoint: from the mark in it until it is removed. */
  function whenCompacting(stateFile: string, kill: () => void): void {
    const journal = join(stateFile, "../../../seatrial/trial/test.jsonl");
    const pause = random() * 10;
    let wasThere = false;
    const timer = setInterval(() => {
      const there = existsSync(journal);
      wasThere ||= there;
      if (!(wasThere && !there) && !(there && readFileSync(journal, "utf8").slice(-200).includes("compacted"))) return;
      clearInterval(timer);
      setTimeout(kill, pause);
    }, 1);
    timer.unref();
  }
});

describe("seatrial that is killed, over commands that leave a file each", () => {
  const folder = join(scratch, "commands");
  const [there, ran] = [join(folder, "there"), join(folder, "ran")];
  const stateFile = join(folder, "state/.pulumi/stacks/kill/kill.json");
  const seatrial = (operation: string, version: string, kill?: (kill: () => void) => void): Promise<Ended> =>
    run([join(ROOT, "bin/seatrial"), operation, "--stack", "kill"], {
      cwd: folder,
      env: { VERSION: version, PULUMI_BACKEND_URL: `file://${folder}/state`, PULUMI_CONFIG_PASSPHRASE: "trial" },
      begun: "ing (kill)", // Updating, Destroying
      ...(kill ? { kill } : {}),
    });
  const succeeds = async (operation: string, version: string): Promise<number> => {
    const { code, output, took } = await seatrial(operation, version);
    if (code !== 0) throw new Error(`${operation} ended with ${code}: ${output.slice(-2_000)}`);
    return took;
  };

  beforeAll(() => {
    for (const each of [there, ran, join(folder, "state")]) mkdirSync(each, { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "Pulumi.yaml"), "name: kill\nruntime: nodejs\n");
    writeFileSync(join(folder, "package.json"), "{}\n");
    writeFileSync(
      join(folder, "index.js"),
      `const { local } = require("@pulumi/command");
const version = process.env.VERSION;
for (let n = 0; n < ${COUNT}; n++) {
  new local.Command("command-" + n, {
    create: "echo " + version + " >> ran/" + n + "; echo " + version + " > there/" + n,
    delete: "rm -f there/" + n,
  });
}
`,
    );
  });

  const durations = new Map<string, number>();

  test.each(
    Array.from({ length: 10 }, (_, n) => ({ n: n + 41, what: ["the first up", "an update", "a destroy"][n % 3]! })),
  )(
    "kill $n: $what",
    async ({ what }) => {
      const [operation, version] = what === "a destroy" ? ["destroy", "1"] : ["up", what === "an update" ? "2" : "1"];
      for (let tries = 1; ; tries++) {
        if (what !== "the first up") durations.set("the first up", await succeeds("up", "1"));
        const moment = random() * (durations.get(what) ?? 3_000);
        const { code, took } = await seatrial(operation!, version!, (kill) => setTimeout(kill, moment));
        if (code === null) break;
        durations.set(what, took);
        if (tries === TRIES) throw new Error(`${what} was over ${TRIES} times before it was killed`);
        await succeeds("destroy", "1");
        forget(ran);
      }
      // What was running when its engine was killed comes to its own end.
      while (isAtWorkIn(folder)) await sleep(50);
      const begun = beingMade(join(folder, "state/.pulumi/seatrial/kill/kill.jsonl"));
      const before = timesRun(ran);

      await succeeds("up", version!);
      expect(readdirSync(there).sort()).toEqual(Array.from({ length: COUNT }, (_, n) => `${n}`).sort());
      for (const file of readdirSync(there)) expect(readFileSync(join(there, file), "utf8")).toBe(`${version}\n`);
      // Nobody can tell how far a command got that was interrupted: it alone is run again.
      if (what === "the first up") {
        const twice = [...timesRun(ran)].filter(([name, times]) => times !== 1 && !begun.has(name));
        expect(twice).toEqual([]);
        expect([...before].every(([, times]) => times === 1)).toBe(true);
      }
      const { ids, pending } = stateIn(stateFile, "command:local:Command");
      expect([ids.length, pending]).toEqual([COUNT, 0]);

      await succeeds("destroy", version!);
      expect(readdirSync(there)).toEqual([]);
      expect(stateIn(stateFile, "command:local:Command")).toEqual({ ids: [], pending: 0 });
      forget(ran);
    },
    300_000,
  );

  function forget(counts: string): void {
    for (const file of readdirSync(counts)) rmSync(join(counts, file));
  }

  /** Names of the commands that a journal shows as begun and not ended. */
  function beingMade(journal: string): Set<string> {
    const open = new Map<number, string>();
    if (!existsSync(journal)) return new Set();
    for (const line of readFileSync(journal, "utf8").split("\n")) {
      if (!line.endsWith("}")) continue;
      const { n, begin, resource, end, ends } = JSON.parse(line) as {
        n: number;
        begin?: string;
        resource?: { urn: string };
        end?: number;
        ends?: number;
      };
      if (begin) open.set(n, resource!.urn.replace(/.*command-/, ""));
      for (const over of [end, ends]) if (over !== undefined) open.delete(over);
    }
    return new Set(open.values());
  }

  /** Whether a command or who starts it is still there. */
  function isAtWorkIn(place: string): boolean {
    return readdirSync("/proc").some((pid) => {
      try {
        return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`) === place;
      } catch {
        return false; // gone meanwhile, or not ours to look at
      }
    });
  }

  const timesRun = (place: string): Map<string, number> =>
    new Map(
      readdirSync(place).map((name) => [name, readFileSync(join(place, name), "utf8").trim().split("\n").length]),
    );
});
