#!/usr/bin/env node
// How long runs take, each measurement beside its peers' in the same round, in turn, so that a busy moment hits all of
// them. Writes a table to the terminal and bench/results.md.
//
//   npm run bench                            everything, nine rounds each: about an hour
//   npm run bench -- --quick                 what takes a few minutes, with bounds that hold on a busy machine too
//   npm run bench -- --rounds N              fewer, when developing
//   npm run bench -- --scene NAME            one scene; may be given often
//   npm run bench -- --out FILE              the results elsewhere
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { composeArm, endChildren, floorArm, pulumiArm, seatrialArm } from "./arms.mjs";
import { findCompose, findPulumi } from "./peers.mjs";
import { report } from "./results.mjs";
import { scenes } from "./measurements.mjs";
import { removeLeftovers } from "./leftovers.mjs";

const ROOT = path.join(import.meta.dirname, "..");
const FULL_ROUNDS = 9;
const QUICK_ROUNDS = 3;

const options = readOptions();
const folder = mkdtempSync(path.join(tmpdir(), "seatrial-bench-"));
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
  process.on(signal, () => {
    endChildren(signal);
    removeLeftovers();
    process.exit(code);
  });
}
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
} finally {
  removeLeftovers();
}

async function main() {
  const skipped = [];
  const image = execFileSync(process.execPath, [path.join(ROOT, "scripts", "base-image.mjs"), "probe"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
  const engine = JSON.parse(
    spawnSync("docker", ["version", "--format", "{{json .Server}}"], { encoding: "utf8" }).stdout,
  );
  const compose = findCompose(skipped);
  const pulumi = findPulumi(skipped);
  // Only Engines from 25.0 on look before the first interval is over.
  const startInterval = Number.parseInt(engine.Version, 10) >= 25;
  const arms = {
    seatrial: seatrialArm(),
    floor: floorArm(),
    unseeded: { name: "without a seed" },
    ...(compose ? { compose: composeArm(compose, startInterval) } : {}),
    ...(pulumi?.official ? { pulumi: pulumiArm(pulumi.bin, "official") } : {}),
    ...(pulumi ? { served: pulumi.alone ? pulumiArm(pulumi.bin, "ours") : seatrialArm("pulumi") } : {}),
  };
  const again = [];
  const measured = async (measure, what) => {
    try {
      return await measure();
    } catch (error) {
      // Hours of measuring are not lost over one run that failed, and the results tell of it.
      console.error(`failed, and measured again: ${what}: ${error.message}`);
      again.push(what);
      removeLeftovers();
      return await measure();
    }
  };
  const facts = {
    again,
    engine: engine.Version,
    compose: compose && versionOf(compose),
    startInterval,
    skipped,
    ...options,
  };
  const done = [];
  for (const scene of scenes) {
    if (!options.scenes.includes(scene.name)) continue;
    const present = scene.arms.filter((name) => arms[name]);
    console.log(`\n${scene.title}, ${options.rounds} rounds of ${present.map((name) => arms[name].name).join(", ")}`);
    const values = new Map(present.map((name) => [name, []]));
    const measure = await scene.open({ folder, image, arms, root: ROOT });
    try {
      // The first round fills caches and isn't counted.
      for (let round = 0; round <= options.rounds; round++) {
        for (const name of present) {
          const value = await measured(() => measure(name, arms[name]), `${scene.name}, ${arms[name].name}`);
          if (round > 0) values.get(name).push(value);
        }
        const last = present.map((name) => `${arms[name].name} ${(values.get(name).at(-1) ?? Number.NaN).toFixed(2)}`);
        console.log(round === 0 ? "  (first round, not counted)" : `  ${round}: ${last.join("   ")}`);
      }
    } finally {
      await measure.close?.();
    }
    done.push({ ...scene, values, names: Object.fromEntries(present.map((name) => [name, arms[name].name])) });
    // What has been measured so far is there if the next scene is interrupted.
    if (!options.quick) writeFileSync(options.out, report(done, facts).markdown);
  }
  const { text, markdown, failures } = report(done, facts);
  console.log(`\n${text}`);
  if (!options.quick || options.outGiven) {
    writeFileSync(options.out, markdown);
    console.log(`\nwritten to ${path.relative(process.cwd(), options.out)}`);
  }
  return options.quick && failures.length > 0 ? 1 : 0;
}

function versionOf(program) {
  return spawnSync(program, ["version", "--short"], { encoding: "utf8" }).stdout.trim();
}

function readOptions() {
  const names = scenes.map(({ name }) => name);
  const refuse = (message) => {
    console.error(`error: ${message}`);
    process.exit(2);
  };
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        rounds: { type: "string" },
        scene: { type: "string", multiple: true },
        out: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    refuse(error.message);
  }
  if (values.help) {
    console.log(`npm run bench -- [--quick] [--rounds N] [--scene NAME]… [--out FILE]\nscenes: ${names.join(", ")}`);
    process.exit(0);
  }
  const rounds = Number(values.rounds ?? (values.quick ? QUICK_ROUNDS : FULL_ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds ${values.rounds}: expected a number from 1`);
  const chosen = values.scene ?? scenes.filter(({ quick }) => quick || !values.quick).map(({ name }) => name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown) refuse(`there is no scene ${unknown}; there are ${names.join(", ")}`);
  const out = path.resolve(values.out ?? path.join(ROOT, "bench", "results.md"));
  if (!existsSync(path.dirname(out))) refuse(`--out ${values.out}: there is no folder ${path.dirname(out)}`);
  return { quick: values.quick, rounds, scenes: chosen, out, outGiven: values.out !== undefined };
}
