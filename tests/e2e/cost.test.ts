// What a run costs that no clock has to tell: calls of the Docker Engine, how many of them wait for each other, modules,
// and writes to the state. A number that grows here is a run that got slower.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineProxy, type ProxiedCall } from "./engine-proxy";
import { probeImage, start, workplace, type Workplace } from "./seatrial";

jest.setTimeout(120_000);

/** What commands may cost on the small stack: a service, a network, a volume and the tests. */
const most = {
  test: { calls: 48, roundTrips: 34, modules: 400, stateWrites: 40 },
  destroy: { calls: 13, roundTrips: 8, modules: 210, stateWrites: 20 },
};

let place: Workplace;
let folder: string;

beforeAll(() => {
  place = workplace("small");
  folder = mkdtempSync(join(tmpdir(), "seatrial-cost-"));
});
afterAll(() => {
  place.remove();
  rmSync(folder, { recursive: true, force: true });
});

test("a run of the small stack: its calls, round trips, modules and writes", async () => {
  const { cost, loaded } = await costOf(["test", "-c", `image=${probeImage()}`]);
  expectAtMost(cost, most.test);
  // Loaded for nobody, these take most of the SDK's start.
  expect(loaded.filter((name) => /node_modules.(?:typescript|@npmcli.arborist|ssh2)./.test(name))).toEqual([]);
});

test("a destroy, which runs no program: neither the SDK nor gRPC, and the Engine is asked for its version once", async () => {
  const keep = ["test", "--keep", "--stack", "kept", "-c", `image=${probeImage()}`];
  const kept = await start(place.folder, keep, {}).ended;
  expect({ code: kept.code, said: kept.code === 0 ? "" : kept.stdout + kept.stderr }).toEqual({ code: 0, said: "" });

  const { cost, calls, loaded } = await costOf(["destroy", "--stack", "kept", "--yes"]);
  expectAtMost(cost, most.destroy);
  expect(loaded.filter((name) => /node_modules.@(?:grpc|pulumi)./.test(name))).toEqual([]);
  expect(calls.filter(({ request }) => request.includes("/version "))).toHaveLength(1);
});

type Cost = (typeof most)["test"];

async function costOf(args: string[]): Promise<{ cost: Cost; calls: ProxiedCall[]; loaded: string[] }> {
  const socket = join(folder, "docker.sock");
  const calls: ProxiedCall[] = [];
  const proxy = await engineProxy(socket, "/var/run/docker.sock", (call) => calls.push(call));
  const counts = join(folder, "counts.json");
  const counter = join(folder, "counter.cjs");
  writeFileSync(counter, counterOf(counts));
  const { code, stdout, stderr } = await start(place.folder, args, {
    DOCKER_HOST: `unix://${socket}`,
    NODE_OPTIONS: `--require ${counter}`,
  }).ended;
  proxy.close();
  expect({ code, said: code === 0 ? "" : stdout + stderr }).toEqual({ code: 0, said: "" });
  const { loaded, stateWrites } = JSON.parse(readFileSync(counts, "utf8")) as { loaded: string[]; stateWrites: number };
  const cost = { calls: calls.length, roundTrips: roundTrips(calls), modules: loaded.length, stateWrites };
  return { cost, calls, loaded };
}

function expectAtMost(cost: Cost, most: Cost): void {
  const tooMuch = Object.entries(cost).filter(([what, count]) => count > most[what as keyof Cost]);
  expect({ cost, most, tooMuch }).toEqual({ cost, most, tooMuch: [] });
  // Half of it would be a measurement that sees nothing.
  for (const [what, count] of Object.entries(cost)) expect(count).toBeGreaterThan(most[what as keyof Cost] / 2);
}

/** In the run's own process, not in its watchdog's. */
function counterOf(file: string): string {
  return `
const fs = require("node:fs");
const { basename } = require("node:path");
if (basename(process.argv[1] ?? "") === "seatrial") {
  let stateWrites = 0;
  const open = new Map();
  const isState = (file) => String(file).includes("/.seatrial/.pulumi/");
  const { openSync, writeFileSync, appendFileSync } = fs;
  fs.openSync = (file, ...rest) => {
    const descriptor = openSync(file, ...rest);
    open.set(descriptor, file);
    return descriptor;
  };
  const count = (write) => (file, ...rest) => {
    if (isState(typeof file === "number" ? open.get(file) : file)) stateWrites++;
    return write(file, ...rest);
  };
  fs.writeFileSync = count(writeFileSync);
  fs.appendFileSync = count(appendFileSync);
  process.on("exit", () => {
    const loaded = Object.keys(require.cache);
    writeFileSync(${JSON.stringify(file)}, JSON.stringify({ loaded, stateWrites }));
  });
}
`;
}

/** How many calls came one after the other: the longest chain in which each began when the one before had its answer. */
function roundTrips(calls: ProxiedCall[]): number {
  const chains: { ended: number; length: number }[] = [];
  let longest = 0;
  for (const { began, ended } of calls) {
    const before = chains
      .filter((chain) => chain.ended <= began)
      .reduce((most, { length }) => Math.max(most, length), 0);
    longest = Math.max(longest, before + 1);
    if (ended !== undefined) chains.push({ ended, length: before + 1 });
  }
  return longest;
}
