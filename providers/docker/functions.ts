/** Functions: what programs look up on the Docker Engine and in registries. */
import type { InvokeRequest, InvokeResponse, ProviderContext } from "../../engine/provider";
import type { PropertyMap } from "../../engine/values";
import { explained, isNotFound } from "./engine/errors";
import { call, openStream, query } from "./engine/requests";
import { TextOutput } from "./engine/stream";
import { inspectContainer } from "./container/inspection";
import { remoteDigest, remoteManifests } from "./registry/client";
import { parseImageName } from "./registry/image-name";
import type { Session } from "./resources/handler";
import { inspectImage, repoDigest } from "./resources/local-images";
import { inspectNetwork, ipamConfigs } from "./resources/network";
import { checkArguments } from "./schema/check";
import { bool, object, string, type Fields } from "./schema/field";
import { nearest } from "./schema/nearest";
import { ordered } from "./schema/outputs";

interface LookUp {
  fields: Fields;
  run(session: Session, args: never, context: ProviderContext): Promise<PropertyMap>;
}

/** By token. */
export const functions: Readonly<Record<string, LookUp>> = {
  "docker:index/getNetwork:getNetwork": { fields: { name: string({ required: true }) }, run: getNetwork },
  "docker:index/getRemoteImage:getRemoteImage": { fields: { name: string({ required: true }) }, run: getRemoteImage },
  "docker:index/getRegistryImage:getRegistryImage": {
    fields: { name: string({ required: true }), insecureSkipVerify: bool({ default: false }) },
    run: getRegistryImage,
  },
  "docker:index/getRegistryImageManifests:getRegistryImageManifests": {
    fields: {
      name: string({ required: true }),
      authConfig: object({ address: string({ required: true }), username: string(), password: string() }),
      insecureSkipVerify: bool({ default: false }),
    },
    run: getRegistryImageManifests,
  },
  "docker:index/getLogs:getLogs": {
    fields: {
      name: string({ required: true }),
      details: bool({ default: false }),
      discardHeaders: bool({ default: true }),
      follow: bool({ default: false }),
      logsListStringEnabled: bool({ default: true }),
      showStderr: bool({ default: true }),
      showStdout: bool({ default: true }),
      since: string({ default: "" }),
      tail: string({ default: "" }),
      timestamps: bool({ default: false }),
      until: string({ default: "" }),
    },
    run: getLogs,
  },
  "docker:index/getPlugin:getPlugin": { fields: { alias: string(), id: string() }, run: getPlugin },
};

/** @throws where there is no such function, or nothing is found. */
export async function invoke(
  session: Session,
  request: InvokeRequest,
  context: ProviderContext,
): Promise<InvokeResponse> {
  const lookUp = functions[request.token];
  if (!lookUp) {
    const near = nearest(request.token, Object.keys(functions));
    throw new Error(
      `there is no function ${request.token} in the docker package${near ? `; did you mean ${near}?` : ""}`,
    );
  }
  const { inputs, failures } = checkArguments(lookUp.fields, request.args);
  if (failures) return { result: {}, failures };
  return { result: await lookUp.run(session, inputs as never, context) };
}

async function getNetwork(session: Session, { name }: { name: string }): Promise<PropertyMap> {
  const found = await inspectNetwork(await session.engine(), name);
  if (!found) throw new Error(`there is no network ${name}; see docker network ls`);
  const containers = found.Containers ?? {};
  return {
    id: found.Id,
    name: found.Name,
    scope: found.Scope,
    driver: found.Driver,
    options: found.Options ?? {},
    internal: found.Internal,
    ipamConfigs: ordered(ipamConfigs(found)),
    containers: Object.keys(containers)
      .sort()
      .map((containerId) => {
        const endpoint = containers[containerId]!;
        return {
          containerId,
          name: endpoint.Name,
          endpointId: endpoint.EndpointID,
          macAddress: endpoint.MacAddress,
          ipv4Address: endpoint.IPv4Address,
          ipv6Address: endpoint.IPv6Address,
        };
      }),
  };
}

