import type Docker from "dockerode";
import type { ProviderFactory } from "../engine";

/** Connects to the Docker Engine that the environment names; loaded when it is needed, as all of this. */
export async function connectDocker(env: NodeJS.ProcessEnv = process.env): Promise<Docker> {
  const { connectEngine } = await import("../providers/docker/engine/connect");
  return await connectEngine(env);
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
