import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { labelled, probeImage, seatrial, workplace, type Workplace } from "../e2e/seatrial";

jest.setTimeout(120_000);

let place: Workplace;
beforeAll(() => (place = workplace("small")));
afterAll(() => {
  const left = labelled(place.project);
  place.remove();
  expect(left).toEqual([]);
});

const run = (scenario: string, ...args: string[]) =>
  seatrial(place.folder, "test", "-c", `image=${probeImage()}`, "-c", `scenario=${scenario}`, ...args);

test("tests that fail are run again in the same stack, where asked, and what passes then is marked as flaky", async () => {
  const { code, stdout, result } = await run("flaky", "--retries", "2");
  expect(stdout).toContain("attempt 1: the tests exited with 4: 1 failed; attempt 2 of 3 in the same stack");
  expect(code).toBe(0);
  expect(result).toMatchObject({
    ...{ verdict: "passed", exitCode: 0, tests: { total: 2, failed: 0, exitCode: 0 }, notes: [] },
    retries: [{ attempt: 1, exitCode: 4, failed: ["b"] }],
    history: { runs: 0, flaky: ["b"], newlyFailing: [], newlyPassing: [] },
    cleanup: { clean: true },
  });
  expect(stdout).toMatch(/retried +attempt 1 exited with 4: b\n +flaky +passed only at attempt 2/);
  expect(stdout.match(/✓ api/g)).toHaveLength(1);
  const results = join(place.folder, "build/tests");
  expect(readFileSync(join(results, "attempts/1/junit.xml"), "utf8")).toContain("<failure");
  expect(readFileSync(join(results, "junit.xml"), "utf8")).not.toContain("<failure");
  expect(readdirSync(join(results, "attempts/1/logs"))).toEqual(["tests.log"]);
  expect(result!.artifacts.files.map(({ path }) => path)).toEqual(["junit.xml", "attempts/1/junit.xml"]);
});

test("what fails each time fails, with the code of the last attempt; the setting says so too", async () => {
  const { code, stdout, result } = await run("fails", "-c", "run:retries=1");
  expect(code).toBe(4);
  expect(result).toMatchObject({
    ...{ verdict: "failed", exitCode: 4, retries: [{ attempt: 1, exitCode: 4, failed: ["b"] }] },
    history: { runs: 1, flaky: ["b"], newlyFailing: ["b"], newlyPassing: [] },
  });
  expect(stdout).toMatch(/new +failing since the last run: b/);
  expect(stdout).not.toContain("passed only at");
});
