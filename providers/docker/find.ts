/** Finding what an interrupted operation has made: by its name, and only where it carries this stack's labels. */
import type Docker from "dockerode";
import type { FindRequest, ProviderContext, ReadResponse } from "../../engine/provider";
import type { Handler, Session } from "./resources/handler";

interface Labelled {
  id: string;
  labels: Record<string, string> | null;
}

/** How to look at a kind of resource by its name; images are named by the program and may be anybody's. */
const LOOKS: Record<string, (engine: Docker, name: string) => Promise<Labelled>> = {
  "docker:index/container:Container": async (engine, name) => {
    const { Id, Config } = await engine.getContainer(name).inspect();
    return { id: Id, labels: Config.Labels };
  },
  "docker:index/network:Network": async (engine, name) => {
    const { Id, Labels } = (await engine.getNetwork(name).inspect()) as { Id: string; Labels: Record<string, string> };
    return { id: Id, labels: Labels };
  },
  "docker:index/volume:Volume": async (engine, name) => {
    const { Name, Labels } = await engine.getVolume(name).inspect();
    return { id: Name, labels: Labels };
  },
};

/** Labels that say whose something is. */
const OWNERSHIP = ["dev.seatrial.project", "dev.seatrial.stack"];

/** `undefined` where there is none of that name, or it isn't this stack's, or the state knows it already. */
export async function find(
  session: Session,
  handler: Handler,
  request: FindRequest,
  context: ProviderContext,
): Promise<ReadResponse | undefined> {
  const look = LOOKS[request.type];
  const { name } = request.inputs;
  if (!look || typeof name !== "string" || OWNERSHIP.some((label) => !session.labels[label])) return undefined;
  let found: Labelled;
  try {
    found = await look(await session.engine(), name);
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
  if (request.known.includes(found.id)) return undefined;
  if (OWNERSHIP.some((label) => found.labels?.[label] !== session.labels[label])) return undefined;
  const { urn, type, inputs } = request;
  return handler.read(session, { urn, type, name: request.name, id: found.id, inputs, properties: {} }, context);
}
