/** The life of resources from one deployment to the next, against a cloud in memory. */
import { empty, type Program, takenFrom, urnOf, using, World } from "./world";

describe("create", () => {
  test("makes each resource after what it depends on, and side by side what doesn't", async () => {
    const world = new World();
    let together = 0;
    let most = 0;
    world.cloud.faults.set("create", async () => {
      most = Math.max(most, ++together);
      await new Promise((done) => setTimeout(done, 5));
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
    world.cloud.faults.set("create", () => new Promise((done) => setTimeout(done, 2)));
    await world.up((stack) => Promise.all(["a", "b", "c"].map((name) => stack.add(name))), { parallel: 1 });
    expect(world.cloud.spans).toEqual(["a", "b", "c"].flatMap((name) => [`+create ${name}`, `-create ${name}`]));
  });
});
