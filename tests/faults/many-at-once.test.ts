import { campaign, must, tries } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { mustBe, place, tell } from "./place";

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine();
}, 120_000);
afterAll(() => engine.remove(), 60_000);

campaign(
  {
    name: "many-at-once",
    what: "so many stacks at the same time, all of one commit",
    holds: "all right, nothing leaked",
    times: 40,
  },
  20,
  async (plan) => {
    const here = place(engine);
    try {
      const result = await tries(plan, { name: "many-at-once", atOnce: plan.times, seconds: 600 }, async ({ n }) => {
        const ended = await here.test("ok", "-c", "pause=1", "--artifacts", `results-${n}`).ended;
        must(ended.code === 0 && /^passed · 2 tests/m.test(ended.stdout), `it ended with ${tell(ended)}`);
      });
      if (result.wrong.length === 0) mustBe("in the engine at the end", await engine.everything(), []);
      mustBe("on disk at the end", here.leftOnDisk(), []);
      return result;
    } finally {
      here.remove();
    }
  },
);
