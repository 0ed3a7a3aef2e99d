/** Runs that are left out since nothing has changed, on a real Engine. */
import { appendFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { labelled, probeImage, start, statesOf, workplace, type Workplace } from "../e2e/seatrial";

let place: Workplace;
let home: string;

beforeEach(() => {
  place = workplace("small");
  home = mkdtempSync(join(tmpdir(), "if-changed-"));
});
afterEach(() => {
  const left = [labelled(place.project), statesOf(place)];
  place.remove();
  rmSync(home, { recursive: true });
  expect(left).toEqual([[], []]);
});

const run = (scenario: string, env: NodeJS.ProcessEnv = {}, ...more: string[]) =>
  start(place.folder, ["test", "--if-changed", "-c", `image=${probeImage()}`, "-c", `scenario=${scenario}`, ...more], {
    XDG_DATA_HOME: home,
    ...env,
  }).ended;
const leftOut = "unchanged: nothing was run";

test("a run is left out after one with the same inputs has passed, and shows that one; not after a change", async () => {
  const first = await run("ok");
  expect(first.code).toBe(0);
  expect(first.stdout).toContain("no run with these inputs has passed yet");

  const second = await run("ok");
  expect(second.code).toBe(0);
  expect(second.stdout).toContain(leftOut);
  expect(second.stdout).toContain("results    build/tests");
  // The results are those of the run that took place.
  expect(second.result).toEqual(first.result);
  expect(existsSync(join(place.folder, "build/tests/events.jsonl"))).toBe(true);

  const json = await run("ok", {}, "--json");
  expect(JSON.parse(json.stdout)).toEqual({ ...first.result, unchanged: true });

  appendFileSync(join(place.folder, "index.js"), "// another program\n");
  const changed = await run("ok");
  expect(changed.code).toBe(0);
  expect(changed.stdout).not.toContain(leftOut);
  expect(changed.result?.run).not.toBe(first.result?.run);
});

test("a run that failed counts for nothing, nor does one of a job that anybody can make", async () => {
  for (const scenario of ["fails", "fails"]) {
    const { code, stdout } = await run(scenario);
    expect(code).not.toBe(0);
    expect(stdout).not.toContain(leftOut);
  }
  const mergeRequest = { CI: "true", GITLAB_CI: "true", CI_COMMIT_REF_PROTECTED: "false" };
  for (const env of [mergeRequest, mergeRequest]) {
    const { code, stdout } = await run("ok", env);
    expect(code).toBe(0);
    expect(stdout).not.toContain(leftOut);
  }
});

test("neither --keep nor the Pulumi CLI goes with it", async () => {
  for (const [option, line] of [
    [
      "--keep",
      "error: --if-changed and --keep: a run that may be left out leaves no stack to keep; give one of them\n",
    ],
    [
      "--engine=pulumi",
      "error: --if-changed is not done with --engine pulumi: it needs the embedded engine's own providers\n",
    ],
  ] as const) {
    const { code, stderr } = await run("ok", {}, option);
    expect([code, stderr]).toEqual([2, line]);
  }
});
