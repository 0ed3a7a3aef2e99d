import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { campaign, must, tries, within } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { mustBe, mustPass, place, tell, type Place } from "./place";

let engine: OwnEngine;
let small: OwnEngine;
let disk: string;
beforeAll(async () => {
  engine = await ownEngine();
  disk = mountDisk("data", 300);
  small = await ownEngine({ dataRoot: join(disk, "docker") });
}, 180_000);
afterAll(async () => {
  await small.remove();
  await engine.remove();
  execFileSync("umount", ["-l", disk]);
}, 60_000);

/** The guard before the start would see to it that none of this happens; a disk fills up later, too. */
const unguarded = ["-c", "run:guard.freeDisk=0m"];
const places = ["state", "artifacts", "engine"] as const;

campaign(
  {
    name: "disk-full",
    what: "disk full while writing state, artifacts, or what the Docker Engine keeps (images, volumes, containers)",
    holds: "clear line; clean",
    times: 10,
  },
  15,
  async (plan) =>
    await tries(plan, { name: "disk-full", atOnce: 1, seconds: 150 }, async (attempt) => {
      const where = places[(attempt.n + plan.seed) % places.length]!;
      if (where === "engine") return await fillEngine(attempt.random.next(), (cleanUp) => attempt.finally(cleanUp));
      const here = place(engine);
      attempt.finally(() => here.remove());
      const mount = where === "state" ? ".seatrial" : "build";
      const full = mountTmpfs(join(here.folder, mount), where === "state" ? 1 : 4);
      attempt.finally(() => execFileSync("umount", ["-l", full]));
      // What is left of the disk runs out at some moment of the run, or before it.
      if (where === "state") fill(full, Math.floor(attempt.random.next() * 60) * 1024);
      const scenario = where === "state" ? ["ok"] : ["large", "-c", "megabytes=16"];
      const ended = await here.test(scenario[0]!, ...scenario.slice(1), ...unguarded).ended;
      await mustBeClearAndClean(here, `the disk of the ${where} full`, ended);
      rmSync(join(full, "filler"), { force: true });
      if (where === "state") await mustPass(here, unguarded);
    }),
);

/** The engine's own disk: images, volumes and containers are on it. */
async function fillEngine(part: number, finallyDo: (cleanUp: () => unknown) => void): Promise<void> {
  const here = place(small);
  finallyDo(() => here.remove());
  fill(disk, Math.floor(part * 300) * 1024);
  finallyDo(() => rmSync(join(disk, "filler"), { force: true }));
  const ended = await here.test("large", "-c", "megabytes=32", ...unguarded).ended;
  await mustBeClearAndClean(here, "the engine's disk full", ended);
  rmSync(join(disk, "filler"));
  await mustPass(here, unguarded);
  mustBe("in the engine", await small.everything(), []);
}

async function mustBeClearAndClean(here: Place, when: string, ended: Awaited<ReturnType<Place["run"]>>): Promise<void> {
  const how = `with ${when}: ${tell(ended)}`;
  const all = `${ended.stdout}${ended.stderr}`;
  // What fits after all is a run like any other.
  must(ended.code !== 0 || ended.result?.verdict === "passed", `green without a verdict ${how}`);
  must(ended.code === 0 || /no space left|ENOSPC|disk|room/i.test(all), `nothing is said of the disk ${how}`);
  must(!/^ +at .*:\d+:\d+\)?$/m.test(all), `a stack trace ${how}`);
  await within(15, async () => mustBe(`15 s after ${how}`, await here.left(), []));
  await within(20, () => must(here.processes().length === 0, `the watchdog doesn't come to its end ${how}`));
}

/** Leaves so many bytes free. */
function fill(folder: string, leave: number): void {
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(join(folder, "filler"), Buffer.alloc(Math.max(bavail * bsize - leave, 0)));
}

function mountTmpfs(folder: string, megabytes: number): string {
  mkdirSync(folder, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", folder]);
  return folder;
}

/** A disk of its own, in a file: an engine's file system needs more than a tmpfs can do. */
function mountDisk(name: string, megabytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const file = `${folder}.img`;
  execFileSync("truncate", ["-s", `${megabytes}M`, file]);
  execFileSync("mkfs.ext4", ["-q", "-F", file]);
  execFileSync("mount", ["-o", "loop", file, folder]);
  return folder;
}
