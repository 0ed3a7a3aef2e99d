/** `docker.Network`. */
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { PropertyMap, PropertyValue } from "../../../engine/values";
import { explained, isNotFound, reasonOf } from "../engine/errors";
import { call } from "../engine/requests";
import { importedInputs, refreshedInputs } from "../schema/extract-inputs";
import { networkSchema } from "../schema/network";
import { ordered, plannedOutputs } from "../schema/outputs";
import { metaOf, withTimeout, type Handler } from "./handler";
import { readLabels, withOurs } from "./labels";

/** The part of `GET /networks/{id}` that is used here. */
export interface NetworkInspection {
  Id: string;
  Name: string;
  Driver: string;
  Scope: string;
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  EnableIPv6: boolean;
  IPAM: {
    Driver?: string;
    Options?: Record<string, string> | null;
    Config?:
      { Subnet?: string; IPRange?: string; Gateway?: string; AuxiliaryAddresses?: Record<string, string> }[] | null;
  };
  Options?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
  Containers?: Record<
    string,
    { Name: string; EndpointID: string; MacAddress: string; IPv4Address: string; IPv6Address: string }
  > | null;
}

interface NetworkInputs {
  name: string;
  attachable?: boolean;
  driver?: string;
  ingress?: boolean;
  internal?: boolean;
  ipamConfigs?: { subnet?: string; ipRange?: string; gateway?: string; auxAddress?: Record<string, string> }[];
  ipamDriver?: string;
  ipamOptions?: Record<string, string>;
  ipv6?: boolean;
  options?: Record<string, string>;
}

/** How long a network may still have endpoints that are being removed, in milliseconds. */
const STILL_IN_USE = 8_000;

export const network: Handler = {
  schema: networkSchema,

  async create(session, request, context) {
    const inputs = request.properties as unknown as NetworkInputs;
    const engine = await session.engine();
    withTimeout(context, request.timeout, `creating network ${inputs.name}`).throwIfAborted();
    const body = {
      Name: inputs.name,
      CheckDuplicate: true,
      Driver: inputs.driver,
      Internal: inputs.internal ?? false,
      Attachable: inputs.attachable ?? false,
      Ingress: inputs.ingress ?? false,
      EnableIPv6: inputs.ipv6,
      Options: inputs.options,
      Labels: withOurs(session.labels, request.properties.labels),
      IPAM: {
        Driver: inputs.ipamDriver,
        Options: inputs.ipamOptions,
        Config: (inputs.ipamConfigs ?? []).map((config) => ({
          Subnet: config.subnet,
          IPRange: config.ipRange,
          Gateway: config.gateway,
          AuxiliaryAddresses: config.auxAddress,
        })),
      },
    };
    try {
      const { Id: id } = await call<{ Id: string }>(engine, { method: "POST", path: "/networks/create", body });
      const planned = { ...metaOf(networkSchema), ...plannedOutputs(networkSchema, request.properties, null) };
      const found = await inspectNetwork(engine, id);
      if (!found) throw new Error("it was removed by somebody else at once");
      return { id, properties: outputs(planned, found, request.properties.labels) };
    } catch (error) {
      throw explained(`create network ${inputs.name}`, error);
    }
  },

  async read(session, request) {
    const found = await inspectNetwork(await session.engine(), request.id);
    if (!found) return undefined;
    const isImport = Object.keys(request.properties).length === 0;
    const recorded = isImport
      ? { ...metaOf(networkSchema), ...plannedOutputs(networkSchema, {}, null) }
      : request.properties;
    const properties = outputs(recorded, found, request.inputs.labels ?? request.properties.labels);
    const fields = networkSchema.fields;
    return {
      id: found.Id,
      inputs: isImport ? importedInputs(fields, properties) : refreshedInputs(fields, request.inputs, properties),
      properties,
    };
  },

  // Every difference makes a new network; what is left is a refresh of the outputs.
  async update(session, request) {
    const found = await inspectNetwork(await session.engine(), request.id);
    if (!found) throw new Error(`network ${String(request.news.name)} is gone; run refresh, then up makes it again`);
    return { properties: outputs(request.olds, found, request.news.labels) };
  },

  async delete(session, request, context) {
    const engine = await session.engine();
    const name = String(request.properties.name ?? request.id.slice(0, 12));
    const signal = withTimeout(context, request.timeout, `deleting network ${name}`);
    for (let waited = 0, pause = 50; ; waited += pause, pause = Math.min(pause * 2, 1000)) {
      try {
        await call(engine, { method: "DELETE", path: `/networks/${request.id}`, signal });
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!/has active endpoints/i.test(reasonOf(error))) throw explained(`delete network ${name}`, error);
        if (waited >= STILL_IN_USE) throw new Error(await stillInUse(engine, request.id, name), { cause: error });
      }
      await delay(pause, undefined, { signal });
    }
  },
};

/** The network with this id or name; `undefined` where there is none. */
export async function inspectNetwork(engine: Docker, id: string): Promise<NetworkInspection | undefined> {
  try {
    return await call<NetworkInspection>(engine, { method: "GET", path: `/networks/${encodeURIComponent(id)}` });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Address ranges as resources and lookups give them. */
export const ipamConfigs = (found: NetworkInspection): PropertyMap[] =>
  (found.IPAM.Config ?? []).map((config) => ({
    subnet: config.Subnet ?? "",
    ipRange: config.IPRange ?? "",
    gateway: config.Gateway ?? "",
    auxAddress: config.AuxiliaryAddresses ?? {},
  }));

function outputs(recorded: PropertyMap, found: NetworkInspection, ownLabels: PropertyValue | undefined): PropertyMap {
  return {
    ...recorded,
    id: found.Id,
    name: found.Name,
    labels: readLabels(found.Labels, ownLabels),
    driver: found.Driver,
    internal: found.Internal,
    attachable: found.Attachable,
    ingress: found.Ingress,
    ipv6: found.EnableIPv6,
    ipamDriver: found.IPAM.Driver ?? "default",
    ipamOptions: found.IPAM.Options ?? recorded.ipamOptions ?? null,
    ipamConfigs: ordered(ipamConfigs(found)),
    options: found.Options ?? {},
    scope: found.Scope,
  };
}

async function stillInUse(engine: Docker, id: string, name: string): Promise<string> {
  const found = await inspectNetwork(engine, id);
  const users = Object.values(found?.Containers ?? {}).map((endpoint) => endpoint.Name);
  if (users.length === 0) {
    return (
      `can't delete network ${name}: something is still connected to it that the Docker Engine doesn't name; if that ` +
      `stays so it has miscounted: restart it, then docker network rm ${name}`
    );
  }
  const who = `container${users.length > 1 ? "s" : ""} ${users.join(", ")} ${users.length > 1 ? "are" : "is"}`;
  return (
    `can't delete network ${name}: ${who} still connected to it; ` +
    `remove it, or docker network disconnect -f ${name} ${users[0]}`
  );
}
