import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { start, workplace, type Ended, type Workplace } from "../e2e/seatrial";

jest.setTimeout(60_000);

let place: Workplace;
beforeAll(() => (place = workplace("commands")));
afterAll(() => place.remove());

const env = { PULUMI_CONFIG_PASSPHRASE: "a passphrase" };
const run = (...args: string[]): Promise<Ended> => start(place.folder, args, env).ended;
const urn = (name: string) => `urn:pulumi:dev::${place.project}::command:local:Command::${name}`;
const locks = () => join(place.folder, ".seatrial/.pulumi/locks/organization", place.project, "dev");

function lock(pid: number, host: string): string {
  mkdirSync(locks(), { recursive: true });
  const file = join(locks(), `${pid}.json`);
  writeFileSync(file, JSON.stringify({ pid, username: "ann", hostname: host, timestamp: "2026-01-02T03:04:05Z" }));
  return file;
}

test("a stack from its settings to its end", async () => {
  expect((await run("stack", "init", "dev")).code).toBe(0);
  expect((await run("config", "set", "text", "two")).code).toBe(0);
  expect((await run("config", "set", "--secret", "token", "hush-hush")).code).toBe(0);
  expect((await run("config", "set", "--path", "deep.list[0]", "7")).code).toBe(0);
  const settings = readFileSync(join(place.folder, "Pulumi.dev.yaml"), "utf8");
  expect(settings).toMatch(/:token:\n +secure: v1:/);
  expect(settings).not.toContain("hush-hush");
  expect((await run("config")).stdout).toMatch(/^token +\[secret\]$/m);
  expect((await run("config", "get", "token")).stdout).toBe("hush-hush\n");
  expect((await run("config", "get", "--path", "deep.list[0]")).stdout).toBe("7\n");

  // A preview as the CLI's JSON: a document with the states, and no secret in it.
  const preview = await run("preview", "--json");
  const digest = JSON.parse(preview.stdout) as {
    steps: { op: string; urn: string; newState: { inputs?: Record<string, unknown> }; detailedDiff: null }[];
    changeSummary: Record<string, number>;
  };
  expect(digest.changeSummary).toEqual({ create: 3 });
  expect(digest.steps.map(({ op }) => op)).toEqual(["create", "create", "create"]);
  expect(digest.steps.find((step) => step.urn === urn("first"))).toMatchObject({
    provider: expect.stringMatching(/default_1_2_1::04da6b54-/),
    newState: { inputs: { environment: { PASSWORD: "[secret]" }, stdin: "two" } },
    detailedDiff: null,
  });
  expect(preview.stdout).not.toContain("hunter22");

  // An update as the CLI's JSON: its events, a line each.
  const up = await run("up", "--json", "-m", "the first");
  const events = up.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(Object.keys(events[0]!)).toContain("preludeEvent");
  expect(events.at(-2)).toMatchObject({ summaryEvent: { resourceChanges: { create: 3 }, result: "succeeded" } });
  expect(up.stdout).not.toContain("hunter22");

  const diff = await run("preview", "--diff", "-c", "text=three");
  expect(diff.stdout).toContain(`    ~ command:local:Command: (update)\n        [id=first`);
  expect(diff.stdout).toContain('      ~ stdin: "two" => "three"\n');
  expect(diff.stdout).toContain('      ~ create: "echo two again" => [unknown]\n');
  expect(diff.stdout).toContain("    ~ 2 to update\n    1 unchanged\n");

  const history = await run("stack", "history");
  expect(history.stdout).toMatch(/ ago +update +succeeded +\d+s +3 create +the first\n/);
  expect((await run("stack", "output", "--shell", "--show-secrets")).stdout).toContain("password='hunter22'\n");
  expect((await run("stack", "export")).stdout).not.toContain("hunter22");
  expect((await run("stack", "export", "--show-secrets")).stdout).toContain('"plaintext": "\\"hunter22\\""');

  expect((await run("stack", "rename", "prod")).code).toBe(0);
  expect(readdirSync(place.folder)).toContain("Pulumi.prod.yaml");
  const renamed = await run("preview", "--expect-no-changes");
  expect(renamed).toMatchObject({ code: 0, stdout: expect.stringContaining("3 unchanged") });
  expect((await run("stack", "rename", "dev")).code).toBe(0);

  expect((await run("destroy", "--preview-only")).stdout).toContain("Previewing destroy (dev):");
  // Asked for from another folder it is done where the program is.
  expect((await start(tmpdir(), ["destroy", "--remove", "--cwd", place.folder], env).ended).code).toBe(0);
  expect(readFileSync(join(place.folder, "removed-in.txt"), "utf8")).toBe(`${realpathSync(place.folder)}\n`);
  expect(existsSync(join(place.folder, "Pulumi.dev.yaml"))).toBe(false);
  expect(JSON.parse((await run("stack", "ls", "--json")).stdout)).toEqual([]);
});

