/** What an operation costs grows in a straight line with the number of resources. */
import { type Program, using, World } from "./world";

/** Chains of ten, as many at once as there are. */
const program =
  (count: number): Program =>
  (stack) =>
    Promise.all(
      Array.from({ length: count / 10 }, async (_, chain) => {
        let last = await stack.add(`${chain}-0`);
        for (let link = 1; link < 10; link++) last = await using(stack, `${chain}-${link}`, [last]);
      }),
    );

async function secondsFor(count: number): Promise<number> {
  const world = new World();
  const started = process.hrtime.bigint();
  await world.up(program(count));
  await world.up(program(count));
  await world.refresh();
  await world.destroy();
  expect(world.cloud.things.size).toBe(0);
  return Number(process.hrtime.bigint() - started) / 1e9;
}

test("2,000 resources cost at most about three times as much each as 200", async () => {
  await secondsFor(200); // warms the engine up
  const small = Math.min(await secondsFor(200), await secondsFor(200));
  const large = await secondsFor(2_000);
  expect(large / 2_000 / (small / 200)).toBeLessThan(3);
}, 120_000);
