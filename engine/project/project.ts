/** Pulumi.yaml and the settings of a stack. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { type ConfigValue, type NodeOptions, type Project, type ProjectPlugin, UserError } from "../api";
import type { SecretsManager } from "../secrets/passphrase";
import { findProject } from "./find-project";

/** Finds Pulumi.yaml in `cwd` or above it. Throws a UserError that says where it looked or what is wrong with it. */
export function loadProject(cwd: string): Project {
  const file = findProject(cwd);
  if (!file) {
    throw new UserError(
      `no Pulumi.yaml in ${resolve(cwd)} or above it: run in a project's folder, or name one with --cwd`,
    );
  }
  const root = dirname(file);
  const yaml = readYaml(file);
  const name = yaml["name"];
  if (typeof name !== "string" || name === "") throw new UserError(`${file}: "name" must be the project's name`);
  const runtime =
    typeof yaml["runtime"] === "string" ? yaml["runtime"] : (yaml["runtime"] as { name?: string } | undefined)?.name;
  if (runtime !== "nodejs") {
    throw new UserError(
      `${file}: the runtime is ${runtime ? `"${runtime}"` : "missing"}, the embedded engine runs "nodejs": use the Pulumi CLI for others`,
    );
  }
  const main = yaml["main"];
  if (main !== undefined && typeof main !== "string") throw new UserError(`${file}: "main" must be a path`);
  const required = yaml["requiredPulumiVersion"];
  if (required !== undefined && typeof required !== "string") {
    throw new UserError(`${file}: "requiredPulumiVersion" must be a range of versions, such as ">=3.100.0"`);
  }
  const backend = (yaml["backend"] as { url?: string } | undefined)?.url;
  return {
    name,
    root,
    main: main ? resolve(root, main) : root,
    runtime,
    nodeOptions: nodeOptions(file, yaml["runtime"]),
    ...(typeof yaml["description"] === "string" ? { description: yaml["description"] } : {}),
    config: projectDefaults(yaml["config"], name),
    plugins: projectPlugins(file, yaml["plugins"]),
    ...(backend ? { backendUrl: backend } : {}),
    ...(required ? { requiredPulumiVersion: required } : {}),
  };
}

function projectPlugins(file: string, plugins: unknown): ProjectPlugin[] {
  const providers = isTree(plugins) ? (plugins["providers"] ?? []) : [];
  if (!Array.isArray(providers)) throw new UserError(`${file}: "plugins.providers" must be a list`);
  return providers.map((entry: unknown) => {
    const { name, path, version } = isTree(entry) ? entry : {};
    if (typeof name !== "string" || typeof path !== "string") {
      throw new UserError(`${file}: each of "plugins.providers" must have a name and a path`);
    }
    return { name, path: resolve(dirname(file), path), ...(version === undefined ? {} : { version: String(version) }) };
  });
}

/** Other options, such as the package manager, say nothing of how a program is run. */
function nodeOptions(file: string, runtime: unknown): NodeOptions {
  const options = isTree(runtime) && isTree(runtime["options"]) ? runtime["options"] : {};
  const option = <T>(name: string, type: "boolean" | "string"): T | undefined => {
    const value = options[name] ?? undefined;
    if (value !== undefined && typeof value !== type) {
      throw new UserError(`${file}: runtime.options.${name} must be a ${type}`);
    }
    return value as T | undefined;
  };
  const tsconfig = option<string>("tsconfig", "string");
  return {
    typescript: option<boolean>("typescript", "boolean") ?? true,
    ...(tsconfig ? { tsconfig } : {}),
    nodeargs: splitWords(option<string>("nodeargs", "string") ?? ""),
  };
}

/** As a shell does with quotes, and with nothing else. */
const splitWords = (line: string): string[] =>
  (line.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? []).map((word) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, one: string | undefined, two: string | undefined) => one ?? two ?? ""),
  );

/** What Pulumi.<stack>.yaml says. */
export interface StackSettings {
  file?: string;
  encryptionSalt?: string;
  /** By full key; `secure:` values still encrypted. */
  config: Map<string, RawConfigValue>;
}

/** True where one of the settings is encrypted, so that the salt of the file is needed. */
export function hasSecureValues({ config }: StackSettings): boolean {
  return [...config.values()].some(
    (raw) => "secure" in raw || ("tree" in raw && JSON.stringify(raw.tree).includes('"secure"')),
  );
}

type RawConfigValue = { plain: string } | { secure: string } | { tree: unknown };

