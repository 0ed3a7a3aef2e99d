// Who does a scene, and how: each arm brings the same containers up, runs the same tests, copies the same artifacts and
// logs out, and takes everything down again.
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { composeFile } from "./scenes.mjs";

const ROOT = path.join(import.meta.dirname, "..");
const SEATRIAL = path.join(ROOT, "bin", "seatrial");
const SERVED = path.join(ROOT, "dist", "bench-plugins");
/** Better than most people set it, and the Engine's own first look comes after it. */
const HEALTHCHECK = { interval: "1s", timeout: "10s", retries: 60 };

let count = 0;
const children = new Set();

/** Ends what is under way. */
export function endChildren(signal) {
  for (const child of children) child.kill(signal);
}

/** A folder with the scene in it, for one run of one arm. */
export function makePlace(folder, scene, image) {
  const name = `bench-${process.pid}-${++count}`;
  const at = mkdtempSync(path.join(folder, `${name}-`));
  writeFileSync(path.join(at, "scene.json"), JSON.stringify({ image, ...scene }));
  return { at, name, scene, image, results: path.join(at, "results") };
}

/** What was measured was done: the tests' files and everybody's log are there. */
export function expectResults({ results, scene, name }) {
  const logs = existsSync(path.join(results, "logs")) ? readdirSync(path.join(results, "logs")) : [];
  const text = logs.join(" ");
  const missing = ["junit.xml", "screenshot.png"].filter((file) => !existsSync(path.join(results, file)));
  // Compose writes the logs of all into one file.
  if (!logs.includes("all.log")) {
    missing.push(
      ...[...scene.services, scene.tests].map((service) => `${service.name}.log`).filter((log) => !text.includes(log)),
    );
  } else if (statSync(path.join(results, "logs", "all.log")).size === 0) missing.push("all.log");
  if (missing.length > 0) throw new Error(`${name}: the run has left no ${missing.join(", ")}`);
}

