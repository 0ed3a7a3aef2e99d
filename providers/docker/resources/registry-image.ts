/** `docker.RegistryImage`: an image in a registry, pushed there, and deleted from there unless told otherwise. */
import type { PropertyMap } from "../../../engine/values";
import { build } from "../build/build";
import { deleteRemote, RegistryError, remoteDigest, type RegistryOptions } from "../registry/client";
import type { Credentials } from "../registry/credentials";
import { parseImageName } from "../registry/image-name";
import { push } from "../registry/push";
import { refreshedInputs } from "../schema/extract-inputs";
import { registryImageSchema } from "../schema/images";
import { plannedOutputs, updatedOutputs } from "../schema/outputs";
import { buildRequest, type BuildInputs } from "./build-inputs";
import { metaOf, withTimeout, type Handler, type Session } from "./handler";

interface RegistryImageInputs {
  name: string;
  authConfig?: { address: string; username?: string; password?: string };
  build?: BuildInputs;
  insecureSkipVerify?: boolean;
  keepRemotely?: boolean;
  sha256Digest?: string;
}

const inputsOf = (properties: PropertyMap): RegistryImageInputs => properties as unknown as RegistryImageInputs;

export const registryImage: Handler = {
  schema: registryImageSchema,

  async create(session, request, context) {
    const inputs = inputsOf(request.properties);
    const signal = withTimeout(context, request.timeout, `pushing ${inputs.name}`);
    if (inputs.build) await build(session, buildRequest(inputs.build, inputs.name), context, signal);
    const credentials = await credentialsFor(session, inputs);
    const pushed = await push(await session.engine(), inputs.name, credentials, context, signal);
    const digest = pushed ?? (await remoteDigest(inputs.name, registryOptions(inputs, credentials, signal)));
    const planned = {
      ...metaOf(registryImageSchema),
      ...plannedOutputs(registryImageSchema, request.properties, null),
    };
    return { id: digest, properties: { ...planned, id: digest, sha256Digest: digest } };
  },

  async read(session, { id, inputs, properties }) {
    const known = inputsOf(Object.keys(properties).length > 0 ? properties : inputs);
    if (typeof known.name !== "string") throw new Error("a docker.RegistryImage can't be imported; up pushes it");
    try {
      const credentials = await credentialsFor(session, known);
      const digest = await remoteDigest(known.name, registryOptions(known, credentials));
      const read = { ...properties, id, sha256Digest: digest };
      return { id, inputs: refreshedInputs(registryImageSchema.fields, inputs, read), properties: read };
    } catch (error) {
      // Only the registry's own word means that the image is gone.
      if (error instanceof RegistryError && error.status === 404) return undefined;
      throw error;
    }
  },

  update: (_, { olds, news }) =>
    Promise.resolve({
      properties: { ...metaOf(registryImageSchema), ...updatedOutputs(registryImageSchema, olds, news) },
    }),

  async delete(session, request, context) {
    const inputs = inputsOf(request.properties);
    if (inputs.keepRemotely) return;
    const signal = withTimeout(context, request.timeout, `deleting ${inputs.name} from its registry`);
    const options = registryOptions(inputs, await credentialsFor(session, inputs), signal);
    const repository = inputs.name.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
    try {
      await deleteRemote(`${repository}@${inputs.sha256Digest ?? request.id}`, options);
    } catch (error) {
      if (!(error instanceof RegistryError && error.status === 404)) throw error;
    }
  },
};

const registryOptions = (
  inputs: RegistryImageInputs,
  credentials: Credentials | undefined,
  signal?: AbortSignal,
): RegistryOptions => ({ credentials, insecure: inputs.insecureSkipVerify, signal });

async function credentialsFor(session: Session, inputs: RegistryImageInputs): Promise<Credentials | undefined> {
  const { authConfig } = inputs;
  if (!authConfig) return session.credentials.for(parseImageName(inputs.name).registry);
  return { username: authConfig.username, password: authConfig.password, serveraddress: authConfig.address };
}
