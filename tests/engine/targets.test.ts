/** --target, --target-dependents and --exclude: what is left alone stays as it was. */
import { integrityProblem } from "../../engine/state/integrity";
import type { Snapshot } from "../../engine/state/checkpoint";
import { type Program, urnOf, using, World } from "./world";

async function expectSound(world: World): Promise<void> {
  const resources = (await (await world.open()).resources()) as unknown as Snapshot["resources"];
  expect(integrityProblem({ resources, pendingOperations: [] })).toBeUndefined();
}

const three =
  (n: number): Program =>
  async (stack) => {
    const a = await stack.add("a", { size: n });
    await using(stack, "b", [a], { size: n });
    await stack.add("c", { size: n });
  };

describe("an update", () => {
  test("of a target changes that one alone", async () => {
    const world = new World();
    await world.up(three(1));
    await world.up(three(2), { targets: [urnOf("a")] });
    expect(world.cloud.log).toEqual(["update a"]);
    expect(await world.state("b")).toMatchObject({ inputs: { size: 1 } });
  });

  test("with targetDependents takes dependents along", async () => {
    const world = new World();
    await world.up(three(1));
    await world.up(three(2), { targets: [urnOf("a")], targetDependents: true });
    expect(world.cloud.log).toEqual(["update a", "update b"]);
  });

  test("takes wildcards", async () => {
    const world = new World();
    await world.up(three(1));
    await world.up(three(2), { targets: ["**::c"] });
    expect(world.cloud.log).toEqual(["update c"]);
  });

  test("doesn't make what isn't a target", async () => {
    const world = new World();
    const result = await world.up(three(1), { targets: [urnOf("c")] });
    expect(world.cloud.names()).toEqual(["c"]);
    expect(result.changes).toMatchObject({ create: 2 });
  });

  test("of a target that needs what isn't there is refused, naming both", async () => {
    const world = new World();
    const result = await world.update(three(1), { targets: [urnOf("b")] });
    expect(result.result).toBe("failed");
    expect(result.errors[0]!.message).toContain(urnOf("a"));
    expect(result.errors[0]!.message).toContain(urnOf("b"));
    expect(world.cloud.names()).toEqual([]);
  });

  test("doesn't delete what isn't a target", async () => {
    const world = new World();
    await world.up(three(1));
    await world.up((stack) => stack.add("c", { size: 2 }), { targets: [urnOf("c")] });
    expect(world.cloud.names()).toEqual(["a", "b", "c"]);
    await expectSound(world);
  });

  test("keeps in order what stays and depends on what the program dropped", async () => {
    const world = new World();
    await world.up(three(1));
    await world.up(
      async (stack) => {
        await stack.add("b", { size: 2 });
        await stack.add("c", { size: 2 });
      },
      { targets: [urnOf("c")] },
    );
    await expectSound(world);
    expect(await world.state("b")).toMatchObject({ dependencies: [urnOf("a")] });
  });

  test("of a target that fails keeps it before what depends on it", async () => {
    const world = new World();
    await world.up(three(1));
    world.cloud.faults.set("update a", "fail");
    // The program has b depend on a no more, but b isn't operated on.
    const failed = await world.update(
      async (stack) => void (await Promise.all([stack.add("a", { size: 2 }), stack.add("b", { size: 2 })])),
      { targets: [urnOf("a")] },
    );
    expect(failed.result).toBe("failed");
    await expectSound(world);
    expect(await world.state("b")).toMatchObject({ dependencies: [urnOf("a")] });
  });

  test("knows afterwards what is made of something that has been replaced and couldn't be deleted", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    await world.up(async (stack) => using(stack, "b", [await stack.add("a", { fixed: 1 })]));
    world.cloud.faults.set("create b", "fail");
    await world.update(async (stack) => using(stack, "b", [await stack.add("a", { fixed: 2 })]));
    expect(world.cloud.names()).toEqual(["a", "a", "b"]);
    // What isn't operated on stays made of the old one.
    await world.up((stack) => stack.add("b"), { targets: ["**::none"] });
    expect(world.cloud.names()).toEqual(["a", "a", "b"]);
    world.cloud.faults.clear();
    await world.destroy();
    expect(world.cloud.log).toEqual(["delete b", "delete a", "delete a"]);
  });

  test("leaves what isn't a target its old name, also for what is new and needs it", async () => {
    const world = new World();
    await world.up((stack) => stack.add("old", { size: 1 }));
    const renamed: Program = async (stack) => {
      const one = await stack.add("new", { size: 2 }, { aliases: [{ name: "old" }] });
      expect(one.urn).toBe(urnOf("old"));
      await using(stack, "b", [one], { size: 1 });
      await stack.add("child", {}, { parent: one.urn });
    };
    await world.up(renamed, { targets: [urnOf("b"), "**::child"] });
    expect(world.cloud.names()).toEqual(["b", "child", "old"]);
    expect(await world.state("old")).toMatchObject({ inputs: { size: 1 } });
    expect(await world.state("b")).toMatchObject({ dependencies: [urnOf("old")] });
    await expectSound(world);
  });

  test("makes anew what isn't a target and had to go ahead of one's replacement, as it was", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    const made =
      (fixed: number, size: number, name: string): Program =>
      async (stack) => {
        const a = await stack.add("a", { fixed, alone: true });
        await using(stack, name, [a], { size }, { aliases: [{ name: "b" }] });
      };
    await world.up(made(1, 1, "b"));
    await world.up(made(2, 2, "c"), { targets: [urnOf("a"), urnOf("b")] });
    expect(world.cloud.names()).toEqual(["a", "c"]);
    expect(await world.state("c")).toMatchObject({ inputs: { size: 1 } });
    await expectSound(world);
  });

  test("with an exclude keeps what the excluded needs when that is replaced", async () => {
    const world = new World();
    const one =
      (fixed: number): Program =>
      async (stack) =>
        void (await using(stack, "b", [await stack.add("a", { fixed })], { size: fixed }));
    await world.up(one(1));
    await world.up(one(2), { excludes: [urnOf("b")] });
    expect(world.cloud.log).toEqual(["create a"]);
    expect(world.cloud.names()).toEqual(["a", "a", "b"]);
    await world.up(one(2));
    expect(world.cloud.log).toEqual(["update b", "delete a"]);
    await expectSound(world);
  });

  test("with an exclude knows afterwards what is made of something replaced that is still there", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    await world.up(async (stack) => using(stack, "b", [await stack.add("a", { fixed: 1 })]));
    world.cloud.faults.set("create b", "fail");
    await world.update(async (stack) => using(stack, "b", [await stack.add("a", { fixed: 2 })]));
    world.cloud.faults.clear();
    await world.up(() => Promise.resolve(), { excludes: [urnOf("a"), urnOf("b")] });
    expect(world.cloud.names()).toEqual(["a", "a", "b"]);
    await world.destroy();
    expect(world.cloud.log.indexOf("delete b")).toBe(0);
  });

  test("of a target that the program dropped deletes it", async () => {
    const world = new World();
    await world.up(three(1));
    await world.up(async (stack) => using(stack, "b", [await stack.add("a", { size: 1 })], { size: 1 }), {
      targets: [urnOf("c")],
    });
    expect(world.cloud.log).toEqual(["delete c"]);
  });

  test("with an exclude changes all the others", async () => {
    const world = new World();
    await world.up(three(1));
    await world.up(three(2), { excludes: [urnOf("a")] });
    expect(world.cloud.log.sort()).toEqual(["update b", "update c"]);
  });

  test("can't have both", async () => {
    const world = new World();
    await expect(world.update(three(1), { targets: ["x"], excludes: ["y"] })).rejects.toThrow(
      "--target and --exclude can't be used together",
    );
  });
});

