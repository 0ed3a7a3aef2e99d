import { resolve } from "node:path";
import { installPlugins, servePlugin } from "../../run/plugins";

/** `plugins install [DIR]`. */
export async function installCommand(dir: string | undefined): Promise<number> {
  const folders = await installPlugins(dir === undefined ? undefined : resolve(dir), process.env);
  for (const folder of folders) process.stdout.write(`${folder}\n`);
  return 0;
}

/** `plugins serve NAME -- ADDRESS`: what the installed files run. The engine's address is a plugin's last argument. */
export async function serveCommand(name: string, args: string[]): Promise<number> {
  await servePlugin(name, args.at(-1));
  return 0;
}
