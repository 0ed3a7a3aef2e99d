import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { tellGithub } from "../../cli/github-job";
import { noteCommand } from "../../cli/commands/note";
import { commonOptions } from "../../cli/options";
import { makeScreen } from "../../cli/display/screen";
import { testDisplay } from "../../cli/display/test-display";
import { readNoteData } from "../../run/note-data";
import type { Result } from "../../run/result";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "github-job-"))));
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});
const file = (name: string) => join(folder, name);

const result = (): Result => ({
  ...{ version: 1, verdict: "failed", exitCode: 1, project: "shop", stack: "ci-1", run: "r", kept: false, notes: [] },
  tests: {
    ...{ total: 2, passed: 1, failed: 1, skipped: 0, exitCode: 1 },
    failures: [{ name: "cart › adds, twice", message: "::error::no\n/close @all" }],
  },
  ...{ startedAt: "2026-01-01T00:00:00.000Z", finishedAt: "2026-01-01T00:00:09.000Z" },
  ...{ commit: "9f8e7d6c5b", phases: [], containers: [], cleanup: { clean: true, left: [] } },
  artifacts: { directory: folder, files: [{ path: "../../etc/passwd.xml", size: 1 }], skipped: [] },
});
const junit = `<testsuite><testcase classname="cart" name="adds, twice" file="tests/cart.py" line="12" time="1.5"><failure/></testcase></testsuite>`;

function stream(): { stream: NodeJS.WriteStream; text: () => string } {
  let written = "";
  const through = new PassThrough();
  through.on("data", (chunk: Buffer) => (written += chunk.toString()));
  return { stream: through as unknown as NodeJS.WriteStream, text: () => written };
}

test("in GitHub Actions failed tests are annotated where they stand, and the job gets a summary", async () => {
  writeFileSync(file("result.json"), JSON.stringify(result()));
  writeFileSync(file("junit.xml"), junit);
  writeFileSync(file("summary.md"), "before\n");
  const out = stream();
  await tellGithub(result(), out.stream, { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: file("summary.md") });
  expect(out.text()).toBe("::error file=tests/cart.py,line=12,title=cart › adds%2C twice::::error::no%0A/close @all\n");
  const summary = readFileSync(file("summary.md"), "utf8");
  expect(summary).toMatch(/^before\n<!-- seatrial note: shop -->/);
  expect(summary).toContain("- `cart › adds, twice`: `::error::no /close @all`");
  expect(summary).toContain("- 1.5 s: `cart › adds, twice`");
});

test("elsewhere nothing of the kind is written", async () => {
  const out = stream();
  await tellGithub(result(), out.stream, { GITLAB_CI: "true", GITHUB_STEP_SUMMARY: file("summary.md") });
  expect(out.text()).toBe("");
  expect(() => readFileSync(file("summary.md"))).toThrow();
});

test("no line of tests, names or logs is a workflow command; services' logs are folded", () => {
  const show = (env: NodeJS.ProcessEnv) => {
    const out = stream();
    const screen = makeScreen({ stream: out.stream, env });
    const display = testDisplay(screen, { verbose: false, cwd: "/" });
    display.event({ kind: "output", stream: "stdout", text: "a\n  :" });
    display.event({ kind: "output", stream: "stdout", text: ":set-output name=x::y\n#" });
    display.event({ kind: "output", stream: "stdout", text: "#[error]z\n" });
    display.event({ kind: "note", level: "info", text: "::stop-commands::x" });
    display.event({ kind: "log", service: "api\n::x", lines: ["::error::boo"] });
    display.close();
    return out.text();
  };
  const lines = show({ GITHUB_ACTIONS: "true" }).split("\n");
  const commands = lines.filter((line) => line.trimStart().startsWith("::") || line.includes("##["));
  expect(commands).toEqual(["::group::log of api ::x", "::endgroup::"]);
  expect(show({ GITLAB_CI: "true" })).toMatch(
    /section_start:\d+:seatrial_\d+\[collapsed=true\]\r\x1b\[0Klog of api ::x\n {2}::error::boo\n/,
  );
  expect(show({})).toContain("── log of api");
});

test.each([
  ["no JSON", "{", /result.json: is no JSON/],
  ["another form", '{"version":2}', /result.json: doesn't fit its schema \(version: /],
  ["too large", `"${"x".repeat(5_000_001)}"`, /result.json: is larger than 5 MB/],
])("a result that is %s is left out, and it is told", async (_, text, problem) => {
  writeFileSync(file("result.json"), text);
  expect(await readNoteData(folder)).toEqual({ problems: [expect.stringMatching(problem)] });
});

test("no link is followed, and no path that stands in the data", async () => {
  writeFileSync(file("real.json"), JSON.stringify(result()));
  symlinkSync(file("real.json"), file("result.json"));
  symlinkSync("/etc", file("etc"));
  expect((await readNoteData(folder)).problems).toEqual(["result.json: is a link"]);
});

test("a comparison of another commit than the tests' is left out", async () => {
  const comparison = {
    ...{ version: 1, project: "shop", base: { ref: "main" }, head: { commit: "1111111" } },
    ...{ summary: { added: 0, removed: 0, changed: 0, same: 1 }, resources: [], graph: { nodes: [], edges: [] } },
  };
  writeFileSync(file("result.json"), JSON.stringify(result()));
  writeFileSync(file("preview.json"), JSON.stringify(comparison));
  const data = await readNoteData(folder);
  expect(data.comparison).toBeUndefined();
  expect(data.problems).toEqual(["preview.json: it is of another commit than the tests"]);
});

test("without a token the note is a file, and that is well; with nothing to tell it isn't", async () => {
  const out = jest.spyOn(process.stdout, "write").mockImplementation(() => true);
  const common = commonOptions({ cwd: folder });
  await expect(noteCommand(common, ".")).rejects.toThrow(/has neither a result.json nor a preview.json/);
  await expect(noteCommand(common, "nowhere")).rejects.toThrow(/there is no folder .*nowhere/);
  writeFileSync(file("result.json"), JSON.stringify(result()));
  const env = { ...process.env };
  for (const name of ["GITLAB_CI", "GITHUB_ACTIONS"]) delete process.env[name];
  try {
    expect(await noteCommand(common, ".")).toBe(0);
  } finally {
    Object.assign(process.env, env);
  }
  expect(out.mock.calls.join("")).toContain("it is posted nowhere: this is no job of GitLab CI or GitHub Actions");
  expect(readFileSync(file("note.md"), "utf8")).toContain("❌ tests failed");
});
