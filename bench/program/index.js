// A scene as a Pulumi program of nobody's in particular: it knows nothing of Seatrial.
"use strict";
const { readFileSync } = require("node:fs");
const pulumi = require("@pulumi/pulumi");
const docker = require("@pulumi/docker");

const { image, services, tests } = JSON.parse(readFileSync(process.env.BENCH_SCENE, "utf8"));
const prefix = `${pulumi.getProject()}-${pulumi.getStack()}`;

const network = new docker.Network("network", { name: prefix });
const artifacts = new docker.Volume("artifacts", { name: `${prefix}-artifacts` });
const common = (name) => ({
  name: `${prefix}-${name}`,
  image,
  networksAdvanced: [{ name: network.name, aliases: [name] }],
  destroyGraceSeconds: 0,
});

const made = new Map();
for (const { name, command, health, dependsOn } of services) {
  // Seatrial's provider tries the check by itself: how often Docker does, nobody waits for.
  const interval = process.env.BENCH_INTERVAL;
  const healthcheck = { tests: ["CMD-SHELL", health], timeout: "10s", retries: 60, ...(interval ? { interval } : {}) };
  const args = { ...common(name), command, healthcheck, wait: true, waitTimeout: 60 };
  made.set(name, new docker.Container(name, args, { dependsOn: dependsOn.map((needed) => made.get(needed)) }));
}
const last = new docker.Container(
  tests.name,
  {
    ...common(tests.name),
    command: tests.command,
    envs: ["ARTIFACTS_DIR=/artifacts"],
    volumes: [{ volumeName: artifacts.name, containerPath: "/artifacts" }],
    attach: true,
    logs: true,
    mustRun: false,
    // The tests are new at every run.
    labels: [{ label: "attempt", value: process.env.SEATRIAL_RUN ?? "none" }],
  },
  { dependsOn: tests.dependsOn.map((needed) => made.get(needed)) },
);

exports.exitCode = last.exitCode;
exports.artifacts = "/artifacts";
exports.junit = "junit.xml";
