import { spawn } from "node:child_process";

const children = new Set();

/**
 * Runs a program to its end and returns what it wrote to stdout; of one that fails the last lines are told. It runs in
 * a process group of its own, which {@link endChildren} ends whole: npm and apt-get work through processes of theirs.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    const out = [];
    let said = "";
    const keep = (chunk) => (said = (said + chunk).slice(-20_000));
    child.stdout.on("data", (chunk) => {
      out.push(chunk);
      keep(chunk);
    });
    child.stderr.on("data", keep);
    child.on("error", (error) => {
      children.delete(child);
      reject(new Error(`${command} can't be run: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      children.delete(child);
      if (code === 0) return resolve(Buffer.concat(out).toString());
      const end = signal ? `was ended by ${signal}` : `exited with ${code}`;
      const lines = endsOf(said.trim().split("\n")).join("\n  ");
      reject(new Error(`${command} ${args[0] ?? ""} ${end}:\n  ${lines}`));
    });
  });
}

/** Ends what {@link run} has started and is still running; returns when it has gone, after two seconds at most. */
export async function endChildren() {
  const gone = Promise.all([...children].map((child) => new Promise((resolve) => child.once("close", resolve))));
  signalChildren("SIGTERM");
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 2000))]);
  signalChildren("SIGKILL");
}

function signalChildren(signal) {
  for (const child of children) {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It has ended by itself in the meantime.
    }
  }
}

// npm says first what is wrong, compilers say it last.
function endsOf(lines) {
  return lines.length <= 10 ? lines : [...lines.slice(0, 4), "…", ...lines.slice(-5)];
}
