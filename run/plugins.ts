/** Our providers for the Pulumi CLI; loaded when they are needed, as all providers. */
import { UserError } from "../engine/api";
import { pulumiHome } from "../engine/plugins/home";

/** Serves a provider as a plugin process, until the engine that started it ends it or has gone. */
export async function servePlugin(name: string, engineAddress: string | undefined): Promise<void> {
  const { served, servePlugin: serve } = await import("../providers/serve");
  const make = served[name];
  if (!make) throw new UserError(`there is no plugin "${name}": there are ${Object.keys(served).join(" and ")}`);
  const plugin = await serve(make(), engineAddress);
  // The first line that a plugin prints is its port.
  process.stdout.write(`${plugin.port}\n`);
  await plugin.orphaned;
  await plugin.close();
}

/**
 * Writes the plugins into `dir`, or else into the CLI's home.
 *
 * @returns where they are
 */
export async function installPlugins(dir: string | undefined, env: NodeJS.ProcessEnv): Promise<string[]> {
  const { installPlugins: install, writePluginFolder } = await import("../providers/serve");
  if (dir === undefined) return install(pulumiHome(env));
  writePluginFolder(dir);
  return [dir];
}
