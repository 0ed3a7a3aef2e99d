/** The npm package, packed from this checkout and installed where a user would. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = join(__dirname, "../..");

/** Packs it, once. @returns the archive's path */
export function packedSeatrial(): string {
  archive ??= pack();
  return archive;
}

/** Removes the archive. */
export function removePacked(): void {
  if (archive) rmSync(dirname(archive), { recursive: true, force: true });
}

let archive: string | undefined;

function pack(): string {
  const folder = mkdtempSync(join(tmpdir(), "seatrial-packed-"));
  const printed = npm(root, "pack", "--json", "--pack-destination", folder);
  const [{ filename }] = JSON.parse(printed.slice(printed.indexOf("["))) as [{ filename: string }];
  return join(folder, filename);
}

/** Installs packages into a new folder, beside files by their paths in it. @returns the folder */
export function installed(packages: string[], files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "seatrial-installed-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "trial", private: true }));
  npm(folder, "install", "--no-audit", "--no-fund", "--prefer-offline", ...packages);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

function npm(cwd: string, ...args: string[]): string {
  return execFileSync("npm", [...args, "--loglevel=error"], { cwd, encoding: "utf8", timeout: 240_000 });
}

/** A service and its tests, made of the package's components. `SCENARIO`: `passes`, `fails` or `broken`. */
export const program = `
import { Network, Service, Tests, type ServiceArgs } from "seatrial";
import type { Comparison } from "seatrial/testing";

const kind: Comparison["status"] = "same";
void kind;

const image = process.env.IMAGE!;
const scenario = process.env.SCENARIO ?? "passes";
const network = new Network("network");
const serve = "mkdir /tmp/w && echo hello >/tmp/w/index.html && exec httpd -f -p 80 -h /tmp/w";
const args: ServiceArgs = {
  ...{ image, network, probeImage: image },
  command: ["sh", "-c", scenario === "broken" ? "echo no database >&2; exit 9" : serve],
  readiness: { kind: "http", port: 80, path: "/index.html" },
};
const web = new Service("web", args);
const failure = scenario === "fails" ? "<failure message='no'/>" : "";
const script = \`wget -qO- http://web/index.html | grep hello || exit 7
echo "<testsuite><testcase name='greets'>\${failure}</testcase></testsuite>" > $ARTIFACTS_DIR/junit.xml
exit \${scenario === "fails" ? 4 : 0}\`;
const tests = new Tests("tests", { image, network, command: ["sh", "-c", script] }, { dependsOn: [web] });

export = { exitCode: tests.exitCode, artifacts: tests.artifacts, junit: "junit.xml" };
`;
