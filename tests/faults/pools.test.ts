import { hostname } from "node:os";
import { currentProcess } from "../../engine/process-identity";
import { campaign, must, tries } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { mustBe, mustPass, place, tell } from "./place";

/** Four networks of 64 addresses. */
const pool = "base=10.231.0.0/24,size=26";
const ranges = 4;

let engine: OwnEngine;
beforeAll(async () => {
  engine = await ownEngine({ pool });
}, 120_000);
afterAll(() => engine.remove(), 60_000);

campaign(
  {
    name: "pools",
    what: "address pools used up",
    holds:
      "refused at start, naming the cause and the remedy; ranges of the project's own killed runs are freed instead",
    times: 1,
  },
  5,
  async (plan) =>
    await tries(plan, { name: "pools", atOnce: 1, seconds: 120 }, async (attempt) => {
      const here = place(engine);
      attempt.finally(() => here.remove());
      // The commands' bundle and the disk's caches are there from here on.
      await mustPass(here);
      // As runs leave them that were killed with their whole machine.
      const labels = { "dev.seatrial.project": "of-another-day", "dev.seatrial.expires": "2020-01-01T00:00:00Z" };
      for (let n = 0; n < ranges; n++) {
        await engine.docker.createNetwork({ Name: `leaked-${n}`, Labels: labels });
      }
      attempt.finally(() => engine.docker.pruneNetworks());
      const usedUp = await engine.docker.createNetwork({ Name: "one-more" }).then(
        () => "",
        ({ message }: Error) => message,
      );
      must(/non-overlapping|fully subnetted/.test(usedUp), `the engine's own word on it is ${usedUp || "a network"}`);

      const before = (await engine.everything()).sort();
      const refused = await here.test("ok").ended;
      must(refused.code === 125, `the run ended with ${tell(refused)}`);
      must(refused.stderr.trim().split("\n").length === 1, `it is not one line: ${refused.stderr}`);
      for (const word of [
        `error: the Docker Engine has 0 of ${ranges} address ranges left for networks`,
        `of which it has ${ranges}, ${ranges} of them from runs`,
        "seatrial gc",
        "docker network prune",
        "default-address-pools",
      ]) {
        must(refused.stderr.includes(word), `it doesn't say "${word}": ${refused.stderr}`);
      }
      mustBe("beside what there was", (await engine.everything()).sort(), before);
      mustBe("on disk", here.leftOnDisk(), []);
      plan.note(`refused after ${refused.seconds.toFixed(1)} s, node's own start included`);

      const swept = await here.run(["gc", "--yes"]);
      must(swept.code === 0, `the remedy, gc, ended with ${tell(swept)}`);
      await mustPass(here);

      // As runs of the project leave them that were killed on this machine: those go without being asked for.
      const owner = JSON.stringify({ host: hostname(), ...currentProcess(), start: "1" });
      const ofDead = {
        "dev.seatrial.project": here.project,
        "dev.seatrial.stack": "ci-dead",
        "dev.seatrial.owner": owner,
      };
      for (let n = 0; n < ranges; n++) await engine.docker.createNetwork({ Name: `dead-${n}`, Labels: ofDead });
      const made = await mustPass(here);
      must(made.stdout.includes("removed what runs that were killed have left"), `it doesn't say so: ${made.stdout}`);
    }),
);
