import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { operationCommand } from "../../cli/commands/operations";
import { commonOptions } from "../../cli/options";
import { label } from "../../run/identity";
import { campaign, must, tries } from "./campaign";
import { ownEngine, type OwnEngine } from "./engine";
import { mustBe } from "./place";

/** As an operation leaves it that has made nothing yet. */
const state = JSON.stringify({
  version: 3,
  checkpoint: {
    stack: "organization/p/s",
    latest: {
      resources: [{ urn: "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", type: "pulumi:pulumi:Stack", custom: false }],
    },
  },
});

const [cwd, env] = [process.cwd(), process.env];
let engine: OwnEngine;
let said = "";

beforeAll(async () => {
  engine = await ownEngine();
  process.env = { ...env, ...engine.env, NO_COLOR: "1", CI: "1", GITLAB_CI: "", GITHUB_ACTIONS: "" };
  jest.spyOn(process.stdout, "write").mockImplementation((text) => ((said += String(text)), true));
}, 120_000);
afterAll(async () => {
  jest.restoreAllMocks();
  process.chdir(cwd);
  process.env = env;
  await engine.remove();
}, 60_000);

campaign(
  {
    name: "state-cut",
    what: "state truncated at every byte of a small checkpoint, in the lane's own process",
    holds: "destroy removes what labels tell of, keeps the broken state aside and exits with 0",
    times: state.length,
  },
  10,
  async (plan) =>
    await tries(plan, { name: "state-cut", atOnce: 1, seconds: 30 }, async (attempt) => {
      const length = Math.floor((attempt.n * state.length) / plan.times);
      const folder = mkdtempSync(join(tmpdir(), "state-cut-"));
      attempt.finally(() => rmSync(folder, { recursive: true }));
      attempt.finally(() => process.chdir(cwd));
      writeFileSync(join(folder, "Pulumi.yaml"), "name: p\nruntime: nodejs\n");
      writeFileSync(join(folder, "index.js"), "");
      const states = join(folder, ".seatrial/.pulumi/stacks/p");
      mkdirSync(states, { recursive: true });
      writeFileSync(join(states, "s.json"), state.slice(0, length));
      const labels = { [label.project]: "p", [label.stack]: "s", [label.run]: "r" };
      await engine.docker.createVolume({ Name: `cut-${length}`, Labels: labels });

      said = "";
      const code = await operationCommand(commonOptions({ cwd: folder, stack: "s", yes: true }), {
        asked: { kind: "destroy" },
        shown: {},
      });
      must(code === 0, `cut after ${length} bytes it ends with ${code}: ${said}`);
      mustBe(`of a state cut after ${length} bytes`, await engine.everything(), []);
      const kept = readdirSync(states);
      must(kept.length === 1 && kept[0]!.startsWith("s.json.broken-"), `kept is ${kept.join(", ")}`);
      must(
        readFileSync(join(states, kept[0]!), "utf8") === state.slice(0, length),
        "what is kept is not what was there",
      );
    }),
);
