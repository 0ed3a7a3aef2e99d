/**
 * The watchdog: a process beside each test run that does nothing while the run lives. Where the run ends without
 * having dismissed it, killed or crashed, it removes what carries the run's labels, then what only the state knows.
 *
 * Beside a run this program begins when the run has ended like that: until then a shell waits in its place (start.ts).
 * In a container of its own it waits by itself.
 */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { connectEngine } from "../../providers/docker/engine/connect";
import { removeStaleFolders } from "../../engine/temporary-folder";
import { engineMessage, sweep } from "../sweep";
import { dismissed, type Orders, ordersVariable, ready } from "./orders";

/** Seconds between looks, and how often in a row nothing must be found: the engine may still be making something. */
const interval = 0.4;
const quietLooks = 3;
/** Seconds after which the watchdog leaves the rest to `seatrial gc`. */
const endurance = 600;
/** Seconds from the run's end to the last look. */
const lastLook = 6;
/** Bytes of its log that are kept. */
const longestLog = 256 * 1024;

async function main(): Promise<void> {
  // The signals that end a run are not for its watchdog.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"] as const) process.on(signal, () => undefined);
  const given = process.env[ordersVariable];
  delete process.env[ordersVariable];
  if (given) return await cleanUpAfter(JSON.parse(given) as Orders);
  let orders: Orders | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === dismissed) return;
    orders = JSON.parse(line) as Orders;
    // One that can't be reached from here is known before anything is made.
    await connectEngine();
    process.stdout.write(`${ready}\n`);
  }
  // Without orders nothing has been made yet.
  if (orders) await cleanUpAfter(orders);
}

async function cleanUpAfter(orders: Orders): Promise<void> {
  const log = (text: string): void => writeLog(orders.root, `${new Date().toISOString()} ${orders.stack}: ${text}`);
  log(`the run ${orders.run} ended without cleaning up`);
  const began = Date.now();
  let docker: Docker | undefined;
  const connect = async () => (docker ??= await connectEngine());
  const clean = await sweepUntilQuiet(connect, orders.run, began + endurance * 1000, log);
  log(clean ? "nothing with its label is left" : "gave up; seatrial gc removes the rest once it has expired");
  for (const path of orders.remove) remove(path, log);
  removeStaleFolders();
  if (orders.cli.length > 0 && existsSync(orders.root)) log(await destroyByState(orders));
  // A slow engine may have been making something all the while.
  await sweepUntilQuiet(connect, orders.run, began + lastLook * 1000, log, Infinity);
}

function remove(path: string, log: (text: string) => void): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    log(`${path} can't be removed: ${(error as Error).message}`);
  }
}

async function sweepUntilQuiet(
  connect: () => Promise<Docker>,
  run: string,
  by: number,
  log: (text: string) => void,
  looks = quietLooks,
): Promise<boolean> {
  let quiet = 0;
  let complaint = "";
  while (Date.now() < by) {
    try {
      const { removed, left } = await sweep(await connect(), { run }, { patience: 0 });
      for (const { kind, name } of removed) log(`removed ${kind} ${name}`);
      complaint = tell(left.map(({ kind, name, reason }) => `${kind} ${name} stays: ${reason}`).join("; "));
      quiet = removed.length + left.length === 0 ? quiet + 1 : 0;
    } catch (error) {
      // An engine that is being restarted comes back.
      complaint = tell(engineMessage(error));
      quiet = 0;
    }
    if (quiet >= looks) return true;
    await sleep(interval * 1000);
  }
  return false;

  function tell(text: string): string {
    if (text !== "" && text !== complaint) log(text);
    return text;
  }
}

/** What isn't in the Docker Engine, such as what commands have made, and the stack's entry in the state. */
async function destroyByState({ cli, root, stack, configFile }: Orders): Promise<string> {
  const [command, ...first] = cli;
  const args = ["destroy", "--cwd", root, "--stack", stack, "--yes", "--non-interactive"];
  if (configFile) args.push("--config-file", configFile);
  const child = spawn(command!, [...first, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-4000)));
  }
  const [code] = (await once(child, "close").catch((error: Error) => [error.message])) as [number | string | null];
  return code === 0 ? "its state is destroyed" : `its state can't be destroyed (${code}):\n${output.trim()}`;
}

function writeLog(root: string, line: string): void {
  try {
    const folder = join(root, ".seatrial");
    const file = join(folder, "watchdog.log");
    // A checkout that is gone isn't made again.
    if (!existsSync(root)) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (existsSync(file) && statSync(file).size > longestLog) truncateSync(file);
    appendFileSync(file, `${line}\n`, { mode: 0o600 });
  } catch {
    // Cleaning up matters more than telling of it.
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${engineMessage(error)}\n`);
    process.exit(1);
  },
);
