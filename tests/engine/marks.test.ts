/** What the state says of a resource that decides what becomes of it next: tainted, to be read before it is changed. */
import { empty, type Program, using, World } from "./world";

const both =
  (n: number): Program =>
  async (stack) => {
    const a = await stack.add("a", { size: n });
    await using(stack, "b", [a], { size: n });
  };

/** Marks a resource as `pulumi state taint` does, in the form in which the CLI then writes the state. */
async function taint(world: World, name: string): Promise<void> {
  const stack = await world.open();
  const { deployment } = await stack.export();
  const { resources } = deployment as { resources: { urn: string; taint?: boolean }[] };
  for (const resource of resources) if (resource.urn.endsWith(`::${name}`)) resource.taint = true;
  await stack.import({ version: 4, features: ["taint"], deployment });
}

describe("a tainted resource", () => {
  test("is replaced by the next update though nothing changed, and is tainted no more", async () => {
    const world = new World();
    await world.up(both(1));
    const before = world.cloud.byName("b")!.id;
    await taint(world, "b");
    expect((await world.preview(both(1))).changes).toEqual({ same: 2, replace: 1 });
    expect((await world.up(both(1))).changes).toEqual({ same: 2, replace: 1 });
    expect(world.cloud.log).toEqual(["create b", "delete b"]);
    expect(world.cloud.byName("b")!.id).not.toBe(before);
    expect(await world.state("b")).not.toHaveProperty("taint");
    expect((await world.up(both(1))).changes).toEqual({ same: 3 });
  });

  test("stays so until it is replaced", async () => {
    const world = new World();
    await world.up(both(1));
    await taint(world, "b");
    await world.up(both(1), { targets: ["**::a"] });
    await world.refresh();
    expect(await world.state("b")).toMatchObject({ taint: true });
    await world.destroy();
    expect(world.cloud.names()).toEqual([]);
  });
});

describe("a resource whose provider wants it to be read first", () => {
  test("is read by each update, and no other is", async () => {
    const world = new World();
    world.cloud.volatile.add("a");
    await world.up(both(1));
    expect(await world.state("a")).toMatchObject({ refreshBeforeUpdate: true });
    world.cloud.meddle(world.cloud.byName("a")!.id, { size: 7 });
    const { changes } = await world.up(both(1));
    expect(world.cloud.log).toEqual(["read a", "update a"]);
    expect(changes).toEqual({ same: 2, update: 1 });
    await world.up(both(1));
    expect(world.cloud.log).toEqual(["read a"]);
    world.cloud.volatile.clear();
    await world.up(both(2));
    expect(world.cloud.log).toEqual(["read a", "update a", "update b"]);
    await world.up(both(2));
    expect(world.cloud.log).toEqual([]);
  });

  test("is made again where it is gone, and read before it is deleted", async () => {
    const world = new World();
    world.cloud.volatile.add("a");
    await world.up(both(1));
    world.cloud.meddle(world.cloud.byName("a")!.id, undefined);
    await world.up(both(1));
    expect(world.cloud.log.slice(0, 2)).toEqual(["read a", "create a"]);
    await world.up(empty);
    expect(world.cloud.log).toEqual(["read a", "delete b", "delete a"]);
  });
});
