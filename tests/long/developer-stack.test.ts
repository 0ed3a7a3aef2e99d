/** A developer's own stack: up, an edit served after a restart, down. */
import { execFileSync } from "node:child_process";
import { type Checkout, copyOfCheckout, leftOf } from "./checkout";

const STACK = "dev-test";
const PORT = 18_099;
let checkout: Checkout;
const kept: string[] = [];
beforeAll(() => (checkout = copyOfCheckout()));
afterAll(async () => {
  for (const stack of [STACK, ...kept]) await checkout.run(["bin/seatrial", "destroy", "--yes", "--stack", stack]);
  checkout.remove();
});

const health = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${PORT}/health`)).json();

async function soon(check: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await check();
    } catch (error) {
      if (tries > 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

const images = (): string => execFileSync("docker", ["images", "-q", "--no-trunc"], { encoding: "utf8" });

test("the API answers where it says, and serves an edited handler after a restart, without an image build", async () => {
  const up = await checkout.run(["bin/seatrial", "up", "--yes", "--stack", STACK, "--config", `api.hostPort=${PORT}`]);
  expect(up.output).toContain(`http://127.0.0.1:${PORT}`);
  expect(up.code).toBe(0);
  expect(await health()).toMatchObject({ status: "ok" });

  const before = images();
  checkout.edit(
    "example/api/handlers.ts",
    'json: { status: healthy ? "ok"',
    'json: { edited: true, status: healthy ? "ok"',
  );
  execFileSync("docker", ["restart", "-t", "1", `seatrial-${STACK}-api`]);
  await soon(async () => expect(await health()).toMatchObject({ status: "ok", edited: true }));
  expect(images()).toBe(before);
  checkout.edit("example/api/handlers.ts", "edited: true, ", "");
});

test("destroy leaves nothing", async () => {
  expect(leftOf(STACK)).not.toEqual([]);
  const { code } = await checkout.run(["bin/seatrial", "destroy", "--yes", "--stack", STACK]);
  expect(code).toBe(0);
  expect(leftOf(STACK)).toEqual([]);
});

test("tests run again in a kept stack, beside the same services", async () => {
  const first = await checkout.run(["bin/seatrial", "test", "--keep"]);
  const stack = /stack (ci-[\w-]+)/.exec(first.output)![1]!;
  kept.push(stack);
  expect(first.code).toBe(0);
  const services = (): string[] =>
    execFileSync("docker", ["ps", "-q", "--filter", `label=dev.seatrial.stack=${stack}`], { encoding: "utf8" }).split(
      "\n",
    );
  const before = services();
  const again = await checkout.run(["bin/seatrial", "rerun"]);
  expect(again.code).toBe(0);
  expect(again.output).toMatch(/passed · \d\d tests/);
  expect(services()).toEqual(before);
  // How fast a machine is differs; that nothing but the tests is made anew doesn't.
  expect(again.seconds).toBeLessThan(first.seconds);
  expect((await checkout.run(["bin/seatrial", "destroy", "--yes", "--stack", stack])).code).toBe(0);
  expect(leftOf(stack)).toEqual([]);
});
