/** Stands in for the APIs of GitLab and GitHub, and holds every request to what their documentation allows. */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Note {
  id: number;
  body: string;
  author: string;
}

export interface Asked {
  method: string;
  /** Without the prefix of the API's address. */
  path: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface StandIn {
  address: string;
  notes: Note[];
  asked: Asked[];
  /** Requests that are not as documented. */
  complaints: string[];
  /** Answers the next requests, in place of what would be right; `undefined` hangs up. */
  instead: ((asked: Asked) => Reply | "hang up" | "hang" | undefined)[];
  close(): Promise<void>;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface StandInOptions {
  kind: "gitlab" | "github";
  token: string;
  /** Who the token belongs to; absent for GitHub's token of a job, which can't ask. */
  user?: string;
  check?(asked: Asked): string | undefined;
}

const users: Record<string, number> = { bot: 7, "github-actions[bot]": 8, mallory: 9 };

/** The documented parameters: of the query, those that we use; of the body, all that there are. */
const documented = {
  gitlab: [
    { method: "GET", path: /^\/user$/, query: {} },
    {
      method: "GET",
      path: /^\/projects\/\d+\/merge_requests\/\d+\/notes$/,
      query: {
        sort: /^(?:asc|desc)$/,
        order_by: /^(?:created_at|updated_at)$/,
        per_page: /^(?:\d\d?|100)$/,
        page: /^[1-9]\d*$/,
      },
    },
    { method: "POST", path: /^\/projects\/\d+\/merge_requests\/\d+\/notes$/, query: {}, longest: 1_000_000 },
    { method: "PUT", path: /^\/projects\/\d+\/merge_requests\/\d+\/notes\/\d+$/, query: {}, longest: 1_000_000 },
  ],
  github: [
    { method: "GET", path: /^\/user$/, query: {} },
    {
      method: "GET",
      path: /^\/repos\/[\w.-]+\/[\w.-]+\/issues\/\d+\/comments$/,
      query: { per_page: /^(?:\d\d?|100)$/, page: /^[1-9]\d*$/ },
    },
    {
      method: "GET",
      path: /^\/repos\/[\w.-]+\/[\w.-]+\/pulls$/,
      query: { state: /^open$/, head: /^[\w.-]+:.+$/, per_page: /^(?:\d\d?|100)$/ },
    },
    { method: "POST", path: /^\/repos\/[\w.-]+\/[\w.-]+\/issues\/\d+\/comments$/, query: {}, longest: 65_536 },
    { method: "PATCH", path: /^\/repos\/[\w.-]+\/[\w.-]+\/issues\/comments\/\d+$/, query: {}, longest: 65_536 },
  ],
};

export async function standIn(options: StandInOptions): Promise<StandIn> {
  const { kind, token } = options;
  const prefix = kind === "gitlab" ? "/api/v4" : "/api/v3";
  const notes: Note[] = [];
  const asked: Asked[] = [];
  const complaints: string[] = [];
  const instead: StandIn["instead"] = [];
  let next = 100;

  function complaint({ method, path, query, headers, body }: Asked): string | undefined {
    const rule = documented[kind].find((rule) => rule.method === method && rule.path.test(path));
    if (!rule) return "no such operation";
    for (const [name, value] of Object.entries(query)) {
      const form = (rule.query as Record<string, RegExp>)[name];
      if (!form?.test(value)) return `the query ${name}=${value}`;
    }
    if (!headers["user-agent"]) return "no user agent";
    if (method === "GET") return body === undefined ? undefined : "a body";
    const { body: text, ...rest } = (body ?? {}) as { body?: unknown };
    const longest = (rule as { longest?: number }).longest ?? 0;
    if (headers["content-type"] !== "application/json") return "not sent as JSON";
    if (typeof text !== "string" || text === "" || text.length > longest) return "a note without a text, or too long";
    return Object.keys(rest).length > 0 ? `the parameters ${Object.keys(rest).join(", ")}` : undefined;
  }

  const isAllowed = (headers: IncomingHttpHeaders) =>
    kind === "gitlab" ? headers["private-token"] === token : headers.authorization === `Bearer ${token}`;

  function shown({ id, body, author }: Note): unknown {
    return kind === "gitlab"
      ? { id, body, author: { id: users[author], username: author }, system: false, resolvable: false }
      : { id, body, user: { login: author, id: users[author], type: author.endsWith("[bot]") ? "Bot" : "User" } };
  }

  function answer(request: Asked): Reply {
    if (!isAllowed(request.headers)) return { status: 401, body: { message: "401 Unauthorized" } };
    const author = options.user ?? "github-actions[bot]";
    if (request.path === "/user") {
      return options.user
        ? { status: 200, body: { id: users[author], login: author } }
        : { status: 403, body: { message: "Resource not accessible by integration" } };
    }
    if (request.path.endsWith("/pulls"))
      return {
        status: 200,
        body: [
          { number: 3, head: { sha: "other" } },
          { number: 4, head: { sha: "abc" } },
        ],
      };
    if (request.method === "GET") return page(request);
    const { body } = request.body as { body: string };
    if (request.method === "POST") {
      const note = { id: next++, body, author };
      notes.push(note);
      return { status: 201, body: shown(note) };
    }
    const note = notes.find(({ id }) => String(id) === request.path.split("/").at(-1));
    if (!note) return { status: 404, body: { message: "404 Not found" } };
    if (note.author !== author) return { status: 403, body: { message: "403 Forbidden" } };
    note.body = body;
    return { status: 200, body: shown(note) };
  }

  function page({ query, path }: Asked): Reply {
    const [size, number] = [Number(query.per_page), Number(query.page)];
    const body = notes.slice((number - 1) * size, number * size).map(shown);
    const more = number * size < notes.length;
    const headers: Record<string, string> =
      kind === "gitlab"
        ? { "x-next-page": more ? String(number + 1) : "" }
        : more
          ? { link: `<${path}?page=${number + 1}>; rel="next", <${path}?page=9>; rel="last"` }
          : {};
    return { status: 200, body, headers };
  }

  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url!, "http://x");
      const text = Buffer.concat(chunks).toString();
      const it: Asked = {
        method: request.method!,
        path: url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : `(outside) ${url.pathname}`,
        query: Object.fromEntries(url.searchParams),
        headers: request.headers,
        body: text ? (JSON.parse(text) as unknown) : undefined,
      };
      asked.push(it);
      for (const said of [complaint(it), options.check?.(it)])
        if (said) complaints.push(`${it.method} ${it.path}: ${said}`);
      const other = instead.shift()?.(it);
      if (other === "hang") return;
      if (other === "hang up") return void request.socket.destroy();
      const { status, body, headers = {} } = other ?? answer(it);
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body ?? null));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { address, notes, asked, complaints, instead, close };
}
