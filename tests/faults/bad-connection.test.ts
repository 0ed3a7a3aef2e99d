import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { campaign, must, tries, within } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { mustBe, mustKeepSecret, mustPass, place, tell } from "./place";
import { startProxy, type Trouble } from "./proxy";

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine();
}, 120_000);
afterAll(() => engine.remove(), 60_000);

const kinds: Trouble[][] = [
  ["slow"],
  ["dropped before", "dropped after", "cut"],
  ["500"],
  ["slow", "dropped before", "dropped after", "cut", "500"],
];
const rates = [0.03, 0.1, 0.3];

campaign(
  {
    name: "bad-connection",
    what: "the Docker Engine answers slowly, drops connections, answers 500 (a proxy in front of its socket)",
    holds: "right result or a clear failure; clean",
    times: 50,
  },
  25,
  async (plan) => {
    let passed = 0;
    const result = await tries(plan, { name: "bad-connection", atOnce: 4, seconds: 150 }, async (attempt) => {
      const { random } = attempt;
      const troubles = kinds[(attempt.n + plan.seed) % kinds.length]!;
      const scenario = random.next() < 0.7 ? "ok" : "fails";
      const here = place(engine);
      attempt.finally(() => here.remove());
      const socket = join(here.folder, "bad.sock");
      const proxy = await startProxy(socket, engine.socket, random);
      attempt.finally(() => proxy.close());
      const rate = random.of(rates);
      proxy.weather({ troubles, rate });
      const running = here.start(["test", "-c", `image=${engine.image}`, "-c", `scenario=${scenario}`], {
        DOCKER_HOST: `unix://${socket}`,
      });
      // It clears up in the end, before or after the run's.
      await Promise.race([running.ended, sleep(2000 + random.next() * 8000)]);
      proxy.weather(undefined);
      const ended = await running.ended;
      const how = `${troubles.join(", ")} at ${rate}, ${scenario}: ${tell(ended)}`;
      if (ended.code === 0) {
        passed += 1;
        must(scenario === "ok" && ended.result?.verdict === "passed", `green, but ${how}`);
        must(ended.result?.tests.total === 2, `green without its tests: ${how}`);
        mustBe(`after a green run with ${how}`, await here.left(), []);
      } else {
        const told = ended.result?.failure?.message ?? /^error: (.*)$/m.exec(ended.stderr)?.[1] ?? "";
        must(told !== "" || (ended.result?.verdict === "failed" && ended.code === 4), `no clear failure: ${how}`);
        must(scenario !== "ok" || ended.result?.verdict !== "failed", `good tests failed: ${how}`);
        must(!/^ +at .*:\d+:\d+\)?$/m.test(ended.stdout + ended.stderr), `a stack trace: ${how}`);
      }
      mustKeepSecret(here, ended);
      // What the run could not remove its watchdog does.
      await within(20, async () => mustBe(`20 s after ${how}`, await here.left(), []));
      await within(20, () => must(here.processes().length === 0, `the watchdog doesn't come to its end after ${how}`));
      await mustPass(here);
    });
    plan.note(`green, and rightly so, ${passed} times`);
    if (result.wrong.length === 0) mustBe("in the engine at the end", await engine.everything(), []);
    return result;
  },
);