/**
 * Reads `configFile`, else Pulumi.<stack>.yaml, else the file of the name before the first dash (Pulumi.ci.yaml for
 * ci-1a2b3c4). None of them: no settings.
 */
export function loadStackSettings(project: Project, stack: string, configFile?: string): StackSettings {
  const file = settingsFile(project, stack, configFile);
  if (!file) return { config: new Map() };
  const yaml = readYaml(file);
  const config = new Map<string, RawConfigValue>();
  for (const [key, value] of Object.entries((yaml["config"] ?? {}) as Record<string, unknown>)) {
    config.set(fullKey(key, project.name), rawValue(value));
  }
  const salt = yaml["encryptionsalt"];
  const provider = yaml["secretsprovider"];
  if (typeof provider === "string" && provider !== "passphrase") {
    throw new UserError(
      `${file}: the secrets provider "${provider}" is not supported by the embedded engine, only "passphrase"`,
    );
  }
  return { file, ...(typeof salt === "string" ? { encryptionSalt: salt } : {}), config };
}

export function settingsFile(project: Project, stack: string, configFile: string | undefined): string | undefined {
  if (configFile) {
    const file = resolve(configFile);
    if (!existsSync(file)) throw new UserError(`${file} doesn't exist: --config-file names the stack's settings`);
    return file;
  }
  const names = [stack, ...(stack.includes("-") ? [stack.slice(0, stack.indexOf("-"))] : [])];
  return names
    .flatMap((name) => [join(project.root, `Pulumi.${name}.yaml`), join(project.root, `Pulumi.${name}.yml`)])
    .find((file) => existsSync(file));
}

/** Settings, the project's defaults and `--config` values as the program gets them. */
export function resolveConfig(
  project: Project,
  settings: StackSettings,
  overrides: Record<string, string>,
  secrets: SecretsManager,
): Map<string, ConfigValue> {
  const config = new Map(project.config);
  for (const [key, raw] of settings.config) config.set(key, decryptValue(raw, secrets, key));
  for (const [key, value] of Object.entries(overrides)) setOverride(config, fullKey(key, project.name), value);
  return config;
}

/** A key is taken as it is written: a dot in it has no meaning, as in the CLI without `--path`. */
function setOverride(config: Map<string, ConfigValue>, key: string, value: string): void {
  config.set(key, { value, secret: config.get(key)?.secret ?? false });
}

export function fullKey(key: string, project: string): string {
  return key.includes(":") ? key : `${project}:${key}`;
}

function projectDefaults(config: unknown, project: string): Map<string, ConfigValue> {
  const result = new Map<string, ConfigValue>();
  for (const [key, entry] of Object.entries((config ?? {}) as Record<string, unknown>)) {
    const value =
      isTree(entry) && ("default" in entry || "value" in entry) ? (entry["value"] ?? entry["default"]) : entry;
    if (
      value === undefined ||
      value === null ||
      (isTree(entry) && "type" in entry && !("default" in entry) && !("value" in entry))
    )
      continue;
    result.set(fullKey(key, project), { value: text(value), secret: isTree(entry) && entry["secret"] === true });
  }
  return result;
}

const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function rawValue(value: unknown): RawConfigValue {
  if (isTree(value) && typeof value["secure"] === "string" && Object.keys(value).length === 1)
    return { secure: value["secure"] };
  if (typeof value === "object" && value !== null) return { tree: value };
  return { plain: text(value) };
}

function decryptValue(raw: RawConfigValue, secrets: SecretsManager, key: string): ConfigValue {
  try {
    if ("plain" in raw) return { value: raw.plain, secret: false };
    if ("secure" in raw) return { value: secrets.decrypt(raw.secure), secret: true };
    let secret = false;
    const open = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(open);
      if (!isTree(value)) return value;
      if (typeof value["secure"] === "string" && Object.keys(value).length === 1) {
        secret = true;
        return secrets.decrypt(value["secure"]);
      }
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, open(inner)]));
    };
    const tree = open(raw.tree);
    return { value: JSON.stringify(tree), secret };
  } catch (error) {
    throw new UserError(`the config value ${key} can't be decrypted: ${(error as Error).message}`);
  }
}

const text = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value));

function readYaml(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file} can't be read: ${(error as Error).message.split("\n")[0]}`);
  }
  if (value === null || value === undefined) return {};
  if (!isTree(value)) throw new UserError(`${file}: a map of settings was expected`);
  return value;
}
