import type Docker from "dockerode";
import type { StackResource } from "../engine/api";
import type { StackContainer } from "./containers";

const containerType = "docker:index/container:Container";
const commandType = "command:local:Command";

/**
 * Kills, all at once, the running containers of a stack that is about to be destroyed and that asked for no time to
 * stop. Their removal, one after the other as they depend on each other, is quick then. Never rejects: what isn't ended
 * here its removal ends.
 */
export async function endServices(
  docker: Docker,
  containers: StackContainer[],
  state: Promise<StackResource[]>,
): Promise<void> {
  const resources = await state.catch(() => []);
  if (!resources.every(needsNoService) || resources.some(stays)) return;
  const patient = new Set(resources.filter(wantsTime).map(({ id }) => id));
  const known = new Set(resources.filter(({ type }) => type === containerType).map(({ id }) => id));
  const running = containers.filter(({ id, state }) => state === "running" && known.has(id) && !patient.has(id));
  await Promise.all(
    running.map(({ id }) =>
      docker
        .getContainer(id)
        .kill()
        .catch(() => undefined),
    ),
  );
}

/** Where something isn't deleted its stack isn't over. */
function stays({ protect, retainOnDelete }: StackResource): boolean {
  return Boolean(protect || retainOnDelete);
}

/** What is deleted by a command, or by a provider that isn't known here, may need the services for it. */
function needsNoService({ custom, type, inputs }: StackResource): boolean {
  if (!custom || type.startsWith("docker:") || type.startsWith("pulumi:")) return true;
  return type === commandType && inputs.delete === undefined;
}

function wantsTime({ type, inputs: { attach, destroyGraceSeconds } }: StackResource): boolean {
  return (
    type === containerType && attach !== true && typeof destroyGraceSeconds === "number" && destroyGraceSeconds > 0
  );
}
