/** Taking existing resources into a stack with the Pulumi CLI, whose Automation API tells no events of it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { ImportRequest, OperationOptions } from "../../engine";
import { CliError } from "./command";
import { noLanguage, writeNoLanguage } from "./no-language";
import type { CliStack } from "./stack";

/**
 * Hands on every event, once it is over. Rejects with a {@link CliError}.
 *
 * Source: the import file's format, `pulumi import --help`; its events, `pkg/backend/display/json.go` in pulumi/pulumi.
 */
export async function importWithCli(
  { automation, stack, run }: CliStack,
  { imports = [], previewOnly, parallel, message, signal }: OperationOptions,
  onEvent: (event: unknown) => void,
): Promise<void> {
  const folder = mkdtempSync(join(automation.workspace.workDir, "import-"));
  const file = join(folder, "import.json");
  let printed = "";
  try {
    writeFileSync(file, JSON.stringify(importFile(imports)), { mode: 0o600 });
    const args = [
      ...["import", "--stack", stack.name, "--file", file, "--json"],
      ...["--generate-code=false", "--suppress-progress", "--suppress-outputs"],
      ...(previewOnly ? ["--preview-only"] : ["--yes", "--skip-preview"]),
      ...(imports.every(({ protect }) => !protect) ? ["--protect=false"] : []),
      ...(parallel === undefined ? [] : ["--parallel", String(parallel)]),
      ...(message === undefined ? [] : ["--message", message]),
    ];
    writeNoLanguage(folder);
    const { envVars } = automation.workspace;
    const env = {
      // A preview would be told as one document otherwise.
      PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true",
      PATH: [folder, envVars.PATH ?? process.env.PATH ?? ""].join(delimiter),
    };
    const project = await automation.workspace.projectSettings();
    await automation.workspace.saveProjectSettings({ ...project, runtime: noLanguage as "nodejs" });
    try {
      printed = await run(args, { env, ...(signal ? { signal } : {}) });
    } finally {
      await automation.workspace.saveProjectSettings(project);
    }
  } catch (error) {
    if (error instanceof CliError) printed = error.stdout;
    throw error;
  } finally {
    for (const line of printed.split("\n").filter((text) => text.startsWith("{"))) onEvent(JSON.parse(line));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The CLI wants names in place of URNs; other resources of the list have names already. */
function importFile(imports: ImportRequest[]): object {
  const nameTable: Record<string, string> = {};
  const nameOf = (reference: string): string => {
    if (!reference.startsWith("urn:")) return reference;
    const known = Object.entries(nameTable).find(([, urn]) => urn === reference)?.[0];
    const name = known ?? `given${Object.keys(nameTable).length}`;
    nameTable[name] = reference;
    return name;
  };
  const resources = imports.map(({ type, name, id, parent, provider, version }) => ({
    ...{ type, name },
    ...(id === "" ? { component: true } : { id }),
    ...(parent === undefined ? {} : { parent: nameOf(parent) }),
    ...(provider === undefined ? {} : { provider: nameOf(provider) }),
    ...(version === undefined ? {} : { version }),
  }));
  return { nameTable, resources };
}
