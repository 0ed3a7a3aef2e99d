// Made from the TypeScript beside this folder by build.cjs.
"use strict";

// runner.ts
var import_node_child_process = require("node:child_process");
var import_node_os = require("node:os");
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("INPUT_")));
}
function annotate(level, message) {
  const escaped = message.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  process.stdout.write(`::${level}::${escaped}
`);
}
var cancelled = false;
function run(program, args, { cwd, env = environment() } = {}) {
  return new Promise((resolve) => {
    const child = (0, import_node_child_process.spawn)(program, args, { stdio: ["ignore", "inherit", "inherit"], env, ...cwd ? { cwd } : {} });
    const pass = (signal) => {
      cancelled = true;
      child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, pass);
    const end = (code) => {
      for (const signal of signals) process.off(signal, pass);
      resolve(code);
    };
    child.on("error", (error) => {
      annotate("error", `${program} can't be run: ${error.message}`);
      end(127);
    });
    child.on("close", (code, signal) => end(signal ? 128 + import_node_os.constants.signals[signal] : code));
  });
}

// post.ts
void main();
async function main() {
  const { STATE_seatrial: seatrial, STATE_folder: folder } = process.env;
  if (!seatrial || !folder) return;
  const code = await run(process.execPath, [seatrial, "destroy", "--yes"], { cwd: folder });
  if (code !== 0)
    annotate("warning", "not everything could be removed: seatrial gc on the same Docker Engine tries again");
}
