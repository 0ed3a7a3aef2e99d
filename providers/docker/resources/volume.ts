/** `docker.Volume`. */
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { PropertyMap, PropertyValue } from "../../../engine/values";
import { speaks } from "../engine/connect";
import { explained, isNotFound, reasonOf, statusOf } from "../engine/errors";
import { call, query } from "../engine/requests";
import { importedInputs, refreshedInputs } from "../schema/extract-inputs";
import { isAbsent } from "../schema/field";
import { plannedOutputs, updatedOutputs } from "../schema/outputs";
import { volumeSchema } from "../schema/volume";
import { formatBytes, parseBytes } from "./bytes";
import { metaOf, withTimeout, type Handler } from "./handler";
import { readLabels, withOurs } from "./labels";

interface VolumeInspection {
  Name: string;
  Driver: string;
  Mountpoint: string;
  Labels?: Record<string, string> | null;
  Options?: Record<string, string> | null;
  ClusterVolume?: ClusterVolume;
}

interface ClusterVolume {
  ID: string;
  Version: { Index: number };
  Spec: {
    Group?: string;
    Availability?: string;
    AccessMode?: { Scope?: string; Sharing?: string; MountVolume?: object; BlockVolume?: object };
    CapacityRange?: { RequiredBytes?: number; LimitBytes?: number };
    AccessibilityRequirements?: { Requisite?: Topology[] | null; Preferred?: Topology[] | null };
  };
}

interface Topology {
  Segments?: Record<string, string>;
}

interface ClusterInputs {
  scope?: string;
  sharing?: string;
  type?: string;
  topologyPreferred?: string;
  topologyRequired?: string;
  requiredBytes?: string;
  limitBytes?: string;
  group?: string;
  availability?: string;
}

/** How long a volume may still be held by a container that is being removed, in milliseconds. */
const STILL_IN_USE = 8_000;

export const volume: Handler = {
  schema: volumeSchema,

  async create(session, request, context) {
    const { name, driver, driverOpts, cluster, labels } = request.properties;
    const engine = await session.engine();
    context.signal.throwIfAborted();
    if (cluster && !speaks(engine, "1.42")) {
      throw new Error("cluster needs a Docker Engine with API 1.42 or newer; upgrade the Engine or leave it out");
    }
    const body = {
      Name: name,
      Driver: driver,
      DriverOpts: driverOpts,
      Labels: withOurs(session.labels, labels),
      ...(cluster ? { ClusterVolumeSpec: clusterSpec(cluster as ClusterInputs) } : {}),
    };
    try {
      const { Name: id } = await call<{ Name: string }>(engine, { method: "POST", path: "/volumes/create", body });
      const planned: PropertyMap = {
        ...metaOf(volumeSchema),
        ...plannedOutputs(volumeSchema, request.properties, null),
      };
      const found = await inspectVolume(engine, id);
      if (!found) throw new Error("it was removed by somebody else at once");
      const properties = outputs(planned, found, labels);
      // One that was there before isn't changed by its creation, and keeps the labels that it had.
      return { id, properties: isAbsent(labels) ? properties : { ...properties, labels: planned.labels! } };
    } catch (error) {
      throw explained(`create volume ${String(name)}`, error);
    }
  },

  async read(session, request) {
    const found = await inspectVolume(await session.engine(), request.id);
    if (!found) return undefined;
    const isImport = Object.keys(request.properties).length === 0;
    const recorded = isImport
      ? { ...metaOf(volumeSchema), ...plannedOutputs(volumeSchema, {}, null) }
      : request.properties;
    const properties = outputs(recorded, found, request.inputs.labels ?? request.properties.labels);
    const fields = volumeSchema.fields;
    return {
      id: found.Name,
      inputs: isImport ? importedInputs(fields, properties) : refreshedInputs(fields, request.inputs, properties),
      properties,
    };
  },

  async update(session, request, context) {
    const engine = await session.engine();
    const found = await inspectVolume(engine, request.id);
    if (!found) throw new Error(`volume ${request.id} is gone; run refresh, then up makes it again`);
    const wanted = (request.news.cluster as ClusterInputs | undefined)?.availability;
    const cluster = found.ClusterVolume;
    if (wanted && cluster && cluster.Spec.Availability !== wanted) {
      try {
        await call(engine, {
          method: "PUT",
          path: `/volumes/${encodeURIComponent(cluster.ID)}?${query({ version: cluster.Version.Index })}`,
          body: { Spec: { ...cluster.Spec, Availability: wanted } },
          signal: context.signal,
        });
      } catch (error) {
        throw explained(`update volume ${request.id}`, error);
      }
    }
    const planned = updatedOutputs(volumeSchema, request.olds, request.news);
    return { properties: outputs(planned, (await inspectVolume(engine, request.id)) ?? found, request.news.labels) };
  },

  async delete(session, request, context) {
    const engine = await session.engine();
    const signal = withTimeout(context, request.timeout, `deleting volume ${request.id}`);
    const path = `/volumes/${encodeURIComponent(request.id)}?${query({ force: true })}`;
    for (let waited = 0, pause = 50; ; waited += pause, pause = Math.min(pause * 2, 1000)) {
      try {
        await call(engine, { method: "DELETE", path, signal });
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (statusOf(error) !== 409 || !/in use/i.test(reasonOf(error))) {
          throw explained(`delete volume ${request.id}`, error);
        }
        if (waited >= STILL_IN_USE) throw new Error(await stillInUse(engine, request.id), { cause: error });
      }
      await delay(pause, undefined, { signal });
    }
  },
};