/** Runs a program to its end. @returns seconds; rejects where it fails */
export function time(program, args, { cwd, env = {}, onSpawn = () => undefined }) {
  return new Promise((resolve, reject) => {
    const clean = { ...process.env, CI: "", GITLAB_CI: "", GITHUB_ACTIONS: "", ARTIFACTS_DIR: "", SEATRIAL_COMMIT: "" };
    const began = process.hrtime.bigint();
    const child = spawn(program, args, { cwd, env: { ...clean, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    onSpawn(child);
    let output = "";
    const take = (chunk) => (output = (output + chunk).slice(-10_000));
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      children.delete(child);
      if (code === 0) return resolve(seconds);
      const how = signal ? `was ended by ${signal}` : `exited with ${code}`;
      reject(new Error(`${path.basename(program)} ${args.join(" ").slice(0, 200)} ${how}:\n${output.trim()}`));
    });
  });
}

/** `seatrial test`, whatever the scene; with the engine `pulumi` it is the CLI that does the work, with our providers. */
export function seatrialArm(engine) {
  const seatrial = engine ? [SEATRIAL, "--engine", engine] : [SEATRIAL];
  const env = ({ at }) => ({ BENCH_SCENE: path.join(at, "scene.json") });
  return {
    name: engine ? "pulumi, our providers" : "seatrial",
    prepare: prepareProgram,
    run: (place, options) =>
      time(process.execPath, [...seatrial, "test", "--artifacts", place.results], withEnv(place, env(place), options)),
    keep: async (place) => {
      await time(
        process.execPath,
        [...seatrial, "test", "--keep", "--stack", "dev", "--artifacts", place.results],
        withEnv(place, env(place)),
      );
      rmSync(place.results, { recursive: true, force: true });
    },
    again: (place) =>
      time(
        process.execPath,
        [...seatrial, "rerun", "--stack", "dev", "--artifacts", place.results],
        withEnv(place, env(place)),
      ),
    destroy: (place) =>
      time(process.execPath, [...seatrial, "destroy", "--stack", "dev", "--yes"], withEnv(place, env(place))),
  };
}

function withEnv({ at }, env, options = {}) {
  return { ...options, cwd: at, env: { ...env, ...options.env } };
}

/** The scene as a program of its own; the packages are this checkout's. */
function prepareProgram({ at, name }) {
  cpSync(path.join(ROOT, "bench", "program"), at, { recursive: true });
  writeFileSync(path.join(at, "Pulumi.yaml"), `name: ${name}\nruntime: nodejs\nmain: index.js\n`);
  symlinkSync(path.join(ROOT, "node_modules"), path.join(at, "node_modules"));
}

/** @param program Docker Compose, v2 */
export function composeArm(program, startInterval) {
  const healthcheck = { ...HEALTHCHECK, ...(startInterval ? { start_interval: "0.1s", start_period: "60s" } : {}) };
  const compose = (place) => `'${program}' -p ${place.name} -f compose.json --ansi never --progress quiet`;
  const save = (place) =>
    `mkdir -p results/logs && ${compose(place)} cp ${place.scene.tests.name}:/artifacts/. results && ` +
    `${compose(place)} logs --no-color --timestamps > results/logs/all.log`;
  const script = (place, lines, options) => time("sh", ["-c", lines.join("\n")], withEnv(place, {}, options));
  const down = (place) => `${compose(place)} down --volumes --timeout 0 || exit 125`;
  return {
    name: "Compose",
    prepare: (place) =>
      writeFileSync(
        path.join(place.at, "compose.json"),
        JSON.stringify(place.compose ?? composeFile(place.scene, place.image, healthcheck)),
      ),
    run: (place, options) =>
      script(
        place,
        [
          `${compose(place)} up --exit-code-from ${place.scene.tests.name}`,
          "code=$?",
          save(place),
          down(place),
          "exit $code",
        ],
        options,
      ),
    keep: (place) =>
      script(place, [`${compose(place)} up --wait ${place.scene.services.map(({ name }) => name).join(" ")}`]),
    again: (place) => {
      const up = `${compose(place)} up --exit-code-from ${place.scene.tests.name} --no-deps --force-recreate ${place.scene.tests.name}`;
      return script(place, [up, "code=$?", save(place), "exit $code"]);
    },
    destroy: (place) => script(place, [down(place)]),
  };
}

export function floorArm() {
  const floor = path.join(ROOT, "bench", "floor.mjs");
  return {
    name: "bare calls",
    prepare: () => undefined,
    run: (place, options) =>
      time(
        process.execPath,
        [floor, path.join(place.at, "scene.json"), place.name, place.results],
        withEnv(place, {}, options),
      ),
  };
}

/**
 * `pulumi up` and `destroy`, with what a job would do between them.
 *
 * @param bin the folder of the CLI
 * @param provider `official`, or `ours` served to the CLI
 */
export function pulumiArm(bin, provider) {
  const pulumi = `'${path.join(bin, "pulumi")}'`;
  return {
    name: provider === "official" ? "pulumi" : "pulumi, our providers",
    prepare: prepareProgram,
    run: async (place, options) => {
      const state = path.join(place.at, "state");
      mkdirSync(state);
      if (provider === "ours" && !existsSync(SERVED))
        await time(process.execPath, [SEATRIAL, "plugins", "install", SERVED], { cwd: ROOT });
      const PATH = [...(provider === "ours" ? [SERVED] : []), bin, process.env.PATH].join(path.delimiter);
      const env = {
        ...{ PATH, PULUMI_BACKEND_URL: `file://${state}`, PULUMI_CONFIG_PASSPHRASE: "bench" },
        ...{ PULUMI_SKIP_UPDATE_CHECK: "true", BENCH_SCENE: path.join(place.at, "scene.json") },
        // The official provider waits for Docker's own check.
        ...(provider === "official" ? { BENCH_INTERVAL: HEALTHCHECK.interval } : {}),
      };
      const prefix = `${place.name}-bench`;
      const lines = [
        "set -e",
        `${pulumi} stack init bench --non-interactive`,
        `${pulumi} up --stack bench --yes --skip-preview --non-interactive`,
        `code=$(${pulumi} stack output exitCode --stack bench)`,
        "mkdir -p results/logs",
        `docker cp ${prefix}-${place.scene.tests.name}:/artifacts/. results`,
        ...[...place.scene.services, place.scene.tests].map(
          ({ name }) => `docker logs --timestamps ${prefix}-${name} > results/logs/${name}.log 2>&1`,
        ),
        `${pulumi} destroy --stack bench --yes --skip-preview --non-interactive`,
        "exit $code",
      ];
      return await time("sh", ["-c", lines.join("\n")], withEnv(place, env, options));
    },
  };
}
