import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { UsageError } from "./arguments";
import type { Environment } from "./environment";

/** How a service is reached on the stack's network. */
export interface Connection {
  host: string;
  /** Absent where it listens on none that the stack knows. */
  port?: number;
  /** Without a password, so that it may be in a file. */
  url?: string;
  /** With the password; secret. */
  secretUrl?: pulumi.Output<string>;
}

/** The component of a service that others connect to. */
export interface Connectable {
  /** Its own name. */
  readonly connectionName: string;
  readonly connection: Connection;
}

/**
 * The connections among what something depends on, by name. A dependency that is an output of its own isn't looked
 * into: what it is nobody knows while the program runs.
 */
export function connectionsOf(dependsOn: pulumi.ComponentResourceOptions["dependsOn"]): Map<string, Connection> {
  const all = new Map<string, Connection>();
  for (const dependency of Array.isArray(dependsOn) ? dependsOn : [dependsOn]) {
    if (isConnectable(dependency)) all.set(dependency.connectionName, dependency.connection);
  }
  return all;
}

/**
 * `<NAME>_HOST`, `<NAME>_PORT` and `<NAME>_URL` for each, but for those that the container is declared to get anyway.
 *
 * @throws {UsageError} if two names make the same variable
 */
export function connectionEnvironment(
  connections: ReadonlyMap<string, Connection>,
  declared: ReadonlySet<string>,
  what: string,
): Environment {
  const values: Environment = {};
  for (const [name, { host, port, url, secretUrl }] of connections) {
    const prefix = name.toUpperCase().replace(/[^A-Z0-9]+/g, "_");
    if (`${prefix}_HOST` in values) {
      throw new UsageError(`${what}: two of the services that it depends on would be ${prefix}_HOST: rename "${name}"`);
    }
    const facts = { HOST: host, PORT: port === undefined ? undefined : String(port), URL: secretUrl ?? url };
    for (const [fact, value] of Object.entries(facts)) {
      if (value !== undefined) values[`${prefix}_${fact}`] = value;
    }
  }
  return Object.fromEntries(Object.entries(values).filter(([name]) => !declared.has(name)));
}

/** The same as a file's content, without passwords: whatever is in a file the tests may leave among their artifacts. */
export function connectionsFile(connections: ReadonlyMap<string, Connection>): string {
  const services = [...connections].map(([name, { host, port, url }]) => [name, { host, port, url }] as const);
  return `${JSON.stringify({ version: 1, services: Object.fromEntries(services) }, undefined, 2)}\n`;
}

const connectable = z.object({ connectionName: z.string(), connection: z.object({ host: z.string() }) });

function isConnectable(value: unknown): value is Connectable {
  return pulumi.Resource.isInstance(value) && connectable.safeParse(value).success;
}
