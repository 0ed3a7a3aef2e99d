// What is measured: the scenes, who does them, and what must come of it.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { expectResults, makePlace, time } from "./arms.mjs";
import { engineProxy } from "./engine-proxy.mjs";
import { brief, exampleComposeFile, exampleScene, small, thirty } from "./scenes.mjs";

const ALL = ["seatrial", "floor", "compose", "pulumi", "served"];
const HEALTHCHECK = { interval: "1s", timeout: "10s", retries: 60 };

/**
 * Each has `open`, which makes ready and returns the function that measures an arm once; and bounds: the median of
 * Seatrial against that of a peer. `loose` is what even a busy machine must keep.
 */
export const scenes = [
  {
    name: "small",
    title: "four containers, tests of 1 s, the whole command",
    unit: "s",
    arms: ALL,
    quick: true,
    bounds: [
      { peer: "compose", atMost: 0.55, loose: 0.9 },
      { peer: "floor", atMost: 1.2, loose: 2.5 },
      { peer: "pulumi", atMost: 0.24, loose: 0.5 },
    ],
    open: wholeRun(small),
  },
  {
    name: "first-call",
    title: "from the command to the first call that makes something of the stack",
    unit: "s",
    arms: ["seatrial", "floor", "compose"],
    quick: true,
    bounds: [{ peer: "floor", atMost: 2.5, loose: 40 }],
    open: firstCall,
  },
  {
    name: "chain",
    title: "30 services in chains of 5, tests of 1 s",
    unit: "s",
    arms: ["seatrial", "floor", "compose"],
    quick: false,
    bounds: [{ peer: "compose", atMost: 0.5, loose: 1 }],
    open: wholeRun(thirty),
  },
  ...[4, 16].map((stacks) => ({
    name: `parallel-${stacks}`,
    title: `${stacks} of the stacks of four containers at a time, until all are done`,
    unit: "s",
    arms: ["seatrial", "floor", "compose"],
    quick: false,
    bounds: stacks === 16 ? [{ peer: "compose", atMost: 0.6, loose: 1 }] : [],
    open: manyAtATime(stacks),
  })),
  {
    name: "example",
    title: "the example system with its images built, the whole command",
    unit: "s",
    arms: ["seatrial", "floor", "compose"],
    quick: false,
    bounds: [{ peer: "compose", atMost: 0.5, loose: 1 }],
    open: exampleSystem,
  },
  {
    name: "first-run",
    title: "the example system with none of its own images there, the whole command",
    unit: "s",
    arms: ["seatrial", "compose"],
    quick: false,
    bounds: [],
    open: firstRun,
  },
  {
    name: "seeded",
    title: "the example's database with a seed, from its creation until its data is there",
    unit: "s",
    arms: ["seatrial", "unseeded"],
    quick: false,
    bounds: [{ peer: "unseeded", atMost: 0.5, loose: 1 }],
    open: seededDatabase,
  },
  {
    name: "again",
    title: "the tests again, in a stack that was kept",
    unit: "s",
    arms: ["seatrial", "compose"],
    quick: true,
    bounds: [],
    open: inKeptStack("again"),
  },
  {
    name: "destroy",
    title: "the stack of four containers destroyed, nothing else",
    unit: "s",
    arms: ["seatrial", "compose"],
    quick: false,
    bounds: [],
    open: inKeptStack("destroy"),
  },
  {
    name: "memory",
    title: "four containers: the most memory of the command's processes together",
    unit: "MiB",
    arms: ALL,
    quick: false,
    bounds: [],
    open: memory,
  },
];

function wholeRun(scene) {
  return async ({ folder, image }) =>
    async (_, arm) =>
      await once(arm, makePlace(folder, scene, image));
}

async function once(arm, place, options) {
  arm.prepare(place);
  const seconds = await arm.run(place, options);
  expectResults(place);
  rmSync(place.at, { recursive: true });
  return seconds;
}

function manyAtATime(stacks) {
  return async ({ folder, image }) =>
    async (_, arm) => {
      const places = Array.from({ length: stacks }, () => makePlace(folder, small, image));
      const began = performance.now();
      // Where one fails the others are still under way.
      const ended = await Promise.allSettled(places.map((place) => once(arm, place)));
      const seconds = (performance.now() - began) / 1000;
      for (const { reason } of ended) if (reason) throw reason;
      return seconds;
    };
}

/** Through a proxy, which costs every arm the same. */
async function firstCall({ folder, image }) {
  const socket = path.join(folder, "engine.sock");
  let made;
  const proxy = await engineProxy(socket, ({ method, path: asked, began }) => {
    if (method === "POST" && /^\/(?:networks|volumes|containers)\/create/.test(asked)) made ??= began;
  });
  const measure = async (_, arm) => {
    const place = makePlace(folder, brief, image);
    let began;
    made = undefined;
    await once(arm, place, {
      env: { DOCKER_HOST: `unix://${socket}` },
      onSpawn: () => (began = performance.now()),
    });
    return (made - began) / 1000;
  };
  measure.close = () => proxy.close();
  return measure;
}

