/**
 * The watchdog as a container on the Docker Engine's own machine: it outlives the run's whole machine or CI container.
 * It is the same program, and it learns that the run is gone in the same way: the Engine closes its standard input when
 * the connection that is attached to it ends.
 */
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { pack } from "tar-stream";
import { isStatus } from "../containers";
import { label, runLabels, type RunIdentity } from "../identity";
import { engineMessage } from "../sweep";
import { dismissed, type Orders, ready } from "./orders";
import type { Watchdog } from "./start";

export interface WatchdogContainer {
  /** One with node, which the Engine has already. */
  image: string;
  /** The Engine's own socket, on the Engine's machine. */
  socket: string;
  /** The bundle of watchdog.ts with everything in it. */
  script: string;
}

/** Milliseconds that it may take to say that it is there, and to be gone again. */
const patience = { start: 30_000, end: 5_000 };

/** Removes what carries the run's labels, and no more: the rest is the other watchdog's. */
export function containerWatchdog(
  docker: Docker,
  identity: RunIdentity,
  { image, socket, script }: WatchdogContainer,
): Watchdog {
  const name = `${identity.project}-${identity.stack}-watchdog`;
  const container = docker.getContainer(name);
  let input: NodeJS.ReadWriteStream | undefined;
  let isOver = false;
  let launching: Promise<unknown> = Promise.resolve();

  async function launch(orders: Orders): Promise<{ said: string | undefined; gone: Promise<unknown> }> {
    await docker.createContainer({
      name,
      Image: image,
      Entrypoint: ["node", "/watchdog.js"],
      Cmd: [],
      User: "0:0",
      Env: ["DOCKER_HOST=unix:///var/run/docker.sock"],
      Labels: { ...runLabels(identity), [label.role]: "watchdog" },
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: {
        AutoRemove: true,
        NetworkMode: "none",
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        Mounts: [{ Type: "bind", Source: socket, Target: "/var/run/docker.sock" }],
      },
    });
    await container.putArchive(await archiveOf("watchdog.js", readFileSync(script)), { path: "/" });
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
    stream.on("error", () => undefined);
    input = stream;
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    docker.modem.demuxStream(stream, stdout, stderr);
    let complaint = "";
    stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(-2000)));
    const answer = once(createInterface({ input: stdout }), "line").then(([line]) => line as string);
    answer.catch(() => undefined);
    const gone = new Promise((resolve) => stream.on("close", resolve).on("end", resolve));
    await container.start();
    // State and files are out of its reach.
    const own: Orders = { ...orders, root: "/nowhere", remove: [], cli: [] };
    stream.write(`${JSON.stringify(own)}\n`);
    const ended = gone.then(() => complaint.trim().split("\n").at(-1) || "it ended at once");
    return { said: await Promise.race([answer, ended]), gone };
  }

  return {
    async arm(orders, tell) {
      try {
        const late = sleep(patience.start, undefined, { ref: false });
        const launched = launch(orders);
        launching = launched.catch(() => undefined);
        const outcome = await Promise.race([launched, late]);
        if (!outcome) throw new Error(`it has not answered for ${patience.start / 1000} s`);
        if (outcome.said !== ready) throw new Error(outcome.said);
        void outcome.gone.then(() => {
          if (!isOver) tell(`the watchdog's container ${name} is gone: it won't clean up if this machine is lost`);
        });
        (input as unknown as { unref?(): void }).unref?.();
      } catch (error) {
        const missing = isStatus(error, 404) ? `; docker pull ${image} on the Engine's machine may help` : "";
        throw new Error(`the watchdog's container can't be started: ${engineMessage(error)}${missing}`);
      }
    },
    async dismiss() {
      isOver = true;
      // What is being made can't be removed yet.
      await Promise.race([launching, sleep(patience.end, undefined, { ref: false })]);
      input?.end(`${dismissed}\n`);
      for (const by = Date.now() + patience.end; Date.now() < by && input; await sleep(50)) {
        const isThere = await container.inspect().then(
          () => true,
          (error: unknown) => !isStatus(error, 404),
        );
        if (!isThere) return;
      }
      await container.remove({ force: true, v: true }).catch(() => undefined);
    },
  };
}

async function archiveOf(name: string, content: Buffer): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Several as one. */
export function together(watchdogs: Watchdog[]): Watchdog {
  return {
    arm: async (orders, tell) => void (await Promise.all(watchdogs.map((each) => each.arm(orders, tell)))),
    dismiss: async () => void (await Promise.all(watchdogs.map((each) => each.dismiss()))),
  };
}
