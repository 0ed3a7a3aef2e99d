/** Building an image: not again where it is there already, with the Engine's builders, else with the Docker CLI. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { ProviderContext } from "../../../engine/provider";
import { explained } from "../engine/errors";
import { call, openStream, query } from "../engine/requests";
import { jsonMessages } from "../engine/stream";
import { encodeName, findOrPull, inspectImage } from "../resources/local-images";
import { headerValue, hostOf } from "../registry/credentials";
import type { Session } from "../resources/handler";
import { forImages } from "../resources/labels";
import { contextArchive } from "./archive";
import { BuildKitTrace } from "./buildkit-trace";
import { buildWithCli } from "./cli";
import { contextDigest } from "./digest";
import { baseImages, needsBuildKit } from "./dockerfile";
import type { BuildSession, SessionAnswers } from "./session";

/** One build, whichever resource asks for it. */
export interface BuildRequest {
  /** The image's names; the first one is looked for. */
  tags: readonly string[];
  /** As the program gives them; the Dockerfile is relative to the working directory, not to the context. */
  context: string;
  dockerfile: string;
  args?: Readonly<Record<string, string>>;
  target?: string;
  platform?: string;
  network?: string;
  addHosts?: readonly string[];
  cacheFrom?: readonly string[];
  labels?: Readonly<Record<string, string>>;
  /** `true`: BuildKit is asked for, and taken where it is. */
  buildKit?: boolean;
  /** `true`: the builder that is always there. */
  classic?: boolean;
  noCache?: boolean;
  pull?: boolean;
  /** Of the Engine's own builder: more parameters of `POST /build`. */
  limits?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** A context that the Engine fetches itself, in place of `context`. */
  remoteContext?: string;
  /** Credentials by registry, beside those known already. */
  auth?: Readonly<Record<string, { username?: string; password?: string }>>;
  /** Of BuildKit: files or values that the build may mount and that don't end up in the image. */
  secrets?: readonly BuildSecret[];
  /** Of the Docker CLI's builder, buildx: more of its options, as it takes them. */
  cliOptions?: readonly string[];
  /** Found again by what it is built of, also under another name: of images that stay when their resource goes. */
  outlives?: boolean;
  /** Where to write what the build prints, relative to the working directory. */
  logFile?: string;
}

export interface BuildSecret {
  id: string;
  /** A file; else the variable `env`, else the variable or the file called as the secret. */
  src?: string;
  env?: string;
}

/** Says of what an image was built, so that it needn't be built again. */
const BUILD_LABEL = "dev.seatrial.build";

/** A name for each image that is built, by which a later build of the same finds it, whatever that one is called. */
const builtName = (key: string): string => `seatrial-build:${key.slice(0, 40)}`;

/** The image's id. @throws with the failing step and what it printed. */
export async function build(
  session: Session,
  request: BuildRequest,
  context: ProviderContext,
  signal: AbortSignal,
): Promise<string> {
  const engine = await session.engine();
  const name = request.tags[0]!;
  const dockerfile = resolve(session.cwd, request.dockerfile);
  const text = request.remoteContext ? "" : readDockerfile(dockerfile, request.dockerfile);
  const key = request.remoteContext ? undefined : await buildKey(session, engine, request, text, signal);
  const isFresh = request.noCache || request.pull || key === undefined;
  const existing = isFresh ? undefined : await findBuilt(engine, request, key, signal);
  if (existing) {
    context.log("info", `${name} is built already`, { ephemeral: true });
    await tagAll(engine, existing, request.tags);
    return existing;
  }
  await warmCache(session, request, context, signal);
  const labels = {
    ...forImages(session.labels),
    ...request.labels,
    ...(key === undefined ? {} : { [BUILD_LABEL]: key }),
  };
  const builder = await builderFor(engine, { ...request, labels }, text);
  context.log("info", `building ${name}`, { ephemeral: true });
  const log = logging(session, request, context);
  if (builder === "buildx") await buildWithCli(session, { ...request, labels }, log, signal);
  else await buildOnEngine(session, engine, { ...request, labels }, builder, dockerfile, log, signal);
  const built = await inspectImage(engine, name, signal);
  if (!built) throw new Error(`${name} was built but isn't there; see docker images`);
  if (key !== undefined && request.outlives) await tagImage(engine, built.Id, builtName(key));
  return built.Id;
}

type Builder = "classic" | "buildkit" | "buildx";

/**
 * What only the Docker CLI's buildx can do goes there. Else it is the Engine's own BuildKit where that is needed, asked
 * for, or what the Engine itself says it is to be, and the builder before it elsewhere.
 */
