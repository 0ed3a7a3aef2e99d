/**
 * Where a plugin is: in the project, on PATH, in the Pulumi home.
 *
 * Source: `GetPluginPath` in `sdk/go/common/workspace/plugins.go` in pulumi/pulumi.
 */
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type ProjectPlugin, UserError } from "../api";
import { pulumiHome } from "./home";
import { compareVersions, parseVersion } from "./version";

export interface PluginSearch {
  /** The package that the plugin serves. */
  name: string;
  /** Exactly this version; the newest if absent. On PATH a plugin has no version: any will do. */
  version?: string;
  projectPlugins: ProjectPlugin[];
  env: NodeJS.ProcessEnv;
}

/** The plugin's executable. Throws a UserError that says where it was looked for and how it is installed. */
export function findPlugin(search: PluginSearch): string {
  const found = projectPlugin(search) ?? ambientPlugin(search) ?? installedPlugin(search);
  if (found) return found;
  const { name, version, env } = search;
  const places = [...(ignoresAmbient(env) ? [] : ["on PATH"]), `in ${pluginFolder(env)}`].join(" and ");
  const command = ["pulumi plugin install resource", name, ...(version ? [version] : [])].join(" ");
  throw new UserError(
    `there is no provider for the package ${name}${version ? ` ${version}` : ""}: ${executableName(name)} was looked for ${places}; "${command}" installs it`,
  );
}

/** The executable that `plugins` in Pulumi.yaml names for a package. */
export function projectPlugin({ name, version, projectPlugins }: PluginSearch): string | undefined {
  const plugin = projectPlugins.find(
    (entry) => entry.name === name && (!entry.version || !version || entry.version === version),
  );
  if (!plugin) return undefined;
  const file = executableIn(plugin.path, name);
  if (file) return file;
  throw new UserError(
    `Pulumi.yaml says that ${plugin.path} has the plugin ${name}: there is no ${executableName(name)} in it`,
  );
}

function ambientPlugin({ name, env }: PluginSearch): string | undefined {
  if (ignoresAmbient(env)) return undefined;
  return (env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, executableName(name)))
    .find(isExecutable);
}

function installedPlugin({ name, version, env }: PluginSearch): string | undefined {
  const folder = pluginFolder(env);
  const prefix = `resource-${name}-v`;
  const installed = namesIn(folder)
    .filter((entry) => entry.startsWith(prefix) && !existsSync(join(folder, `${entry}.partial`)))
    .flatMap((entry) => {
      const parsed = parseVersion(entry.slice(prefix.length));
      return parsed ? [{ entry, text: entry.slice(prefix.length), parsed }] : [];
    })
    // Releases before pre-releases, newer ones before older ones.
    .sort(
      (a, b) =>
        Number(a.parsed.prerelease !== "") - Number(b.parsed.prerelease !== "") || compareVersions(b.parsed, a.parsed),
    );
  const chosen = installed.find(({ text }) => !version || text === version);
  return chosen && executableIn(join(folder, chosen.entry), name);
}

function executableIn(folder: string, name: string): string | undefined {
  const file = join(folder, executableName(name));
  if (existsSync(file)) return file;
  if (existsSync(join(folder, "PulumiPlugin.yaml"))) {
    throw new UserError(
      `the plugin in ${folder} is source code that a language runtime runs, which the embedded engine doesn't support: compile it to ${executableName(name)}, or use the Pulumi CLI`,
    );
  }
  return undefined;
}

export const executableName = (name: string): string => `pulumi-resource-${name}`;

const pluginFolder = (env: NodeJS.ProcessEnv): string => join(pulumiHome(env), "plugins");

/** As the CLI reads its flags. */
const ignoresAmbient = (env: NodeJS.ProcessEnv): boolean =>
  ["1", "true"].includes((env["PULUMI_IGNORE_AMBIENT_PLUGINS"] ?? "").toLowerCase());

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
