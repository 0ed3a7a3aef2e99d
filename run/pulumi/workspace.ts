/** The folder that the Pulumi CLI works in: a project of the same name and settings, whose program is served to it. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse, stringify } from "yaml";
import type { OpenStackOptions, Project } from "../../engine";
import { fullKey, settingsFile } from "../../engine/project/project";
import { givenPassphrase, ownKey } from "../../engine/secrets/stack-secrets";
import { backendFolder, makeBackendFolder } from "../../engine/state/file-backend";
import { temporaryFolder } from "../../engine/temporary-folder";

export interface CliWorkspace {
  folder: string;
  /** What the CLI's environment has beside ours. */
  env: Record<string, string>;
  settingsFile?: string;
}

/** What of Pulumi.<stack>.yaml matters here; a secrets provider and its key, say, are handed on as they are. */
interface Settings {
  encryptionsalt?: string;
  config?: Record<string, unknown>;
}

/**
 * Makes the folder; it goes with this process. The CLI writes into the settings of its project, such as a salt, and
 * takes them from Pulumi.<stack>.yaml alone: it gets copies.
 */
export function makeWorkspace({
  project,
  name,
  env = process.env,
  config = {},
  configFile,
}: Omit<OpenStackOptions, "create">): CliWorkspace {
  const folder = temporaryFolder("pulumi");
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  writeYaml(join(folder, "Pulumi.yaml"), {
    name: project.name,
    runtime: project.runtime,
    // Plugins work in the program's folder.
    main: programFolder(project),
    ...(project.plugins ? { plugins: { providers: project.plugins } } : {}),
    ...(project.description ? { description: project.description } : {}),
  });

  const file = settingsFile(project, name, configFile);
  const settings = ((file && (parse(readFileSync(file, "utf8")) as unknown)) ?? {}) as Settings;
  const given = givenPassphrase(env);
  const values: Record<string, unknown> = {};
  for (const [key, { value }] of project.config) values[key] = value;
  for (const [key, value] of Object.entries(settings.config ?? {})) {
    values[fullKey(key, project.name)] = value;
  }
  for (const [key, value] of Object.entries(config)) values[fullKey(key, project.name)] = value;
  // A salt beside no secrets may be that of another passphrase than our own.
  const isNeeded = given !== undefined || JSON.stringify(settings.config ?? {}).includes('"secure":');
  const salt = isNeeded ? settings.encryptionsalt : ownKey(env).salt;
  writeYaml(join(folder, `Pulumi.${name}.yaml`), { ...settings, encryptionsalt: salt, config: values });
  return {
    folder,
    env: {
      PULUMI_BACKEND_URL: backendUrl(project, env),
      ...(given === undefined ? { PULUMI_CONFIG_PASSPHRASE: ownKey(env).passphrase } : {}),
    },
    ...(file ? { settingsFile: file } : {}),
  };
}

function programFolder({ main }: Project): string {
  return existsSync(main) && statSync(main).isDirectory() ? main : dirname(main);
}

/** As the embedded engine has it: a path is relative to the project; without any it is the project's own folder. */
function backendUrl(project: Project, env: NodeJS.ProcessEnv): string {
  const url = env.PULUMI_BACKEND_URL || project.backendUrl;
  if (url && !url.startsWith("file://")) return url;
  const folder = backendFolder(project, env);
  makeBackendFolder(folder);
  return `file://${folder}`;
}

function writeYaml(file: string, content: Record<string, unknown>): void {
  writeFileSync(file, stringify(content), { mode: 0o600 });
}
