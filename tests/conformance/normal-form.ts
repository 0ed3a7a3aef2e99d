/** State and events without what differs from run to run: ids, times, places, ciphertexts. */
import type { EngineEvent } from "../../engine/events";
import type { SerializedDeployment } from "../../engine/state/checkpoint";
import type { Workspace } from "./engines";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** Where a resource stands in the program's sources, and when things happened. */
const PASSING = new Set(["created", "modified", "sourcePosition", "stackTrace", "time"]);
/** The plugin writes down which release it is, which depends on how it was built. */
const BUILD = "__pulumi-go-provider-version";

/** Ids of the resources made so far, by what takes their place. */
export type Names = Map<string, string>;

export function normalState(state: SerializedDeployment | undefined, workspace: Workspace, names: Names): Json[] {
  const resources = state?.resources ?? [];
  for (const resource of resources) learn(names, resource.urn, resource["id"]);
  return resources.map((resource) => normal(resource as unknown as Json, workspace, names));
}

export function normalPending(state: SerializedDeployment | undefined, workspace: Workspace, names: Names): Json[] {
  return (state?.pending_operations ?? []).map((operation) => normal(operation as unknown as Json, workspace, names));
}

export interface NormalEvent {
  kind: "pre" | "outputs" | "failed";
  op: string;
  urn: string;
  metadata: Json;
}

export function normalEvents(events: EngineEvent[], workspace: Workspace, names: Names): NormalEvent[] {
  const result: NormalEvent[] = [];
  for (const event of events) {
    const kind = event.resourcePreEvent ? "pre" : event.resOutputsEvent ? "outputs" : "failed";
    const metadata = (event.resourcePreEvent ?? event.resOutputsEvent ?? event.resOpFailedEvent)?.metadata;
    if (!metadata) continue;
    learn(names, metadata.urn, metadata.old?.id);
    learn(names, metadata.urn, metadata.new?.id);
    const { op, urn } = metadata;
    // In a preview the CLI tells of a component's outputs twice.
    const again = result.findIndex(
      (earlier) => kind === "outputs" && earlier.kind === kind && earlier.op === op && earlier.urn === urn,
    );
    if (again >= 0 && !(metadata.new ?? metadata.old)?.custom) result.splice(again, 1);
    result.push({ kind, op, urn, metadata: sortedLists(normal(metadata as unknown as Json, workspace, names)) });
  }
  return result;
}

/** `keys` and `diffs` are sets; an empty detailed difference says no more than none, which providers tell as they like. */
function sortedLists(metadata: Json): Json {
  if (!isObject(metadata)) return metadata;
  const result = { ...metadata };
  for (const name of ["keys", "diffs"]) {
    const list = result[name];
    if (Array.isArray(list)) result[name] = [...list].sort();
  }
  const detailed = result["detailedDiff"];
  if (isObject(detailed) && Object.keys(detailed).length === 0) result["detailedDiff"] = null;
  return result;
}

function learn(names: Names, urn: string, id: unknown): void {
  if (typeof id === "string" && id !== UNKNOWN && /[0-9a-f]{8,}$/.test(id) && !names.has(id))
    names.set(id, `<id of ${urn.split("::").slice(2).join("::")}>`);
}

export function normal(value: Json | undefined, workspace: Workspace, names: Names): Json {
  if (value === undefined) return null;
  if (typeof value === "string") {
    const known = names.get(value);
    if (known) return known;
    return value
      .replaceAll(workspace.folder, "$PROJECT")
      .replaceAll(workspace.backend, "$BACKEND")
      .replace(UUID, (uuid) => (uuid === UNKNOWN ? uuid : "<uuid>"));
  }
  if (Array.isArray(value)) return value.map((item) => normal(item, workspace, names));
  if (!isObject(value)) return value;
  if (value[SIGNATURE] === SECRET) {
    const sealed = value["ciphertext"];
    // In events there is a mark in its place.
    if (typeof sealed === "string" && sealed.startsWith("v1:")) {
      return { secret: normal(JSON.parse(workspace.secrets.decrypt(sealed)) as Json, workspace, names) };
    }
  }
  const entries = Object.entries(value)
    .filter(([name]) => !PASSING.has(name) && name !== BUILD)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, normal(inner, workspace, names)]));
}

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