describe("a destroy", () => {
  test("of a target deletes that one alone", async () => {
    const world = new World();
    await world.up(three(1));
    expect((await world.destroy({ targets: [urnOf("c")] })).result).toBe("succeeded");
    expect(world.cloud.names()).toEqual(["a", "b"]);
    await expectSound(world);
  });

  test("of a target that others depend on is refused, unless they go with it", async () => {
    const world = new World();
    await world.up(three(1));
    const refused = await world.destroy({ targets: [urnOf("a")] });
    expect(refused.result).toBe("failed");
    expect(refused.errors[0]!.message).toContain(urnOf("b"));
    expect(world.cloud.names()).toEqual(["a", "b", "c"]);
    expect((await world.destroy({ targets: [urnOf("a")], targetDependents: true })).result).toBe("succeeded");
    expect(world.cloud.names()).toEqual(["c"]);
    await expectSound(world);
  });

  test("with an exclude keeps that and all it depends on", async () => {
    const world = new World();
    await world.up(three(1));
    await world.destroy({ excludes: [urnOf("b")] });
    expect(world.cloud.names()).toEqual(["a", "b"]);
    await expectSound(world);
  });
});

describe("a refresh", () => {
  test("of a target looks at that one alone", async () => {
    const world = new World();
    await world.up(three(1));
    await world.refresh({ targets: [urnOf("a")] });
    expect(world.cloud.log).toEqual(["read a"]);
  });
});
