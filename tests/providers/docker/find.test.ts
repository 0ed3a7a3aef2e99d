/** What a crash left half-made is found again: by name, if it is this stack's. */
import { dockerProvider } from "../../../providers/docker";
import { Harness, identity, PREFIX, testContext } from "./support";

const labels = { "dev.seatrial.project": "tests", "dev.seatrial.stack": PREFIX };
const harness = new Harness({ labels });

beforeAll(() => harness.open());
afterAll(() => harness.close());
jest.setTimeout(60_000);

test("a network of this stack is found by its name, unless the state knows it", async () => {
  const made = await harness.create("Network", "net", { name: `${PREFIX}-lost` });
  const request = { ...identity("Network", "net"), inputs: made.inputs, known: [] as string[] };
  const provider = dockerProvider({ labels });
  expect(await provider.find!(request, testContext())).toMatchObject({ id: made.id });
  expect(await provider.find!({ ...request, known: [made.id] }, testContext())).toBeUndefined();
  expect(await provider.find!({ ...request, inputs: { name: `${PREFIX}-none` } }, testContext())).toBeUndefined();
  const stranger = dockerProvider({ labels: { ...labels, "dev.seatrial.stack": "another" } });
  expect(await stranger.find!(request, testContext())).toBeUndefined();
  expect(await dockerProvider().find!(request, testContext())).toBeUndefined();
  await harness.delete(made);
  expect(await provider.find!(request, testContext())).toBeUndefined();
});

test("a volume of this stack is found by its name", async () => {
  const made = await harness.create("Volume", "data", { name: `${PREFIX}-lost` });
  const request = { ...identity("Volume", "data"), inputs: made.inputs, known: [] };
  expect(await dockerProvider({ labels }).find!(request, testContext())).toMatchObject({ id: made.id });
  await harness.delete(made);
});
