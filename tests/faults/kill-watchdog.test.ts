import { setTimeout as sleep } from "node:timers/promises";
import { killWithWatchdog } from "../e2e/seatrial";
import { campaign, must, tries } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { durations, reach } from "./moments";
import { mustBe, mustPass, place, tell } from "./place";

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine();
}, 120_000);
afterAll(() => engine.remove(), 60_000);

const phases = ["up", "tests", "collect", "destroy"] as const;

campaign(
  {
    name: "kill-watchdog",
    what: "SIGKILL to run and watchdog together",
    holds: "the next run or `seatrial gc` leaves nothing; a live neighbour run is untouched",
    times: 20,
  },
  20,
  async (plan) => {
    const usual = await durations(engine, 2);
    const neighbour = place(engine);
    const alive = neighbour.test("hangs");
    try {
      await alive.shows("hanging");
      const neighbours = (await neighbour.left()).sort();
      const result = await tries(plan, { name: "kill-watchdog", atOnce: 2, seconds: 120 }, async (attempt) => {
        const phase = phases[(attempt.n + plan.seed) % phases.length]!;
        const here = place(engine);
        attempt.finally(() => here.remove());
        const running = here.test("ok", "-c", "pause=0.5");
        await reach(running, phase, usual, attempt.random.next());
        // A run that is over by then has nothing to leave: that holds for it as well.
        if (running.process.exitCode === null) killWithWatchdog(running);
        await running.ended;
        // What the Docker Engine had begun to make is there a moment later.
        await sleep(500);
        const gc = await here.run(["gc", "--yes"]);
        must(gc.code === 0, `gc ended with ${tell(gc)}`);
        mustBe(`after gc, killed in the phase ${phase},`, await here.left(), []);
        await mustPass(here);
        mustBe("of the neighbour", (await neighbour.left()).sort(), neighbours);
      });
      must(alive.process.exitCode === null, "the neighbour run has ended");
      alive.process.kill("SIGTERM");
      const ended = await alive.ended;
      must(ended.code === 143, `the neighbour ended with ${tell(ended)}`);
      if (result.wrong.length === 0) mustBe("in the engine at the end", await engine.everything(), []);
      return result;
    } finally {
      neighbour.remove();
    }
  },
);
