/** Which docker and command providers the Pulumi CLI works with: the official ones where they can be had, else ours. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import type { Project } from "../../engine";
import { pulumiHome } from "../../engine/plugins/home";
import { writePluginFolder } from "../../providers/serve";
import { findOnPath, pulumiServerAnswers } from "./find-cli";
import type { CliWorkspace } from "./workspace";

const packages = ["docker", "command"];

export interface PluginOptions {
  project: Project;
  workspace: CliWorkspace;
  /** Runs the CLI. */
  run(args: string[]): Promise<unknown>;
  say(line: string): void;
}

/**
 * Sees to the plugins of the docker and the command provider in the versions that the program's packages ask for.
 *
 * @returns what the CLI's environment needs for them
 */
export async function providePlugins(options: PluginOptions): Promise<Record<string, string>> {
  const wanted = packages.flatMap((name) => {
    const version = packageVersion(options.project, name);
    return version === undefined ? [] : [{ name, version }];
  });
  const missing = wanted.filter((plugin) => !isThere(plugin));
  if (missing.length === 0 || (await canInstall(missing, options))) return {};
  const folder = join(options.workspace.folder, "plugins");
  writePluginFolder(folder);
  // On PATH ours would come before an official one in the CLI's home.
  for (const name of packages) {
    if (!missing.some((plugin) => plugin.name === name)) rmSync(join(folder, `pulumi-resource-${name}`));
  }
  const names = missing.map(({ name }) => name).join(" and ");
  options.say(`the official ${names} plugins are not installed and can't be downloaded: Seatrial lends its own`);
  return { PATH: [folder, process.env.PATH ?? ""].join(delimiter), PULUMI_IGNORE_AMBIENT_PLUGINS: "" };
}

interface Plugin {
  name: string;
  version: string;
}

function isThere({ name, version }: Plugin): boolean {
  if (!process.env.PULUMI_IGNORE_AMBIENT_PLUGINS && findOnPath(`pulumi-resource-${name}`)) return true;
  return existsSync(join(pulumiHome(process.env), "plugins", `resource-${name}-v${version}`));
}

async function canInstall(plugins: Plugin[], { run, say }: PluginOptions): Promise<boolean> {
  if (process.env.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION) return false;
  try {
    await pulumiServerAnswers();
    for (const { name, version } of plugins) {
      say(`installing Pulumi's ${name} plugin ${version}`);
      await run(["plugin", "install", "resource", name, version]);
    }
    return true;
  } catch {
    return false;
  }
}

/** The version of the program's own `@pulumi/<name>`; a program without it needs no plugin. */
function packageVersion({ main, root }: Project, name: string): string | undefined {
  const require = createRequire(join(existsSync(main) ? main : root, "program.js"));
  try {
    const file = require.resolve(`@pulumi/${name}/package.json`);
    return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
}
