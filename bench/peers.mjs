// Where the peers are.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

const TOOLS = path.join(import.meta.dirname, "..", "tools");

/** Docker Compose v2: on PATH, or Docker's plugin, else built. `undefined`, with the reason in `skipped`, where it can't be had. */
export function findCompose(skipped) {
  const standalone = onPath("docker-compose");
  if (standalone && /^v?2\./.test(spawnSync(standalone, ["version", "--short"], { encoding: "utf8" }).stdout ?? "")) {
    return standalone;
  }
  const folders = [path.join(homedir(), ".docker"), "/usr/local/lib/docker", "/usr/lib/docker", "/usr/libexec/docker"];
  const plugin = folders.map((at) => path.join(at, "cli-plugins", "docker-compose")).find((file) => existsSync(file));
  if (plugin) return plugin;
  const built = spawnSync(process.execPath, [path.join(TOOLS, "compose", "build.mjs")], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (built.status === 0) return path.join(built.stdout.trim(), "bin", "docker-compose");
  skipped.push("Docker Compose: none is installed, and it can't be built");
  return undefined;
}

/** The Pulumi CLI, whether it can run programs by itself, and whether its own docker plugin is installed. It isn't built for this. */
export function findPulumi(skipped) {
  const cached = spawnSync(process.execPath, [path.join(TOOLS, "pulumi", "build.mjs"), "--cached"], {
    encoding: "utf8",
  });
  const program =
    onPath("pulumi") ?? (cached.status === 0 ? path.join(cached.stdout.trim(), "bin", "pulumi") : undefined);
  if (!program) {
    skipped.push(
      "the Pulumi CLI, with its own docker provider and with ours: it isn't installed (node tools/pulumi/build.mjs builds it)",
    );
    return undefined;
  }
  const bin = path.dirname(program);
  // Without it the CLI runs no program by itself; Seatrial's --engine pulumi runs it for the CLI.
  if (!existsSync(path.join(bin, "pulumi-language-nodejs")) && !onPath("pulumi-language-nodejs")) {
    skipped.push("the Pulumi CLI with its own docker provider: there is no pulumi-language-nodejs");
    return { bin, official: false, alone: false };
  }
  const listed = spawnSync(program, ["plugin", "ls", "--json"], { encoding: "utf8" });
  const official = listed.status === 0 && /"name": ?"docker"/.test(listed.stdout);
  if (!official) skipped.push("the Pulumi CLI with its own docker provider: that isn't installed");
  return { bin, official, alone: true };
}

function onPath(program) {
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter(Boolean);
  return folders.map((folder) => path.join(folder, program)).find((file) => existsSync(file));
}
