import { connection } from "../../../testing";
import { readSettings } from "../../shared/settings";

const settings = readSettings();

/** Where the system under test is, and where files come from and go to. */
export const env = {
  ...settings,
  // As the stack tells, or as somebody who runs the tests without one does.
  apiUrl: process.env["SEATRIAL_CONNECTIONS"] ? connection("api").url! : (process.env["API_URL"] ?? "http://api:8080"),
  artifactsDirectory: process.env["ARTIFACTS_DIR"] ?? "/artifacts",
  inputsDirectory: process.env["INPUTS_DIR"] ?? "/inputs",
  /** In every title: a stack that is kept is tested again, beside what earlier runs left. */
  runId: `run-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`,
};
