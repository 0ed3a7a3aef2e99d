import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { resultSchema } from "../../run/result";
import { labelled, probeImage } from "../e2e/seatrial";
import { checkJsonschema, gitlabCiLocal } from "./ci-tools";

const root = join(__dirname, "../..");
const templates = join(root, "ci/gitlab");
const folder = mkdtempSync(join(tmpdir(), "pipeline-"));
const project = basename(folder).toLowerCase();
const bin = join(folder, "bin");
const repository = join(folder, "repository");

beforeAll(() => {
  mkdirSync(bin);
  symlinkSync(join(root, "bin/seatrial"), join(bin, "seatrial"));
  cpSync(join(root, "tests/e2e/fixtures/small"), repository, { recursive: true });
  const program = readFileSync(join(repository, "index.js"), "utf8");
  writeFileSync(join(repository, "index.js"), program.replace('config.require("image")', "process.env.IMAGE"));
  writeFileSync(join(repository, "Pulumi.yaml"), `name: ${project}\nruntime: nodejs\nmain: index.js\n`);
  cpSync(templates, join(repository, "templates"), { recursive: true });
  // An image that is pulled whatever is there can't be built on one that only this Engine has.
  writeFileSync(
    join(repository, "Dockerfile"),
    'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n',
  );
  const container = execFileSync("docker", ["create", probeImage()], { encoding: "utf8" }).trim();
  execFileSync("docker", ["cp", "-L", `${container}:/bin/busybox`, join(repository, "busybox")]);
  execFileSync("docker", ["rm", container]);
  writeFileSync(join(repository, ".gitignore"), ".gitlab-ci-local/\n.seatrial/\nbuild/\n");
  git("init", "--quiet", "--initial-branch", "main");
  git("remote", "add", "origin", "git@gitlab.example.com:tools/shop.git");
});

afterAll(() => {
  spawnSync(join(bin, "seatrial"), ["gc", "--yes", "--project", project, "--branch", "main"]);
  rmSync(folder, { recursive: true, force: true });
});

function git(...args: string[]): string {
  const author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
  return execFileSync("git", [...author, ...args], { cwd: repository, encoding: "utf8" }).trim();
}

interface Pipeline {
  code: number | null;
  output: string;
  commit: string;
  /** Where GitLab would have a file of a job's artifacts. */
  artifact(job: string, file: string): string;
}

interface PipelineOptions {
  jobs?: string[];
  shared?: boolean;
  variables?: Record<string, string>;
}

/** Commits the files and runs the pipeline, or some of its jobs, each in a folder of its own unless they share one. */
function pipeline(
  files: Record<string, string>,
  { jobs = [], shared = false, variables = {} }: PipelineOptions = {},
): Pipeline {
  for (const [file, text] of Object.entries(files)) writeFileSync(join(repository, file), text);
  git("add", "--all");
  git("commit", "--quiet", "--allow-empty", "-m", "a change");
  rmSync(join(repository, ".gitlab-ci-local"), { recursive: true, force: true });
  const [node, script] = gitlabCiLocal();
  const options = ["--force-shell-executor", ...(shared ? [] : ["--shell-isolation"]), "--home", folder];
  for (const [name, value] of Object.entries(variables)) options.push("--variable", `${name}=${value}`);
  const { status, stdout, stderr } = spawnSync(node!, [script!, ...options, ...jobs], {
    cwd: repository,
    // As in the CI image: nothing is installed in the checkout.
    env: {
      ...process.env,
      PATH: `${bin}:${process.env.PATH}`,
      NODE_PATH: join(root, "node_modules"),
      ARTIFACTS_DIR: "",
    },
    encoding: "utf8",
    timeout: 240_000,
  });
  return {
    code: status,
    output: stdout + stderr,
    commit: git("rev-parse", "HEAD"),
    artifact: (job, file) => join(repository, ".gitlab-ci-local/artifacts", job, file),
  };
}

/** The template with its inputs, and what is changed for here: the shell executor would lose artifacts to after_script. */
const included = (inputs = "") => `
include:
  - local: templates/seatrial.gitlab-ci.yml
    inputs: { project: ${project}, seatrial: "seatrial:x", images: local${inputs} }
seatrial-test:
  after_script: []
`;
const settings = (scenario: string) => `config:\n  ${project}:scenario: ${scenario}\n`;

const imagesOf = (commit: string) =>
  execFileSync("docker", ["images", "-q", "--filter", `label=dev.seatrial.commit=${commit}`], {
    encoding: "utf8",
  }).trim();

const resultIn = (run: Pipeline, job: string) => {
  const file = run.artifact(job, "build/tests/result.json");
  if (!existsSync(file)) throw new Error(`${job} left no result.json:\n${run.output}`);
  return resultSchema.parse(JSON.parse(readFileSync(file, "utf8")));
};

