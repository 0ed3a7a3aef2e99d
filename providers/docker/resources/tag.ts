/** `docker.Tag`: another name of an image. */
import { tagImage } from "../build/build";
import { explained, isNotFound } from "../engine/errors";
import { tagSchema } from "../schema/images";
import { plannedOutputs } from "../schema/outputs";
import type { Handler } from "./handler";
import { inspectImage } from "./local-images";

export const tag: Handler = {
  schema: tagSchema,

  async create(session, request) {
    const { sourceImage, targetImage } = request.properties as { sourceImage: string; targetImage: string };
    const engine = await session.engine();
    try {
      await tagImage(engine, sourceImage, targetImage);
    } catch (error) {
      if (!isNotFound(error)) throw explained(`tag ${sourceImage} as ${targetImage}`, error);
      throw new Error(
        `can't tag ${sourceImage} as ${targetImage}: there is no image ${sourceImage} on the Docker Engine; ` +
          `build or pull it first, and let the tag depend on it`,
      );
    }
    const found = await inspectImage(engine, sourceImage);
    const id = `${sourceImage}.${targetImage}`;
    const planned = plannedOutputs(tagSchema, request.properties, null);
    return { id, properties: { ...planned, id, sourceImageId: found?.Id ?? null } };
  },

  read: (_, { id, inputs, properties }) => {
    if (Object.keys(properties).length === 0) throw new Error("a docker.Tag can't be imported; up makes it again");
    return Promise.resolve({ id, inputs, properties });
  },

  // Every difference makes a new one.
  update: (_, request) => Promise.resolve({ properties: request.olds }),

  // The names stay: other resources may use them, and the official provider leaves them too.
  delete: () => Promise.resolve(),
};
