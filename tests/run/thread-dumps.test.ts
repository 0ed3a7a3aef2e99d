import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { connectEngine } from "../../providers/docker/engine/connect";
import { askForThreadDumps } from "../../run/thread-dumps";
import { probeImage } from "../e2e/seatrial";

jest.setTimeout(60_000);

const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8" }).trim();
const catching = 'trap "echo stacks of all threads" QUIT';
const start = 'printf "%s" "$PROGRAM" >"/tmp/$NAME"; chmod +x "/tmp/$NAME"';

/** Not made before all tests: those that run at the same time don't wait for that. */
const image = probeImage();
const ids: string[] = [];
afterAll(() => {
  if (ids.length > 0) docker("rm", "-f", ...ids);
});

// A process is called what its program's file is.
test.concurrent.each([
  ["a JVM that is the container's own process", "java", catching, 'exec "/tmp/$NAME"', 1, "stacks of all threads"],
  ["a JVM below another process", "java", catching, '"/tmp/$NAME"; true', 1, "stacks of all threads"],
  ["a JVM below another process that would end of it (-Xrs)", "java", "", '"/tmp/$NAME"; true', 1, ""],
  ["a process that isn't a JVM", "node", catching, 'exec "/tmp/$NAME"', 0, ""],
  ["a process that isn't a JVM, below another", "node", catching, '"/tmp/$NAME"; true', 0, ""],
])("%s", async (_, name, trap, run, jvms, written) => {
  const program = `#!/bin/sh\n${trap}\necho up\nwhile :; do sleep 0.1; done\n`;
  const env = ["-e", `NAME=${name}`, "-e", `PROGRAM=${program}`];
  const id = docker("run", "-d", "--network", "none", ...env, image, "sh", "-c", `${start}; ${run}`);
  ids.push(id);
  while (docker("logs", id) !== "up") await sleep(50);
  expect(await askForThreadDumps(await connectEngine(), id)).toBe(jvms);
  expect(docker("logs", id)).toBe(written === "" ? "up" : `up\n${written}`);
  expect(docker("inspect", "-f", "{{.State.Running}}", id)).toBe("true");
});

test("a container that doesn't run, or that there isn't", async () => {
  const engine = await connectEngine();
  ids.push(docker("create", "--network", "none", image, "true"));
  expect(await askForThreadDumps(engine, ids.at(-1)!)).toBe(0);
  expect(await askForThreadDumps(engine, "no-such-container")).toBe(0);
});
