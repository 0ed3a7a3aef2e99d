import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { spawn } from "node:child_process";
import { operationCommand } from "../../cli/commands/operations";
import { commonOptions } from "../../cli/options";
import { currentProcess } from "../../engine/process-identity";
import { label } from "../../run/identity";
import { fakeEngine, type FakeEngine } from "../run/fake-engine";

const state = JSON.stringify({
  version: 3,
  checkpoint: {
    stack: "organization/p/s",
    latest: {
      resources: [{ urn: "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", type: "pulumi:pulumi:Stack", custom: false }],
    },
  },
});
const labels = { [label.project]: "p", [label.stack]: "s", [label.run]: "r" };
const stack = () => [
  { kind: "container" as const, name: "a", labels },
  { kind: "network" as const, name: "n", labels },
];

jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "destroy-"));
const stateFile = join(folder, ".seatrial/.pulumi/stacks/p/s.json");
const journal = join(folder, ".seatrial/.pulumi/seatrial/p/s.jsonl");
const lock = join(folder, ".seatrial/.pulumi/locks/organization/p/s/0b0e.json");
const [cwd, env] = [process.cwd(), { ...process.env }];
let engine: FakeEngine;
let said = "";

beforeAll(async () => {
  engine = await fakeEngine([]);
  writeFileSync(join(folder, "Pulumi.yaml"), "name: p\nruntime: nodejs\n");
  writeFileSync(join(folder, "index.js"), "");
  process.env = { ...env, DOCKER_HOST: engine.host, NO_COLOR: "1", CI: "1", GITLAB_CI: "", GITHUB_ACTIONS: "" };
  jest.spyOn(process.stdout, "write").mockImplementation((text) => ((said += String(text)), true));
});
beforeEach(() => {
  rmSync(join(folder, ".seatrial"), { recursive: true, force: true });
  engine.things = stack();
  said = "";
});
afterAll(async () => {
  jest.restoreAllMocks();
  process.chdir(cwd);
  process.env = env;
  rmSync(folder, { recursive: true });
  await engine.close();
});

const destroy = (...targets: string[]) =>
  operationCommand(commonOptions({ cwd: folder, stack: "s", yes: true }), {
    asked: { kind: "destroy", ...(targets.length > 0 ? { targets } : {}) },
    shown: {},
  });
const put = (file: string, content: string | Buffer) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
};
/** What is left of the stack's state, by file name. */
const states = () => readdirSync(dirname(stateFile));

test("a state that is cut off at any byte is kept, and everything with the stack's labels removed", async () => {
  for (let length = 0; length < state.length; length++) {
    engine.things = stack().slice(0, 1);
    said = "";
    put(stateFile, state.slice(0, length));
    const code = await destroy();
    const [kept, ...others] = states();
    const found = {
      code,
      left: engine.things,
      others,
      kept: kept && readFileSync(join(dirname(stateFile), kept), "utf8"),
    };
    expect(found).toEqual({ code: 0, left: [], others: [], kept: state.slice(0, length) });
    expect(said).toMatch(
      /^The state of s can't be read: .*\. Cleaning up by label; .* is kept as \S+s\.json\.broken-\S+\n/,
    );
    rmSync(join(dirname(stateFile), kept!));
  }
  expect(await destroy()).toBe(0);
  expect(said).toContain("There is no stack s of p: nothing to destroy.");
});

test.each<[string, string]>([
  ["of another kind", "[]"],
  ["null", "null"],
  ["a checkpoint that is null", '{"version":3,"checkpoint":null}'],
  ["resources that are none", '{"version":3,"checkpoint":{"latest":{"resources":[null]}}}'],
  ["not sound", state.replace('"custom":false}]', '"custom":false,"parent":"urn:nowhere"}]')],
])("nor does a state stand in the way that is %s", async (_, content) => {
  put(stateFile, content);
  expect(await destroy()).toBe(0);
  expect(engine.things).toEqual([]);
  expect(states()).toEqual([expect.stringMatching(/^s\.json\.broken-/)]);
});

