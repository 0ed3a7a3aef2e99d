import { readSettings } from "../../shared/settings";

const settings = readSettings();

/** Where the system under test is, and where files come from and go to. */
export const env = {
  ...settings,
  apiUrl: process.env["API_URL"] ?? "http://api:8080",
  artifactsDirectory: process.env["ARTIFACTS_DIR"] ?? "/artifacts",
  inputsDirectory: process.env["INPUTS_DIR"] ?? "/inputs",
  /** In every title: a stack that is kept is tested again, beside what earlier runs left. */
  runId: `run-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`,
};
