// Loaded ahead of a process that is measured: at its end writes how much memory it had at most, in bytes.
"use strict";
const { writeFileSync } = require("node:fs");
process.on("exit", () => writeFileSync(process.env.BENCH_PEAK_FILE, `${process.resourceUsage().maxRSS * 1024}`));
