/** A stack as the Pulumi CLI knows it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stack as AutomationStack } from "@pulumi/pulumi/automation";
import type { OpenStackOptions, Stack, UntypedDeployment } from "../../engine";
import { UserError } from "../../engine/api";
import { deserializeResource, type SerializedResource } from "../../engine/state/checkpoint";
import { CliError, type inOwnGroup } from "./command";
import type { CliWorkspace } from "./workspace";

export interface CliStack {
  stack: Stack;
  automation: AutomationStack;
  /**
   * Runs the CLI in the stack's workspace, `input` on its standard input, `env` beside the environment.
   * @returns what it writes to standard output. Rejects with a {@link CliError}.
   */
  run(args: string[], more?: { input?: string; env?: Record<string, string>; signal?: AbortSignal }): Promise<string>;
}

interface CliConfigValue {
  value?: string;
  secret: boolean;
}

export interface OpenCliStackOptions extends OpenStackOptions {
  command: ReturnType<typeof inOwnGroup>;
  workspace: CliWorkspace;
  automation: typeof import("@pulumi/pulumi/automation");
}

export async function openCliStack(options: OpenCliStackOptions): Promise<CliStack> {
  const { project, name, command, workspace } = options;
  const { LocalWorkspace, Stack: Automation } = options.automation;
  const local = await LocalWorkspace.create({
    workDir: workspace.folder,
    envVars: workspace.env,
    pulumiCommand: command,
  });
  const automation = await Automation.select(name, local).catch(async (error: unknown) => {
    if (!(error instanceof CliError) || !/no stack named/.test(error.stderr)) throw told(error);
    if (options.create)
      return await Automation.create(name, local).catch((failure: unknown) => Promise.reject(told(failure)));
    throw new UserError(`there is no stack "${name}" of ${project.name}: "seatrial stack ls" shows those there are`);
  });
  const run: CliStack["run"] = async (args, { input, env = {}, signal } = {}) => {
    const { stdout } = await command.run(
      args,
      local.workDir,
      { ...local.envVars, ...env },
      ...([undefined, undefined, signal, input] as const),
    );
    return stdout;
  };
  const onStack = async (...args: string[]): Promise<string> => await run([...args, "--stack", name]);

  async function exported(showSecrets: boolean): Promise<UntypedDeployment> {
    return JSON.parse(
      await onStack("stack", "export", ...(showSecrets ? ["--show-secrets"] : [])),
    ) as UntypedDeployment;
  }

  const values = JSON.parse(await onStack("config", "--json", "--show-secrets")) as Record<string, CliConfigValue>;
  const config = new Map(Object.entries(values).map(([key, { value = "", secret }]) => [key, { value, secret }]));

  const stack: Stack = {
    project,
    name,
    config,
    ...(workspace.settingsFile ? { settingsFile: workspace.settingsFile } : {}),
    export: async ({ showSecrets = false } = {}) => await exported(showSecrets),
    async import(deployment, { force = false } = {}) {
      const folder = mkdtempSync(join(workspace.folder, "import-"));
      try {
        const file = join(folder, "state.json");
        writeFileSync(file, JSON.stringify(deployment), { mode: 0o600 });
        await onStack("stack", "import", "--file", file, ...(force ? ["--force"] : [])).catch((error: unknown) => {
          throw told(error);
        });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    async outputs({ showSecrets = false } = {}) {
      const text = await onStack("stack", "output", "--json", ...(showSecrets ? ["--show-secrets"] : []));
      return JSON.parse(text) as Record<string, unknown>;
    },
    async resources() {
      const { deployment } = await exported(true);
      const resources = (deployment?.resources ?? []) as SerializedResource[];
      return resources.map((resource) => deserializeResource(resource, noCiphertext));
    },
    async remove({ force = false } = {}) {
      await onStack("stack", "rm", "--yes", ...(force ? ["--force"] : [])).catch((error: unknown) => {
        if (!(error instanceof CliError) || !/still has resources/.test(error.stderr)) throw told(error);
        throw new UserError(
          `the stack ${name} still has resources: destroy it first, or remove it with --force and clean up by label`,
        );
      });
    },
  };
  return { stack, automation, run };
}

function noCiphertext(): string {
  throw new Error("the Pulumi CLI was asked for the secrets in the clear");
}

/** The CLI's failure as our user is told it. */
export function told(error: unknown): unknown {
  return error instanceof CliError ? new UserError(`pulumi: ${error.message}`) : error;
}
