/**
 * Property values on the wire: JSON (a protobuf `Struct`) in which objects with a signature stand for what JSON has no
 * word for. The state uses the same encoding, with ciphertext in place of a secret's value (see `state/checkpoint.ts`).
 *
 * Source: `sdk/go/common/resource/plugin/rpc.go` and `sdk/nodejs/runtime/rpc.ts` in pulumi/pulumi.
 */
import { createHmac, randomBytes } from "node:crypto";
import {
  Archive,
  Asset,
  OutputValue,
  type PropertyMap,
  type PropertyValue,
  ResourceReference,
  Secret,
  UNKNOWN,
  Unknown,
} from "./property-value";

/** The key that marks an object as something else than a plain map. */
export const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
export const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7";
const RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e";

/** What SDKs and providers send for a value that isn't known. */
export const UNKNOWN_SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** Older, typed forms of it: boolean, number, array, asset, archive, object. */
const TYPED_UNKNOWNS = [
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
];
const UNKNOWN_SENTINELS = new Set([UNKNOWN_SENTINEL, ...TYPED_UNKNOWNS]);

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** What the receiver understands. What it doesn't is sent in the plainest form there is. */
export interface WireOptions {
  /** Otherwise a secret is sent as its bare value. */
  secrets?: boolean;
  /** Otherwise a reference is sent as the resource's id, or as the URN of a component. */
  resources?: boolean;
  /** Otherwise an output is sent as its value, a secret or an unknown. */
  outputs?: boolean;
  /** What to make of a secret's plain encoding; the state encrypts here. */
  seal?: (plain: Json) => Json;
  /** Without the texts of assets, which may be of any length. */
  elideTexts?: boolean;
}

export function toWire(value: PropertyValue, options: WireOptions = {}): Json {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Unknown) return UNKNOWN_SENTINEL;
  if (Array.isArray(value)) return value.map((element) => toWire(element, options));
  if (value instanceof Secret) {
    const plain = toWire(value.element, options);
    if (options.seal) return options.seal(plain);
    return options.secrets ? { [SIGNATURE_KEY]: SECRET_SIGNATURE, value: plain } : plain;
  }
  if (value instanceof OutputValue) return outputToWire(value, options);
  if (value instanceof Asset) {
    const text = options.elideTexts && isText(value) ? ELIDED : value.fields.text;
    return { [SIGNATURE_KEY]: ASSET_SIGNATURE, ...defined({ ...value.fields, text }) };
  }
  if (value instanceof Archive) {
    const { assets, ...rest } = value.fields;
    const encoded: JsonObject = { [SIGNATURE_KEY]: ARCHIVE_SIGNATURE, ...defined(rest) };
    if (assets) encoded["assets"] = toWireMap(assets, options);
    return encoded;
  }
  if (value instanceof ResourceReference) return referenceToWire(value, options);
  return toWireMap(value, options);
}

/** That of an empty text isn't sent. */
const isText = ({ fields }: Asset): boolean => fields.path === undefined && fields.uri === undefined;

/** What the CLI writes in place of an asset's text, and shows. */
const ELIDED = "<contents elided>";

export function toWireMap(map: PropertyMap, options: WireOptions = {}): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(map)) if (value !== undefined) result[key] = toWire(value, options);
  return result;
}

function outputToWire(output: OutputValue, options: WireOptions): Json {
  if (!options.outputs) {
    const element = output.known && output.element !== undefined ? output.element : UNKNOWN;
    return toWire(output.secret ? new Secret(element) : element, options);
  }
  const encoded: JsonObject = { [SIGNATURE_KEY]: OUTPUT_SIGNATURE };
  if (output.known && output.element !== undefined) encoded["value"] = toWire(output.element, options);
  if (output.secret) encoded["secret"] = true;
  if (output.dependencies.length > 0) encoded["dependencies"] = [...output.dependencies];
  return encoded;
}

function referenceToWire(reference: ResourceReference, options: WireOptions): Json {
  const id = reference.id instanceof Unknown ? UNKNOWN_SENTINEL : reference.id;
  if (!options.resources) return id ?? reference.urn;
  const encoded: JsonObject = { [SIGNATURE_KEY]: RESOURCE_SIGNATURE, urn: reference.urn };
  if (id !== undefined) encoded["id"] = id;
  if (reference.packageVersion) encoded["packageVersion"] = reference.packageVersion;
  return encoded;
}

function defined(fields: Record<string, string | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as JsonObject;
}

/**
 * Reads values off the wire. `unseal` is given objects that are marked as secrets; without it their `value` is taken.
 * Throws for a signature it doesn't know.
 */
