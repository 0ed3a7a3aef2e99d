import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse, text } from "./arguments";
import { withoutDependencies } from "./component-options";
import type { Connectable, Connection } from "./connection";
import { duration } from "./duration";
import type { Environment } from "./environment";
import { Service, serviceArgs } from "./service";
import { volume } from "./volume";

const objectStoreArgs = serviceArgs
  .pick({ image: true, network: true, probeImage: true, memory: true, cpus: true, cpuShares: true })
  .extend({
    accessKey: text,
    secretKey: text,
    region: z.string().min(1).default("us-east-1"),
    /** In a named volume of the stack, which outlives the container; otherwise it is gone with it. */
    keepData: z.boolean().default(false),
    /** How long its start may take, `60s` if not said. */
    readyTimeout: duration.optional(),
  });

export type ObjectStoreArgs = z.input<typeof objectStoreArgs>;

const port = 9000;
const dataDirectory = "/tmp";

/** An S3-compatible store: versitygw over a folder of its container. */
export class ObjectStore extends pulumi.ComponentResource implements Connectable {
  /** Its address on the stack's network, such as `http://store:9000`. */
  readonly endpoint: string;
  /** What a client needs: S3_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the keys are secret. */
  readonly clientEnvironment: Environment;
  readonly connectionName: string;
  /** How it is reached on the network. */
  readonly connection: Connection;

  /** @throws {UsageError} if an argument doesn't fit */
  constructor(name: string, args: ObjectStoreArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:ObjectStore", name, {}, withoutDependencies(options));
    const { region, keepData } = parse(objectStoreArgs, args, `ObjectStore "${name}"`);
    const accessKey = pulumi.secret(args.accessKey);
    const secretKey = pulumi.secret(args.secretKey);

    const data = keepData ? volume(`${name}-data`, this) : undefined;
    const service = new Service(
      name,
      {
        image: args.image,
        network: args.network,
        command: ["posix", dataDirectory],
        environment: { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey, VGW_PORT: `:${port}` },
        readiness: { kind: "tcp", port, timeout: args.readyTimeout },
        probeImage: args.probeImage,
        volumes: data ? [{ volume: data.name, target: dataDirectory }] : [],
        memory: args.memory,
        cpus: args.cpus,
        cpuShares: args.cpuShares,
      },
      { parent: this, dependsOn: options.dependsOn },
    );

    this.endpoint = `http://${service.host}:${port}`;
    this.connectionName = name;
    this.connection = { host: service.host, port, url: this.endpoint };
    this.clientEnvironment = {
      S3_ENDPOINT: this.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
    };
    this.registerOutputs({ endpoint: this.endpoint, clientEnvironment: this.clientEnvironment });
  }
}
