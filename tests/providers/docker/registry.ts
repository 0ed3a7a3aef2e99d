/**
 * A registry of the tests' own on 127.0.0.1, which Docker Engines reach without TLS: Debian's package docker-registry,
 * installed or unpacked into a directory that goes with the tests.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The only user that it lets in. */
export const USER = { username: "sailor", password: "ahoy" };

/** The password's bcrypt hash, as `htpasswd -nbB` writes it. */
const HTPASSWD = "sailor:$2y$05$Rf3NBOEG9aX42WVoK8HD8ufJwkfXtJ.KJU9RF.oayD0C8zUhk5i3G\n";

export interface Registry {
  /** Such as `127.0.0.1:38123`. */
  address: string;
  close(): void;
}

/** Why there can be none here, where there can't. */
export async function openRegistry({ login = false } = {}): Promise<Registry | string> {
  const scratch = mkdtempSync(join(tmpdir(), "seatrial-registry-"));
  const remove = () => rmSync(scratch, { recursive: true, force: true });
  let program: string;
  try {
    program = findProgram(scratch);
  } catch (error) {
    remove();
    return `there is no docker-registry here, and it can't be had: ${(error as Error).message.split("\n")[0]!}`;
  }
  const port = await freePort();
  writeFileSync(join(scratch, "htpasswd"), HTPASSWD);
  const config = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(scratch, "data") }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    ...(login ? { auth: { htpasswd: { realm: "test", path: join(scratch, "htpasswd") } } } : {}),
  };
  writeFileSync(join(scratch, "config.yml"), JSON.stringify(config));
  const server = spawn(program, ["serve", join(scratch, "config.yml")], { stdio: "ignore" });
  server.unref();
  await answers(`http://127.0.0.1:${port}/v2/`, server);
  return {
    address: `127.0.0.1:${port}`,
    close: () => {
      server.kill();
      remove();
    },
  };
}

function findProgram(scratch: string): string {
  const installed = (process.env.PATH ?? "").split(":").map((directory) => join(directory, "docker-registry"));
  const found = installed.find((file) => existsSync(file));
  if (found) return found;
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: scratch, stdio: "pipe" });
  run("apt-get", "download", "docker-registry");
  run(
    "dpkg-deb",
    "-x",
    readdirSync(scratch).find((name) => name.endsWith(".deb"))!,
    "unpacked",
  );
  return join(scratch, "unpacked/usr/bin/docker-registry");
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (server.exitCode !== null) throw new Error(`docker-registry exited with ${server.exitCode}`);
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await delay(100);
  }
  throw new Error(`docker-registry doesn't answer at ${url}`);
}
