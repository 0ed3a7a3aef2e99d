import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse, port } from "./arguments";
import { withoutDependencies } from "./component-options";
import type { Connectable, Connection } from "./connection";
import { duration } from "./duration";
import { Service, serviceArgs } from "./service";

const apiArgs = serviceArgs.omit({ readiness: true, publish: true }).extend({
  /** The port it listens on, 8080 if not said. */
  port: port.default(8080),
  /** What answers a GET with 200 when it is ready, `/health` if not said. */
  healthPath: z.string().default("/health"),
  /** How long that may take, `60s` if not said. */
  readyTimeout: duration.optional(),
  /** The port of this machine, and only this machine, to reach it by; none if not said. */
  hostPort: port.optional(),
});

export type ApiArgs = z.input<typeof apiArgs>;

/** A service that answers HTTP requests. */
export class Api extends pulumi.ComponentResource implements Connectable {
  /** Its address on the stack's network, such as `http://api:8080`. */
  readonly url: string;
  /** Its address on this machine, if it is published. */
  readonly publishedUrl: pulumi.Output<string> | undefined;
  readonly connectionName: string;
  /** How it is reached on the network. */
  readonly connection: Connection;

  /** @throws {UsageError} if an argument doesn't fit */
  constructor(name: string, args: ApiArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:Api", name, {}, withoutDependencies(options));
    const { port, healthPath, hostPort } = parse(apiArgs, args, `Api "${name}"`);
    const { port: _port, healthPath: _path, hostPort: _hostPort, readyTimeout, ...common } = args;

    const service = new Service(
      name,
      {
        ...common,
        readiness: { kind: "http", port, path: healthPath, status: 200, timeout: readyTimeout },
        publish: hostPort === undefined ? [] : [{ port, hostPort }],
      },
      { parent: this, dependsOn: options.dependsOn },
    );

    this.url = `http://${service.host}:${port}`;
    this.connectionName = name;
    this.connection = service.connection;
    this.publishedUrl =
      hostPort === undefined ? undefined : service.addresses.apply((addresses) => `http://${addresses[port]}`);
    this.registerOutputs({ url: this.url, publishedUrl: this.publishedUrl });
  }
}
