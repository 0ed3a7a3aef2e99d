import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse, port, text } from "./arguments";
import { withoutDependencies } from "./component-options";
import type { Connectable, Connection } from "./connection";
import { containerArgs, containerFields } from "./container";
import { duration, seconds } from "./duration";
import { keepLabels } from "./labels";
import { logWait } from "./log-wait";
import { defaultProbeImage, probe } from "./probe";
import { isInLog, isInside, readiness, waitsUntil } from "./readiness";

export const serviceArgs = z.strictObject({
  ...containerFields,
  /** When it is ready; as soon as it runs, if not said. */
  readiness: readiness.optional(),
  /** The image of the container beside it that checks a port, where that is not done inside. */
  probeImage: text.default(defaultProbeImage),
  /** Ports that this machine, and only this machine, reaches it by; any free one where `hostPort` isn't said. */
  publish: z.array(z.strictObject({ port, hostPort: port.optional() })).default([]),
  /** How long it may take to stop; it is killed at once if not said, as nothing in a stack is meant to last. */
  stopTimeout: duration.optional(),
});

export type ServiceArgs = z.input<typeof serviceArgs>;

/**
 * A container that runs as long as the stack does, reached by its name on the stack's network. Whatever depends on the
 * component waits until it is ready.
 */
export class Service extends pulumi.ComponentResource implements Connectable {
  /** Its name on the network. */
  readonly host: string;
  /** The Docker container's name. */
  readonly containerName: pulumi.Output<string>;
  readonly containerId: pulumi.Output<string>;
  /** Where each published port is on this machine, as `127.0.0.1:<port>`, by the port in the container. */
  readonly addresses: pulumi.Output<Record<string, string>>;
  readonly connectionName: string;
  /** How it is reached on the network. */
  readonly connection: Connection;

  /** @throws {UsageError} if an argument doesn't fit */
  constructor(name: string, args: ServiceArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:Service", name, {}, withoutDependencies(options));
    const what = `Service "${name}"`;
    const { readiness, probeImage, publish, stopTimeout, ...common } = parse(serviceArgs, args, what);
    const inside = readiness && !isInLog(readiness) && isInside(readiness) ? waitsUntil(readiness) : {};

    const container = new docker.Container(
      name,
      {
        ...containerArgs(name, "service", what, common),
        ports: publish.length > 0 ? publish.map(onLoopback) : undefined,
        ...inside,
        mustRun: true,
        destroyGraceSeconds: stopTimeout === undefined ? 0 : seconds(stopTimeout),
      },
      { parent: this, dependsOn: options.dependsOn, ...keepLabels },
    );
    if (readiness && isInLog(readiness)) {
      logWait(`${name}-ready`, container, readiness, { parent: this });
    } else if (readiness && !isInside(readiness)) {
      probe(name, container, readiness, probeImage, { parent: this });
    }

    this.host = name;
    this.connectionName = name;
    this.connection = connectionTo(name, readiness, publish);
    this.containerName = container.name;
    this.containerId = container.id;
    this.addresses = container.ports.apply((ports) =>
      Object.fromEntries((ports ?? []).map(({ internal, external }) => [internal, `127.0.0.1:${external}`])),
    );
    this.registerOutputs({
      host: this.host,
      containerName: this.containerName,
      containerId: this.containerId,
      addresses: this.addresses,
    });
  }
}

/** By the port where it is known to be ready, else the only one that is published. */
function connectionTo(host: string, readiness: ServiceReadiness, publish: { port: number }[]): Connection {
  const known = readiness?.kind === "http" || readiness?.kind === "tcp" ? readiness.port : undefined;
  const port = known ?? (publish.length === 1 ? publish[0]!.port : undefined);
  if (port === undefined) return { host };
  return { host, port, ...(readiness?.kind === "http" ? { url: `http://${host}:${port}` } : {}) };
}

type ServiceReadiness = z.output<typeof serviceArgs>["readiness"];

function onLoopback(published: { port: number; hostPort?: number }): docker.types.input.ContainerPort {
  return { internal: published.port, external: published.hostPort, ip: "127.0.0.1" };
}
