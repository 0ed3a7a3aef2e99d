import type Docker from "dockerode";
import type { ProviderFactory } from "../engine";

/** By what it was asked for, each in the environment. */
const connected = new Map<string, Promise<Docker>>();

/**
 * Connects to the Docker Engine that the environment names, which is asked for its version once; loaded when it is
 * needed, as all of this.
 */
export async function connectDocker(env: NodeJS.ProcessEnv = process.env): Promise<Docker> {
  const key = JSON.stringify(Object.entries(env).filter(([name]) => /^(?:DOCKER_|HOME$|XDG_RUNTIME_DIR$)/.test(name)));
  const before = connected.get(key);
  if (before) return await before;
  const connecting = import("../providers/docker/engine/connect").then(({ connectEngine }) => connectEngine(env));
  connected.set(key, connecting);
  connecting.catch(() => connected.delete(key));
  return await connecting;
}

/**
 * The providers that are part of this program; what they make carries the labels. Where there is a connection to the
 * Docker Engine already they use that, unless the program names another.
 */
export async function loadProviders(): Promise<
  (labels: Record<string, string>, docker?: Docker) => Record<string, ProviderFactory>
> {
  const [{ dockerProvider }, { commandProvider }] = await Promise.all([
    import("../providers/docker"),
    import("../providers/command"),
  ]);
  return (labels, engine) => ({
    docker: () => dockerProvider({ labels, engine }),
    command: () => commandProvider(),
  });
}
