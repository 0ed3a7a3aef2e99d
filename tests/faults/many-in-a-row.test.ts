import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Running } from "../e2e/seatrial";
import { campaign, must, tries } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { mustBe, mustPass, place, tell } from "./place";

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine();
}, 120_000);
afterAll(() => engine.remove(), 60_000);

/** Of a run's memory in MiB, by which the last run may be larger than the first, as the slope has it. */
const growth = 10;

campaign(
  {
    name: "many-in-a-row",
    what: "so many stacks one after the other, in one checkout",
    holds: "all right, nothing leaked, memory flat: each run's and, over all of them, the Docker Engine's",
    times: 200,
  },
  30,
  async (plan) => {
    const here = place(engine);
    try {
      await mustPass(here);
      const ofRuns: number[] = [];
      const ofEngine: number[] = [];
      const result = await tries(plan, { name: "many-in-a-row", atOnce: 1, seconds: 60 }, async () => {
        const running = here.test("ok");
        const peak = await largest(running);
        const ended = await running.ended;
        must(ended.code === 0 && ended.result?.verdict === "passed", `it ended with ${tell(ended)}`);
        mustBe("after it", await engine.everything(), []);
        ofRuns.push(peak);
        ofEngine.push(memoryOf(engine.pid()) ?? 0);
      });
      const [run, docker] = [ofRuns, ofEngine].map((each) => slope(each) * each.length);
      plan.note(
        `a run takes ${Math.round(Math.max(...ofRuns))} MiB at most, the last one by the slope ${run!.toFixed(1)} MiB more than ` +
          `the first; the Docker Engine ${docker!.toFixed(1)} MiB more in the end`,
      );
      if (run! > growth) result.wrong.push(`runs take more and more memory: ${run!.toFixed(1)} MiB more in the end`);
      mustBe("on disk at the end", here.leftOnDisk(), []);
      return result;
    } finally {
      here.remove();
    }
  },
);

/** The largest resident memory of a run while it lives, in MiB. */
async function largest(running: Running): Promise<number> {
  let peak = 0;
  let over = false;
  void running.ended.then(() => (over = true));
  while (!over) {
    peak = Math.max(peak, memoryOf(running.process.pid!, "VmHWM") ?? 0);
    await sleep(50);
  }
  return peak;
}

/** Resident memory in MiB; `undefined` for a process that is gone. */
function memoryOf(pid: number, field: "VmRSS" | "VmHWM" = "VmRSS"): number | undefined {
  try {
    const line = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return line ? Number(line[1]) / 1024 : undefined;
  } catch {
    return undefined;
  }
}

/** By how much the values grow from one to the next: the line that fits them best. */
function slope(values: number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const above = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  const below = values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return below === 0 ? 0 : above / below;
}
