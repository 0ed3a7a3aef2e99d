import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeMasker } from "../../engine/deployment/masker";
import { attemptTests } from "../../run/attempts";
import { brakes, type FinishedUpdate } from "../../run/bring-up";
import type { Collected } from "../../run/collect";
import type { PreparedRun } from "../../run/prepare";

let staging: string;
beforeEach(() => (staging = mkdtempSync(join(tmpdir(), "seatrial-attempts-"))));
afterEach(() => rmSync(staging, { recursive: true }));

/** Attempts that end with these codes; `more` changes what is known of the first. */
function play(codes: number[], most: number, more: { update?: object; tests?: object; collected?: object } = {}) {
  const brake = brakes();
  const again: boolean[] = [];
  const stopped: number[] = [];
  const prepared = {
    ...{ results: { staging, target: staging }, options: { again: false }, masker: makeMasker() },
  } as unknown as PreparedRun;
  let attempt = 0;
  const attempts = attemptTests(prepared, brake, most, {
    bringUp(run, own) {
      again.push(Boolean(run.options.again));
      const n = (attempt += 1);
      own.onStop(() => stopped.push(n));
      const update = {
        ...{ result: { result: "succeeded" }, abandoned: false, refused: false },
        ...{ ready: new Map([[`c${n}`, n]]), tests: { container: { id: "t" } } },
        ...(n === 1 ? more.update : {}),
      };
      return Promise.resolve(update as unknown as FinishedUpdate);
    },
    collect() {
      const code = codes[attempt - 1]!;
      mkdirSync(join(staging, "deep"), { recursive: true });
      mkdirSync(join(staging, "logs"), { recursive: true });
      for (const file of ["junit.xml", "deep/a", "logs/t.log"]) writeFileSync(join(staging, file), String(attempt));
      const cases = [{ name: "b", outcome: code === 0 ? "passed" : "failed" }];
      return Promise.resolve({
        containers: [{ id: "t", name: "t", log: "t.log" }],
        tests: { began: true, ended: true, waited: code, inspected: code, ...(attempt === 1 ? more.tests : {}) },
        junit: { report: { cases } },
        artifacts: { files: ["junit.xml", "deep/a"].map((path) => ({ path, size: 1 })), skipped: [] },
        ...{ notes: [], tails: [] },
        ...(attempt === 1 ? more.collected : {}),
      } as unknown as Collected);
    },
    judge: (_, { tests }) => ({ verdict: tests?.waited === 0 ? "passed" : "failed", exitCode: tests?.waited ?? 0 }),
    onRetry: () => undefined,
  });
  return { attempts, again, brake, stopped };
}

test("only the tests are run again, until they pass; each attempt's files are kept", async () => {
  const { attempts, again, brake, stopped } = play([3, 0, 0], 5);
  const { update, collected, failed } = await attempts;
  expect(again).toEqual([false, true]);
  expect(failed).toEqual([{ attempt: 1, exitCode: 3, failed: ["b"] }]);
  expect(collected.tests!.waited).toBe(0);
  expect([...update.ready.keys()]).toEqual(["c1", "c2"]);
  expect(collected.artifacts.files.map(({ path }) => path)).toEqual(["junit.xml", "deep/a", "attempts/1/junit.xml", "attempts/1/deep/a"]); // prettier-ignore
  expect(readdirSync(staging, { recursive: true }).sort()).toEqual(
    ["attempts", "attempts/1", "attempts/1/deep", "attempts/1/deep/a", "attempts/1/junit.xml", "attempts/1/logs", "attempts/1/logs/t.log", "deep", "deep/a", "junit.xml", "logs", "logs/t.log"], // prettier-ignore
  );
  // Of the attempts only the last is stopped from then on.
  brake.stop({ kind: "signal", signal: "SIGINT" });
  expect(stopped).toEqual([2]);
});

test.each<[string, number[], number, Parameters<typeof play>[2]]>([
  ["they pass", [0], 3, {}],
  ["nobody asked for it", [3], 0, {}],
  ["a service died", [3], 3, { update: { failure: { message: "", lastLines: [] } } }],
  ["the run was stopped", [3], 3, { update: { stop: { kind: "signal", signal: "SIGINT" } } }],
  ["the update failed", [3], 3, { update: { result: { result: "failed" } } }],
  ["the update was given up", [3], 3, { update: { abandoned: true } }],
  ["memory ran out", [137], 3, { tests: { oomKilled: true } }],
  ["they were killed from outside", [143], 3, { tests: { signals: [15] } }],
])("nothing is run again where %s", async (_, codes, most, more) => {
  const { attempts, again } = play(codes, most, more);
  expect((await attempts).failed).toEqual([]);
  expect(again).toEqual([false]);
});

test("nothing is run again where what an attempt has left can't be kept", async () => {
  writeFileSync(join(staging, "attempts"), "in the way");
  const { collected, failed } = await play([3, 0], 3).attempts;
  expect(failed).toEqual([]);
  expect(collected.notes).toEqual([expect.stringContaining("not tried again")]);
  expect(existsSync(join(staging, "junit.xml"))).toBe(true);
});
