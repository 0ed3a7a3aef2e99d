#!/usr/bin/env node
// The main job on the example system: set-up, then `seatrial test`, in this very process, so that signals and the exit
// code need no passing on.
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setUpOrExit } from "./setup.mjs";

const cli = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "bin", "seatrial");

await setUpOrExit(["packages", "engine"]);
process.argv = [process.argv[0], cli, "test", ...process.argv.slice(2)];
createRequire(import.meta.url)(cli);