async function getRemoteImage(session: Session, { name }: { name: string }): Promise<PropertyMap> {
  const found = await inspectImage(await session.engine(), name);
  if (!found) throw new Error(`there is no image ${name} on the Docker Engine; pull or build it first`);
  return { id: found.Id, name, repoDigest: repoDigest(name, found) };
}

interface RegistryArgs {
  name: string;
  insecureSkipVerify: boolean;
  authConfig?: { address: string; username?: string; password?: string };
}

async function getRegistryImage(
  session: Session,
  args: RegistryArgs,
  { signal }: ProviderContext,
): Promise<PropertyMap> {
  const credentials = await session.credentials.for(parseImageName(args.name).registry);
  const sha256Digest = await remoteDigest(args.name, { credentials, insecure: args.insecureSkipVerify, signal });
  return { ...args, id: sha256Digest, sha256Digest } as PropertyMap;
}

async function getRegistryImageManifests(
  session: Session,
  args: RegistryArgs,
  { signal }: ProviderContext,
): Promise<PropertyMap> {
  const { registry, repository, tag, digest } = parseImageName(args.name);
  const own = args.authConfig;
  const credentials = own
    ? { username: own.username, password: own.password, serveraddress: own.address }
    : await session.credentials.for(registry);
  const manifests = await remoteManifests(args.name, { credentials, insecure: args.insecureSkipVerify, signal });
  return {
    ...args,
    id: `${repository}:${digest ?? tag ?? "latest"}`,
    manifests: ordered(
      manifests.map((manifest) => ({
        mediaType: manifest.mediaType,
        sha256Digest: manifest.digest,
        architecture: manifest.platform?.architecture ?? "",
        os: manifest.platform?.os ?? "",
      })),
    ),
  } as PropertyMap;
}

interface LogArgs {
  name: string;
  details: boolean;
  discardHeaders: boolean;
  follow: boolean;
  logsListStringEnabled: boolean;
  showStderr: boolean;
  showStdout: boolean;
  since: string;
  tail: string;
  timestamps: boolean;
  until: string;
}

async function getLogs(session: Session, args: LogArgs, { signal }: ProviderContext): Promise<PropertyMap> {
  const engine = await session.engine();
  const result = { ...args, id: args.name, logsListStrings: [] as string[] };
  const { follow, since, until, timestamps, tail, details } = args;
  const filter = { stdout: args.showStdout, stderr: args.showStderr, follow, since, until, timestamps, tail, details };
  try {
    const found = await inspectContainer(engine, args.name, signal);
    const path = `/containers/${encodeURIComponent(args.name)}/logs?${query(filter)}`;
    const stream = await openStream(engine, { method: "GET", path, signal });
    if (args.logsListStringEnabled) {
      let text = "";
      const isRaw = found?.Config.Tty === true || !args.discardHeaders;
      const output = new TextOutput(isRaw, (_, chunk) => (text += chunk));
      for await (const chunk of stream) output.write(chunk as Buffer);
      output.end();
      result.logsListStrings = text.replace(/\r?\n$/, "").split(/\r?\n/);
      if (text === "") result.logsListStrings = [];
    } else {
      stream.destroy();
    }
  } catch (error) {
    throw explained(`read the log of container ${args.name}`, error);
  }
  return result;
}

interface PluginInspection {
  Id: string;
  Name: string;
  PluginReference?: string;
  Enabled: boolean;
  Settings?: { Env?: string[] | null };
}

async function getPlugin(session: Session, { id, alias }: { id?: string; alias?: string }): Promise<PropertyMap> {
  if (Boolean(id) === Boolean(alias)) throw new Error("getPlugin needs one of id and alias");
  const engine = await session.engine();
  try {
    const path = `/plugins/${encodeURIComponent((id ?? alias)!)}/json`;
    const found = await call<PluginInspection>(engine, { method: "GET", path });
    return {
      id: found.Id,
      alias: alias ?? found.Name,
      name: found.Name,
      pluginReference: found.PluginReference ?? "",
      enabled: found.Enabled,
      grantAllPermissions: false,
      envs: ordered(found.Settings?.Env ?? []),
    };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Error(`there is no plugin ${(id ?? alias)!} on the Docker Engine; see docker plugin ls`);
  }
}
