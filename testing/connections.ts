import { readFileSync } from "node:fs";

/** How a service of the stack is reached from the tests. Passwords are not in it: they are in the environment. */
export interface Connection {
  /** Its name on the stack's network. */
  host: string;
  /** Absent where it listens on none that the stack knows. */
  port?: number;
  /** Without a password. */
  url?: string;
}

/**
 * The services that the tests depend on, by name: read from the file that SEATRIAL_CONNECTIONS names.
 *
 * @throws {Error} if it isn't set, or the file can't be read
 */
export function connections(): Record<string, Connection> {
  const file = process.env.SEATRIAL_CONNECTIONS;
  if (!file) {
    throw new Error("SEATRIAL_CONNECTIONS is not set: the tests do not run in a stack, or depend on no service");
  }
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { services: Record<string, Connection> }).services;
  } catch (error) {
    throw new Error(`the connections in ${file} can't be read: ${(error as Error).message}`);
  }
}

/** @throws {Error} as {@link connections}, and if the tests depend on no service of this name */
export function connection(name: string): Connection {
  const all = connections();
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (found) return found;
  throw new Error(`the tests depend on no service "${name}"; they depend on ${Object.keys(all).join(", ") || "none"}`);
}
