/** The life of resources from one deployment to the next, against a cloud in memory. */
import { integrityProblem } from "../../engine/state/integrity";
import type { Snapshot } from "../../engine/state/checkpoint";
import { type PropertyMap, Secret } from "../../engine/values";
import { empty, type Program, urnOf, using, World } from "./world";

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** The state is one that the engine would start from. */
async function expectSound(world: World): Promise<void> {
  const resources = (await (await world.open()).resources()) as unknown as Snapshot["resources"];
  expect(integrityProblem({ resources, pendingOperations: [] })).toBeUndefined();
}

describe("create", () => {
  test("makes each resource after what it depends on, and side by side what doesn't", async () => {
    const world = new World();
    let together = 0;
    let most = 0;
    world.cloud.faults.set("create", async () => {
      most = Math.max(most, ++together);
      await sleep(5);
      together--;
    });
    const program: Program = async (stack) => {
      const [a, b] = await Promise.all([stack.add("a"), stack.add("b")]);
      await using(stack, "c", [a, b]);
    };
    const result = await world.up(program);
    expect(most).toBe(2);
    expect(world.cloud.spans.slice(-2)).toEqual(["+create c", "-create c"]);
    expect(result.changes).toEqual({ create: 4 });
    expect(world.cloud.names()).toEqual(["a", "b", "c"]);
  });

  test("--parallel 1 makes one at a time", async () => {
    const world = new World();
    world.cloud.faults.set("create", () => sleep(2));
    await world.up((stack) => Promise.all(["a", "b", "c"].map((name) => stack.add(name))), { parallel: 1 });
    expect(world.cloud.spans).toEqual(["a", "b", "c"].flatMap((name) => [`+create ${name}`, `-create ${name}`]));
  });

  test("gives the program the outputs and writes them to the state", async () => {
    const world = new World();
    let outputs = {};
    await world.up(async (stack) => {
      const a = await stack.add("a", { size: 3 });
      outputs = a.outputs;
    });
    const { id } = world.cloud.byName("a")!;
    expect(outputs).toEqual({ size: 3, ref: id, token: `token-of-${id}` });
    expect(await world.state("a")).toMatchObject({ id, inputs: { size: 3 }, outputs });
  });

  test("refuses two resources of one name, naming the URN", async () => {
    const world = new World();
    const result = await world.update(async (stack) => {
      await stack.add("a");
      await stack.add("a");
    });
    expect(result.result).toBe("failed");
    expect(result.errors[0]).toEqual({
      urn: urnOf("a"),
      message: `Duplicate resource URN '${urnOf("a")}'; try giving it a unique name`,
    });
    expect(world.cloud.names()).toEqual(["a"]);
  });

  test("a failed check names the property, and nothing is made", async () => {
    const world = new World();
    const result = await world.update((stack) => stack.add("a", { bad: 1 }));
    expect(result.errors).toEqual([
      { urn: urnOf("a"), message: "fake:index:Thing resource 'a': property bad must not be set" },
    ]);
    expect(world.cloud.log).toEqual([]);
  });
});

describe("same and update", () => {
  test("an unchanged program calls nothing and keeps ids, outputs and times", async () => {
    const world = new World();
    const program: Program = (stack) => stack.add("a", { size: 1 });
    await world.up(program);
    const before = await world.state("a");
    const result = await world.up(program);
    expect(world.cloud.log).toEqual([]);
    expect(result.changes).toEqual({ same: 2 });
    expect(await world.state("a")).toEqual(before);
  });

  test("a changed property is updated in place", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a", { size: 1 }));
    const { id } = world.cloud.byName("a")!;
    const result = await world.up((stack) => stack.add("a", { size: 2 }));
    expect(result.changes).toEqual({ same: 1, update: 1 });
    expect(world.cloud.byName("a")).toMatchObject({ id, inputs: { size: 2 } });
    expect((await world.state("a"))["inputs"]).toEqual({ size: 2 });
  });

  test("a default of the provider stays from one deployment to the next, and a replacement gets its own", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a", { auto: true }));
    const { label } = world.cloud.byName("a")!.inputs;
    await world.up((stack) => stack.add("a", { auto: true, size: 2 }));
    expect(world.cloud.byName("a")!.inputs["label"]).toBe(label);
    await world.up((stack) => stack.add("a", { auto: true, fixed: 2 }));
    expect(world.cloud.byName("a")!.inputs["label"]).not.toBe(label);
  });

  test("what the program no longer asks for is deleted at the end, dependents first", async () => {
    const world = new World();
    await world.up(async (stack) => {
      const a = await stack.add("a");
      await using(stack, "b", [a]);
      await stack.add("c");
    });
    const result = await world.up((stack) => stack.add("d"));
    expect(world.cloud.log[0]).toBe("create d");
    expect(world.cloud.log.indexOf("delete b")).toBeLessThan(world.cloud.log.indexOf("delete a"));
    expect(world.cloud.names()).toEqual(["d"]);
    expect(result.changes).toEqual({ same: 1, create: 1, delete: 3 });
  });
});

