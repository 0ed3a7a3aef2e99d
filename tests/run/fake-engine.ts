/** As much of a Docker Engine as cleaning needs, in this process: it lists and removes, and can be told to make trouble. */
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";

type Kind = "container" | "network" | "volume" | "image";

export interface FakeThing {
  kind: Kind;
  name: string;
  labels: Record<string, string>;
  /** What else the list says of it, such as an image's `Size`. */
  more?: Record<string, unknown>;
}

export interface FakeEngine {
  /** For `DOCKER_HOST`. */
  host: string;
  docker: Docker;
  things: FakeThing[];
  /** The names of a network's endpoints, by the network's name. */
  endpoints: Record<string, string[]>;
  /** Asked before anything is removed or disconnected; a text is the engine's refusal. */
  refuses: (request: string) => string | undefined;
  /** Answers nothing but errors. */
  broken: boolean;
  /** Every request that changes something, as `DELETE /containers/a`. */
  log: string[];
  close(): Promise<void>;
}

export async function fakeEngine(things: FakeThing[]): Promise<FakeEngine> {
  const folder = mkdtempSync(join(tmpdir(), "fake-engine-"));
  const socketPath = join(folder, "docker.sock");
  const server = createServer((request, response) => {
    const answer = (status: number, body?: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(body && JSON.stringify(body));
    const url = new URL(request.url!, "http://docker");
    const path = url.pathname.replace(/^\/v[\d.]+/, "");
    if (engine.broken) return answer(500, { message: "the engine is out of order" });
    if (path === "/version") return answer(200, { ApiVersion: "1.41", MinAPIVersion: "1.12" });
    const filters = JSON.parse(url.searchParams.get("filters") ?? "{}") as { label?: string[] };
    const list = (kind: Kind) =>
      engine.things.filter(
        ({ kind: its, labels }) =>
          its === kind &&
          (filters.label ?? []).every((label) => {
            const [name, ...value] = label.split("=");
            return value.length > 0 ? labels[name!] === value.join("=") : name! in labels;
          }),
      );
    if (request.method === "GET" && path === "/containers/json")
      return answer(
        200,
        list("container").map((t) => ({ Id: t.name, Names: [`/${t.name}`], Labels: t.labels, ...t.more })),
      );
    if (request.method === "GET" && path === "/networks")
      return answer(
        200,
        list("network").map((t) => ({ Id: t.name, Name: t.name, Labels: t.labels, ...t.more })),
      );
    if (request.method === "GET" && path === "/volumes")
      return answer(200, { Volumes: list("volume").map((t) => ({ Name: t.name, Labels: t.labels, ...t.more })) });
    if (request.method === "GET" && path === "/images/json")
      return answer(
        200,
        list("image").map((t) => ({ Id: t.name, RepoTags: [t.name], Labels: t.labels, ...t.more })),
      );
    const [, kinds, name = "", action] = path.split("/");
    const thing = engine.things.find((each) => `${each.kind}s` === kinds && each.name === decodeURIComponent(name));
    if (!thing) return answer(404, { message: `no such ${kinds?.slice(0, -1)}: ${name}` });
    const connected = engine.endpoints[thing.name] ?? [];
    if (request.method === "GET") {
      return answer(200, { Containers: Object.fromEntries(connected.map((each) => [`id-${each}`, { Name: each }])) });
    }
    const asked = `${request.method} /${kinds}/${thing.name}${action ? `/${action}` : ""}`;
    engine.log.push(asked);
    const refusal = engine.refuses(asked);
    if (refusal !== undefined) return answer(409, { message: refusal });
    if (action === "disconnect") {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const { Container, Force } = JSON.parse(body) as { Container: string; Force: boolean };
        if (Force) engine.endpoints[thing.name] = connected.filter((each) => `id-${each}` !== Container);
        answer(200);
      });
      return;
    }
    if (connected.length > 0) return answer(403, { message: `network ${thing.name} has active endpoints` });
    engine.things = engine.things.filter((each) => each !== thing);
    return thing.kind === "image" ? answer(200, [{ Deleted: thing.name }]) : answer(204);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const engine: FakeEngine = {
    host: `unix://${socketPath}`,
    docker: new Docker({ socketPath }),
    things,
    endpoints: {},
    refuses: () => undefined,
    broken: false,
    log: [],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return engine;
}