function inKeptStack(what) {
  return async ({ folder, image }) => {
    const kept = new Map();
    const keep = async (name, arm) => {
      const place = makePlace(folder, small, image);
      arm.prepare(place);
      await arm.keep(place);
      kept.set(name, { arm, place });
      return place;
    };
    const measure = async (name, arm) => {
      const place = kept.get(name)?.place ?? (await keep(name, arm));
      rmSync(place.results, { recursive: true, force: true });
      const seconds = await arm[what](place);
      if (what === "destroy") kept.delete(name);
      else expectResults({ ...place, scene: { ...place.scene, services: [] } });
      return seconds;
    };
    measure.close = async () => {
      for (const { arm, place } of kept.values()) await arm.destroy(place);
    };
    return measure;
  };
}

/** Once by Seatrial first, so that the images are there for both. */
async function exampleSystem(place) {
  const arms = await exampleArms(place);
  return async (name) => await arms[name]();
}

/** Both build the two images of their own, with Docker's classic builder, from the same base images and bundle. */
async function firstRun(place) {
  const { seatrial, compose, images } = await exampleArms(place);
  const remove = () => {
    for (const name of ["seatrial-example-api", "seatrial-example-database"]) {
      const { stdout } = spawnSync("docker", ["images", "--quiet", name], { encoding: "utf8" });
      const ids = [...new Set(stdout.split("\n").filter(Boolean))];
      if (ids.length > 0) spawnSync("docker", ["rmi", "--force", ...ids]);
    }
    rmSync(path.join(place.root, "example", "dist"), { recursive: true, force: true });
  };
  const build = (context, base, name) =>
    `docker build --quiet --build-arg BASE_IMAGE=${base} --tag ${name} ${context} >/dev/null`;
  const script = [
    "set -e",
    `${build("example/database", images.bases.postgres, images.database)} & database=$!`,
    "node example/build.mjs >/dev/null",
    build("example", images.bases.node, images.app),
    "wait $database",
  ].join("\n");
  return async (name) => {
    remove();
    if (name === "seatrial") return await seatrial();
    const built = await time("sh", ["-c", script], { cwd: place.root, env: { DOCKER_BUILDKIT: "0" } });
    return built + (await compose());
  };
}

/** By the times of the run's events. Without a seed the API migrates the database before it answers. */
async function seededDatabase({ folder, root }) {
  const results = path.join(folder, "seeded");
  return async (name) => {
    const isSeeded = name === "seatrial";
    await runExample(root, results, "-c", `database.seeded=${isSeeded}`);
    const events = readFileSync(path.join(results, "events.jsonl"), "utf8").trim().split("\n").map(JSON.parse);
    const when = (kind, resource) =>
      events.find((event) => {
        const { urn = "", type } = event[kind]?.metadata ?? {};
        return type === "docker:index/container:Container" && urn.endsWith(`::${resource}`);
      }).time;
    return (when("resOutputsEvent", isSeeded ? "db" : "api-probe") - when("resourcePreEvent", "db")) / 1000;
  };
}

function runExample(root, results, ...more) {
  const args = ["test", "--artifacts", results, ...more];
  return time(process.execPath, [path.join(root, "bin", "seatrial"), ...args], { cwd: root });
}

async function exampleArms({ folder, root, image, arms }) {
  const results = path.join(folder, "example");
  const seatrial = () => runExample(root, results);
  await seatrial();
  const newest = (name) => {
    const { stdout } = spawnSync("docker", ["images", "--format", "{{.Repository}}:{{.Tag}}", name], {
      encoding: "utf8",
    });
    return stdout.split("\n")[0];
  };
  const base = (kind) =>
    spawnSync(process.execPath, [path.join(root, "scripts", "base-image.mjs"), kind], {
      encoding: "utf8",
    }).stdout.trim();
  const images = {
    app: newest("seatrial-example-api"),
    database: newest("seatrial-example-database"),
    store: base("object-store"),
    bases: { node: base("node"), postgres: base("postgres") },
  };
  const fixtures = path.join(root, "example", "tests", "fixtures");
  const compose = exampleComposeFile(images, fixtures, HEALTHCHECK);
  const run = (arm) => async () => {
    const place = { ...makePlace(folder, exampleScene(compose), image), compose };
    arm.prepare(place);
    const seconds = await arm.run(place);
    if (!existsSync(path.join(place.results, "junit.xml")))
      throw new Error(`the example's run by ${arm.name} left no junit.xml`);
    return seconds;
  };
  return { seatrial, floor: run(arms.floor), compose: run(arms.compose), images };
}

/** In rounds of their own: looking at the processes would cost the others time. */
async function memory({ folder, image }) {
  return async (_, arm) => {
    let peak = 0;
    let timer;
    await once(arm, makePlace(folder, small, image), {
      onSpawn: (child) => {
        const peaks = new Map();
        timer = setInterval(() => {
          for (const pid of withDescendants(child.pid)) {
            const bytes = peakOf(pid);
            if (bytes) peaks.set(pid, bytes);
          }
          peak = [...peaks.values()].reduce((sum, bytes) => sum + bytes, 0);
        }, 25);
      },
    }).finally(() => clearInterval(timer));
    return peak / 2 ** 20;
  };
}

function withDescendants(pid) {
  const found = [pid];
  for (const one of found) {
    try {
      for (const task of readdirSync(`/proc/${one}/task`)) {
        found.push(...readFileSync(`/proc/${one}/task/${task}/children`, "utf8").split(" ").filter(Boolean));
      }
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** The most that a process has had so far, in bytes. */
function peakOf(pid) {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
