import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse, text } from "./arguments";
import { withoutDependencies } from "./component-options";
import type { Connectable, Connection } from "./connection";
import { duration } from "./duration";
import { Service, serviceArgs } from "./service";
import { volume } from "./volume";

const databaseArgs = serviceArgs
  .pick({ image: true, network: true, memory: true, cpus: true, cpuShares: true })
  .extend({
    /** Its superuser. */
    user: z.string().min(1).default("postgres"),
    password: text,
    /** The database that is made at its first start; named as the user, if not said. */
    database: z.string().min(1).optional(),
    /** In a named volume of the stack, which outlives the container; otherwise it is gone with it. */
    keepData: z.boolean().default(false),
    /** How long its start may take, `60s` if not said. */
    readyTimeout: duration.optional(),
  });

export type DatabaseArgs = z.input<typeof databaseArgs>;

const port = 5432;
/** Where a volume goes: the image's own folder, whose owner the volume takes over. */
const volumeDirectory = "/var/lib/postgresql/data";

/** Where memory goes: no folder of the image, as Docker would take over the folder's permissions but not its owner. */
const memoryDirectory = "/var/lib/postgresql/memory";

/** What is in memory is lost with the container, so nothing is gained by writing it safely; tests run much faster. */
const unsafe = ["postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"];

/** A PostgreSQL server, from an image that takes the official one's variables. */
export class Database extends pulumi.ComponentResource implements Connectable {
  /** Its address on the stack's network, `postgres://user:password@host:5432/database`; secret. */
  readonly url: pulumi.Output<string>;
  readonly host: string;
  readonly port = port;
  readonly connectionName: string;
  /** How it is reached on the network. */
  readonly connection: Connection;

  /** @throws {UsageError} if an argument doesn't fit */
  constructor(name: string, args: DatabaseArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:Database", name, {}, withoutDependencies(options));
    const { user, database = user, keepData } = parse(databaseArgs, args, `Database "${name}"`);
    const password = pulumi.secret(args.password);

    const directory = keepData ? volumeDirectory : memoryDirectory;
    const data = keepData ? volume(`${name}-data`, this) : undefined;
    const service = new Service(
      name,
      {
        image: args.image,
        network: args.network,
        command: data ? ["postgres"] : unsafe,
        environment: {
          POSTGRES_USER: user,
          POSTGRES_PASSWORD: password,
          POSTGRES_DB: database,
          // What is mounted may be root's, and PostgreSQL wants its folder to be its own.
          PGDATA: `${directory}/cluster`,
        },
        // Over TCP: while it is set up for the first time it listens on its Unix socket alone.
        readiness: {
          kind: "command",
          command: ["pg_isready", "-q", "-h", "127.0.0.1", "-U", user, "-d", database],
          timeout: args.readyTimeout,
        },
        volumes: data ? [{ volume: data.name, target: directory }] : [],
        tmpfs: data ? [] : [directory],
        memory: args.memory,
        cpus: args.cpus,
        cpuShares: args.cpuShares,
        // Killed, it would have to recover at its next start.
        stopTimeout: data ? "10s" : undefined,
      },
      { parent: this, dependsOn: options.dependsOn },
    );

    this.host = service.host;
    const url = (credentials: string) =>
      `postgres://${credentials}@${service.host}:${port}/${encodeURIComponent(database)}`;
    this.url = password.apply((secret) => url(`${encodeURIComponent(user)}:${encodeURIComponent(secret)}`));
    this.connectionName = name;
    this.connection = { host: this.host, port, url: url(encodeURIComponent(user)), secretUrl: this.url };
    this.registerOutputs({ url: this.url, host: this.host, port: this.port });
  }
}
