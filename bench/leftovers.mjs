// What a measurement that broke off has left on the Docker Engine: only what this process has made.
import { spawnSync } from "node:child_process";

export function removeLeftovers() {
  const mine = new RegExp(`bench-${process.pid}-`);
  const lines = (...args) =>
    (spawnSync("docker", args, { encoding: "utf8" }).stdout ?? "").split("\n").filter((name) => mine.test(name));
  for (const name of lines("ps", "-a", "--format", "{{.Names}}")) spawnSync("docker", ["rm", "-f", "-v", name]);
  for (const name of lines("network", "ls", "--format", "{{.Name}}")) spawnSync("docker", ["network", "rm", name]);
  for (const name of lines("volume", "ls", "--format", "{{.Name}}")) spawnSync("docker", ["volume", "rm", name]);
}
