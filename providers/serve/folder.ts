/** Folders in which the Pulumi CLI finds our providers: executables of the names that it looks for. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../../engine/api";
import { served } from "./served";

/** Tells our files from the official ones. */
const MARK = "# Written by Seatrial";

/**
 * Writes `pulumi-resource-docker` and `pulumi-resource-command` into `dir`, which is made where it isn't there. On PATH
 * the CLI takes them before those of its own home. Throws a UserError where one is there that isn't ours.
 */
export function writePluginFolder(dir: string): void {
  for (const name of Object.keys(served)) writePlugin(dir, name);
}

/**
 * Writes the same into the CLI's own folder of plugins, `plugins` in `home`, laid out as the CLI does it: a folder for
 * each package and version, here those of the official providers that ours stand in for.
 *
 * @returns the folders
 */
export function installPlugins(home: string): string[] {
  return Object.entries(served).map(([name, make]) => {
    const dir = join(home, "plugins", `resource-${name}-v${make().version}`);
    writePlugin(dir, name);
    return dir;
  });
}

function writePlugin(dir: string, name: string): void {
  const file = join(dir, `pulumi-resource-${name}`);
  if (existsSync(file) && !readFileSync(file).subarray(0, 200).includes(MARK)) {
    throw new UserError(`${file} is there already and isn't Seatrial's: remove it first, or name another folder`);
  }
  mkdirSync(dir, { recursive: true });
  const command = [process.execPath, ownCommand()].map(quote).join(" ");
  const script = `#!/bin/sh\n${MARK}: its ${name} provider, for the Pulumi CLI.\nexec ${command} plugins serve ${name} \${1+-- "$@"}\n`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
}

/** `bin/seatrial`, above this file or above the bundle that it is part of. */
function ownCommand(folder = __dirname): string {
  const file = join(folder, "bin", "seatrial");
  if (existsSync(file)) return file;
  if (dirname(folder) === folder) throw new Error(`there is no bin/seatrial above ${__dirname}`);
  return ownCommand(dirname(folder));
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
