// The tests image's command: runs the suite, shows it as it goes, and leaves junit.xml and other files in ARTIFACTS_DIR.
// Ends with 0 when every test has passed, 1 when one hasn't.
import { spawn } from "node:child_process";
import { accessSync, constants, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { readSettings } from "../shared/settings";

function main(): void {
  const artifacts = process.env["ARTIFACTS_DIR"] ?? "/artifacts";
  const inputs = process.env["INPUTS_DIR"] ?? "/inputs";
  const api = process.env["API_URL"] ?? "http://api:8080";
  try {
    readSettings();
    mkdirSync(artifacts, { recursive: true });
    accessSync(artifacts, constants.W_OK);
    readdirSync(inputs);
  } catch (error) {
    console.error(`tests: ${(error as Error).message}`);
    process.exit(1);
  }
  console.log(`integration tests of ${api}; inputs in ${inputs}, artifacts to ${artifacts}`);
  const beside = (file: string) => path.join(__dirname, file);
  const reporters = [
    ["spec", "stdout"],
    [beside("tests-junit.js"), path.join(artifacts, "junit.xml")],
  ].flatMap(([reporter, destination]) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${destination}`]);
  // The reporters of node:test can only be chosen on Node's command line.
  const suite = spawn(process.execPath, ["--enable-source-maps", ...reporters, beside("tests-suite.js")], {
    stdio: "inherit",
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => suite.kill(signal));
  suite.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}

main();
