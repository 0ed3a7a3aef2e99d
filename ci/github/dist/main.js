// Made from the TypeScript beside this folder by build.cjs.
"use strict";

// main.ts
var import_node_child_process2 = require("node:child_process");
var import_node_fs2 = require("node:fs");
var import_node_path = require("node:path");

// runner.ts
var import_node_child_process = require("node:child_process");
var import_node_crypto = require("node:crypto");
var import_node_fs = require("node:fs");
var import_node_os = require("node:os");
function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();
}
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("INPUT_")));
}
function set(file, name, value) {
  const path = process.env[file];
  const delimiter = (0, import_node_crypto.randomUUID)();
  if (path) (0, import_node_fs.appendFileSync)(path, `${name}<<${delimiter}
${value}
${delimiter}
`);
}
function annotate(level, message) {
  const escaped = message.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  process.stdout.write(`::${level}::${escaped}
`);
}
var cancelled = false;
var isCancelled = () => cancelled;
function run(program, args, { cwd, env = environment() } = {}) {
  return new Promise((resolve2) => {
    const child = (0, import_node_child_process.spawn)(program, args, { stdio: ["ignore", "inherit", "inherit"], env, ...cwd ? { cwd } : {} });
    const pass = (signal) => {
      cancelled = true;
      child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, pass);
    const end = (code) => {
      for (const signal of signals) process.off(signal, pass);
      resolve2(code);
    };
    child.on("error", (error) => {
      annotate("error", `${program} can't be run: ${error.message}`);
      end(127);
    });
    child.on("close", (code, signal) => end(signal ? 128 + import_node_os.constants.signals[signal] : code));
  });
}

// main.ts
void main().then((code) => process.exitCode = code);
async function main() {
  const folder = (0, import_node_path.resolve)(process.env.GITHUB_WORKSPACE ?? ".", input("working-directory"));
  if (!(0, import_node_fs2.existsSync)(folder)) {
    annotate("error", `working-directory: there is no ${input("working-directory")}; check the repository out first`);
    return 2;
  }
  const seatrial = installedIn(folder) ?? await install();
  if (seatrial === void 0) return 1;
  set("GITHUB_STATE", "seatrial", seatrial);
  set("GITHUB_STATE", "folder", folder);
  const artifacts = (0, import_node_path.resolve)(folder, input("artifacts"));
  const call = (args, env = environment()) => run(process.execPath, [seatrial, ...args], { cwd: folder, env });
  const base = input("preview") === "true" ? baseOfPullRequest() : void 0;
  if (base !== void 0) {
    const isThere = (0, import_node_child_process2.spawnSync)("git", ["cat-file", "-e", `${base}^{commit}`], { cwd: folder, stdio: "ignore" }).status === 0;
    const fetched = isThere ? 0 : await run("git", ["fetch", "--quiet", "--depth=1", "origin", base], { cwd: folder });
    const code2 = fetched || await call(["preview", "--base", base, "--artifacts", artifacts]);
    if (isCancelled()) return code2;
    if (code2 !== 0) annotate("warning", "the stack could not be compared with that of the target branch");
  }
  const more = input("arguments").split("\n").flatMap((line) => line.trim() || []);
  const code = await call(["test", "--non-interactive", "--artifacts", artifacts, ...more]);
  set("GITHUB_OUTPUT", "exit-code", String(code));
  set("GITHUB_OUTPUT", "verdict", verdictIn(artifacts));
  if (input("token") && !isCancelled() && await call(["note", artifacts], { ...environment(), GITHUB_TOKEN: input("token") }) !== 0) {
    annotate("warning", "the comment on the pull request could not be written");
  }
  return code;
}
function installedIn(folder) {
  const script = (0, import_node_path.join)(folder, "node_modules/seatrial/bin/seatrial");
  if ((0, import_node_fs2.existsSync)(script)) return (0, import_node_fs2.realpathSync)(script);
  return (0, import_node_path.dirname)(folder) === folder ? void 0 : installedIn((0, import_node_path.dirname)(folder));
}
async function install() {
  const target = (0, import_node_path.join)(process.env.RUNNER_TEMP ?? ".", "seatrial");
  const version = input("version");
  const what = /[/\\]/.test(version) ? version : `seatrial@${version}`;
  const options = ["--prefix", target, "--no-audit", "--no-fund", "--loglevel=error"];
  if (await run("npm", ["install", ...options, what]) !== 0) {
    annotate("error", `${what} can't be installed: add seatrial to the project's devDependencies, or name a version`);
    return void 0;
  }
  return (0, import_node_path.join)(target, "node_modules/seatrial/bin/seatrial");
}
function baseOfPullRequest() {
  try {
    const event = JSON.parse((0, import_node_fs2.readFileSync)(process.env.GITHUB_EVENT_PATH ?? "", "utf8"));
    const sha = event.pull_request?.base?.sha;
    return typeof sha === "string" && /^[0-9a-f]{40,64}$/.test(sha) ? sha : void 0;
  } catch {
    return void 0;
  }
}
function verdictIn(artifacts) {
  try {
    const { verdict } = JSON.parse((0, import_node_fs2.readFileSync)((0, import_node_path.join)(artifacts, "result.json"), "utf8"));
    return typeof verdict === "string" && /^[a-z-]+$/.test(verdict) ? verdict : "";
  } catch {
    return "";
  }
}