describe("replace", () => {
  const chain =
    (fixed: number, extra = {}): Program =>
    async (stack) => {
      const a = await stack.add("a", { fixed, ...extra });
      await using(stack, "b", [a]);
    };

  test("makes the new one, moves dependents over and deletes the old one last", async () => {
    const world = new World();
    await world.up(chain(1));
    const result = await world.up(chain(2));
    expect(world.cloud.log).toEqual(["create a", "update b", "delete a"]);
    expect(world.steps()).toEqual(["create-replacement a", "replace a", "update b", "delete-replaced a"]);
    expect(result.changes).toEqual({ same: 1, replace: 1, update: 1 });
    expect(world.cloud.names()).toEqual(["a", "b"]);
    expect(world.cloud.byName("b")!.inputs["from"]).toEqual([world.cloud.byName("a")!.id]);
  });

  test("dependents that would have to be replaced too are replaced the same way", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    await world.up(chain(1));
    await world.up(chain(2));
    expect(world.cloud.log).toEqual(["create a", "create b", "delete b", "delete a"]);
  });

  test("delete before create takes first those dependents that must follow", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    await world.up(chain(1, { alone: true }));
    const result = await world.up(chain(2, { alone: true }));
    expect(world.cloud.log).toEqual(["delete b", "delete a", "create a", "create b"]);
    expect(world.steps()).toEqual([
      "delete-replaced b",
      "delete-replaced a",
      "replace a",
      "create-replacement a",
      "replace b",
      "create-replacement b",
    ]);
    expect(result.changes).toEqual({ same: 1, replace: 2 });
    await expectSound(world);
  });

  test("delete before create leaves dependents that can be updated", async () => {
    const world = new World();
    await world.up(chain(1, { alone: true }));
    await world.up(chain(2, { alone: true }));
    expect(world.cloud.log).toEqual(["delete a", "create a", "update b"]);
  });

  test("the program's deleteBeforeReplace wins over the provider's", async () => {
    const world = new World();
    const program =
      (fixed: number, deleteBeforeReplace: boolean): Program =>
      (stack) =>
        stack.add("a", { fixed }, { deleteBeforeReplace });
    await world.up(program(1, true));
    await world.up(program(2, true));
    expect(world.cloud.log).toEqual(["delete a", "create a"]);
    world.cloud.deleteBeforeReplace = true;
    await world.up(program(3, false));
    expect(world.cloud.log).toEqual(["create a", "delete a"]);
  });

  test("a dependent that was deleted for it and no longer depends on it waits for its own deletion", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    await world.up(chain(1, { alone: true }));
    world.cloud.faults.set("delete b", () => sleep(10));
    await world.up((stack) => Promise.all([stack.add("a", { fixed: 2, alone: true }), stack.add("b")]));
    expect(world.cloud.spans.indexOf("-delete b")).toBeLessThan(world.cloud.spans.indexOf("+create b"));
    expect(world.cloud.names()).toEqual(["a", "b"]);
    await expectSound(world);
  });

  test("a dependent that was deleted for it and is gone from the program is forgotten", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    await world.up(chain(1, { alone: true }));
    await world.up((stack) => stack.add("a", { fixed: 2, alone: true }));
    expect(world.cloud.names()).toEqual(["a"]);
    expect((await world.states()).map(({ urn }) => urn)).toEqual([urnOf("a")]);
  });

  test("after a deletion whose replacement failed, the next update makes the replacement", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    await world.up(chain(1, { alone: true }));
    world.cloud.faults.set("create a", "fail");
    const failed = await world.update(chain(2, { alone: true }));
    expect(failed.result).toBe("failed");
    expect(world.cloud.names()).toEqual([]);
    expect(await world.state("a")).toMatchObject({ pendingReplacement: true });
    await expectSound(world);
    world.cloud.faults.clear();
    await world.up(chain(2, { alone: true }));
    expect(world.cloud.log).toEqual(["create a", "create b"]);
    expect(await world.state("a")).not.toHaveProperty("pendingReplacement");
  });

  test("an old one whose deletion failed is kept as condemned and deleted by the next update", async () => {
    const world = new World();
    await world.up(chain(1));
    world.cloud.faults.set("delete a", "fail");
    expect((await world.update(chain(2))).result).toBe("failed");
    expect((await world.states()).filter((state) => state["delete"])).toHaveLength(1);
    expect(world.cloud.names()).toEqual(["a", "a", "b"]);
    world.cloud.faults.clear();
    await world.up(chain(2));
    expect(world.cloud.log).toEqual(["delete a"]);
    expect(world.cloud.names()).toEqual(["a", "b"]);
  });

  test("dependents that swapped places between two replacements can still be destroyed", async () => {
    const world = new World();
    await world.up(async (stack) => {
      const a = await stack.add("a", { fixed: 1 });
      await using(stack, "b", [a], { fixed: 1 });
    });
    world.cloud.faults.set("delete", "fail");
    await world.update(async (stack) => {
      const b = await stack.add("b", { fixed: 2 });
      await using(stack, "a", [b], { fixed: 2 });
    });
    expect(world.cloud.names()).toEqual(["a", "a", "b", "b"]);
    await expectSound(world);
    world.cloud.faults.clear();
    expect((await world.destroy()).errors).toEqual([]);
    expect(world.cloud.names()).toEqual([]);
  });

  test("--replace replaces what did not change", async () => {
    const world = new World();
    const program: Program = async (stack) => {
      await stack.add("a");
      await stack.add("b");
    };
    await world.up(program);
    await world.up(program, { replaces: [urnOf("b")] });
    expect(world.cloud.log).toEqual(["create b", "delete b"]);
    const replaced = world.events.find(({ resourcePreEvent }) => resourcePreEvent?.metadata.op === "replace");
    expect(replaced?.resourcePreEvent?.metadata.keys).toEqual(["id"]);
  });

  test("replaceOnChanges turns an update into a replacement, for the properties it names", async () => {
    const world = new World();
    const program =
      (size: number, colour: string): Program =>
      (stack) =>
        stack.add("a", { size, colour }, { replaceOnChanges: ["size"] });
    await world.up(program(1, "red"));
    await world.up(program(1, "blue"));
    expect(world.cloud.log).toEqual(["update a"]);
    await world.up(program(2, "blue"));
    expect(world.cloud.log).toEqual(["create a", "delete a"]);
  });

  test("replaceWith follows another's replacement", async () => {
    const world = new World();
    const program =
      (fixed: number): Program =>
      async (stack) => {
        const a = await stack.add("a", { fixed });
        await stack.add("b", {}, { replaceWith: [a.urn] });
      };
    await world.up(program(1));
    await world.up(program(2));
    expect(world.cloud.log.filter((call) => call.startsWith("create"))).toEqual(["create a", "create b"]);
    expect(world.cloud.names()).toEqual(["a", "b"]);
  });

  test("a changed replacementTrigger replaces", async () => {
    const world = new World();
    const program =
      (trigger: string): Program =>
      (stack) =>
        stack.add("a", {}, { replacementTrigger: trigger });
    await world.up(program("one"));
    await world.up(program("one"));
    expect(world.cloud.log).toEqual([]);
    await world.up(program("two"));
    expect(world.cloud.log).toEqual(["create a", "delete a"]);
  });
});

