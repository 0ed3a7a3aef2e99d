import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { resultSchema } from "../../run/result";
import { labelled, probeImage } from "../e2e/seatrial";
import { actionlint, checkJsonschema } from "./ci-tools";
import { packedSeatrial, program, removePacked } from "./packed";

const action = join(__dirname, "../../ci/github");
const folder = mkdtempSync(join(tmpdir(), "action-"));
const project = basename(folder).toLowerCase();

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  removePacked();
});

/** A script of the action, as GitHub's runner starts it in a checkout in which nothing is installed. */
function step(script: string, env: NodeJS.ProcessEnv = {}) {
  const inputs = {
    "INPUT_WORKING-DIRECTORY": ".",
    ...{ INPUT_VERSION: packedSeatrial(), INPUT_ARTIFACTS: "build/tests", INPUT_PREVIEW: "true" },
  };
  const runner = { GITHUB_ACTIONS: "true", GITHUB_RUN_ID: "42", GITHUB_JOB: "integration", GITHUB_SHA: "2".repeat(40) };
  const files = { GITHUB_OUTPUT: join(folder, "output"), GITHUB_STATE: join(folder, "state") };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(action, "dist", script)], {
    env: {
      ...{ ...process.env, ARTIFACTS_DIR: "", SEATRIAL_COMMIT: "", GITLAB_CI: "", IMAGE: probeImage() },
      ...{ ...runner, ...inputs, ...files, GITHUB_WORKSPACE: folder, RUNNER_TEMP: join(folder, "temp") },
      // A program that isn't in node_modules itself finds what the action has installed.
      ...{ NODE_PATH: join(folder, "temp/seatrial/node_modules"), ...env },
    },
    encoding: "utf8",
    timeout: 240_000,
  });
  return { status, output: stdout + stderr };
}

test("the action installs Seatrial, runs a stack and has its exit code; its post step destroys what was left", () => {
  writeFileSync(join(folder, "Pulumi.yaml"), `name: ${project}\nruntime: nodejs\n`);
  writeFileSync(join(folder, "index.ts"), program);
  const run = step("main.js", { SCENARIO: "fails" });
  expect(run.output).toContain("failed · 1 tests: 0 passed, 1 failed · exit code 4");
  expect(run.status).toBe(4);
  expect(readFileSync(join(folder, "output"), "utf8")).toMatch(/exit-code<<\S+\n4\n[^]*verdict<<\S+\nfailed\n/);
  const result = resultSchema.parse(JSON.parse(readFileSync(join(folder, "build/tests/result.json"), "utf8")));
  expect(result).toMatchObject({ verdict: "failed", commit: "2".repeat(40) });
  expect(labelled(project)).toEqual([]);

  expect(step("main.js", { INPUT_ARGUMENTS: "--keep" }).status).toBe(0);
  expect(labelled(project).length).toBeGreaterThan(2);
  const state = { STATE_seatrial: join(folder, "temp/seatrial/node_modules/seatrial/bin/seatrial") };
  expect(step("post.js", { ...state, STATE_folder: folder })).toMatchObject({ status: 0 });
  expect(labelled(project)).toEqual([]);
});

test.each(readdirSync(action).filter((file) => file.endsWith(".yml")))("%s is as GitHub's schema has it", (file) => {
  const schema = file === "action.yml" ? "vendor.github-actions" : "vendor.github-workflows";
  const check = ["--builtin-schema", schema, join(action, file)];
  const { status, stdout, stderr } = spawnSync(checkJsonschema(), check, { encoding: "utf8" });
  expect(stdout + stderr).toMatch(/^ok/);
  expect(status).toBe(0);
});

test("actionlint has nothing to say against the workflow", () => {
  const tool = actionlint();
  if (tool === undefined) return console.log("not checked: there is no Go to build actionlint with");
  const { status, stdout } = spawnSync(tool, ["-shellcheck=", "-pyflakes=", join(action, "workflow.yml")], {
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
