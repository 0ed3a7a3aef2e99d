import type { Phase } from "../../run/events";
import { campaign, must, tries, within } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { durations, hit } from "./moments";
import { mustBe, mustKeepSecret, mustPass, place } from "./place";

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine();
}, 120_000);
afterAll(() => engine.remove(), 60_000);

const phases = ["set-up", "up", "tests", "collect", "destroy", "sweep"] as const satisfies Phase[];
const atOnce = 4;

campaign(
  {
    name: "kill",
    what: "SIGKILL to the run at a random moment of every phase",
    holds: "nothing with our label left 10 s later; the next run of the same commit works",
    times: 100,
  },
  30,
  async (plan) => {
    const usual = await durations(engine, atOnce);
    const killed = new Map<Phase, number>();
    const result = await tries(plan, { name: "kill", atOnce, seconds: 120 }, async (attempt) => {
      const phase = phases[(attempt.n + plan.seed) % phases.length]!;
      const here = place(engine);
      attempt.finally(() => here.remove());
      const moment = { phase, usual, part: () => attempt.random.next() };
      await hit(
        () => here.test("ok", "-c", "pause=0.5"),
        moment,
        async (running) => {
          running.process.kill("SIGKILL");
          return (await running.ended).code === 137;
        },
      );
      killed.set(phase, (killed.get(phase) ?? 0) + 1);
      await within(10, async () => mustBe(`10 s after a SIGKILL in the phase ${phase}`, await here.left(), []));
      // At once, while the watchdog still sees to the state.
      mustKeepSecret(here, await mustPass(here));
      await within(30, () => must(here.processes().length === 0, "the watchdog doesn't come to its end"));
      // A run that has not told its watchdog yet what to do may leave an empty stack behind.
      if (phase !== "set-up") mustBe(`on disk after a SIGKILL in the phase ${phase}`, here.leftOnDisk(), []);
    });
    plan.note(phases.map((phase) => `${phase} ${killed.get(phase) ?? 0}`).join(", "));
    if (result.wrong.length === 0) mustBe("in the engine at the end", await engine.everything(), []);
    return result;
  },
);