describe("failures", () => {
  test("keep what was made; the next update makes the rest", async () => {
    const world = new World();
    const program: Program = async (stack) => {
      const a = await stack.add("a");
      const b = await using(stack, "b", [a]);
      await using(stack, "c", [b]);
    };
    world.cloud.faults.set("create b", "fail");
    const failed = await world.update(program);
    expect(failed).toMatchObject({
      result: "failed",
      errors: [{ urn: urnOf("b"), message: "create b: refused" }],
    });
    expect(world.cloud.names()).toEqual(["a"]);
    expect((await world.states()).map(({ urn }) => urn)).toEqual([urnOf("a")]);
    world.cloud.faults.clear();
    await world.up(program);
    expect(world.cloud.log).toEqual(["create b", "create c"]);
  });

  test("delete nothing: what the program hadn't come to yet is still wanted", async () => {
    const world = new World();
    await world.up((stack) => Promise.all([stack.add("a"), stack.add("b")]));
    world.cloud.faults.set("create c", "fail");
    await world.update(async (stack) => {
      await stack.add("c");
      await stack.add("a");
    });
    expect(world.cloud.names()).toEqual(["a", "b"]);
  });

  test("of the program let it go on as far as it got, and delete nothing", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a"));
    const result = await world.update(async (stack) => {
      await stack.add("b");
      throw new Error("the program is wrong");
    });
    expect(result.errors).toEqual([{ message: "the program is wrong" }]);
    expect(world.cloud.names()).toEqual(["a", "b"]);
  });

  test("of the program delete nothing with continueOnError either", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a"));
    const program: Program = async () => {
      throw new Error("the program is wrong");
    };
    expect((await world.update(program, { continueOnError: true })).result).toBe("failed");
    expect(world.cloud.names()).toEqual(["a"]);
  });

  test("let steps that run come to their end, and start no others", async () => {
    const world = new World();
    world.cloud.faults.set("create slow", () => sleep(20));
    world.cloud.faults.set("create bad", "fail");
    await world.update((stack) =>
      Promise.all([
        stack.add("slow").then((slow) => using(stack, "after", [slow])),
        stack.add("bad"),
        sleep(5).then(() => stack.add("late")),
      ]),
    );
    expect(world.cloud.names()).toEqual(["slow"]);
    expect((await world.states()).map(({ urn }) => urn)).toEqual([urnOf("slow")]);
  });

  test("with continueOnError go on with what doesn't depend on it", async () => {
    const world = new World();
    world.cloud.faults.set("create a", "fail");
    const results: Record<string, string> = {};
    const result = await world.update(
      async (stack) => {
        const a = await stack.add("a");
        const b = await using(stack, "b", [a]);
        const c = await using(stack, "c", [b]);
        const d = await stack.add("d");
        Object.assign(results, { a: a.result, b: b.result, c: c.result, d: d.result });
      },
      { continueOnError: true },
    );
    expect(results).toEqual({ a: "failed", b: "skipped", c: "skipped", d: "success" });
    expect(result.result).toBe("failed");
    expect(result.errors).toHaveLength(1);
    expect(world.cloud.names()).toEqual(["d"]);
  });

  test("with continueOnError leave alone what was skipped", async () => {
    const world = new World();
    const program =
      (size: number): Program =>
      async (stack) => {
        const a = await stack.add("a", { size });
        await using(stack, "b", [a], { size });
      };
    await world.up(program(1));
    world.cloud.faults.set("update a", "fail");
    await world.update(program(2), { continueOnError: true });
    expect(world.cloud.log).toEqual(["update a"]);
    expect(world.cloud.names()).toEqual(["a", "b"]);
    await expectSound(world);
    world.cloud.faults.clear();
    await world.up(program(2));
    expect(world.cloud.log).toEqual(["update a", "update b"]);
  });

  test("a resource that is made but out of order is kept with its reasons, and updated next time", async () => {
    const world = new World();
    const program: Program = (stack) => stack.add("a");
    world.cloud.faults.set("create a", "init");
    const result = await world.update(program);
    expect(result.errors).toEqual([{ urn: urnOf("a"), message: "it does not get ready" }]);
    expect(await world.state("a")).toMatchObject({
      id: world.cloud.byName("a")!.id,
      initErrors: ["it does not get ready"],
    });
    world.cloud.faults.clear();
    await world.up(program);
    expect(world.cloud.log).toEqual(["update a"]);
    expect(await world.state("a")).not.toHaveProperty("initErrors");
    await world.up(program);
    expect(world.cloud.log).toEqual([]);
  });

  test("#initerror in replaceOnChanges replaces it instead", async () => {
    const world = new World();
    const program: Program = (stack) => stack.add("a", {}, { replaceOnChanges: ["#initerror"] });
    world.cloud.faults.set("create a", "init");
    await world.update(program);
    world.cloud.faults.clear();
    await world.up(program);
    expect(world.cloud.log).toEqual(["create a", "delete a"]);
  });

  test("a replacement that is made but out of order is kept, and the old one goes at the next update", async () => {
    const world = new World();
    const program =
      (fixed: number): Program =>
      (stack) =>
        stack.add("a", { fixed });
    await world.up(program(1));
    world.cloud.faults.set("create a", "init");
    await world.update(program(2));
    expect(world.cloud.names()).toEqual(["a", "a"]);
    await expectSound(world);
    world.cloud.faults.clear();
    await world.up(program(2));
    expect(world.cloud.log.sort()).toEqual(["delete a", "update a"]);
    expect(world.cloud.names()).toEqual(["a"]);
  });
});

