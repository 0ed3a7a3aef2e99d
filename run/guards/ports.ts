/** Ports of the Engine's host that a container wants: taken by whom? */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type Docker from "dockerode";

/** A port of the Engine's host. */
export interface HostPort {
  ip: string;
  port: number;
  protocol: string;
}

/**
 * What is wrong where a port is taken: by a container of the Engine, or by a process beside it. The latter can be
 * told only where this process has the Engine's own network.
 *
 * @param except the id of a container that is about to go
 */
export async function portFaults(
  docker: Docker,
  wanted: HostPort[],
  options: { sharesNetwork: boolean; except?: string },
): Promise<string[]> {
  if (wanted.length === 0) return [];
  const containers = await docker.listContainers();
  const faults = await Promise.all(
    wanted.map(async (port) => {
      const holder = containers.find(
        ({ Id, Ports }) =>
          Ports.some(
            ({ IP, PublicPort, Type }) =>
              PublicPort === port.port && Type === port.protocol && overlap(IP ?? "0.0.0.0", port.ip),
          ) && Id !== options.except,
      );
      const what = `port ${port.port} of the host${isAny(port.ip) ? "" : ` on ${port.ip}`}`;
      if (holder) {
        const name = (holder.Names[0] ?? holder.Id.slice(0, 12)).replace(/^\//, "");
        return `${what} is taken by the container ${name}; stop it, or publish another port`;
      }
      const own = containers.some(
        ({ Id, Ports }) => Id === options.except && Ports.some(({ PublicPort }) => PublicPort === port.port),
      );
      if (own || !options.sharesNetwork || !(await isTaken(port))) return undefined;
      return `${what} is taken by a process of the host; stop it, or publish another port`;
    }),
  );
  return faults.filter((fault) => fault !== undefined);
}

const isAny = (ip: string): boolean => ip === "0.0.0.0" || ip === "::" || ip === "";

const overlap = (one: string, other: string): boolean => isAny(one) || isAny(other) || one === other;

/** Whether a process listens there. What can't be tried, such as a port below 1024 without the right, isn't told. */
async function isTaken({ ip, port, protocol }: HostPort): Promise<boolean> {
  try {
    if (protocol === "udp") {
      const socket = createSocket(ip.includes(":") ? "udp6" : "udp4");
      const bound = once(socket, "listening");
      socket.bind({ port, address: ip, exclusive: true });
      await bound.finally(() => socket.close());
    } else if (protocol === "tcp") {
      const server = createServer();
      const listening = once(server, "listening");
      server.listen({ port, host: ip, exclusive: true });
      await listening;
      server.close();
    }
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  }
}
