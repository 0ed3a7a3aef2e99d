/** The same program under the Pulumi CLI and the official providers, where they are on PATH. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Checkout, copyOfCheckout, leftOf } from "./checkout";

const missing = ["pulumi", "pulumi-language-nodejs", "pulumi-resource-docker", "pulumi-resource-command"].filter(
  (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
);
if (missing.length > 0) console.log(`skipped: the Pulumi CLI can't be tried, PATH has no ${missing.join(", ")}`);
const ifThere = missing.length > 0 ? test.skip : test;

let checkout: Checkout;
let state: string;
beforeAll(() => {
  checkout = copyOfCheckout();
  state = mkdtempSync(join(tmpdir(), "seatrial-state-"));
});
afterAll(() => {
  checkout.remove();
  rmSync(state, { recursive: true, force: true });
});

const STACK = "ci-plaincli";
const pulumi = (...args: string[]) =>
  checkout.run(["pulumi", ...args, "--stack", STACK, "--non-interactive"], {
    env: {
      PULUMI_BACKEND_URL: `file://${state}`,
      PULUMI_CONFIG_PASSPHRASE: "for-tests-only",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    },
  });

ifThere(
  "pulumi up does the main job: exit code and log as outputs, artifacts copied out; destroy leaves nothing",
  async () => {
    const settings = ["--config-file", "Pulumi.ci.yaml"];
    const init = await pulumi("stack", "init");
    expect(init.code).toBe(0);
    const up = await pulumi("up", "--yes", "--skip-preview", ...settings);
    expect(up.output).toContain("created");
    expect(up.code).toBe(0);
    expect((await pulumi("stack", "output", "exitCode")).output.trim()).toBe("0");
    expect((await pulumi("stack", "output", "logs", "--show-secrets")).output).toContain("pass 41");
    expect(existsSync(join(checkout.folder, "build/tests/junit.xml"))).toBe(true);
    expect((await pulumi("destroy", "--yes", "--skip-preview", ...settings)).code).toBe(0);
    expect(leftOf(STACK)).toEqual([]);
  },
);
