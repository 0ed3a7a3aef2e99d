import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { probeImage, labelled } from "../e2e/seatrial";
import { installed, packedSeatrial, program, removePacked } from "./packed";

const root = join(__dirname, "../..");
const folders: string[] = [];

function trial(packages: string[], files: Record<string, string>): string {
  const folder = installed([packedSeatrial(), ...packages], files);
  folders.push(folder);
  return folder;
}

afterAll(() => {
  folders.forEach((folder) => rmSync(folder, { recursive: true, force: true }));
  removePacked();
});

/** As a user on a laptop types it. */
function npx(folder: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const clean = { CI: "", GITLAB_CI: "", GITHUB_ACTIONS: "", ARTIFACTS_DIR: "", SEATRIAL_COMMIT: "", NODE_PATH: "" };
  const { status, stdout, stderr } = spawnSync("npx", ["--no-install", "seatrial", ...args], {
    cwd: folder,
    env: { ...process.env, ...clean, IMAGE: probeImage(), ...env },
    encoding: "utf8",
    timeout: 120_000,
  });
  return { status, stdout, stderr };
}

const settings = (name: string) => `name: ${name}\nruntime: nodejs\n`;

test("a TypeScript program in an otherwise empty folder imports the components, type-checks, and is tried by npx", () => {
  const folder = trial([], { "index.ts": program, "Pulumi.yaml": settings("packed") });
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(npx(folder, ["--version"])).toMatchObject({ status: 0, stdout: `${manifest.version}\n` });

  const tsc = join(root, "node_modules/typescript/bin/tsc");
  for (const resolution of [
    ["--module", "commonjs", "--moduleResolution", "node10"],
    ["--module", "node16", "--moduleResolution", "node16"],
  ]) {
    const types = ["--typeRoots", join(root, "node_modules/@types"), "--types", "node"];
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", ...resolution, ...types];
    const checked = spawnSync(process.execPath, [tsc, ...flags, "index.ts"], { cwd: folder, encoding: "utf8" });
    expect(checked.stdout).toBe("");
  }

  const toolkit = `
const { compareResult, jsonSchemas } = require("seatrial/testing");
jsonSchemas([{ $id: "port", type: "object", required: ["name"] }]).check("port", { name: "Aden" }, "an answer");
console.log(compareResult({ expected: "ports.json", actual: ["Aden"] }).status);
`;
  const run = spawnSync(process.execPath, ["-e", toolkit], {
    cwd: folder,
    env: { ...process.env, ARTIFACTS_DIR: join(folder, "of-tests"), INPUTS_DIR: folder },
    encoding: "utf8",
  });
  expect(run).toMatchObject({ stderr: "", stdout: "new\n" });

  const passed = npx(folder, ["test"]);
  expect(passed.stdout).toContain("passed · 1 tests: 1 passed, 0 failed · exit code 0");
  expect(passed.status).toBe(0);
  expect(existsSync(join(folder, "build/tests/junit.xml"))).toBe(true);
  expect(npx(folder, ["test"], { SCENARIO: "fails" }).status).toBe(4);
  const broken = npx(folder, ["test"], { SCENARIO: "broken" });
  expect(broken.status).toBe(125);
  expect(broken.stdout).toContain("no database");
  expect(labelled("packed")).toEqual([]);
}, 240_000);

test("a program with an @pulumi/pulumi of its own, older than ours, and one in JavaScript", () => {
  const own = "3.225.0";
  const script = `
const { Network, Tests } = require("seatrial");
const pulumi = require("@pulumi/pulumi");
const image = process.env.IMAGE;
const network = new Network("network");
const command = ["sh", "-c", "echo '<testsuite><testcase name=\\"a\\"/></testsuite>' > $ARTIFACTS_DIR/junit.xml"];
const tests = new Tests("tests", { image, network: network, command });
module.exports = {
  ...{ exitCode: tests.exitCode, artifacts: tests.artifacts, junit: "junit.xml" },
  sdk: require("@pulumi/pulumi/package.json").version,
  said: pulumi.interpolate\`it ended with \${tests.exitCode}\`,
};
`;
  const folder = trial([`@pulumi/pulumi@${own}`], { "index.js": script, "Pulumi.yaml": settings("packed-own") });
  // Each has its own.
  expect(existsSync(join(folder, "node_modules/seatrial/node_modules/@pulumi/pulumi"))).toBe(true);
  const up = npx(folder, ["up", "--yes", "--stack", "dev"]);
  expect(up.stdout).toMatch(/sdk *: "3\.225\.0"/);
  expect(up.stdout).toMatch(/said *: "it ended with 0"/);
  expect(up.status).toBe(0);
  expect(npx(folder, ["destroy", "--yes", "--stack", "dev", "--remove"]).status).toBe(0);
  expect(npx(folder, ["test"]).status).toBe(0);
  expect(labelled("packed-own")).toEqual([]);
}, 240_000);

test("holds what a user needs and nothing of this checkout", () => {
  const files = execFileSync("tar", ["-tzf", packedSeatrial()], { encoding: "utf8" }).trim().split("\n");
  const tops = new Set(files.map((file) => file.split("/")[1]));
  expect([...tops].sort()).toEqual(["LICENSE", "README.md", "bin", "ci", "dist", "docs", "package.json", "tools"]);
  const tests = files.filter((file) => /test|fixture|\.seatrial/.test(basename(file)) && !file.includes("/types/"));
  // The toolkit for the tests that people write.
  expect(tests).toEqual(["package/dist/testing.js"]);
  const text = execFileSync("tar", ["-xzOf", packedSeatrial()], { encoding: "utf8", maxBuffer: 64 << 20 });
  expect(text).not.toContain(root);
});
