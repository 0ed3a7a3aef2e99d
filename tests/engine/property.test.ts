/**
 * The engine against the model. SEATRIAL_CASES is how many histories are played (300 unless set); a failure prints the
 * seed and the path of the smallest history that fails, and SEATRIAL_SEED=<seed>:<path> plays that one again.
 */
import fc from "fast-check";
import { history, play } from "./model";
import { EngineUnderTest } from "./system";

const cases = Number(process.env["SEATRIAL_CASES"] ?? 300);
// The same histories every time, so that a red run is a change's doing; SEATRIAL_SEED=random looks for new ones.
const given = process.env["SEATRIAL_SEED"] ?? "20261122";
const [seed, ...path] = given === "random" ? [] : given.split(":");

test(
  `${cases} random histories of changes, failures and crashes`,
  async () => {
    await fc.assert(
      fc.asyncProperty(history, async (acts) => {
        const system = new EngineUnderTest();
        try {
          await play(system, acts);
        } finally {
          system.world.remove();
        }
      }),
      {
        numRuns: cases,
        ...(seed ? { seed: Number(seed), path: path.join(":") } : {}),
        reporter(details) {
          if (!details.failed) return;
          throw new Error(
            `${(details.errorInstance as Error).message}\n${fc.defaultReportMessage(details)}\nplay it again with SEATRIAL_SEED=${details.seed}:${details.counterexamplePath}`,
          );
        },
      },
    );
  },
  60_000 + cases * 100,
);
