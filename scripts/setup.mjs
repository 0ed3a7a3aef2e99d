#!/usr/bin/env node
// Finds what Seatrial needs on this machine, and sets up what is missing: packages, Docker Engine, base images.
// Node's own modules only: it runs before there are any others. A second run takes a fraction of a second.
//
//   node scripts/setup.mjs [packages] [engine] [images] [browser]     packages and engine, if none is named
import path from "node:path";
import { fileURLToPath } from "node:url";
import { baseImage, kindsOfExample } from "./base-image.mjs";
import { setUpBrowser } from "./setup/browser.mjs";
import { setUpEngine } from "./setup/engine.mjs";
import { setUpPackages } from "./setup/packages.mjs";
import { failOnSignals, makeReporter } from "./setup/report.mjs";

const PARTS = ["packages", "engine", "images", "browser"];

/**
 * Sets up `parts`, side by side where one doesn't need the other. Throws an Error of one line, which says what to do,
 * where something can't be had.
 */
export async function setUp(parts = ["packages", "engine"]) {
  const report = makeReporter("set-up");
  const engine = parts.includes("engine") ? report.step("Docker Engine", setUpEngine) : Promise.resolve();
  const work = [engine];
  if (parts.includes("packages")) work.push(report.step("packages", setUpPackages));
  if (parts.includes("browser")) {
    // One apt-get at a time.
    work.push(engine.then(() => report.step("Chromium", setUpBrowser)));
  }
  if (parts.includes("images")) {
    const makeImages = async (say) => {
      const names = await Promise.all(kindsOfExample.map((kind) => baseImage(kind, { say })));
      return names.join(", ");
    };
    work.push(engine.then(() => report.step("base images", makeImages)));
  }
  const results = await Promise.allSettled(work);
  report.end();
  const failed = results.find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
}

/** For scripts that set up first: tells of a failure in one line and ends with 1. */
export async function setUpOrExit(parts) {
  const signals = failOnSignals();
  try {
    await setUp(parts);
  } catch (error) {
    // What was ended has failed, but that isn't what is to be told.
    if (signals.stopping()) await new Promise(() => {});
    console.error(`error: ${error.message}`);
    process.exit(1);
  }
  if (signals.stopping()) await new Promise(() => {});
  signals.release();
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const parts = process.argv.slice(2);
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown) {
    console.error(`error: there is no part "${unknown}" to set up: ${PARTS.join(", ")} are there`);
    process.exit(2);
  }
  await setUpOrExit(parts.length > 0 ? parts : undefined);
}
