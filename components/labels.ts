import * as pulumi from "@pulumi/pulumi";
import { runInfo, type RunInfo } from "./run-info";

/** A label as the docker provider takes it. */
export interface Label {
  label: string;
  value: string;
}

/** What a container is there for. */
export type Role = "service" | "tests" | "probe" | "job";

/**
 * The labels that say whose a network, a volume or a container is; cleaning goes by them. Sorted by name, without
 * those whose value isn't known.
 */
export function labels(
  container?: { role: Role; service: string; inputs?: string },
  info: RunInfo = runInfo(),
): Label[] {
  const values: Record<string, string | undefined> = {
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    ...info,
    ...container,
  };
  return Object.entries(values)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => ({ label: `dev.seatrial.${name}`, value }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}

/**
 * For everything that outlives a run: the run's labels differ from the last one's each time, and the docker provider
 * replaces what has other labels.
 */
export const keepLabels = { ignoreChanges: ["labels"] };
