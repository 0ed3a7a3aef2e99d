import { Secret, type PropertyMap, type Provider } from "../../engine";
import { followContainers } from "../../run/followed-containers";

const type = "docker:index/container:Container";
const context = { signal: new AbortController().signal, log: () => undefined };
const urn = (name: string) => `urn:pulumi:ci::small::${type}::${name}`;

function setUp(options: Parameters<typeof followContainers>[1] = {}) {
  const created: PropertyMap[] = [];
  const docker = {
    pkg: "docker",
    version: "1.0.0",
    check: (request: { news: PropertyMap }) => Promise.resolve({ inputs: request.news }),
    create(request: { name: string; properties: PropertyMap }) {
      created.push(request.properties);
      return Promise.resolve({ id: `id-of-${request.name}`, properties: request.properties });
    },
    delete: () => Promise.resolve(),
  } as unknown as Provider;
  const followed = followContainers(() => docker, options);
  const provider = followed.factory();
  async function make(name: string, inputs: PropertyMap): Promise<PropertyMap> {
    const identity = { urn: urn(name), name, type };
    const request = { ...identity, olds: {}, news: inputs, randomSeed: new Uint8Array(32) };
    const checked = await provider.check(request, context);
    await provider.create({ ...identity, properties: checked.inputs, timeout: 0, preview: false }, context);
    return created.at(-1)!;
  }
  return { followed, provider, make };
}

const role = (value: string) => [{ label: "dev.seatrial.role", value }];

test("the labelled container is the tests', and gets the command", async () => {
  const { followed, make } = setUp({ testsCommand: ["sh", "-c", "exit 7"] });
  expect((await make("job", { attach: true, labels: role("job"), command: ["migrate"] })).command).toEqual(["migrate"]);
  expect((await make("api", { labels: role("service"), command: ["serve"] })).command).toEqual(["serve"]);
  expect((await make("tests", { labels: role("tests"), command: ["npm", "test"] })).command).toEqual([
    "sh",
    "-c",
    "exit 7",
  ]);
  expect(followed.tests()).toMatchObject({ resource: "tests", id: "id-of-tests" });
});

test("without labels it is the attached one", async () => {
  const { followed, make } = setUp({ testsCommand: ["true"] });
  expect((await make("db", { command: ["postgres"] })).command).toEqual(["postgres"]);
  expect((await make("tests", { attach: true, mustRun: false })).command).toEqual(["true"]);
  expect(followed.tests()!.resource).toBe("tests");
});

test("of several attached ones it is the last, and a command needs a label", async () => {
  const { followed, make } = setUp();
  await make("migrations", { attach: true });
  await make("tests", { attach: true });
  expect(followed.tests()!.resource).toBe("tests");
  const other = setUp({ testsCommand: ["true"] });
  await other.make("migrations", { attach: true });
  await expect(other.make("tests", { attach: true })).rejects.toThrow(/both migrations and tests are attached/i);
});

test("labels may be secret", async () => {
  const { followed, make } = setUp();
  await make("tests", { labels: new Secret(role("tests")) });
  expect(followed.tests()!.role).toBe("tests");
});

test("says when the tests start and end, also when they break", async () => {
  const told: string[] = [];
  const { followed, provider, make } = setUp({
    onTestsStarting: ({ resource }) => told.push(`start ${resource}`),
    onTestsEnded: ({ resource, id }) => told.push(`end ${resource} ${id}`),
  });
  await make("api", {});
  await make("tests", { attach: true });
  expect(told).toEqual(["start tests", "end tests id-of-tests"]);
  await provider.delete(
    { urn: urn("api"), name: "api", type, id: "id-of-api", oldInputs: {}, properties: {}, timeout: 0 },
    context,
  );
  expect(followed.isBeingRemoved("id-of-api")).toBe(true);
  expect(followed.isBeingRemoved("id-of-tests")).toBe(false);
});