describe("destroy", () => {
  const program: Program = async (stack) => {
    const a = await stack.add("a");
    const b = await using(stack, "b", [a]);
    await using(stack, "c", [b]);
    await stack.add("d");
  };

  test("deletes dependents first and leaves an empty state", async () => {
    const world = new World();
    await world.up(program);
    const result = await world.destroy();
    expect(world.cloud.log.filter((call) => call !== "delete d")).toEqual(["delete c", "delete b", "delete a"]);
    expect(result.changes).toEqual({ delete: 5 });
    expect((await world.deployment()).resources).toEqual([]);
  });

  test("with continueOnError deletes all it can; what a failed deletion depends on stays", async () => {
    const world = new World();
    await world.up(program);
    world.cloud.faults.set("delete b", "fail");
    const result = await world.destroy({ continueOnError: true });
    expect(result.errors).toEqual([{ urn: urnOf("b"), message: "delete b: refused" }]);
    expect(world.cloud.names()).toEqual(["a", "b"]);
    await expectSound(world);
    world.cloud.faults.clear();
    await world.destroy();
    expect(world.cloud.names()).toEqual([]);
  });

  test("refuses what is protected, and all of it is told", async () => {
    const world = new World();
    await world.up(async (stack) => {
      await stack.add("a", {}, { protect: true });
      await stack.add("b", {}, { protect: true });
    });
    const result = await world.destroy();
    expect(result.errors.map(({ urn }) => urn).sort()).toEqual([urnOf("a"), urnOf("b")]);
    expect(result.errors[0]!.message).toContain("cannot be deleted\nbecause it is protected");
    expect(world.cloud.names()).toEqual(["a", "b"]);
  });

  test("retainOnDelete forgets without deleting", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a", {}, { retainOnDelete: true }));
    await world.destroy();
    expect(world.cloud.names()).toEqual(["a"]);
    expect((await world.deployment()).resources).toEqual([]);
  });

  test("deletedWith spares a call for what goes with another", async () => {
    const world = new World();
    await world.up(async (stack) => {
      const host = await stack.add("host");
      await stack.add("part", { within: host.id }, { deletedWith: host.urn, dependencies: [host.urn] });
    });
    await world.destroy();
    expect(world.cloud.log).toEqual(["delete host"]);
    expect(world.cloud.names()).toEqual([]);
  });

  test("deletedWith is deleted itself where the other stays", async () => {
    const world = new World();
    await world.up(async (stack) => {
      const host = await stack.add("host");
      await stack.add("part", {}, { deletedWith: host.urn });
    });
    await world.up((stack) => stack.add("host"));
    expect(world.cloud.log).toEqual(["delete part"]);
  });

  test("deletedWith is replaced together with the other, and goes with the old one", async () => {
    const world = new World();
    const parts =
      (fixed: number): Program =>
      async (stack) => {
        const host = await stack.add("host", { fixed });
        await stack.add("part", {}, { deletedWith: host.urn });
      };
    await world.up(parts(1));
    await world.up(parts(2));
    expect(world.cloud.log).toEqual(["create host", "create part", "delete host"]);
  });
});

