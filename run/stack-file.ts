import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StackResource } from "../engine";
import type { CollectedContainer } from "./collect";

/**
 * Writes `stack.json`: what was there when the tests were over, as far as events don't tell it. That is which resource
 * was made after which, and when the Docker Engine, by its own clock, made, started and ended each container.
 */
export async function writeStackFile(
  folder: string,
  resources: StackResource[],
  containers: CollectedContainer[],
): Promise<void> {
  const content = {
    version: 1,
    resources: resources
      .filter((resource) => !resource.delete)
      .map(({ urn, type, id, parent, dependencies }) => ({
        urn,
        type,
        ...(id ? { id } : {}),
        ...(parent ? { parent } : {}),
        dependencies,
      })),
    containers: containers.map(({ id, name, service, end }) => ({
      id,
      name,
      service,
      ...times(end),
    })),
  };
  await writeFile(join(folder, "stack.json"), `${JSON.stringify(content, undefined, 1)}\n`, { mode: 0o600 });
}

function times(end: CollectedContainer["end"]): { created?: string; started?: string; finished?: string } {
  return {
    ...(end?.createdAt ? { created: end.createdAt.toISOString() } : {}),
    ...(end?.startedAt ? { started: end.startedAt.toISOString() } : {}),
    // Of an earlier life, where it was started again.
    ...(end?.finishedAt && !end.running ? { finished: end.finishedAt.toISOString() } : {}),
  };
}