test("a lock whose owner is there is not taken away, unless forced; one whose owner is gone is", async () => {
  await run("stack", "init", "dev");
  const alive = lock(process.pid, hostname());
  const elsewhere = lock(1, "another-host");
  const up = await run("up");
  expect(up.code).toBe(2);
  expect(up.stderr).toMatch(/^error: the stack dev is locked by ann@.* \(pid \d+\) since 2026-01-02T03:04:05Z: .*\n$/m);
  const refused = await run("cancel");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/^error: dev is locked by a process that is there, ann's pid \d+: .*\n$/);
  expect(existsSync(alive) && existsSync(elsewhere)).toBe(true);
  const forced = await run("cancel", "--force");
  expect(forced.stderr).toContain("Took away the lock of ann@another-host (pid 1, since 2026-01-02T03:04:05Z).\n");
  expect(readdirSync(locks())).toEqual([]);
  expect((await run("cancel")).stderr).toBe("The stack dev isn't locked.\n");
});

test("a state that can't be imported leaves no stack behind, and the one that there was as it was", async () => {
  const file = join(place.folder, "state.json");
  writeFileSync(file, JSON.stringify({ version: 9, deployment: {} }));
  const refused = await run("stack", "import", "--file", file, "--stack", "new");
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("the state has version 9") });
  expect((await run("stack", "ls")).stdout).not.toContain("new");
  await run("stack", "init", "old");
  expect((await run("stack", "import", "--file", file, "--stack", "old")).code).toBe(2);
  expect((await run("stack", "ls")).stdout).toContain("old");
  expect((await run("stack", "rm", "--stack", "old", "--yes")).code).toBe(0);
});

test("an update whose reader has had enough goes on to its end", async () => {
  const up = start(place.folder, ["up", "--json", "--stack", "piped"], env);
  up.process.stdout!.once("data", () => up.process.stdout!.destroy());
  expect(await up.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/3 created/) });
  const { resources } = JSON.parse((await run("stack", "--json", "--stack", "piped")).stdout) as {
    resources: unknown[];
  };
  expect(resources).toHaveLength(4);
  expect((await run("destroy", "--remove", "--stack", "piped")).code).toBe(0);
});

test.each([
  [["preview", "--target", "urn:nope"], 1, "there is no resource urn:nope in this stack"],
  [["preview", "--replace", "urn:nope"], 1, "there is no resource urn:nope in this stack"],
  [["destroy", "--target", "urn:nope"], 2, "there is no resource urn:nope in this stack"],
  [["preview", "--target", "a", "--exclude", "b"], 2, "--target and --exclude can't be used together"],
  [["import", "a:b:c", "name"], 2, "import expects TYPE NAME ID"],
  [["import", "nothing", "name", "id"], 2, '"nothing" is not a resource type'],
  [["import", "a:b:c", "name", "id", "--generate-code"], 2, "import --generate-code isn't supported"],
  [["import", "--file", "/nowhere"], 2, "/nowhere can't be read as an import file"],
  [["config", "get", "nope"], 2, 'the stack dev has no setting "nope"'],
  [["stack", "export", "--version", "3"], 2, "stack export --version: a file backend keeps no numbered versions"],
  [["stack", "import", "--file", "/nowhere"], 2, "/nowhere can't be read"],
])("seatrial %j exits %d", async (args, code, text) => {
  const ended = await run(...args, "--stack", "dev");
  expect({ code: ended.code, text: ended.stdout + ended.stderr }).toEqual({
    code,
    text: expect.stringContaining(text),
  });
});
