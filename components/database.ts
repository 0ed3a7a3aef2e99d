import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse, text } from "./arguments";
import { withoutDependencies } from "./component-options";
import type { Connectable, Connection } from "./connection";
import { type Account, type DatabaseEngine, databaseEngines } from "./database-engines";
import { duration } from "./duration";
import { SeededImage, seedStep, type SeedStep } from "./seeded-image";
import { Service, serviceArgs } from "./service";
import { volume } from "./volume";

const seed = z
  .strictObject({
    /** What the image with the data in it is called, without a tag: `shop-database-seeded`. */
    name: z.string().min(1),
    /** SQL files, and folders of them, which are run in the order of their names: migrations, fixtures. */
    sql: z.array(z.string().min(1)).default([]),
    /** What puts data in otherwise, before the SQL: a migration tool, say. */
    steps: z.array(seedStep).default([]),
    /** How long all of it may take, `10m` if not said. */
    timeout: duration.optional(),
  })
  .refine(({ sql, steps }) => sql.length + steps.length > 0, { error: "expected sql, or steps" });

const databaseArgs = serviceArgs
  .pick({ image: true, network: true, memory: true, cpus: true, cpuShares: true })
  .extend({
    /** Which server it is: `postgres` if not said, `mysql` or `mariadb`. */
    engine: z
      .enum(Object.keys(databaseEngines) as [keyof typeof databaseEngines, ...(keyof typeof databaseEngines)[]], {
        error: `expected one of ${Object.keys(databaseEngines).join(", ")}`,
      })
      .default("postgres"),
    /** Its user, who may do everything in the database; PostgreSQL's `postgres` or MySQL's `root` if not said. */
    user: z.string().min(1).optional(),
    password: text,
    /** The database that is made at its first start; named as the user, if not said. */
    database: z.string().min(1).optional(),
    /** Data that it has from the start: put in once, kept in an image, and found again by every later stack. */
    seed: seed.optional(),
    /** In a named volume of the stack, which outlives the container; otherwise it is gone with it. */
    keepData: z.boolean().default(false),
    /** How long its start may take, `60s` if not said. */
    readyTimeout: duration.optional(),
  });

export type DatabaseArgs = z.input<typeof databaseArgs>;

/** A database server, from an image that takes the variables of the public one. */
export class Database extends pulumi.ComponentResource implements Connectable {
  /** Its address on the stack's network, `postgres://user:password@host:5432/database`; secret. */
  readonly url: pulumi.Output<string>;
  readonly host: string;
  readonly port: number;
  readonly connectionName: string;
  /** How it is reached on the network. */
  readonly connection: Connection;

  /** @throws {UsageError} if an argument doesn't fit, or a file of its seed can't be read */
  constructor(name: string, args: DatabaseArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:Database", name, {}, withoutDependencies(options));
    const parsed = parse(databaseArgs, args, `Database "${name}"`);
    const engine: DatabaseEngine = databaseEngines[parsed.engine];
    const { user = engine.superuser, database = user, keepData } = parsed;
    const account: Account = { user, database, password: pulumi.secret(args.password) };

    const seeded =
      args.seed && new SeededImage(`${name}-seed`, seededImageArgs(engine, account, args), { parent: this });
    const data = keepData ? volume(`${name}-data`, this) : undefined;
    // A volume takes over what the image has in its place.
    const directory = seeded ? engine.seededDirectory : data ? engine.volumeDirectory : engine.memoryDirectory;
    const service = new Service(
      name,
      {
        image: seeded?.reference ?? args.image,
        network: args.network,
        command: engine.command(directory, !keepData),
        environment: engine.environment(account, directory),
        readiness: { kind: "command", command: engine.ready(account), timeout: args.readyTimeout },
        volumes: data ? [{ volume: data.name, target: directory }] : [],
        tmpfs: data || seeded ? [] : [directory],
        memory: args.memory,
        cpus: args.cpus,
        cpuShares: args.cpuShares,
        // Killed, it would have to recover at its next start.
        stopTimeout: data ? "10s" : undefined,
      },
      { parent: this, dependsOn: options.dependsOn },
    );

    this.host = service.host;
    this.port = engine.port;
    const url = (credentials: string) =>
      `${engine.scheme}://${credentials}@${service.host}:${engine.port}/${encodeURIComponent(database)}`;
    this.url = pulumi
      .output(account.password)
      .apply((secret) => url(`${encodeURIComponent(user)}:${encodeURIComponent(secret)}`));
    this.connectionName = name;
    this.connection = { host: this.host, port: this.port, url: url(encodeURIComponent(user)), secretUrl: this.url };
    this.registerOutputs({ url: this.url, host: this.host, port: this.port });
  }
}

/** Where SQL files are while the server is seeded. */
const sqlDirectory = "/seed-sql";

function seededImageArgs(engine: DatabaseEngine, account: Account, { image, seed }: DatabaseArgs) {
  const { name, sql = [], steps = [], timeout } = seed!;
  return {
    ...{ image, name, timeout },
    dataDirectory: engine.seededDirectory,
    command: engine.command(engine.seededDirectory, true),
    environment: engine.environment(account, engine.seededDirectory),
    ready: engine.ready(account),
    steps: [...steps, ...sql.map((source, index) => sqlStep(engine, account, source, index + 1))],
  };
}

/** A folder's own files only, as migration tools have it. */
function sqlStep(engine: DatabaseEngine, account: Account, source: string, number: number): SeedStep {
  const target = `${sqlDirectory}/${number}`;
  const script = `
run() { ${engine.runSql(account)}; }
if [ -f ${target} ]; then run ${target}; exit; fi
for file in ${target}/*.sql; do
  [ -e "$file" ] || { echo "there is no file called *.sql"; exit 1; }
  echo "\${file##*/}"
  run "$file" || exit
done`;
  return { name: `the SQL of ${source}`, command: script.trim(), files: [{ source, target }] };
}
