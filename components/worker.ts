import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse } from "./arguments";
import { withoutDependencies } from "./component-options";
import { duration } from "./duration";
import { Service, serviceArgs } from "./service";

const workerArgs = serviceArgs.omit({ readiness: true, publish: true, probeImage: true }).extend({
  /** A part of the line it writes when it is ready. */
  readyLine: z.string().min(1),
  /** How long that may take, `60s` if not said. */
  readyTimeout: duration.optional(),
});

export type WorkerArgs = z.input<typeof workerArgs>;

/** A service that listens on no port; its log says when it is ready. */
export class Worker extends pulumi.ComponentResource {
  /** The Docker container's name. */
  readonly containerName: pulumi.Output<string>;

  /** @throws {UsageError} if an argument doesn't fit */
  constructor(name: string, args: WorkerArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:Worker", name, {}, withoutDependencies(options));
    parse(workerArgs, args, `Worker "${name}"`);
    const { readyLine, readyTimeout, ...common } = args;

    const service = new Service(
      name,
      { ...common, readiness: { kind: "log", line: readyLine, timeout: readyTimeout } },
      { parent: this, dependsOn: options.dependsOn },
    );

    this.containerName = service.containerName;
    this.registerOutputs({ containerName: this.containerName });
  }
}