test("nor does a journal that belongs to another state", async () => {
  put(stateFile, state);
  put(journal, '{"base":"0123"}\n');
  expect(await destroy()).toBe(0);
  expect(engine.things).toEqual([]);
  expect(readdirSync(dirname(journal))).toEqual([expect.stringMatching(/^s\.jsonl\.broken-/)]);
});

test("a state that only another engine can read stays where it is", async () => {
  put(stateFile, state.replace('"version":3', '"version":99'));
  await expect(destroy()).rejects.toThrow("the state has version 99");
  expect(states()).toEqual(["s.json"]);
  expect(engine.things).toEqual([]);
});

test("secrets that can't be decrypted don't keep containers from being removed; the state stays", async () => {
  const signature = "4dabf18193072939515e22adb298388d";
  const sealed = { [signature]: "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:AAAAAAAAAAAAAAAA:AAAA" };
  put(stateFile, state.replace('"custom":false}]', `"custom":false,"outputs":${JSON.stringify({ sealed })}}]`));
  process.env.PULUMI_CONFIG_PASSPHRASE = "another";
  await expect(destroy()).rejects.toThrow("encrypted with another key");
  delete process.env.PULUMI_CONFIG_PASSPHRASE;
  expect(engine.things).toEqual([]);
  expect(states()).toEqual(["s.json"]);
});

test("a live process's lock is waited for, whose it is is said, and what it has destroyed is no error", async () => {
  const child = spawn("sleep", ["60"]);
  put(stateFile, state);
  put(
    lock,
    JSON.stringify({ pid: child.pid, username: "ci", hostname: hostname(), timestamp: "2026-01-01T00:00:00Z" }),
  );
  setTimeout(() => {
    rmSync(stateFile);
    child.kill();
  }, 500);
  expect(await destroy()).toBe(0);
  expect(said).toContain(
    `Waiting for ci@${hostname()} (pid ${child.pid}), who holds the lock on s, for at most 120 s\n`,
  );
  expect(said).toContain("There is no stack s");
  expect(readdirSync(dirname(stateFile))).toEqual([]);
});

test("a lock whose owner's number another process has by now is broken, and that is said", async () => {
  put(stateFile, state);
  const owner = { ...currentProcess(), start: "1", username: "ci", hostname: hostname(), timestamp: "2026" };
  put(lock, JSON.stringify(owner));
  expect(await destroy()).toBe(0);
  expect(said).toMatch(/broke the lock of ci@\S+ \(pid \d+\) on s: that process is gone/);
});

test("a lock that can't be seen to is broken only where an earlier step of the same CI job left it", async () => {
  put(stateFile, state);
  const elsewhere = { pid: 1, username: "ci", hostname: "elsewhere", timestamp: "2026-01-01T00:01:00Z" };
  put(lock, JSON.stringify(elsewhere));
  await expect(destroy()).rejects.toThrow("the stack s is locked by ci@elsewhere (pid 1)");
  const record = { stack: "s", run: "r", kept: false, startedAt: "2026-01-01T00:00:00Z", job: "17" };
  put(join(folder, ".seatrial/runs/s.json"), JSON.stringify(record));
  await expect(destroy()).rejects.toThrow("is locked by");
  Object.assign(process.env, { GITLAB_CI: "true", CI_JOB_ID: "18" });
  await expect(destroy()).rejects.toThrow("is locked by");
  Object.assign(process.env, { CI_JOB_ID: "17" });
  expect(await destroy()).toBe(0);
  Object.assign(process.env, { GITLAB_CI: "", CI_JOB_ID: "" });
  expect(said).toContain("Broke the lock of ci@elsewhere (pid 1) on s: an earlier step of this job held it\n");
});

test("two that destroy at once both succeed", async () => {
  put(stateFile, state);
  expect(await Promise.all([destroy(), destroy()])).toEqual([0, 0]);
  expect(engine.things).toEqual([]);
});