test.each([
  ["ok", "passed", 0],
  ["fails", "failed", 4],
  ["api-exits", "stack-failed", 125],
])("the included pipeline, where the stack is %s: %s, exit code %d, all cleaned up", (scenario, verdict, code) => {
  const run = pipeline({ ".gitlab-ci.yml": included(), "Pulumi.ci.yaml": settings(scenario) });
  expect(resultIn(run, "seatrial-test")).toMatchObject({ verdict, exitCode: code, commit: run.commit });
  expect(run.code).toBe(code === 0 ? 0 : 1);
  expect(run.output).toMatch(code === 0 ? /PASS .*seatrial-test/ : new RegExp(`seatrial-test .*FAIL.* ${code} `));
  expect(existsSync(run.artifact("seatrial-test", "build/tests/logs/api.log"))).toBe(true);
  // Where reports: junit says.
  const reports = join(repository, ".gitlab-ci-local/artifacts/seatrial-test/build/tests/junit.xml");
  if (code !== 125) expect(readFileSync(reports, "utf8")).toContain("<testsuite");
  expect(run.output).toMatch(/seatrial-cleanup.*removed the image /);
  expect(labelled(project)).toEqual([]);
  expect(imagesOf(run.commit)).toBe("");
});

test("in a merge request a note tells of the stack's changes and the tests; without a token it is a file", () => {
  pipeline({ ".gitlab-ci.yml": included(), "Pulumi.ci.yaml": settings("ok") }, { jobs: ["seatrial-build"] });
  const base = git("rev-parse", "HEAD");
  const program = readFileSync(join(repository, "index.js"), "utf8");
  const changed = program.replace(
    "const token =",
    'const added = new docker.Volume("cache", { name: `${prefix}-cache` });\nconst token =',
  );
  const variables = { CI_MERGE_REQUEST_IID: "7", CI_MERGE_REQUEST_DIFF_BASE_SHA: base };
  const run = pipeline({ "index.js": changed }, { variables });
  expect(run.code).toBe(0);
  const compared = JSON.parse(
    readFileSync(run.artifact("seatrial-preview", "build/tests/preview.json"), "utf8"),
  ) as object;
  expect(JSON.stringify(compared)).toContain("cache");
  const printed = run.output.split("\n").filter((line) => line.includes("seatrial-report"));
  expect(printed.join("\n")).toMatch(/tests passed[^]*\*\*added\*\* volume `cache`/);
});

test("the stop job removes what is left of a branch, with no state and no checkout", () => {
  const kept = pipeline(
    { ".gitlab-ci.yml": included(', arguments: "--keep"'), "Pulumi.ci.yaml": settings("ok") },
    { jobs: ["seatrial-build", "seatrial-test"] },
  );
  expect(resultIn(kept, "seatrial-test").verdict).toBe("passed");
  expect(labelled(project).length).toBeGreaterThan(2);
  const stop = pipeline({ ".gitlab-ci.yml": included() }, { jobs: ["seatrial-stop"] });
  expect(stop.output).toMatch(/removed the stack ci-\S+ of \S+: it is of the branch main/);
  expect(stop.code).toBe(0);
  expect(labelled(project)).toEqual([]);
  expect(imagesOf(kept.commit)).toBe("");
});

test("the pipeline to copy, whose test job is cleaned up after by after_script too", () => {
  const plain = readFileSync(join(templates, "plain.gitlab-ci.yml"), "utf8").replace(
    "PROJECT: shop",
    `PROJECT: ${project}`,
  );
  // Tests that end with --keep stand for a run that could not clean up.
  const text = plain.replace("seatrial test --non-interactive", "seatrial test --non-interactive --keep");
  const run = pipeline(
    { ".gitlab-ci.yml": text, "Pulumi.ci.yaml": settings("fails") },
    { jobs: ["build", "test"], shared: true },
  );
  expect(run.output).toMatch(/test .*Running after script/);
  expect(run.output).toMatch(/failed · 2 tests: 1 passed, 1 failed · exit code 4/);
  expect(labelled(project)).toEqual([]);
  const cleanup = pipeline({}, { jobs: ["cleanup"] });
  expect(cleanup.code).toBe(0);
});

/** A template without its header: one document, with the inputs' defaults put in, as GitLab makes it. */
function rendered(file: string): string {
  const text = readFileSync(join(templates, file), "utf8");
  const documents = parseAllDocuments(text);
  if (documents.length === 1) return text;
  const { inputs } = (documents[0]!.toJS() as { spec: { inputs: Record<string, { default?: string }> } }).spec;
  return text.slice(text.indexOf("\n---\n") + 5).replace(/\$\[\[ inputs\.([\w-]+) \]\]/g, (_, name: string) => {
    if (!inputs[name]) throw new Error(`${file}: there is no input ${name}`);
    return inputs[name].default ?? "given";
  });
}

test.each(readdirSync(templates))("%s is as GitLab's schema has it", (file) => {
  const checked = join(folder, file);
  writeFileSync(checked, rendered(file));
  const check = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", checked];
  const { status, stdout, stderr } = spawnSync(checkJsonschema(), check, { encoding: "utf8" });
  expect(stdout + stderr).toMatch(/^ok/);
  expect(status).toBe(0);
});
