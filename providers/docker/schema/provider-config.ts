/** The provider's own configuration: `docker:host` and the like. */
import type { CheckFailure } from "../../../engine/provider";
import { isMap, type PropertyMap, type PropertyValue } from "../../../engine/values";
import { contextAddress, engineAddress, type EngineAddress } from "../engine/connect";
import type { RegistryAuth } from "../registry/credentials";
import { checkArguments } from "./check";
import { bool, list, orderedObjects, string, type Fields } from "./field";

const registryAuth: Fields = {
  address: string({ required: true }),
  username: string(),
  password: string(),
  configFile: string(),
  configFileContent: string(),
  authDisabled: bool(),
};

const fields: Fields = {
  host: string(),
  context: string(),
  caMaterial: string({ secret: true }),
  certMaterial: string({ secret: true }),
  keyMaterial: string({ secret: true }),
  certPath: string(),
  disableDockerDaemonCheck: bool(),
  registryAuth: orderedObjects(registryAuth),
  sshOpts: list(),
};

/** Set by the engine, not by the program. */
const ENGINE_OWN = ["version", "pluginDownloadURL", "pluginChecksums"];

export interface ProviderConfig {
  /** Where to connect; as the environment says where the configuration doesn't. */
  address: EngineAddress;
  registryAuth: RegistryAuth[];
}

/** What is wrong with the configuration. */
export function configFailures(args: PropertyMap): CheckFailure[] {
  const { inputs, failures = [] } = checkArguments(fields, decoded(args));
  if (Array.isArray(inputs.sshOpts) && inputs.sshOpts.length > 0) {
    failures.push({
      property: "sshOpts",
      reason:
        "is not supported by Seatrial's docker provider; put the options into ~/.ssh/config, or use --engine pulumi",
    });
  }
  const materials = ["caMaterial", "certMaterial", "keyMaterial"].filter((name) => inputs[name]);
  if (materials.length > 0 && materials.length < 3) {
    failures.push({ property: materials[0]!, reason: "needs caMaterial, certMaterial and keyMaterial, all of them" });
  }
  if (materials.length > 0 && inputs.certPath) {
    failures.push({
      property: "certPath",
      reason: "can't be set together with caMaterial, certMaterial and keyMaterial",
    });
  }
  return failures;
}

/** @throws where the configuration is wrong. */
export function providerConfig(args: PropertyMap, env: NodeJS.ProcessEnv = process.env): ProviderConfig {
  const failures = configFailures(args);
  if (failures.length > 0) {
    throw new Error(failures.map(({ property, reason }) => `docker:${property} ${reason}`).join("; "));
  }
  const config = decoded(args) as {
    host?: string;
    context?: string;
    caMaterial?: string;
    certMaterial?: string;
    keyMaterial?: string;
    certPath?: string;
    registryAuth?: RegistryAuth[];
  };
  return { address: addressOf(config, env), registryAuth: config.registryAuth ?? [] };
}

function addressOf(
  config: {
    host?: string;
    context?: string;
    caMaterial?: string;
    certMaterial?: string;
    keyMaterial?: string;
    certPath?: string;
  },
  env: NodeJS.ProcessEnv,
): EngineAddress {
  const own = config.certPath ? { ...env, DOCKER_CERT_PATH: config.certPath, DOCKER_TLS_VERIFY: "1" } : env;
  const address = config.context
    ? contextAddress(config.context, own)
    : config.host
      ? { ...engineAddress({ ...own, DOCKER_HOST: config.host }), source: "docker:host" }
      : engineAddress(own);
  const { caMaterial: ca, certMaterial: cert, keyMaterial: key } = config;
  return ca && cert && key ? { ...address, tls: { ca, cert, key, verify: true } } : address;
}

/** Without what the engine adds; values that aren't strings come as JSON in a provider's configuration. */
function decoded(args: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(args)
      .filter(([name]) => !ENGINE_OWN.includes(name) && !name.startsWith("__"))
      .map(([name, value]) => [name, fromJson(name, value)]),
  );
}

function fromJson(name: string, value: PropertyValue): PropertyValue {
  if (typeof value !== "string" || !["registryAuth", "sshOpts", "disableDockerDaemonCheck"].includes(name))
    return value;
  try {
    const parsed = JSON.parse(value) as PropertyValue;
    return isMap(parsed) ? [parsed] : parsed;
  } catch {
    return value;
  }
}