async function builderFor(engine: Docker, request: BuildRequest, dockerfile: string): Promise<Builder> {
  const name = request.tags[0]!;
  const isNeeded = needsBuildKit(dockerfile) || (request.secrets?.length ?? 0) > 0;
  const isForBuildx =
    (request.cliOptions?.length ?? 0) > 0 || (request.cacheFrom ?? []).some((source) => source.includes("="));
  if ((isNeeded || isForBuildx) && request.classic) {
    throw new Error(`can't build ${name}: it needs BuildKit, and builderVersion asks for the builder before it`);
  }
  if (isForBuildx) return "buildx";
  const onlyClassic = NOT_BUILDKIT.filter((limit) => request.limits?.[limit]);
  if (isNeeded && onlyClassic.length > 0) {
    throw new Error(`can't build ${name}: it needs BuildKit, which takes no ${onlyClassic.join(", ")}; leave them out`);
  }
  if (request.classic || onlyClassic.length > 0) return "classic";
  const isWanted = isNeeded || request.buildKit || /^(?:1|true)$/i.test(process.env.DOCKER_BUILDKIT ?? "");
  return isWanted || (await isDefaultBuilder(engine)) ? "buildkit" : "classic";
}

/** What the classic builder takes and BuildKit doesn't. */
const NOT_BUILDKIT = [
  "cpushares",
  "cpuquota",
  "cpuperiod",
  "cpusetcpus",
  "cpusetmems",
  "memory",
  "memswap",
  "squash",
  "isolation",
  "securityopt",
];

/** An Engine says, from version 23 on, which builder it would rather use. */
async function isDefaultBuilder(engine: Docker): Promise<boolean> {
  const answer = (await openStream(engine, { method: "GET", path: "/_ping" })) as IncomingMessage;
  answer.resume();
  return answer.headers["builder-version"] === "2";
}

/** Shows each line of the build, and writes it where the program wants it. */
function logging(session: Session, { logFile }: BuildRequest, context: ProviderContext): (line: string) => void {
  const file = logFile ? resolve(session.cwd, logFile) : undefined;
  if (file) writeFileSync(file, "");
  return (line) => {
    context.log("info", line, { ephemeral: true });
    if (file) appendFileSync(file, `${line}\n`);
  };
}

function readDockerfile(file: string, given: string): string {
  if (!existsSync(file)) throw new Error(`there is no Dockerfile at ${given}`);
  return readFileSync(file, "utf8");
}

