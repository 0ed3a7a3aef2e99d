// Stands before the Docker Engine's socket and writes down who asks what and when, on every connection, kept or not.
import { connect, createServer } from "node:net";

/** The first line of a request. A chunk may begin with one; bodies of ours don't look like it. */
const REQUEST = /^(GET|POST|PUT|DELETE|HEAD) (?:\/v[\d.]+)?(\S+) HTTP\/1\.1\r\n/;

/**
 * Listens on the socket `at`.
 *
 * @param onCall told of each request: `{ method, path, began, ended }` in milliseconds of `performance.now()`; `ended`
 *   is when the answer began
 */
export async function engineProxy(at, onCall, engine = "/var/run/docker.sock") {
  const open = new Set();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const onward = connect({ path: engine, allowHalfOpen: true });
    open.add(client);
    let current;
    client.on("data", (chunk) => {
      const [, method, path] = REQUEST.exec(chunk.subarray(0, 2000).toString("latin1")) ?? [];
      if (method) onCall((current = { method, path, began: performance.now(), ended: undefined }));
    });
    onward.on("data", () => {
      if (current) current.ended ??= performance.now();
    });
    client.pipe(onward).pipe(client);
    client.on("error", () => onward.destroy());
    onward.on("error", () => client.destroy());
    client.on("close", () => {
      open.delete(client);
      onward.destroy();
    });
  });
  await new Promise((resolve) => server.listen(at, resolve));
  return {
    close() {
      server.close();
      for (const client of open) client.destroy();
    },
  };
}
