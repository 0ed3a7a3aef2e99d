import { homedir } from "node:os";
import { join } from "node:path";

/** The folder that the Pulumi CLI keeps its plugins and credentials in. */
export function pulumiHome(env: NodeJS.ProcessEnv): string {
  return env["PULUMI_HOME"] || join(env["HOME"] || homedir(), ".pulumi");
}
