import { spawn } from "node:child_process";

/** Runs a command and returns what it wrote to stdout; one that fails is told of with its last words. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    const out = [];
    const said = [];
    child.stdout?.on("data", (chunk) => {
      out.push(chunk);
      said.push(chunk);
    });
    child.stderr?.on("data", (chunk) => said.push(chunk));
    child.on("error", (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString());
      const words = Buffer.concat(said).toString().trim().split("\n").slice(-5).join("\n");
      reject(new Error(`${[command, args[0]].join(" ").trim()} failed (${signal ?? code}): ${words}`));
    });
  });
}
