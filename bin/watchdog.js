#!/usr/bin/env node
// The watchdog of a run, started by it and by nobody else.
"use strict";
const { join } = require("node:path");
const { useCodeCache } = require("./code-cache.cjs");
const { loadLate } = require("./late-modules.cjs");

const root = join(__dirname, "..");
useCodeCache(root);
loadLate();
require(join(root, "dist", "watchdog.js"));
