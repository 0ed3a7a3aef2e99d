import { setTimeout as sleep } from "node:timers/promises";
import { campaign, must, tries, within } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { durations, reach } from "./moments";
import { mustBe, mustPass, place, tell } from "./place";

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine();
}, 120_000);
afterAll(() => engine.remove(), 60_000);

const phases = ["set-up", "up", "tests", "collect", "destroy"] as const;

campaign(
  {
    name: "signals",
    what: "SIGINT, 7.5 s, SIGTERM, 2.5 s, SIGKILL, as GitHub cancels a job; then `seatrial destroy` in a second step",
    holds: "not green; clean, in under 5 min",
    times: 20,
  },
  20,
  async (plan) => {
    const usual = await durations(engine, 2);
    const result = await tries(plan, { name: "signals", atOnce: 4, seconds: 300 }, async (attempt) => {
      const phase = phases[(attempt.n + plan.seed) % phases.length]!;
      const here = place(engine);
      attempt.finally(() => here.remove());
      const env = { GITHUB_ACTIONS: "true", GITHUB_RUN_ID: String(attempt.n + 1), GITHUB_JOB: "integration" };
      const running = here.start(["test", "-c", `image=${engine.image}`, "-c", "pause=0.5"], env);
      await reach(running, phase, usual, attempt.random.next());
      // One that is over is not interrupted.
      const interrupted = running.process.exitCode === null && running.process.kill("SIGINT");
      const killed = cancel(running.process);
      const ended = await running.ended;
      killed.abort();
      if (interrupted) must(ended.code !== 0, `interrupted in the phase ${phase} it went green: ${tell(ended)}`);
      const destroyed = await here.run(["destroy", "--yes"], env);
      must(destroyed.code === 0, `destroy ended with ${tell(destroyed)}`);
      mustBe(`after SIGINT in the phase ${phase} and destroy`, await here.left(), []);
      await within(30, () => must(here.processes().length === 0, "the watchdog doesn't come to its end"));
      await mustPass(here);
    });
    if (result.wrong.length === 0) mustBe("in the engine at the end", await engine.everything(), []);
    return result;
  },
);

/** What the runner sends after the first signal, until it is aborted. */
function cancel(process: { kill(signal: NodeJS.Signals): boolean }): AbortController {
  const over = new AbortController();
  const rest = async (): Promise<void> => {
    await sleep(7500, undefined, { signal: over.signal });
    process.kill("SIGTERM");
    await sleep(2500, undefined, { signal: over.signal });
    process.kill("SIGKILL");
  };
  rest().catch(() => undefined);
  return over;
}