export function fromWire(json: unknown, unseal?: (secret: JsonObject) => PropertyValue): PropertyValue {
  if (json === null || json === undefined) return null;
  if (typeof json === "string") return UNKNOWN_SENTINELS.has(json) ? UNKNOWN : json;
  if (typeof json === "boolean" || typeof json === "number") return json;
  if (Array.isArray(json)) return json.map((element) => fromWire(element, unseal));
  if (typeof json !== "object") throw new Error(`a ${typeof json} is not a property value`);
  const object = json as Record<string, unknown>;
  const signature = object[SIGNATURE_KEY];
  if (signature === undefined) return fromWireMap(object, unseal);
  switch (signature) {
    case SECRET_SIGNATURE: {
      const element = unseal ? unseal(object as JsonObject) : fromWire(object["value"]);
      return element instanceof Secret ? element : new Secret(element);
    }
    case OUTPUT_SIGNATURE: {
      const known = "value" in object;
      const element = known ? fromWire(object["value"], unseal) : undefined;
      const dependencies = (object["dependencies"] as string[] | undefined) ?? [];
      const secret = object["secret"] === true;
      // An output without dependencies says nothing that a plain value, a secret or an unknown doesn't.
      if (dependencies.length === 0 && !secret) return element ?? UNKNOWN;
      return new OutputValue(element, known, secret, dependencies);
    }
    case ASSET_SIGNATURE:
      return new Asset(pick(object, ["hash", "text", "path", "uri"]));
    case ARCHIVE_SIGNATURE: {
      const assets = object["assets"];
      return new Archive({
        ...pick(object, ["hash", "path", "uri"]),
        ...(assets ? { assets: fromWireMap(assets as Record<string, unknown>, unseal) } : {}),
      });
    }
    case RESOURCE_SIGNATURE: {
      const id = object["id"];
      return new ResourceReference(
        String(object["urn"]),
        id === UNKNOWN_SENTINEL ? UNKNOWN : (id as string | undefined),
        String(object["packageVersion"] ?? ""),
      );
    }
    default:
      throw new Error(`unknown signature "${String(signature)}" in a property value`);
  }
}

export function fromWireMap(
  json: Record<string, unknown>,
  unseal?: (secret: JsonObject) => PropertyValue,
): PropertyMap {
  const result: PropertyMap = {};
  for (const [key, value] of Object.entries(json)) if (value !== undefined) result[key] = fromWire(value, unseal);
  return result;
}

function pick(object: Record<string, unknown>, keys: string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (const key of keys)
    if (typeof object[key] === "string" && object[key] !== "") result[key] = object[key] as string;
  return result;
}

/** Plain JSON for people: secrets as `[secret]`, unknowns as the sentinel, the rest as on the wire. */
export function toDisplay(map: PropertyMap): JsonObject {
  return toWireMap(map, { resources: true, seal: () => "[secret]" });
}

/** As the CLI writes values into its event log: secrets keep their mark, and `[secret]` stands for what they hold. */
export function toEvent(map: PropertyMap): JsonObject {
  return toWireMap(map, {
    resources: true,
    elideTexts: true,
    seal: (plain) => {
      const sealed: JsonObject = { [SIGNATURE_KEY]: SECRET_SIGNATURE, ciphertext: "[secret]" };
      return Object.assign(sealed, { [FINGERPRINT]: fingerprintOf(plain) });
    },
  });
}

/** Tells a display whether a secret has changed. No JSON has it, since its key is a symbol. */
const FINGERPRINT = Symbol("fingerprint");
const fingerprintKey = randomBytes(32);

const fingerprintOf = (plain: Json): string =>
  plain === UNKNOWN_SENTINEL ? plain : createHmac("sha256", fingerprintKey).update(JSON.stringify(plain)).digest("hex");

/** True of a secret in an event. */
export const isSealed = (json: object): boolean => FINGERPRINT in json;

/** Values of an event. What a secret holds here says only whether it is known, and whether two of them are equal. */
export function fromEvent(json: Record<string, unknown>): PropertyMap {
  return fromWireMap(json, (sealed) => {
    const { [FINGERPRINT]: fingerprint } = sealed as { [FINGERPRINT]?: string };
    return new Secret(fromWire(fingerprint ?? "[secret]"));
  });
}

/** Plain JSON with secrets in the clear, as `pulumi stack output --json --show-secrets` gives it. */
export function toPlain(map: PropertyMap): JsonObject {
  return toWireMap(map, { resources: true });
}