describe("protect", () => {
  test("a protected resource is not replaced, unless the protection is taken off at once", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a", { fixed: 1 }, { protect: true }));
    const result = await world.update((stack) => stack.add("a", { fixed: 2 }, { protect: true }));
    expect(result.errors[0]!.message).toMatch(
      /unable to replace resource .*\nas it is currently marked for protection/,
    );
    expect(world.cloud.log).toEqual([]);
    await world.up((stack) => stack.add("a", { fixed: 2 }));
    expect(world.cloud.log).toEqual(["create a", "delete a"]);
  });

  test("what would have to go ahead of a replacement along with a protected resource stays as it is", async () => {
    const world = new World();
    world.cloud.fixed.add("from");
    const program =
      (n: number): Program =>
      async (stack) => {
        const a = await stack.add("a", { fixed: n, alone: true });
        if (a.result !== "success") return stack.add("free");
        await using(stack, "kept", [a], {}, { protect: true });
        await using(stack, "free", [a]);
      };
    await world.up(program(1));
    const result = await world.update(program(2), { continueOnError: true });
    expect(result.errors.map(({ message }) => message).join()).toContain("as it is currently marked for protection");
    expect(world.cloud.names()).toEqual(["a", "free", "kept"]);
    expect(await world.states()).toHaveLength(3);
  });

  test("a protected resource that the program dropped is not deleted", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a", {}, { protect: true }));
    expect((await world.update(empty)).result).toBe("failed");
    expect(world.cloud.names()).toEqual(["a"]);
    expect(await world.state("a")).toMatchObject({ protect: true });
  });

  test("protecting and unprotecting is a change of the state alone", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a"));
    await world.up((stack) => stack.add("a", {}, { protect: true }));
    expect(world.cloud.log).toEqual([]);
    expect(await world.state("a")).toMatchObject({ protect: true });
    await world.up((stack) => stack.add("a"));
    expect(await world.state("a")).not.toHaveProperty("protect");
  });
});

describe("aliases", () => {
  test("a renamed resource is the same one", async () => {
    const world = new World();
    await world.up((stack) => stack.add("old"));
    const { id } = world.cloud.byName("old")!;
    await world.up((stack) => stack.add("new", {}, { aliases: [{ name: "old" }] }));
    expect(world.cloud.log).toEqual([]);
    expect(await world.state("new")).toMatchObject({ id });
    expect((await world.states()).map(({ urn }) => urn)).toEqual([urnOf("new")]);
  });

  test("by type, by URN and by parent", async () => {
    const world = new World();
    await world.up(async (stack) => {
      await stack.add("a", {}, { type: "fake:index:Old" });
      await stack.add("b");
      const group = await stack.component("group");
      await stack.add("c", {}, { parent: group.urn });
    });
    await world.up(async (stack) => {
      await stack.add("a", {}, { aliases: [{ type: "fake:index:Old" }] });
      await stack.add("b2", {}, { aliases: [{ urn: urnOf("b") }] });
      const group = await stack.component("group");
      await stack.add("c", {}, { aliases: [{ parent: group.urn }] });
    });
    expect(world.cloud.log).toEqual([]);
    expect((await world.states()).map(({ urn }) => urn).filter((urn) => !urn.includes("Group"))).toEqual([
      urnOf("a"),
      urnOf("b2"),
      urnOf("c"),
    ]);
  });

  test("children of a renamed component are found, also where they are named after it", async () => {
    const world = new World();
    const program =
      (name: string, aliases: { name: string }[]): Program =>
      async (stack) => {
        const group = await stack.component(name, { aliases });
        await stack.add(`${name}-part`, {}, { parent: group.urn });
      };
    await world.up(program("old", []));
    await world.up(program("new", [{ name: "old" }]));
    expect(world.cloud.log).toEqual([]);
    await expectSound(world);
  });

  test("what referred to the old name refers to the new one, even if it was not reached", async () => {
    const world = new World();
    await world.up(async (stack) => {
      const a = await stack.add("a");
      await using(stack, "b", [a]);
    });
    world.cloud.faults.set("create x", "fail");
    await world.update(async (stack) => {
      await stack.add("a2", {}, { aliases: [{ name: "a" }] });
      await stack.add("x");
    });
    expect(await world.state("b")).toMatchObject({ dependencies: [urnOf("a2")] });
    await expectSound(world);
  });

  test("two resources can't take over one", async () => {
    const world = new World();
    await world.up((stack) => stack.add("old"));
    const result = await world.update(async (stack) => {
      await stack.add("one", {}, { aliases: [{ name: "old" }] });
      await stack.add("two", {}, { aliases: [{ name: "old" }] });
    });
    expect(result.errors[0]!.message).toContain(urnOf("old"));
    expect(world.cloud.names()).toEqual(["old"]);
  });
});

