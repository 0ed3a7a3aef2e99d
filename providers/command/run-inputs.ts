/** Runs one of a resource's or a function's commands, as its inputs say. */
import { type PropertyMap, type ProviderContext, withoutSecrets } from "../../engine";
import { collectFiles, type FilePatterns } from "./files";
import type { Launcher } from "./launcher";
import { runCommand } from "./run-command";

/** What came out of a command, beside its inputs. */
export const OUTPUTS = ["stdout", "stderr", "assets", "archive"];

/** A command's inputs, checked and known. */
interface Inputs extends FilePatterns {
  interpreter?: string[];
  dir?: string;
  environment?: Record<string, string>;
  stdin?: string;
  logging?: string;
  addPreviousOutputInEnv?: boolean;
}

/**
 * Runs `command` with what else `given` says; `previous` are the outputs of the last run. Resolves to the outputs, of
 * which those that this run says nothing of stay as they were. Rejects when the command fails.
 */
export async function runInputs(
  launcher: Launcher,
  command: string,
  given: PropertyMap,
  previous: PropertyMap,
  context: ProviderContext,
): Promise<PropertyMap> {
  const inputs = withoutSecrets(given) as Inputs & PropertyMap;
  const { dir, stdin, environment, logging = "stdoutAndStderr" } = inputs;
  const line = {
    command,
    ...(inputs.interpreter?.length ? { interpreter: inputs.interpreter } : {}),
    ...(dir ? { dir } : {}),
    environment: { ...environment, ...previousOutput(inputs, previous) },
    ...(stdin === undefined ? {} : { stdin }),
  };
  const output = await runCommand(launcher, line, context.signal, (text, stream) => {
    if (logging === stream || logging === "stdoutAndStderr") context.log("info", text, { ephemeral: true });
  });
  return { ...outputsOf(previous), ...output, ...(await collectFiles(dir ?? process.cwd(), inputs)) };
}

/** The outputs that a resource has. */
export const outputsOf = (properties: PropertyMap): PropertyMap =>
  Object.fromEntries(Object.entries(properties).filter(([key]) => OUTPUTS.includes(key)));

/** What the last command printed, for the next one's environment; nothing where it printed nothing. */
function previousOutput(inputs: Inputs, previous: PropertyMap): Record<string, string> {
  if (inputs.addPreviousOutputInEnv === false) return {};
  const { stdout, stderr } = withoutSecrets(previous);
  return {
    ...(stdout ? { PULUMI_COMMAND_STDOUT: String(stdout) } : {}),
    ...(stderr ? { PULUMI_COMMAND_STDERR: String(stderr) } : {}),
  };
}
