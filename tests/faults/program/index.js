// A service and its tests, small enough to be run hundreds of times. The config says how the tests end.
"use strict";
const pulumi = require("@pulumi/pulumi");
const docker = require("@pulumi/docker");

const config = new pulumi.Config();
const prefix = `${pulumi.getProject()}-${pulumi.getStack()}`;
const image = config.require("image");
const scenario = config.get("scenario") ?? "ok";

const network = new docker.Network("network", { name: prefix });
const data = new docker.Volume("data", { name: `${prefix}-data` });
const on = (name) => ({
  name: `${prefix}-${name}`,
  image,
  networksAdvanced: [{ name: network.name, aliases: [name] }],
  destroyGraceSeconds: 0,
});

const api = new docker.Container("api", {
  ...on("api"),
  envs: [pulumi.interpolate`TOKEN=${pulumi.secret(process.env.FAULTS_CANARY ?? "no canary here")}`],
  command: ["sh", "-c", 'echo "listening with $TOKEN"; sleep 1000'],
  healthcheck: { tests: ["CMD-SHELL", "true"], interval: "1s", timeout: "5s", retries: 60 },
  wait: true,
  waitTimeout: 60,
  volumes: [{ volumeName: data.name, containerPath: "/data" }],
});

const junit = (cases) => `printf '%s' '<testsuite name="small">${cases}</testsuite>' > /artifacts/junit.xml`;
const passes = '<testcase name="a"/><testcase name="b"/>';
const testsCommand = {
  ok: `echo trying; sleep ${config.get("pause") ?? "0"}; ${junit(passes)}; echo tried`,
  fails: `echo trying; ${junit('<testcase name="a"><failure message="no"/></testcase>')}; exit 4`,
  hangs: "echo hanging; sleep 1000",
  // Half a minute of work in a shell whose memory doubles: it hits its limit within a second.
  "out-of-memory": "echo growing; a=0123456789abcdef; while :; do a=$a$a; done",
  "exits-137": "echo ending; exit 137",
  lies: junit('<testcase name="a"/><testcase name="b"><failure message="no"/></testcase>'),
  large: `echo trying; ${junit(passes)}; dd if=/dev/zero of=/artifacts/large bs=1M count=${config.get("megabytes") ?? "1"} 2>/dev/null; echo tried`,
}[scenario];
const tests = new docker.Container(
  "tests",
  {
    ...on("tests"),
    command: ["sh", "-c", testsCommand],
    envs: ["ARTIFACTS_DIR=/artifacts"],
    volumes: [{ containerPath: "/artifacts" }],
    ...(scenario === "out-of-memory" ? { memory: 16, memorySwap: 16 } : {}),
    attach: true,
    logs: true,
    mustRun: false,
    labels: [{ label: "attempt", value: process.env.SEATRIAL_RUN ?? "none" }],
  },
  { dependsOn: [api] },
);

exports.exitCode = tests.exitCode;
exports.artifacts = "/artifacts";
exports.junit = "junit.xml";