describe("ignoreChanges", () => {
  test("keeps the old value, at any depth and behind wildcards", async () => {
    const world = new World();
    const program =
      (n: number): Program =>
      (stack) =>
        stack.add(
          "a",
          { size: n, labels: { mine: n, other: 1 }, ports: [{ in: n, out: 1 }] },
          { ignoreChanges: ["size", "labels.mine", "ports[*].in"] },
        );
    await world.up(program(1));
    await world.up(program(2));
    expect(world.cloud.log).toEqual([]);
    expect(world.cloud.byName("a")!.inputs).toEqual({
      size: 1,
      labels: { mine: 1, other: 1 },
      ports: [{ in: 1, out: 1 }],
    });
  });

  test("tells of what has no place in the new inputs or in the old", async () => {
    const world = new World();
    const program =
      (inputs: PropertyMap): Program =>
      (stack) =>
        stack.add("a", inputs, {
          ignoreChanges: ["ports[1]", "ports[*].in", "labels.mine", "env.*", "none.at.all", "env.A.deep", "tags[*]"],
        });
    const notices = (): unknown[] =>
      world.events.flatMap(({ diagnosticEvent: said }) => (said ? [[said.severity, said.message.trim()]] : []));
    await world.up(program({ ports: [{ in: 1 }, { in: 2 }], labels: { mine: 1 }, env: { A: "1" }, tags: ["x"] }));
    await world.up(program({ ports: [{ in: 3 }], env: { A: "2", B: "3" }, tags: new Secret(["y"]) }));
    expect(notices()).toEqual([
      [
        "info",
        "ignoreChanges can't put back what has no place in the new inputs or in the old: ports[1], ports[*].in, labels.mine",
      ],
    ]);
    expect(world.cloud.byName("a")!.inputs).toEqual({
      ports: [{ in: 1 }],
      env: { A: "1" },
      tags: new Secret(["x"]),
    });
  });

  test("an ignored property takes the program's value when the resource is replaced for another", async () => {
    const world = new World();
    const program =
      (n: number): Program =>
      (stack) =>
        stack.add("a", { size: n, fixed: n }, { ignoreChanges: ["size"] });
    await world.up(program(1));
    await world.up(program(2));
    expect(world.cloud.byName("a")!.inputs).toEqual({ size: 2, fixed: 2 });
  });
});

