import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ConfigValue } from "../../engine";
import { UserError } from "../../engine/api";
import { type ManagedStack, openManaged } from "../context";
import type { CommonOptions } from "../options";
import { table } from "./stack";

/** `config`. */
export async function listCommand(common: CommonOptions, options: { showSecrets?: boolean }): Promise<number> {
  const { stack } = await openManaged(common);
  const entries = [...stack.config].sort(([a], [b]) => (a < b ? -1 : 1));
  if (common.json) {
    const json = entries.map(([key, setting]) => [key, jsonOf(setting, Boolean(options.showSecrets))]);
    print(JSON.stringify(Object.fromEntries(json), undefined, 2));
    return 0;
  }
  const own = `${stack.project.name}:`;
  const rows = entries.map(([key, { value, secret }]) => [
    key.startsWith(own) ? key.slice(own.length) : key,
    secret && !options.showSecrets ? "[secret]" : value,
  ]);
  print(table([["KEY", "VALUE"], ...rows]));
  return 0;
}

/** `config get KEY`. */
export async function getCommand(common: CommonOptions, key: string, isPath: boolean): Promise<number> {
  const { stack } = await openManaged(common);
  const { settingPlace } = await import("../../engine");
  const place = settingPlace(key, stack.project.name, isPath);
  const setting = stack.config.get(place.key);
  const value = setting && valueAt(setting.value, place.path);
  if (value === undefined) throw new UserError(`the stack ${stack.name} has no setting "${key}"`);
  print(common.json ? JSON.stringify(jsonOf({ ...setting!, value }, true), undefined, 2) : value);
  return 0;
}

/** `config set KEY [VALUE]`. */
export async function setCommand(
  common: CommonOptions,
  key: string,
  value: string | undefined,
  options: { path: boolean; secret: boolean },
): Promise<number> {
  const managed = await openManaged(common);
  const { settingPlace, writeSetting } = await import("../../engine");
  const place = settingPlace(key, managed.stack.project.name, options.path);
  const plain = value ?? readFileSync(0, "utf8").replace(/\r?\n$/, "");
  const content = options.secret ? await encrypted(common, managed, plain) : { plain };
  writeSetting(settingsFile(common, managed), place, content);
  return 0;
}

/** `config rm KEY`. */
export async function removeCommand(common: CommonOptions, key: string, isPath: boolean): Promise<number> {
  const managed = await openManaged(common);
  const { settingPlace, removeSetting } = await import("../../engine");
  removeSetting(settingsFile(common, managed), settingPlace(key, managed.stack.project.name, isPath));
  return 0;
}

/** A settings file is shared: a key that this machine alone has would lock the others out. */
async function encrypted({ engine }: CommonOptions, { management }: ManagedStack, plain: string) {
  const content = await management.encrypt(plain);
  // The CLI may have another secrets provider than a passphrase, whose keys aren't this machine's.
  if (engine !== "pulumi" || content.salt !== undefined) requirePassphrase();
  return content;
}

function requirePassphrase(): void {
  if (process.env.PULUMI_CONFIG_PASSPHRASE !== undefined || process.env.PULUMI_CONFIG_PASSPHRASE_FILE) return;
  throw new UserError(
    "config set --secret needs a passphrase in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE: what is encrypted with this machine's own key nobody else could read",
  );
}

function settingsFile({ configFile }: CommonOptions, { stack }: ManagedStack): string {
  return configFile ?? stack.settingsFile ?? join(stack.project.root, `Pulumi.${stack.name}.yaml`);
}

function valueAt(text: string, path: (string | number)[]): string | undefined {
  if (path.length === 0) return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // a text has nothing inside
  }
  for (const step of path) value = typeof value === "object" && value !== null ? (value as never)[step] : undefined;
  return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
}

/** A setting as the CLI's `config --json` has it. */
function jsonOf({ value, secret }: ConfigValue, showSecrets: boolean): Record<string, unknown> {
  if (secret && !showSecrets) return { secret };
  const object = /^[[{]/.test(value) ? { objectValue: JSON.parse(value) as unknown } : {};
  return { value, ...object, secret };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
