import { setTimeout as sleep } from "node:timers/promises";
import { campaign, must, tries, within } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { durations, hit } from "./moments";
import type { Running } from "../e2e/seatrial";
import { mustBe, mustPass, place, tell } from "./place";

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine();
}, 120_000);
afterAll(() => engine.remove(), 60_000);

const phases = ["up", "tests", "destroy"] as const;

campaign(
  {
    name: "engine-restart",
    what: "Docker Engine stopped or killed in the middle of up, tests, destroy (5 times each), and started again",
    holds: "never green unless the tests had passed before; clean once it is back",
    times: 15,
  },
  25,
  async (plan) => {
    const usual = await durations(engine, 1);
    // There is one engine: one try at a time.
    const result = await tries(plan, { name: "engine-restart", atOnce: 1, seconds: 180 }, async (attempt) => {
      const phase = phases[(attempt.n + plan.seed) % phases.length]!;
      const signal = attempt.random.of(["SIGTERM", "SIGKILL"] as const);
      const here = place(engine);
      attempt.finally(() => here.remove());
      const moment = { phase, usual: { ...usual, tests: 1.5 }, part: () => attempt.random.next() * 0.8 };
      const isThere = ({ process }: Running) => process.exitCode === null;
      const running = await hit(() => here.test("ok", "-c", "pause=2"), moment, isThere);
      await engine.stop(signal);
      await sleep(500 + attempt.random.next() * 2000);
      await engine.start();
      const ended = await running.ended;
      const how = `${signal} to the engine in the middle of ${phase}: ${tell(ended)}`;
      // In the phase destroy the tests have ended by themselves, with proof.
      if (phase !== "destroy") must(ended.code !== 0, `green after ${how}`);
      if (phase !== "destroy") must(ended.result?.verdict !== "failed", `the tests are blamed for ${how}`);
      must(
        ended.code === 0 || Boolean(ended.result?.failure ?? ended.result?.cleanup.left.length),
        `no reason: ${how}`,
      );
      await within(30, async () => mustBe(`30 s after ${how}`, await here.left(), []));
      await within(20, () => must(here.processes().length === 0, `the watchdog doesn't come to its end after ${how}`));
      await mustPass(here);
    });
    if (result.wrong.length === 0) mustBe("in the engine at the end", await engine.everything(), []);
    return result;
  },
);