describe("import and read", () => {
  test("an existing thing is taken over as it is, and managed from then on", async () => {
    const world = new World();
    world.cloud.things.set("x-1", { id: "x-1", name: "x", urn: "", type: "", inputs: { size: 7 } });
    const program =
      (size: number): Program =>
      (stack) =>
        stack.add("a", { size }, { importId: "x-1" });
    const result = await world.up(program(7));
    expect(result.changes).toEqual({ create: 1, import: 1 });
    expect(world.cloud.log).toEqual(["read a"]);
    expect(await world.state("a")).toMatchObject({ id: "x-1", inputs: { size: 7 }, importID: "x-1" });
    await world.up(program(7));
    expect(world.cloud.log).toEqual([]);
    await world.up(program(8));
    expect(world.cloud.log).toEqual(["update a"]);
  });

  test("a thing that isn't there can't be taken over; one that isn't as described is made so", async () => {
    const world = new World();
    const program =
      (inputs: PropertyMap): Program =>
      (stack) =>
        stack.add("a", inputs, { importId: "x-1" });
    const missing = await world.update(program({}));
    expect(missing.errors[0]!.message).toBe("resource 'x-1' does not exist");
    world.cloud.things.set("x-1", { id: "x-1", name: "x", urn: "", type: "", inputs: { size: 7, fixed: 1 } });
    const plan = await world.preview(program({ size: 8, fixed: 1 }));
    expect(plan.changes).toMatchObject({ import: 1, update: 1 });
    await world.up(program({ size: 8, fixed: 1 }));
    expect(world.steps()).toEqual(["import a", "update a"]);
    expect(await world.states()).toMatchObject([{ id: "x-1", importID: "x-1", inputs: { size: 8, fixed: 1 } }]);
    await world.up(program({ size: 8, fixed: 1 }));
    expect(world.steps()).toEqual([]);
  });

  test("an imported thing is never replaced; while it is told to be imported, its id stays", async () => {
    const world = new World();
    world.cloud.things.set("x-1", { id: "x-1", name: "x", urn: "", type: "", inputs: { fixed: 1 } });
    const program: Program = (stack) => stack.add("a", { fixed: 2 }, { importId: "x-1" });
    const plan = await world.preview(program);
    expect(plan.result).toBe("succeeded");
    expect(world.messages("warning").join()).toMatch(/imported and would have to be replaced \(fixed\)/);
    const refused = await world.update(program);
    expect(refused.errors[0]!.message).toMatch(/imported and would have to be replaced \(fixed\)/);
    expect([...world.cloud.things.keys()]).toEqual(["x-1"]);
    expect(await world.states()).toMatchObject([{ id: "x-1", inputs: { fixed: 1 } }]);
  });

  test("an import takes the place of what was made before", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a", { size: 1 }));
    const [made] = [...world.cloud.things.keys()];
    world.cloud.things.set("x-1", { id: "x-1", name: "x", urn: "", type: "", inputs: { size: 7 } });
    await world.up((stack) => stack.add("a", { size: 8 }, { importId: "x-1" }));
    expect(world.steps()).toEqual(["import-replacement a", "replace a", "update a", "delete-replaced a"]);
    expect([...world.cloud.things.keys()]).toEqual(["x-1"]);
    expect(made).not.toBe("x-1");
    expect(await world.states()).toMatchObject([{ id: "x-1", inputs: { size: 8 } }]);
  });

  test("a thing that is read is shown and never deleted", async () => {
    const world = new World();
    world.cloud.things.set("x-1", { id: "x-1", name: "x", urn: "", type: "", inputs: { size: 7 } });
    let outputs = {};
    await world.up(async (stack) => {
      outputs = (await stack.get("a", "x-1")).outputs;
    });
    expect(outputs).toMatchObject({ size: 7, ref: "x-1" });
    expect(await world.state("a")).toMatchObject({ external: true, id: "x-1" });
    await world.destroy();
    expect([...world.cloud.things.keys()]).toEqual(["x-1"]);
    expect((await world.deployment()).resources).toEqual([]);
  });

  test("one's own thing gives way to one that is read; it isn't forgotten if its deletion fails", async () => {
    const world = new World();
    world.cloud.things.set("x-1", { id: "x-1", name: "x", urn: "", type: "", inputs: {} });
    await world.up((stack) => stack.add("a"));
    world.cloud.faults.set("delete a", "fail");
    await world.update((stack) => stack.get("a", "x-1"));
    expect((await world.states()).map((state) => [state["id"], state["delete"] ?? false])).toEqual([
      ["x-1", false],
      [world.cloud.byName("a")!.id, true],
    ]);
    world.cloud.faults.clear();
    await world.up((stack) => stack.get("a", "x-1"));
    expect([...world.cloud.things.keys()]).toEqual(["x-1"]);
  });
});

