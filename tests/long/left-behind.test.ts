/** What killed runs leave, where it takes longer to see than `npm test` has time for. */
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import {
  baseImage,
  killWithWatchdog,
  labelled,
  probeImage,
  seatrial,
  start,
  statesOf,
  within,
  workplace,
  type Workplace,
} from "../e2e/seatrial";

let image: string;
let place: Workplace;
const settings = (...more: string[]) => ["-c", `image=${image}`, ...more.flatMap((setting) => ["-c", setting])];
const states = () => statesOf(place);

beforeAll(() => {
  image = probeImage();
});
beforeEach(() => {
  place = workplace("small");
});
afterEach(() => {
  const left = labelled(place.project);
  place.remove();
  expect(left).toEqual([]);
});

describe("with a watchdog on the Engine's own machine, reached over TCP", () => {
  let proxy: Server;
  let env: NodeJS.ProcessEnv;
  let node: string;
  const connections = new Set<Socket>();
  beforeAll(async () => {
    node = baseImage("node");
    proxy = createServer((client) => {
      const engine = connect("/var/run/docker.sock");
      for (const socket of [client, engine]) {
        connections.add(socket);
        socket.on("error", () => undefined).on("close", () => connections.delete(socket));
      }
      client.pipe(engine).pipe(client);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    env = { DOCKER_HOST: `tcp://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  });
  afterAll(() => proxy.close());
  const watchdogs = () => labelled(place.project).filter((name) => name.endsWith("-watchdog"));

  test("nothing of it is left where the run ends by itself", async () => {
    const { code, result } = await start(
      place.folder,
      ["test", ...settings("scenario=ok", `run:watchdog.image=${node}`)],
      env,
    ).ended;
    expect(code).toBe(0);
    expect(result!.containers.map(({ service }) => service)).toEqual(["api", "tests"]);
  });

  test("it cleans up where the run's whole machine is lost, and goes last", async () => {
    const running = start(place.folder, ["test", ...settings("scenario=hangs", `run:watchdog.image=${node}`)], env);
    await running.shows("hanging");
    expect(watchdogs()).toHaveLength(1);
    killWithWatchdog(running);
    for (const socket of connections) socket.destroy();
    await running.ended;
    await within(12, () => expect(labelled(place.project)).toEqual([]));
  });

  test("an image that the Engine hasn't is named before anything is made", async () => {
    const { code, stderr } = await start(
      place.folder,
      ["test", ...settings("run:watchdog.image=small-no-such-image:nowhere")],
      env,
    ).ended;
    expect(stderr).toMatch(
      /error: the watchdog's container can't be started: .*small-no-such-image:nowhere; docker pull small-no-such-image/,
    );
    expect([code, ...labelled(place.project), ...states()]).toEqual([125]);
  });
});

test("what a killed run and its watchdog leave, gc removes, and nothing of a live one's", async () => {
  const [dead, alive] = [0, 1].map(() => start(place.folder, ["test", ...settings("scenario=hangs")]));
  await Promise.all([dead!.shows("hanging"), alive!.shows("hanging")]);
  killWithWatchdog(dead!);
  await dead!.ended;
  const before = labelled(place.project);
  // Its process may not be gone the very moment that its end is known.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { stdout, code } = await seatrial(place.folder, "gc");
  expect(code).toBe(0);
  expect(stdout).toMatch(/removed the stack ci-\S+ of \S+: the process that owned it, \d+ on \S+, is gone/);
  expect(labelled(place.project)).toHaveLength(before.length / 2);
  alive!.process.kill("SIGTERM");
  expect((await alive!.ended).code).toBe(143);
});

test("a stack whose state is cut off is destroyed by its labels", async () => {
  const dev = ["--stack", "dev"];
  const file = join(place.folder, ".seatrial/.pulumi/stacks", place.project, "dev.json");
  for (const share of [0, 0.7]) {
    expect((await seatrial(place.folder, "up", ...dev, ...settings())).code).toBe(0);
    const state = readFileSync(file, "utf8");
    writeFileSync(file, state.slice(0, Math.floor(state.length * share)));
    const { code, stdout } = await seatrial(place.folder, "destroy", ...dev);
    expect(stdout).toContain("The state of dev can't be read: ");
    expect([code, ...labelled(place.project), ...states()]).toEqual([0]);
  }
});
