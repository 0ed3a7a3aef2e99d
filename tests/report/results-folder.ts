import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";

/** Made-up results of a run, for the report. */
export interface Results {
  tests: {
    name: string;
    suite?: string;
    status?: "passed" | "failed" | "skipped";
    seconds?: number;
    output?: string;
  }[];
  /** By service. */
  logs: Record<string, { bytes: number } | string[]>;
  /** Further fields of result.json. */
  result?: Record<string, unknown>;
}

/** When the run began. */
export const begun = Date.parse("2026-03-02T10:00:00.000Z");

/** A resource with when it was made and destroyed, in seconds after the run's start. */
export interface MadeResource {
  name: string;
  type?: string;
  made: [number, number];
  destroyed?: [number, number];
  dependencies?: string[];
  failed?: boolean;
  inputs?: object;
}

export const container = "docker:index/container:Container";
/** What the Docker Engine might call it. */
export const idOf = (name: string) => createHash("sha256").update(name).digest("hex");
export const urnOf = (name: string, type = container) => `urn:pulumi:ci-1::project::${type}::${name}`;

export const stack: MadeResource[] = [
  { name: "network", type: "docker:index/network:Network", made: [0.5, 0.7], destroyed: [9.6, 9.8] },
  { name: "slow-unused", type: "command:local:Command", made: [0.5, 3.01] },
  { name: "db", made: [0.7, 2], dependencies: ["network"], destroyed: [9.3, 9.5], inputs: { image: "postgres:15" } },
  { name: "store", made: [0.7, 1.2], dependencies: ["network"], destroyed: [9.3, 9.4] },
  { name: "api", made: [2, 3], dependencies: ["db", "store"], destroyed: [9.1, 9.3], inputs: { image: "api:1" } },
  { name: "tests", made: [3, 8.5], dependencies: ["api"], destroyed: [9, 9.1] },
];

/** Engine events of resources, in the order of time, and what `stack.json` says of them. */
export function records(resources: MadeResource[]): { events: object[]; stackFile: object } {
  const typeOf = (name: string) => resources.find((resource) => resource.name === name)?.type;
  const events: { at: number; kind: string; op: string; resource: MadeResource }[] = [];
  for (const resource of resources) {
    const { made, destroyed, failed } = resource;
    events.push({ at: made[0], kind: "resourcePreEvent", op: "create", resource });
    events.push({ at: made[1], kind: failed ? "resOpFailedEvent" : "resOutputsEvent", op: "create", resource });
    if (destroyed) {
      events.push({ at: destroyed[0], kind: "resourcePreEvent", op: "delete", resource });
      events.push({ at: destroyed[1], kind: "resOutputsEvent", op: "delete", resource });
    }
  }
  events.sort((a, b) => a.at - b.at);
  const state = ({ name, type = container, inputs = {} }: MadeResource) => ({
    type,
    urn: urnOf(name, type),
    custom: true,
    id: idOf(name),
    inputs: {
      ...inputs,
      ...(name === "tests" ? { labels: [{ label: "dev.seatrial.role", value: "tests" }] } : {}),
    },
    outputs: {},
  });
  return {
    events: events.map(({ at, kind, op, resource }, sequence) => ({
      sequence,
      timestamp: Math.floor(begun / 1000 + at),
      [kind]: {
        metadata: {
          op,
          urn: urnOf(resource.name, resource.type),
          type: resource.type ?? container,
          old: op === "delete" ? state(resource) : null,
          new: op === "delete" ? null : state(resource),
        },
      },
      time: begun + Math.round(at * 1000),
    })),
    stackFile: {
      version: 1,
      resources: resources.map(({ name, type, dependencies = [] }) => ({
        urn: urnOf(name, type),
        type: type ?? container,
        id: idOf(name),
        dependencies: dependencies.map((other) => urnOf(other, typeOf(other))),
      })),
      containers: resources
        .filter(({ type }) => type === undefined)
        .map(({ name, made }) => ({
          id: idOf(name),
          name,
          service: name,
          created: new Date(begun + (made[0] + 0.1) * 1000).toISOString(),
          started: new Date(begun + (made[0] + 0.2) * 1000).toISOString(),
        })),
    },
  };
}