describe("refresh", () => {
  const program: Program = async (stack) => {
    const a = await stack.add("a", { size: 1 });
    const b = await using(stack, "b", [a]);
    await using(stack, "c", [b]);
  };

  test("takes over what has changed outside", async () => {
    const world = new World();
    await world.up(program);
    world.cloud.byName("a")!.inputs = { size: 5 };
    const result = await world.refresh();
    expect(result.changes).toEqual({ same: 3, update: 1 });
    expect(await world.state("a")).toMatchObject({ inputs: { size: 5 }, outputs: { size: 5 } });
    await world.up(program);
    expect(world.cloud.log).toEqual(["update a"]);
  });

  test("forgets what is gone, and keeps the rest in order whatever ends first", async () => {
    const world = new World();
    await world.up(program);
    world.cloud.things.delete(world.cloud.byName("b")!.id);
    world.cloud.faults.set("read a", () => sleep(10));
    const result = await world.refresh();
    expect(result.changes).toEqual({ same: 3, delete: 1 });
    expect((await world.states()).map(({ urn }) => urn)).toEqual([urnOf("a"), urnOf("c")]);
    expect(await world.state("c")).not.toHaveProperty("dependencies");
    await expectSound(world);
    await world.up(program);
    expect(world.cloud.log).toEqual(["create b", "update c"]);
  });

  test("of a component that lost a child keeps the children of that child", async () => {
    const world = new World();
    await world.up(async (stack) => {
      const a = await stack.add("a");
      await stack.add("b", {}, { parent: a.urn });
    });
    world.cloud.things.delete(world.cloud.byName("a")!.id);
    await world.refresh();
    await expectSound(world);
    expect((await world.states()).map(({ urn }) => urn)).toEqual([urnOf("b", "fake:index:Thing$fake:index:Thing")]);
  });

  test("also looks at what is condemned, and forgets it where it is gone", async () => {
    const world = new World();
    const replacing =
      (fixed: number): Program =>
      (stack) =>
        stack.add("a", { fixed });
    await world.up(replacing(1));
    world.cloud.faults.set("delete a", "fail");
    await world.update(replacing(2));
    const [condemned] = (await world.states()).filter((state) => state["delete"]);
    world.cloud.things.delete(condemned!["id"] as string);
    await world.refresh();
    expect(await world.states()).toHaveLength(1);
  });

  test("a failed look changes nothing and fails", async () => {
    const world = new World();
    await world.up(program);
    const before = await world.states();
    world.cloud.faults.set("read b", "fail");
    expect((await world.refresh()).errors).toEqual([{ urn: urnOf("b"), message: "read b: refused" }]);
    expect(await world.states()).toEqual(before);
  });

  test("before an update repairs in one go", async () => {
    const world = new World();
    await world.up(program);
    world.cloud.things.delete(world.cloud.byName("b")!.id);
    await world.up(program, { refresh: true });
    expect(world.cloud.names()).toEqual(["a", "b", "c"]);
  });

  test("in a preview tells and saves nothing", async () => {
    const world = new World();
    await world.up(program);
    world.cloud.things.delete(world.cloud.byName("b")!.id);
    const before = await world.deployment();
    const result = await world.preview(program, { refresh: true });
    expect(result.changes).toMatchObject({ create: 1 });
    expect(await world.deployment()).toEqual(before);
  });
});

describe("preview", () => {
  test("shows what an update would do, and does none of it", async () => {
    const world = new World();
    const program =
      (n: number): Program =>
      async (stack) => {
        const a = await stack.add("a", { fixed: n });
        await using(stack, "b", [a]);
        if (n === 1) await stack.add("c");
      };
    await world.up(program(1));
    const before = await world.deployment();
    const result = await world.preview(program(2));
    expect(world.cloud.log).toEqual([]);
    expect(await world.deployment()).toEqual(before);
    const planned = world.steps();
    const planChanges = result.changes;
    const real = await world.up(program(2));
    expect(planChanges).toEqual(real.changes);
    expect(planned).toEqual(world.steps());
  });
});

describe("--expect-no-changes", () => {
  test("fails where something would change, and only there", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a"));
    expect((await world.preview((stack) => stack.add("a"), { expectNoChanges: true })).result).toBe("succeeded");
    const result = await world.preview((stack) => stack.add("a", { size: 2 }), { expectNoChanges: true });
    expect(result.errors).toEqual([{ message: "no changes were expected but changes were proposed" }]);
  });
});

describe("cancelling", () => {
  test("tells what runs, starts nothing more and records what exists", async () => {
    const world = new World();
    const cancel = new AbortController();
    let told = false;
    world.cloud.faults.set("create a", async ({ signal }) => {
      setTimeout(() => cancel.abort(), 5);
      await new Promise<void>((done) =>
        signal.addEventListener("abort", () => {
          told = true;
          done();
        }),
      );
    });
    const program: Program = async (stack) => {
      const a = await stack.add("a");
      await using(stack, "b", [a]);
    };
    const result = await world.update(program, { signal: cancel.signal });
    expect(told).toBe(true);
    expect(result).toMatchObject({ result: "failed", cancelled: true });
    expect(world.cloud.log).toEqual(["create a"]);
    expect(await world.state("a")).toMatchObject({ id: world.cloud.byName("a")!.id });
    world.cloud.faults.clear();
    await world.up(program);
    expect(world.cloud.log).toEqual(["create b"]);
  });

  test("beforehand does nothing", async () => {
    const world = new World();
    const result = await world.update((stack) => stack.add("a"), { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ result: "failed", cancelled: true });
    expect(world.cloud.log).toEqual([]);
  });

  test("a deletion stops the others", async () => {
    const world = new World();
    const cancel = new AbortController();
    await world.up(async (stack) => {
      const a = await stack.add("a");
      await using(stack, "b", [a]);
    });
    world.cloud.faults.set("delete b", () => cancel.abort());
    const result = await world.destroy({ signal: cancel.signal });
    expect(result).toMatchObject({ result: "failed", cancelled: true });
    expect(world.cloud.names()).toEqual(["a"]);
    expect((await world.states()).map(({ urn }) => urn)).toEqual([urnOf("a")]);
  });
});