/** Everything that decides what comes out: files, parameters, and the images that it is made from as they are now. */
async function buildKey(
  session: Session,
  engine: Docker,
  request: BuildRequest,
  dockerfile: string,
  signal: AbortSignal,
): Promise<string> {
  const args = request.args ?? {};
  const bases: Record<string, string> = {};
  for (const image of baseImages(dockerfile, args)) {
    bases[image] = (await inspectImage(engine, image, signal).catch(() => undefined))?.Id ?? "";
  }
  const { target, platform, network, addHosts, labels, limits, secrets, cliOptions, classic, buildKit } = request;
  const parts = {
    context: contextDigest(session.cwd, request.context, request.dockerfile),
    args: Object.entries(args).sort(),
    bases: Object.entries(bases).sort(),
    labels: Object.entries(labels ?? {}).sort(),
    limits: Object.entries(limits ?? {}).sort(),
    ...{ target, platform, network, addHosts, secrets, cliOptions, classic, buildKit },
  };
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The id of an image that was built of the same. */
async function findBuilt(
  engine: Docker,
  { tags, outlives }: BuildRequest,
  key: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  // By names, as what others build on an image has its labels too.
  for (const candidate of [tags[0]!, ...(outlives ? [builtName(key)] : [])]) {
    const found = await inspectImage(engine, candidate, signal);
    if (found?.Config?.Labels?.[BUILD_LABEL] === key) return found.Id;
  }
  return undefined;
}

/** What is only to speed the build up may be missing. */
async function warmCache(
  session: Session,
  { cacheFrom = [], platform }: BuildRequest,
  context: ProviderContext,
  signal: AbortSignal,
): Promise<void> {
  for (const image of cacheFrom) {
    if (image.includes("=")) continue;
    await findOrPull(session, image, { platform, context, signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      context.log("info", `cacheFrom image ${image} is not available: ${(error as Error).message}`);
    });
  }
}

async function tagAll(engine: Docker, id: string, tags: readonly string[]): Promise<void> {
  for (const tag of tags) await tagImage(engine, id, tag);
}

/** Gives an image another name. */
export async function tagImage(engine: Docker, source: string, target: string): Promise<void> {
  const colon = target.lastIndexOf(":");
  const hasTag = colon > target.lastIndexOf("/");
  const repo = hasTag ? target.slice(0, colon) : target;
  const tag = hasTag ? target.slice(colon + 1) : "latest";
  await call(engine, { method: "POST", path: `/images/${encodeName(source)}/tag?${query({ repo, tag })}` });
}

interface BuildMessage {
  stream?: string;
  status?: string;
  id?: string;
  error?: string;
  errorDetail?: { message?: string; code?: number };
  /** BuildKit's progress in base64; the classic builder and BuildKit also tell the image's id here. */
  aux?: string | { ID?: string };
}

async function buildOnEngine(
  session: Session,
  engine: Docker,
  request: BuildRequest,
  builder: "classic" | "buildkit",
  dockerfile: string,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const kit = builder === "buildkit" ? await openKit(engine, sessionAnswers(session, request)) : undefined;
  try {
    await follow(session, engine, request, kit, dockerfile, log, signal);
  } finally {
    kit?.close();
  }
}

/** BuildKit asks for what it needs by gRPC, which is loaded for that. */
async function openKit(engine: Docker, answers: SessionAnswers): Promise<BuildSession> {
  const { openSession } = await import("./session");
  return await openSession(engine, answers);
}

function sessionAnswers(session: Session, { auth = {}, secrets = [] }: BuildRequest): SessionAnswers {
  return {
    credentials: async (host) => {
      const own = Object.entries(auth).find(([registry]) => hostOf(registry) === hostOf(host))?.[1];
      return own ?? session.credentials.for(host);
    },
    secrets: new Map(secrets.map((secret) => [secret.id, secretValue(session, secret)])),
  };
}

function secretValue(session: Session, { id, src, env }: BuildSecret): Buffer {
  const variable = env ?? (src === undefined && id in process.env ? id : undefined);
  if (variable !== undefined) return Buffer.from(process.env[variable] ?? "");
  try {
    return readFileSync(resolve(session.cwd, src ?? id));
  } catch (error) {
    throw new Error(`can't read the build's secret ${id}: ${(error as Error).message}`);
  }
}

async function follow(
  session: Session,
  engine: Docker,
  request: BuildRequest,
  kit: BuildSession | undefined,
  dockerfile: string,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const archive = request.remoteContext ? undefined : contextArchive(resolve(session.cwd, request.context), dockerfile);
  const parameters = query({
    dockerfile: archive?.dockerfile ?? request.dockerfile,
    remote: request.remoteContext,
    version: kit ? 2 : 1,
    rm: true,
    forcerm: true,
    nocache: request.noCache,
    pull: request.pull,
    target: request.target,
    // Without need it isn't asked for: the classic builder then takes no image of a platform that isn't said.
    platform: isOwnPlatform(request.platform) ? undefined : request.platform,
    networkmode: request.network,
    buildargs: JSON.stringify(request.args ?? {}),
    labels: JSON.stringify(request.labels ?? {}),
    cachefrom: request.cacheFrom?.length ? JSON.stringify(request.cacheFrom) : undefined,
    ...request.limits,
    // A session of the program's own has the answers that the build needs.
    session: request.limits?.session ?? kit?.id,
  });
  // These are given as many times as there are values.
  const repeated = [...request.tags.map((tag) => ["t", tag]), ...(request.addHosts ?? []).map((h) => ["extrahosts", h])]
    .map(([name, value]) => `&${name}=${encodeURIComponent(value!)}`)
    .join("");
  const auth = { ...(await session.credentials.all()), ...request.auth };
  const [step, trace] = [new Step(), new BuildKitTrace()];
  let failure: Error | undefined;
  try {
    const answer = await post(engine, `/build?${parameters}${repeated}`, archive?.stream, auth, signal);
    for await (const { aux, error, errorDetail, stream = "" } of jsonMessages<BuildMessage>(answer)) {
      if (error) failure = new Error((kit ? trace : step).failure(errorDetail?.message ?? error));
      else (kit && typeof aux === "string" ? trace.lines(aux) : step.lines(stream)).forEach(log);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw explained(`build ${request.tags[0]!}`, error);
  }
  if (failure) throw failure;
}

/** Sends the archive; resolves as soon as the answer begins. */
function post(
  engine: Docker,
  path: string,
  file: Readable | undefined,
  registries: object,
  abortSignal: AbortSignal,
): Promise<Readable> {
  return new Promise((done, reject) => {
    engine.modem.dial(
      {
        path: `${path}&`,
        method: "POST",
        ...(file ? { file } : {}),
        headers: { "X-Registry-Config": headerValue(registries) },
        isStream: true,
        abortSignal,
        statusCodes: { 200: true },
      } as never,
      (error: unknown, data: unknown) => (error ? reject(error as Error) : done(data as Readable)),
    );
  });
}

const isOwnPlatform = (platform: string | undefined): boolean => platform === undefined || platform === hostPlatform();

/** The platform that images are built for where nothing else is said. */
export const hostPlatform = (): string =>
  `linux/${{ x64: "amd64", ia32: "386" }[process.arch as string] ?? process.arch}`;

/** The build's current step and what it printed, for the message of its failure. */
class Step {
  private title = "";
  private output: string[] = [];
  private partial = "";

  /** The complete lines that `text` brings. */
  lines(text: string): string[] {
    const lines = (this.partial + text).split(/\r?\n/);
    this.partial = lines.pop()!;
    const shown: string[] = [];
    for (const line of lines.filter((candidate) => candidate.trim() !== "")) {
      if (/^Step \d+\/\d+ : /.test(line)) [this.title, this.output] = [line.trim(), []];
      else if (!/^ ---> |^Removing intermediate container/.test(line)) this.output.push(line);
      shown.push(line.trimEnd());
    }
    return shown;
  }

  failure(reason: string): string {
    const output = this.partial.trim() === "" ? this.output : [...this.output, this.partial];
    const headline = `the build failed${this.title ? ` at ${this.title.replace(/^Step/, "step")}` : ""}: ${reason.trim()}`;
    return output.length === 0 ? headline : [headline, ...output.slice(-20).map((line) => `  ${line}`)].join("\n");
  }
}
