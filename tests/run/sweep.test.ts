import { label } from "../../run/identity";
import { removeThings, sweep } from "../../run/sweep";
import { fakeEngine, type FakeEngine } from "./fake-engine";

const labels = { [label.project]: "p", [label.stack]: "s", [label.run]: "r" };
const neighbour = { kind: "container", name: "neighbour", labels: { [label.run]: "other" } } as const;
/** Somebody else's container has the labels of its image, which the run has built. */
const stranger = { kind: "container", name: "stranger", labels: { [label.project]: "p", [label.run]: "r" } } as const;
let engine: FakeEngine;
afterEach(() => engine.close());

/** Refuses a request so many times, then no more. */
function refuse(request: string, times: number, message: string): void {
  engine.refuses = (asked) => (asked === request && times-- > 0 ? message : undefined);
}

test("removes all that the run has made and nothing else", async () => {
  engine = await fakeEngine([
    { kind: "container", name: "a", labels },
    { kind: "network", name: "n", labels },
    { kind: "volume", name: "v", labels },
    neighbour,
    stranger,
  ]);
  const { removed, left } = await sweep(engine.docker, { run: "r" });
  expect([removed.map(({ name }) => name), left]).toEqual([["a", "n", "v"], []]);
  expect(engine.things).toEqual([neighbour, stranger]);
});

test("a watchdog's container that runs is left to end by itself; one that doesn't is removed", async () => {
  const watchdog = { ...labels, [label.role]: "watchdog" };
  engine = await fakeEngine([
    { kind: "container", name: "runs", labels: watchdog, more: { State: "running" } },
    { kind: "container", name: "never-started", labels: watchdog, more: { State: "created" } },
  ]);
  expect((await sweep(engine.docker, { run: "r" })).left).toEqual([]);
  expect(engine.things.map(({ name }) => name)).toEqual(["runs"]);
});

test.each([
  ["DELETE /containers/a", "removal of container a is already in progress"],
  ["DELETE /volumes/a", "remove a: volume is in use"],
  ["DELETE /networks/a", "network a has active endpoints"],
])("what is refused for a moment is tried again: %s", async (request, message) => {
  const kind = request.split("/")[1]!.slice(0, -1) as "container";
  engine = await fakeEngine([{ kind, name: "a", labels }]);
  refuse(request, 4, message);
  expect(await sweep(engine.docker, { run: "r" })).toMatchObject({ removed: [{ name: "a" }], left: [] });
  expect(engine.things).toEqual([]);
});

test("what stays is told with the engine's reason, and the rest goes", async () => {
  engine = await fakeEngine([
    { kind: "container", name: "a", labels },
    { kind: "volume", name: "v", labels },
  ]);
  refuse("DELETE /volumes/v", Infinity, "remove v: volume is in use - [0123]");
  const { left } = await sweep(engine.docker, { run: "r" }, { patience: 2 });
  expect(left).toMatchObject([{ kind: "volume", name: "v", reason: "remove v: volume is in use - [0123]" }]);
  expect(engine.things.map(({ name }) => name)).toEqual(["v"]);
});

test("whatever is connected to a network is disconnected by force", async () => {
  engine = await fakeEngine([{ kind: "network", name: "n", labels }]);
  engine.endpoints = { n: ["a-ci-job"] };
  expect(await removeThings(engine.docker, await things())).toEqual([]);
  expect(engine.log).toContain("POST /networks/n/disconnect");
  expect(engine.things).toEqual([]);
});

test("a network that stays is told with who is connected to it", async () => {
  engine = await fakeEngine([{ kind: "network", name: "n", labels }]);
  engine.endpoints = { n: ["a-ci-job"] };
  engine.refuses = (asked) => (asked.endsWith("disconnect") ? "no" : undefined);
  const { left } = await sweep(engine.docker, { run: "r" }, { patience: 1 });
  expect(left[0]!.reason).toBe("network n has active endpoints; connected: a-ci-job");
});

test("a network that stays though nothing is connected: the engine has miscounted", async () => {
  engine = await fakeEngine([{ kind: "network", name: "n", labels }]);
  refuse("DELETE /networks/n", Infinity, "network n has active endpoints");
  const { left } = await sweep(engine.docker, { run: "r" }, { patience: 1 });
  expect(left[0]!.reason).toMatch(
    /^network n has active endpoints; .* miscounted, and counts anew when it is restarted$/,
  );
});

test("a network that stays for another reason is told with that alone", async () => {
  engine = await fakeEngine([{ kind: "network", name: "n", labels }]);
  refuse("DELETE /networks/n", Infinity, "the store is read-only");
  const { left } = await sweep(engine.docker, { run: "r" }, { patience: 1 });
  expect(left[0]!.reason).toBe("the store is read-only");
});

test("an engine that is out of order for a moment is waited for", async () => {
  engine = await fakeEngine([{ kind: "container", name: "a", labels }]);
  engine.broken = true;
  setTimeout(() => (engine.broken = false), 500);
  expect(await sweep(engine.docker, { run: "r" })).toMatchObject({ removed: [{ name: "a" }], left: [] });
});

test("an engine that stays out of order is told", async () => {
  engine = await fakeEngine([]);
  engine.broken = true;
  await expect(sweep(engine.docker, { run: "r" }, { patience: 1 })).rejects.toThrow("the engine is out of order");
});

test("two that sweep at once both succeed", async () => {
  engine = await fakeEngine(
    Array.from({ length: 20 }, (_, n) => ({ kind: "container" as const, name: `c${n}`, labels })),
  );
  const both = await Promise.all([sweep(engine.docker, { run: "r" }), sweep(engine.docker, { run: "r" })]);
  expect(both.map(({ left }) => left)).toEqual([[], []]);
  expect(engine.things).toEqual([]);
});

async function things() {
  return engine.things.map(({ kind, name, labels: its }) => ({
    kind: kind as "network",
    id: name,
    name,
    labels: its,
  }));
}
