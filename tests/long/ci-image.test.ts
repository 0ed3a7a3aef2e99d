import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { version } from "../../package.json";
import { resultSchema } from "../../run/result";
import { baseImage, labelled, probeImage } from "../e2e/seatrial";
import { program } from "./packed";

const root = join(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ci-image-"));
const project = basename(folder).toLowerCase();
const image = `${project}:${version}`;
const client = `${project}-docker`;

// Stands for the public image with the client: it has to come out of a registry elsewhere.
const clientDockerfile = "FROM scratch\nCOPY docker /usr/local/bin/docker\n";

beforeAll(() => {
  const work = join(folder, "client");
  cpSync(execFileSync("which", ["docker"], { encoding: "utf8" }).trim(), join(work, "docker"), { dereference: true });
  writeFileSync(join(work, "Dockerfile"), clientDockerfile);
  execFileSync("docker", ["build", "--quiet", "--tag", client, work]);
  const args = [`BASE=${baseImage("node")}`, `DOCKER_CLIENT=${client}`, "PACKAGES="].flatMap((arg) => [
    "--build-arg",
    arg,
  ]);
  execFileSync(process.execPath, [join(root, "ci/image/build.mjs"), "--tag", image, ...args], { stdio: "ignore" });
}, 300_000);

afterAll(() => {
  spawnSync("docker", ["rmi", "-f", image, client]);
  rmSync(folder, { recursive: true, force: true });
});

/** A command in the image, as a runner with a mounted socket starts it. */
function job(words: string[], env: Record<string, string> = {}) {
  const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const mounts = ["/var/run/docker.sock:/var/run/docker.sock", `${folder}:/builds`].flatMap((each) => ["-v", each]);
  const options = ["run", "--rm", "-w", "/builds", ...mounts, ...variables];
  const { status, stdout, stderr } = spawnSync("docker", [...options, image, "sh", "-ec", words.join(" ")], {
    encoding: "utf8",
    timeout: 120_000,
  });
  return { status, output: stdout + stderr };
}

test("has Seatrial, Node and the Docker client", () => {
  expect(job(["seatrial --version"])).toEqual({ status: 0, output: `${version}\n` });
  expect(job(["node --version; docker version --format '{{.Server.Os}}'"])).toMatchObject({
    status: 0,
    output: expect.stringMatching(/^v2\d\.\S+\nlinux\n$/),
  });
});

test("runs a stack through a mounted socket, for a checkout with no packages of its own", () => {
  writeFileSync(join(folder, "Pulumi.yaml"), `name: ${project}\nruntime: nodejs\n`);
  writeFileSync(join(folder, "index.ts"), program);
  const gitlab = { GITLAB_CI: "true", CI_JOB_ID: "1", CI_PIPELINE_ID: "2", CI_COMMIT_SHA: "1".repeat(40) };
  const run = job(["seatrial test --non-interactive"], { IMAGE: probeImage(), ...gitlab });
  expect(run.output).toContain("passed · 1 tests: 1 passed, 0 failed · exit code 0");
  expect(run.status).toBe(0);
  const result = resultSchema.parse(JSON.parse(readFileSync(join(folder, "build/tests/result.json"), "utf8")));
  expect(result).toMatchObject({ verdict: "passed", commit: "1".repeat(40) });
  expect(readFileSync(join(folder, "build/tests/junit.xml"), "utf8")).toContain("greets");
  expect(labelled(project)).toEqual([]);
});

test("a job's container that is gone with its run is cleaned up after by the next job, by label", () => {
  const kept = job(["seatrial test --keep --non-interactive; rm -rf .seatrial"], {
    ...{ IMAGE: probeImage(), GITLAB_CI: "true", CI_JOB_ID: "1", CI_PIPELINE_ID: "2", CI_COMMIT_SHA: "1".repeat(40) },
  });
  expect(kept.status).toBe(0);
  expect(labelled(project).length).toBeGreaterThan(2);
  const swept = job([`cd /; seatrial gc --yes --project ${project} --pipeline 2`]);
  expect(swept.output).toContain("it is of the pipeline 2");
  expect(swept.status).toBe(0);
  expect(labelled(project)).toEqual([]);
});
