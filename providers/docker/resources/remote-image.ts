/** `docker.RemoteImage`: an image of the Docker Engine, pulled or built. */
import type { CreateRequest, ProviderContext } from "../../../engine/provider";
import type { PropertyMap } from "../../../engine/values";
import { build, type BuildRequest } from "../build/build";
import { explained, isNotFound, reasonOf } from "../engine/errors";
import { call, query } from "../engine/requests";
import { differences, diffResponse } from "../schema/diff";
import { refreshedInputs } from "../schema/extract-inputs";
import { remoteImageSchema } from "../schema/images";
import { plannedOutputs, updatedOutputs } from "../schema/outputs";
import { buildRequest, type BuildInputs } from "./build-inputs";
import { metaOf, withTimeout, type Handler, type Session } from "./handler";
import { encodeName, findOrPull, inspectImage, pull, repoDigest, type ImageInspection } from "./local-images";

interface RemoteImageInputs {
  name: string;
  build?: BuildInputs;
  platform?: string;
  pullTriggers?: string[];
  forceRemove?: boolean;
  keepLocally?: boolean;
}

export const remoteImage: Handler = {
  schema: remoteImageSchema,

  async diff(session, request) {
    const response = diffResponse(remoteImageSchema, request.news, differences(remoteImageSchema, request));
    if (response.replaces?.length) session.replacements.announced.add(request.id);
    return response;
  },

  async create(session, request, context) {
    const inputs = request.properties as unknown as RemoteImageInputs;
    const found = await get(session, inputs, request, context);
    const id = idOf(found, inputs.name);
    if (session.replacements.announced.has(id)) session.replacements.takenOver.add(id);
    const planned = { ...metaOf(remoteImageSchema), ...plannedOutputs(remoteImageSchema, request.properties, null) };
    return { id, properties: outputs(planned, found) };
  },

  async read(session, { inputs, properties }) {
    const name = properties.name ?? inputs.name;
    if (typeof name !== "string") throw new Error("a docker.RemoteImage can't be imported; up finds it by its name");
    const found = await inspectImage(await session.engine(), name);
    if (!found) return undefined;
    const read = outputs(properties, found);
    return {
      id: idOf(found, name),
      inputs: refreshedInputs(remoteImageSchema.fields, inputs, read),
      properties: read,
    };
  },

  async update(session, request, context) {
    const inputs = request.news as unknown as RemoteImageInputs;
    const signal = withTimeout(context, request.timeout, `updating image ${inputs.name}`);
    const found = await findOrPull(session, inputs.name, { platform: inputs.platform, context, signal });
    const planned = { ...metaOf(remoteImageSchema), ...updatedOutputs(remoteImageSchema, request.olds, request.news) };
    return { properties: outputs(planned, found) };
  },

  async delete(session, request, context) {
    const { name, keepLocally, forceRemove } = request.properties as unknown as RemoteImageInputs;
    if (keepLocally || session.replacements.takenOver.delete(request.id)) return;
    const engine = await session.engine();
    const signal = withTimeout(context, request.timeout, `deleting image ${name}`);
    const found = await inspectImage(engine, name, signal);
    // A name that has come to stand for another image belongs to who gave it that.
    if (!found || idOf(found, name) !== request.id) return;
    try {
      const path = `/images/${encodeName(name)}?${query({ force: forceRemove ?? false })}`;
      await call(engine, { method: "DELETE", path, signal });
    } catch (error) {
      if (isNotFound(error)) return;
      const user = /container ([0-9a-f]{12})/.exec(reasonOf(error))?.[1];
      if (!user) throw explained(`delete image ${name}`, error);
      throw new Error(
        `can't delete image ${name}: container ${user} still uses it; remove the container, or set keepLocally or forceRemove`,
        { cause: error },
      );
    }
  },
};

async function get(
  session: Session,
  inputs: RemoteImageInputs,
  request: CreateRequest,
  context: ProviderContext,
): Promise<ImageInspection> {
  const engine = await session.engine();
  const signal = withTimeout(context, request.timeout, `getting image ${inputs.name}`);
  const options = { platform: inputs.platform || undefined, context, signal };
  if (inputs.build) {
    const wanted: BuildRequest = buildRequest(inputs.build, inputs.name);
    await build(session, wanted, context, signal);
  } else if (inputs.pullTriggers?.length) {
    // That is what they are for: to pull although an image of the name is there.
    await pull(session, engine, inputs.name, options).catch(async (error: Error) => {
      if (!(await inspectImage(engine, inputs.name, signal))) throw error;
      context.log("warning", `${error.message}; the one that is here is used`);
    });
  }
  return findOrPull(session, inputs.name, options);
}

/** The official provider's id: the image's, and its name right behind. */
const idOf = (found: ImageInspection, name: string): string => found.Id + name;

function outputs(planned: PropertyMap, found: ImageInspection): PropertyMap {
  const name = planned.name as string;
  return { ...planned, id: idOf(found, name), imageId: found.Id, repoDigest: repoDigest(name, found) };
}
