import type { Result } from "../../run/result";
import { campaign, must, tries, within } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { mustBe, mustKeepSecret, place, tell } from "./place";

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine();
}, 120_000);
afterAll(() => engine.remove(), 60_000);

interface Ending {
  scenario: string;
  /** What the Docker Engine is asked to send to the tests. */
  kill?: NodeJS.Signals;
  verdict: Result["verdict"];
  exitCode: number;
  tests: Partial<Result["tests"]>;
  oomKilled: boolean;
}

/** What `result.json` must say of each; no two of them say the same. */
const endings: Ending[] = [
  { scenario: "out-of-memory", verdict: "failed", exitCode: 137, tests: { end: "out-of-memory" }, oomKilled: true },
  { scenario: "exits-137", verdict: "failed", exitCode: 137, tests: { end: "exited" }, oomKilled: false },
  {
    ...{ scenario: "hangs", kill: "SIGKILL", verdict: "undetermined", exitCode: 125 },
    ...{ tests: { end: "killed", signal: "SIGKILL" }, oomKilled: false },
  },
  { scenario: "lies", verdict: "undetermined", exitCode: 125, tests: { end: "exited", failed: 1 }, oomKilled: false },
];

campaign(
  {
    name: "endings",
    what: "tests container out of memory, exits 137 by itself, killed by a signal, exits 0 after writing failures to JUnit",
    holds: "each told apart, never green",
    times: endings.length,
  },
  10,
  async (plan) => {
    const all = { ...plan, times: endings.length };
    const result = await tries(all, { name: "endings", atOnce: 2, seconds: 90 }, async (attempt) => {
      const { scenario, kill, verdict, exitCode, tests, oomKilled } = endings[attempt.n]!;
      const here = place(engine);
      attempt.finally(() => here.remove());
      const running = here.test(scenario);
      if (kill) {
        await running.shows("hanging");
        const filters = { name: [`^/${here.project}-.*-tests$`] };
        // What it writes may be there before the Engine takes it for running.
        await within(10, async () => {
          const [found] = await engine.docker.listContainers({ filters });
          must(found !== undefined, "the tests don't run");
          await engine.docker.getContainer(found!.Id).kill({ signal: kill });
        });
      }
      const ended = await running.ended;
      must(ended.code === exitCode, `${scenario} ended with ${tell(ended)}`);
      const found = ended.result!;
      must(found.verdict === verdict, `${scenario} is ${found.verdict}`);
      for (const [key, value] of Object.entries(tests)) {
        const seen = Object.entries(found.tests).find(([name]) => name === key)?.[1];
        must(seen === value, `${scenario}: tests.${key} is ${JSON.stringify(seen)}, not ${JSON.stringify(value)}`);
      }
      const container = found.containers.find(({ service }) => service === "tests");
      must(container?.oomKilled === oomKilled, `${scenario}: oomKilled is ${container?.oomKilled}`);
      mustKeepSecret(here, ended);
      mustBe(`after ${scenario}`, await here.left(), []);
    });
    if (result.wrong.length === 0) mustBe("in the engine at the end", await engine.everything(), []);
    return result;
  },
);