/** A line of a log with its time, so many seconds after the run's start. */
export function logLine(seconds: number, text: string): string {
  return `${new Date(begun + Math.round(seconds * 1000)).toISOString().replace("Z", "123456Z")} ${text}`;
}

const escapeXml = (text: string) => text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

export async function writeResults(folder: string, { tests, logs, result = {} }: Results): Promise<void> {
  mkdirSync(join(folder, "logs"), { recursive: true });
  const count = (status: string) => tests.filter((test) => (test.status ?? "passed") === status).length;
  const xml = tests.map(({ name, suite = "suite", status = "passed", seconds = 0.01, output = "" }) => {
    const inner =
      status === "failed"
        ? `<failure message="expected 1, got 2">AssertionError: expected 1, got 2\n    at ${escapeXml(name)}</failure>`
        : status === "skipped"
          ? '<skipped message="not today"/>'
          : "";
    const out = output ? `<system-out>${escapeXml(output)}</system-out>` : "";
    return `<testcase name="${escapeXml(name)}" classname="${escapeXml(suite)}" time="${seconds}">${inner}${out}</testcase>`;
  });
  writeFileSync(
    join(folder, "junit.xml"),
    `<testsuites><testsuite name="all">${xml.join("\n")}</testsuite></testsuites>`,
  );
  const { events, stackFile } = records(stack);
  writeFileSync(join(folder, "events.jsonl"), events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  writeFileSync(join(folder, "stack.json"), JSON.stringify(stackFile));
  for (const [service, log] of Object.entries(logs)) {
    const file = join(folder, "logs", `${service}.log`);
    if (Array.isArray(log)) writeFileSync(file, log.map((line) => `${line}\n`).join(""));
    else await writeLongLog(file, service, log.bytes);
  }
  const failed = count("failed");
  writeFileSync(
    join(folder, "result.json"),
    JSON.stringify({
      version: 1,
      verdict: failed > 0 ? "failed" : "passed",
      exitCode: failed > 0 ? 1 : 0,
      tests: {
        total: tests.length,
        passed: count("passed"),
        failed,
        skipped: count("skipped"),
        failures: [],
        junit: ["junit.xml"],
      },
      project: "project",
      stack: "ci-1",
      commit: "0123456789abcdef0123456789abcdef01234567",
      run: "abcdefghijkl",
      startedAt: new Date(begun).toISOString(),
      finishedAt: new Date(begun + 10_000).toISOString(),
      phases: [
        { name: "set-up", seconds: 0.4, at: 0 },
        { name: "up", seconds: 2.6, at: 0.4 },
        { name: "tests", seconds: 5.5, at: 3 },
        { name: "collect", seconds: 0.5, at: 8.5 },
        { name: "destroy", seconds: 0.9, at: 9 },
        { name: "sweep", seconds: 0.1, at: 9.9 },
      ],
      containers: Object.keys(logs).map((service) => ({ service, name: service, log: `logs/${service}.log` })),
      artifacts: { directory: folder, files: [{ path: "junit.xml", size: 1000 }], skipped: [] },
      notes: [],
      kept: false,
      cleanup: { clean: true, left: [] },
      ...result,
    }),
  );
}

/** Lines like a service's, spread over the tests' time. */
async function writeLongLog(file: string, service: string, bytes: number): Promise<void> {
  const out = createWriteStream(file);
  const words = ["request", "job", "query", "answer", "retry", "cache", "commit", "upload"];
  let written = 0;
  for (let i = 0; written < bytes; i++) {
    let piece = "";
    for (let n = 0; n < 500; n++) {
      const seed = ((i * 500 + n) * 2654435761) % 4294967296;
      const at = 1 + (written + piece.length) * (7 / bytes);
      piece += `${logLine(at, `{"level":"info","service":"${service}","message":"${words[seed % 8]} ${seed.toString(36)} done","ms":${seed % 997},"id":"${(seed * 7919).toString(16)}"}`)}\n`;
    }
    written += piece.length;
    if (!out.write(piece)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
}
