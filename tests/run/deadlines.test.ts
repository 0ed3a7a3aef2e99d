import type Docker from "dockerode";
import { phaseClock } from "../../run/phases";
import { longestAftermath, watchEnd } from "../../run/tests-end";
import { timeLimit, within } from "../../run/time-limit";
import { followImages } from "../../run/image-steps";
import type { EngineEvent } from "../../engine/events";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const never = new Promise<never>(() => undefined);
const deadlines = { run: 100, setUp: 5, build: 20, up: 10, tests: 30, collect: 5, destroy: 5 };

describe("a phase's clock", () => {
  const clockOf = (given: Partial<typeof deadlines> = {}) => {
    const out: [string, number][] = [];
    const clock = phaseClock(
      () => undefined,
      (what, seconds) => out.push([what, seconds]),
      () => Date.now(),
    );
    clock.limit({ ...deadlines, ...given });
    return { clock, out };
  };

  test("tells which phase has run out, once", () => {
    const { clock, out } = clockOf();
    clock.enter("set-up");
    jest.advanceTimersByTime(4_999);
    expect(out).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(out).toEqual([["set-up", 5]]);
    clock.finish();
    jest.advanceTimersByTime(200_000);
    expect(out).toHaveLength(1);
  });

  test("adds up building and bringing up, each for itself, while they take turns", () => {
    const { clock, out } = clockOf();
    for (let i = 0; i < 4; i++) {
      clock.enter("up");
      jest.advanceTimersByTime(2_000);
      clock.enter("build");
      jest.advanceTimersByTime(4_000);
    }
    expect(out).toEqual([]);
    clock.enter("up");
    jest.advanceTimersByTime(2_000);
    expect(out).toEqual([["up", 10]]);
    expect(clock.finish()).toEqual([
      { name: "up", seconds: 10, at: 0 },
      { name: "build", seconds: 16, at: 2 },
    ]);
  });

  test("counts all of it to the run, until the tests have ended", () => {
    const { clock, out } = clockOf({ run: 12 });
    for (const phase of ["set-up", "up", "tests"] as const) {
      clock.enter(phase);
      jest.advanceTimersByTime(3_999);
    }
    clock.enter("collect");
    jest.advanceTimersByTime(100_000);
    expect(out).toEqual([]);
    clock.enter("tests");
    jest.advanceTimersByTime(0);
    expect(out).toEqual([["run", 12]]);
    clock.finish();
  });

  test("holds what has begun to deadlines that come later", () => {
    const { clock, out } = clockOf();
    clock.enter("set-up");
    jest.advanceTimersByTime(3_000);
    clock.limit({ ...deadlines, setUp: 2 });
    jest.advanceTimersByTime(0);
    expect(out).toEqual([["set-up", 2]]);
    clock.finish();
  });
});

test("work that hangs is given up on, with a line that says what it was", async () => {
  const given = within(5, "counting sheep", never);
  jest.advanceTimersByTime(5_000);
  await expect(given).rejects.toThrow("counting sheep took longer than 5 s");
  await expect(within(5, "counting", Promise.resolve(3))).resolves.toBe(3);
  const limit = timeLimit("both", 2);
  const [first, second] = [limit.hold(never), limit.hold(never)];
  jest.advanceTimersByTime(2_000);
  await expect(first).rejects.toThrow("both took longer than 2 s");
  await expect(second).rejects.toThrow("both took longer than 2 s");
  expect(jest.getTimerCount()).toBe(0);
});

describe("a container's end that its step doesn't notice", () => {
  const engine = (state: () => object | undefined) =>
    ({
      getContainer: () => ({
        inspect: () =>
          state()
            ? Promise.resolve({ State: state(), Config: { Env: [] }, HostConfig: {} })
            : Promise.reject(Object.assign(new Error("no such container"), { statusCode: 404 })),
      }),
    }) as unknown as Docker;
  const ended = { Running: false, ExitCode: 0, FinishedAt: "2026-01-01T00:00:00Z" };

  test.each([
    ["is seen, though nobody told of it", () => ended, false, 1],
    ["is believed where the container is gone", () => undefined, true, 1],
    ["is not taken for one before the container is there", () => undefined, false, 0],
    ["is none while the container runs", () => ({ Running: true, FinishedAt: "0001-01-01T00:00:00Z" }), false, 0],
  ])("%s", async (_, state, isTold, times) => {
    const onOverdue = jest.fn();
    const watch = watchEnd(engine(state), () => "tests", onOverdue);
    if (isTold) watch.told();
    await jest.advanceTimersByTimeAsync(5_000 + longestAftermath * 1000 + 100);
    expect(onOverdue).toHaveBeenCalledTimes(times);
    watch.close();
  });

  test("is nothing to tell of once the step has ended", async () => {
    const onOverdue = jest.fn();
    const watch = watchEnd(
      engine(() => ended),
      () => "tests",
      onOverdue,
    );
    await jest.advanceTimersByTimeAsync(10_000);
    watch.close();
    await jest.advanceTimersByTimeAsync(longestAftermath * 2000);
    expect(onOverdue).not.toHaveBeenCalled();
  });
});

test("images are being made while a resource of theirs, or a command in one of our components for them, is", () => {
  const event = (kind: "resourcePreEvent" | "resOutputsEvent", types: string, op = "create") =>
    ({ [kind]: { metadata: { urn: `urn:pulumi:ci::small::${types}::x`, op } } }) as unknown as EngineEvent;
  const base = "seatrial:index:BaseImages$command:local:Command";
  const image = "seatrial:index:AppImage$docker:index/image:Image";
  const isMaking = followImages();
  expect(isMaking(event("resourcePreEvent", "docker:index/container:Container"))).toBe(false);
  expect(isMaking(event("resourcePreEvent", "my:index:Thing$command:local:Command"))).toBe(false);
  expect(isMaking(event("resourcePreEvent", image, "same"))).toBe(false);
  expect(isMaking(event("resourcePreEvent", base))).toBe(true);
  expect(isMaking(event("resourcePreEvent", image))).toBe(true);
  expect(isMaking(event("resOutputsEvent", base))).toBe(true);
  expect(isMaking(event("resOutputsEvent", image))).toBe(false);
});
