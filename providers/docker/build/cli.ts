/** Building with the Docker CLI, for what only its plugin buildx can do. */
import { execFile, spawn } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Session } from "../resources/handler";
import type { BuildRequest } from "./build";

/** @throws where there is no CLI with BuildKit, or the build fails. */
export async function buildWithCli(
  session: Session,
  request: BuildRequest,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const name = request.tags[0]!;
  const env = environment(session);
  const command = await buildCommand(env);
  if (!command) {
    throw new Error(
      `can't build ${name}: it asks for what only docker buildx does, and there is none here; install the Docker CLI ` +
        `with its buildx plugin, or leave out builder, additionalContexts, cacheTos, provenance and sbom`,
    );
  }
  const { args, secret } = cliArguments(session, request);
  // The builder before buildx leaves the image on the Engine anyway.
  if (command.length > 1) args.unshift("--load");
  const lines: string[] = [];
  const child = spawn("docker", [...command, ...args], {
    env: { ...env, ...secret },
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (line.trim() === "") return;
      lines.push(line);
      log(line);
    });
  }
  const code = await new Promise<number | null>((done, reject) => {
    child.once("error", reject);
    child.once("close", done);
  });
  if (code !== 0) {
    const cause = lines.findLast((line) => /^ERROR|ERROR:/.test(line)) ?? `docker buildx build exited with ${code}`;
    throw new Error(
      [`the build of ${name} failed: ${cause.trim()}`, ...lines.slice(-20).map((line) => `  ${line}`)].join("\n"),
    );
  }
}

const environment = (session: Session): NodeJS.ProcessEnv => ({
  ...process.env,
  DOCKER_BUILDKIT: "1",
  ...(session.dockerHost ? { DOCKER_HOST: session.dockerHost } : {}),
});

/** `docker buildx build`, or the `docker build` of a CLI that has BuildKit built in; `undefined` where neither is. */
async function buildCommand(env: NodeJS.ProcessEnv): Promise<string[] | undefined> {
  if ((await outputOf(["buildx", "version"], env)) !== undefined) return ["buildx", "build"];
  const version = await outputOf(["version", "--format", "{{.Client.Version}}"], env);
  // From 23 on, docker build is an alias of docker buildx build.
  return version !== undefined && Number.parseInt(version, 10) < 23 ? ["build"] : undefined;
}

function outputOf(args: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((done) => execFile("docker", args, { env }, (error, stdout) => done(error ? undefined : stdout)));
}

/** Build arguments go through the environment, where the list of processes doesn't show them. */
function cliArguments(session: Session, request: BuildRequest): { args: string[]; secret: Record<string, string> } {
  const secret: Record<string, string> = {};
  const buildArgs = Object.entries(request.args ?? {}).flatMap(([key, value]) => {
    if (key in process.env) return ["--build-arg", `${key}=${value}`];
    secret[key] = value;
    return ["--build-arg", key];
  });
  const each = (option: string, values: readonly string[] | undefined) => (values ?? []).flatMap((v) => [option, v]);
  const one = (option: string, value: string | undefined) => (value ? [option, value] : []);
  const args = [
    "--progress=plain",
    ...each("--tag", request.tags),
    ...(request.remoteContext ? [] : ["--file", resolve(session.cwd, request.dockerfile)]),
    ...buildArgs,
    ...one("--target", request.target),
    ...one("--platform", request.platform),
    ...one("--network", request.network),
    ...one("--cgroup-parent", request.limits?.cgroupparent as string | undefined),
    ...one("--shm-size", request.limits?.shmsize ? String(request.limits.shmsize) : undefined),
    ...each("--add-host", request.addHosts),
    ...each("--cache-from", request.cacheFrom),
    ...each(
      "--label",
      Object.entries(request.labels ?? {}).map(([key, value]) => `${key}=${value}`),
    ),
    ...(request.noCache ? ["--no-cache"] : []),
    ...(request.pull ? ["--pull"] : []),
    ...(request.secrets ?? []).flatMap(({ id, src, env }) => [
      "--secret",
      [`id=${id}`, ...(src ? [`src=${resolve(session.cwd, src)}`] : env ? [`env=${env}`] : [])].join(","),
    ]),
    ...(request.cliOptions ?? []),
    request.remoteContext ?? resolve(session.cwd, request.context),
  ];
  return { args, secret };
}
