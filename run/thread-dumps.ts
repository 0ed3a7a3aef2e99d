import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { within } from "./time-limit";

/** Seconds that a JVM gets to write the stacks of its threads into its container's log. */
const patience = 2;
/** Seconds that it may take to ask for them. */
const longestAsking = 8;

/**
 * Asks the JVMs in a container for the stacks of their threads, which they write to standard output on a SIGQUIT and
 * go on. No other process is sent one: node, for one, would end. Nothing is done where the container doesn't run, has
 * no JVM, or the Docker Engine can't be asked.
 *
 * @returns how many JVMs there are
 */
export async function askForThreadDumps(docker: Docker, id: string): Promise<number> {
  const jvms = await within(longestAsking, "asking for the stacks of the threads", ask(docker, id)).catch(() => 0);
  if (jvms > 0) await sleep(patience * 1000);
  return jvms;
}

async function ask(docker: Docker, id: string): Promise<number> {
  const container = docker.getContainer(id);
  const [{ State: state }, top] = await Promise.all([
    container.inspect(),
    // The Engine wants the column PID.
    container.top({ ps_args: "-o pid,comm" }) as Promise<{ Titles: string[]; Processes: string[][] }>,
  ]);
  const jvms = top.Processes.filter((columns) => columns[1] === "java").map(([pid]) => Number(pid));
  // The kernel lets a container's first process have a signal from outside only where it has a handler for it.
  if (jvms.includes(state.Pid)) await container.kill({ signal: "SIGQUIT" });
  if (jvms.some((pid) => pid !== state.Pid)) await askFromWithin(container);
  return jvms.length;
}

/**
 * Sends it to every process but the first that is called java and catches SIGQUIT: in the kernel's mask of caught
 * signals (`SigCgt`, proc(5)) that is the third bit. With `-Xrs` a JVM doesn't, and would end.
 */
const script = `
for process in /proc/[0-9]*; do
  pid=\${process#/proc/}
  [ "$pid" != 1 ] || continue
  read -r name <"$process/comm" && [ "$name" = java ] || continue
  while read -r key mask; do
    case "$key $mask" in SigCgt:*[4567cdefCDEF]) kill -QUIT "$pid" ;; esac
  done <"$process/status"
done 2>/dev/null`;

async function askFromWithin(container: Docker.Container): Promise<void> {
  const exec = await container.exec({ Cmd: ["sh", "-c", script], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  await new Promise<void>((resolve, reject) => stream.on("end", resolve).on("error", reject).resume());
}
