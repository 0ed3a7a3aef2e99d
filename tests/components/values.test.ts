import * as pulumi from "@pulumi/pulumi";
import { containerEnvironment } from "../../components/environment";
import { duration, goDuration, seconds } from "../../components/duration";
import { memorySize } from "../../components/memory-size";
import { dockerName } from "../../components/names";
import { runInfo } from "../../components/run-info";
import { known, run } from "./harness";

test.each([
  ["500ms", 500],
  ["90s", 90_000],
  ["1.5s", 1_500],
  ["1m30s", 90_000],
  ["2h", 7_200_000],
])("a duration of %s is %d ms", (text, expected) => {
  expect(duration.parse(text)).toBe(expected);
});

test.each(["", "10", "s", "10 s", "-1s", "0s", "10sx", "1d"])("%j is no duration", (text) => {
  expect(() => duration.parse(text)).toThrow("expected a duration");
});

test.each([
  [500, "500ms"],
  [1_000, "1s"],
  [1_500, "1.5s"],
  [90_000, "1m30s"],
  [3_600_000, "1h0m0s"],
])("%d ms is %s to Go", (length, expected) => {
  expect(goDuration(length)).toBe(expected);
});

test("seconds are whole, and enough", () => {
  expect([1, 1_000, 1_001].map(seconds)).toEqual([1, 1, 2]);
});

test.each([
  ["6m", 6],
  ["256M", 256],
  ["1g", 1024],
  ["1.5GB", 1536],
])("%s is %d megabytes", (text, expected) => {
  expect(memorySize.parse(text)).toBe(expected);
});

test.each(["", "5m", "256", "256k", "-1g"])("%j is no amount of memory", (text) => {
  expect(() => memorySize.parse(text)).toThrow("expected at least 6 megabytes");
});

describe("a Docker name", () => {
  const named = async (name: string, world = {}) => (await run(() => dockerName(name), world)).result;

  test("carries project and stack, in lower case and safe", async () => {
    expect(await named("api", { project: "Shop", stack: "Feature_X/2" })).toBe("shop-feature_x-2-api");
    expect(await named("api.", { project: "_shop" })).toBe("shop-ci-1a2b3c4-api");
  });

  test("that is too long is cut, and still its own", async () => {
    const [a, b] = [await named("a".repeat(80)), await named(`${"a".repeat(80)}b`)];

    expect(a).toMatch(/^shop-ci-1a2b3c4-a+-[0-9a-f]{8}$/);
    expect(a).toHaveLength(63);
    expect(b).toHaveLength(63);
    expect(a).not.toBe(b);
  });
});

describe("what is known of a run", () => {
  const now = new Date("2030-01-01T10:20:30Z");

  test("is what the run says", () => {
    const env = {
      SEATRIAL_COMMIT: "c",
      SEATRIAL_RUN: "r",
      SEATRIAL_OWNER: "o",
      SEATRIAL_EXPIRES: "e",
      CI_COMMIT_SHA: "x",
    };
    expect(runInfo(env, now)).toEqual({ commit: "c", run: "r", owner: "o", expires: "e" });
  });

  test("is otherwise the CI system's commit, no run, no owner, and a day from the next full hour", () => {
    const expires = "2030-01-02T11:00:00.000Z";
    expect(runInfo({ CI_COMMIT_SHA: "x" }, now)).toEqual({ commit: "x", run: undefined, owner: undefined, expires });
    expect(runInfo({ GITHUB_SHA: "y" }, now).commit).toBe("y");
    expect(runInfo({}, now).commit).toBe("dev");
  });
});

test("only the values that are secret are secret in an environment", async () => {
  const declared = { A: "plain", B: pulumi.secret("hidden"), C: pulumi.output("later") };
  const { result } = await run(() =>
    containerEnvironment(declared, { secret: ["D"], public: ["E"] }, "Service", { D: "hidden", E: "plain" }),
  );

  expect(await Promise.all(result.map((value) => known(pulumi.output(value))))).toEqual([
    { value: "A=plain", secret: false },
    { value: "B=hidden", secret: true },
    { value: "C=later", secret: false },
    { value: "D=hidden", secret: true },
    { value: "E=plain", secret: false },
  ]);
});