async function inspectVolume(engine: Docker, name: string): Promise<VolumeInspection | undefined> {
  try {
    return await call<VolumeInspection>(engine, { method: "GET", path: `/volumes/${encodeURIComponent(name)}` });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function outputs(recorded: PropertyMap, found: VolumeInspection, ownLabels: PropertyValue | undefined): PropertyMap {
  return {
    ...recorded,
    id: found.Name,
    name: found.Name,
    labels: readLabels(found.Labels, ownLabels),
    driver: found.Driver,
    driverOpts: found.Options ?? (isAbsent(recorded.driverOpts) ? null : recorded.driverOpts),
    mountpoint: found.Mountpoint,
    cluster: found.ClusterVolume ? clusterOutputs(found.ClusterVolume) : (recorded.cluster ?? null),
  };
}

function clusterSpec(cluster: ClusterInputs): object {
  return {
    Group: cluster.group,
    Availability: cluster.availability ?? "active",
    AccessMode: {
      Scope: cluster.scope ?? "single",
      Sharing: cluster.sharing ?? "none",
      ...(cluster.type === "mount" ? { MountVolume: {} } : { BlockVolume: {} }),
    },
    CapacityRange: { RequiredBytes: parseBytes(cluster.requiredBytes), LimitBytes: parseBytes(cluster.limitBytes) },
    AccessibilityRequirements: {
      Requisite: topologies(cluster.topologyRequired),
      Preferred: topologies(cluster.topologyPreferred),
    },
  };
}

function topologies(text: string | undefined): Topology[] | undefined {
  if (!text) return undefined;
  return [
    { Segments: Object.fromEntries(text.split(",").map((segment) => segment.split("=", 2) as [string, string])) },
  ];
}

function clusterOutputs({ ID: id, Spec: spec }: ClusterVolume): PropertyMap {
  const segments = (found: Topology[] | null | undefined) =>
    (found ?? []).flatMap(({ Segments = {} }) => Object.entries(Segments).map(([k, v]) => `${k}=${v}`)).join(",");
  return {
    id,
    scope: spec.AccessMode?.Scope ?? "",
    sharing: spec.AccessMode?.Sharing ?? "",
    type: spec.AccessMode?.MountVolume ? "mount" : "block",
    group: spec.Group ?? "",
    availability: spec.Availability ?? "",
    requiredBytes: formatBytes(spec.CapacityRange?.RequiredBytes ?? 0),
    limitBytes: formatBytes(spec.CapacityRange?.LimitBytes ?? 0),
    topologyPreferred: segments(spec.AccessibilityRequirements?.Preferred),
    topologyRequired: segments(spec.AccessibilityRequirements?.Requisite),
  };
}

async function stillInUse(engine: Docker, name: string): Promise<string> {
  const filters = JSON.stringify({ volume: [name] });
  const path = `/containers/json?${query({ all: true, filters })}`;
  const users = (await call<{ Names: string[] }[]>(engine, { method: "GET", path })).map((found) =>
    (found.Names[0] ?? "").slice(1),
  );
  return `can't delete volume ${name}: ${users.join(", ") || "a container"} still uses it; remove what uses it first`;
}
