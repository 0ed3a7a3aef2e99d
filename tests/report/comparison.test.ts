import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import { compareStacks, type StackChanges } from "../../report/comparison/compare";
import { describeStack } from "../../report/comparison/describe";
import { type InputValue, notKnown, type PreviewedResource, SecretInput } from "../../report/comparison/resource";
import { type Comparison, comparisonJsonSchema, comparisonSchema, most } from "../../report/comparison/schema";

const types = {
  container: "docker:index/container:Container",
  image: "docker:index/image:Image",
  network: "docker:index/network:Network",
  command: "command:local:Command",
};

const urn = (name: string, type: keyof typeof types, stack = "s") =>
  `urn:pulumi:${stack}::shop::${types[type]}::${name}`;

function resource(
  type: keyof typeof types,
  name: string,
  inputs: PreviewedResource["inputs"] = {},
  more: Partial<PreviewedResource> = {},
): PreviewedResource {
  const plain = { dependencies: [], propertyDependencies: {} };
  return { urn: urn(name, type), type: types[type], custom: true, inputs, ...plain, ...more };
}

const container = (name: string, inputs: PreviewedResource["inputs"] = {}, dependencies: string[] = []) =>
  resource("container", name, inputs, { dependencies });
const role = (value: string): InputValue => [{ label: "dev.seatrial.role", value }];

function compare(before: PreviewedResource[], after: PreviewedResource[]): StackChanges {
  return compareStacks(describeStack(before), describeStack(after), {
    mask: (text) => text.replace("hush", "[secret]"),
  });
}

/** `+ environment A: x`, for each change of each resource. */
function lines(changes: StackChanges): string[] {
  return changes.resources.flatMap(({ status, kind, name, changes }) => [
    `${status} ${kind} ${name}`,
    ...changes.map(
      ({ kind, aspect, key, before, after, secret }) =>
        `  ${kind} ${[aspect, key].filter(Boolean).join(" ")}: ${before ?? ""} > ${after ?? ""}${secret ? " (secret)" : ""}`,
    ),
  ]);
}

test("each kind of input is told in its own words", () => {
  const before = container("api", {
    ...{ image: "api:1", command: ["serve"], envs: ["A=1", "B=2", "GONE=x"], memory: 64, restart: "no" },
    volumes: [{ volumeName: "data", containerPath: "/data" }],
    ports: [{ internal: 80, external: 8080, ip: "127.0.0.1" }],
    networksAdvanced: [{ name: "net", aliases: ["api"] }],
    healthcheck: { tests: ["CMD", "true"], interval: "1s" },
    uploads: [{ file: "/etc/x", content: "one" }],
    labels: [{ label: "team", value: "a" }],
  });
  const after = container("api", {
    ...{ image: "api:2", command: ["serve", "-v"], envs: ["B=3", "A=1", "NEW=y"], memory: 128, restart: "always" },
    volumes: [{ volumeName: "data", containerPath: "/data", readOnly: true }],
    ports: [{ internal: 80, ip: "127.0.0.1" }],
    networksAdvanced: [{ name: "net", aliases: ["api", "web"] }],
    healthcheck: { tests: ["CMD", "true"], interval: "2s" },
    uploads: [{ file: "/etc/x", content: "two" }],
    labels: [{ label: "team", value: "b" }],
  });
  const told = lines(compare([before], [after]));
  expect(told.map((line) => line.replace(/sha256 \w+/g, "sha256 …"))).toEqual([
    "changed service api",
    '  changed command: ["serve"] > ["serve","-v"]',
    "  changed environment B: 2 > 3",
    "  added environment NEW:  > y",
    "  changed file /etc/x: sha256 … > sha256 …",
    "  changed health check interval: 1s > 2s",
    "  changed image: api:1 > api:2",
    "  changed label team: a > b",
    "  changed limit memory: 64 > 128",
    "  changed mount /data: volume data > volume data, read-only",
    '  changed network net: {"aliases":["api"]} > {"aliases":["api","web"]}',
    "  changed port 80/tcp: 127.0.0.1:8080 > 127.0.0.1:any free port",
    "  changed setting restart: no > always",
    "  removed environment GONE: x > ",
  ]);
});

test("the order of variables, mounts and labels is no change, nor is what carries our own labels", () => {
  const a = container("api", {
    envs: ["A=1", "B=2"],
    labels: [...(role("service") as []), { label: "x", value: "1" }],
  });
  const b = container("api", {
    envs: ["B=2", "A=1"],
    labels: [{ label: "x", value: "1" }, ...(role("service") as [])],
  });
  const other = { label: "dev.seatrial.commit", value: "another" };
  expect(
    compare([a], [{ ...b, inputs: { ...b.inputs, labels: [other, ...(b.inputs.labels as [])] } }]).summary,
  ).toEqual({
    ...{ added: 0, removed: 0, changed: 0, same: 1 },
  });
});

test("secrets are seen to change, and not told", () => {
  const stack = (token: string, plain: InputValue) =>
    container("api", {
      envs: [new SecretInput(`TOKEN=${token}`), plain, "ALSO=x hush y"],
      user: new SecretInput(token),
    });
  const changes = compare([stack("first-value", "OPEN=1")], [stack("second-value", new SecretInput("OPEN=2"))]);
  expect(JSON.stringify(changes)).not.toMatch(/first-value|second-value|hush|OPEN=2/);
  expect(lines(changes)).toEqual([
    "changed service api",
    "  changed environment OPEN: 1 >  (secret)",
    "  changed environment TOKEN:  >  (secret)",
    "  changed setting user:  >  (secret)",
  ]);
  expect(compare([stack("same", "OPEN=1")], [stack("same", "OPEN=1")]).resources).toEqual([]);
  const whole = (value: string) => container("api", { envs: new SecretInput([`TOKEN=${value}`]) });
  expect(lines(compare([whole("first-value")], [whole("second-value")]))).toEqual([
    "changed service api",
    "  changed environment TOKEN:  >  (secret)",
  ]);
});

test("a secret in a part of a value keeps the whole of it back", () => {
  const stack = (token: string) =>
    resource("network", "net", { options: { token: new SecretInput(token) }, ids: [1, new SecretInput(token)] });
  const changes = compare([stack("first-value")], [stack("second-value")]);
  expect(JSON.stringify(changes)).not.toMatch(/first-value|second-value/);
  expect(changes.resources[0]!.changes.map(({ key, secret }) => [key, secret])).toEqual([
    ["ids", true],
    ["options.token", true],
  ]);
});

test("images that are made in the stack are told by the resource that makes them", () => {
  const api = (from: string) =>
    resource("container", "api", { image: notKnown }, { propertyDependencies: { image: [urn(from, "image")] } });
  const images = [resource("image", "app", { imageName: "app:1" }), resource("image", "slim", { imageName: "slim:1" })];
  expect(lines(compare([...images, api("app")], [...images, api("slim")]))).toEqual([
    "changed service api",
    "  changed image: of image app > of image slim",
  ]);
});

test("a service waits for services, by way of probes and commands, and the graph has nothing else", () => {
  const stack = (last: string[]) => [
    container("db"),
    container("db-probe", { labels: role("probe") }, [urn("db", "container")]),
    resource("command", "db-ready", {}, { dependencies: [urn("db", "container")] }),
    container("cache"),
    container("api", {}, [urn("db-probe", "container"), urn("db-ready", "command"), ...last]),
  ];
  const changes = compare(stack([]), stack([urn("cache", "container")]));
  expect(lines(changes)).toEqual(["changed service api", "  added dependency cache:  > "]);
  expect(changes.graph).toEqual({
    nodes: [
      { name: "api", status: "changed" },
      { name: "cache", status: "same" },
      { name: "db", status: "same" },
    ],
    edges: [
      { from: "api", to: "cache", status: "added" },
      { from: "api", to: "db", status: "same" },
    ],
  });
  const gone = compare(stack([]), stack([]).slice(0, 3));
  expect(gone.graph.nodes).toContainEqual({ name: "api", status: "removed" });
  expect(gone.graph.edges).toEqual([{ from: "api", to: "db", status: "removed" }]);
});

test("a service may move into another component; of two with one name each is compared with its own", () => {
  const moved = { ...container("api"), urn: "urn:pulumi:s::shop::my:Api$docker:index/container:Container::api" };
  expect(compare([container("api")], [moved]).summary).toMatchObject({ added: 0, removed: 0, same: 1 });
  const twice = (image: string) => [container("api", { image }), { ...moved, inputs: { image: "other" } }];
  expect(lines(compare(twice("a"), twice("b")))).toEqual(["changed service api", "  changed image: a > b"]);
});

test("the provider's defaults and random names are told only where they were something else", () => {
  const bare = container("api", { image: "a", restart: "no", name: "api-1a2b3c4", __defaults: ["restart"] });
  expect(lines(compare([], [bare]))).toEqual(["added service api", "  added image:  > a"]);
  const other = container("api", { image: "a", restart: "always", name: "api-9999999", __defaults: [] });
  expect(lines(compare([bare], [other]))).toEqual(["changed service api", "  changed setting restart: no > always"]);
});

test("components and providers are names only; any other resource is compared by its inputs", () => {
  const component = { ...container("c"), custom: false };
  const provider = { ...container("p"), type: "pulumi:providers:docker" };
  const bucket = (size: number) => ({ ...container("b", { size }), type: "aws:s3:Bucket" });
  expect(lines(compare([bucket(1)], [component, provider, bucket(2)]))).toEqual([
    "changed resource b",
    "  changed setting size: 1 > 2",
  ]);
});

const whole = (changes: StackChanges): Comparison => ({
  ...{
    version: 1,
    project: "shop",
    base: { ref: "main", commit: "1a2b3c4" },
    head: { commit: "9f8e7d6", dirty: true },
  },
  ...changes,
});

test("a stack of any size makes a comparison that fits its schema", () => {
  const many = Array.from({ length: most.resources + 20 }, (_, n) =>
    container(`s${n}`, { envs: Array.from({ length: most.changes + 5 }, (_, v) => `V${v}=${"x".repeat(600)}`) }),
  );
  const changes = compare([], many);
  expect(() => comparisonSchema.parse(whole(changes))).not.toThrow();
  expect(changes.more).toBe(20);
  expect(changes.resources[0]!.more).toBe(5);
});

const file = join(__dirname, "../../docs/preview.schema.json");

test("docs/preview.schema.json is the schema that comparisons are read by (UPDATE_SCHEMA=1 writes it)", () => {
  const schema = comparisonJsonSchema();
  if (process.env.UPDATE_SCHEMA) writeFileSync(file, `${JSON.stringify(schema, undefined, 2)}\n`);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(schema);
  const validate = new Ajv2020().compile(schema);
  const example = whole(compare([container("api", { image: "a" })], [container("api", { image: "b" })]));
  expect(comparisonSchema.parse(example)).toEqual(example);
  expect(validate(example)).toBe(true);
  expect(validate({ ...example, surprise: 1 })).toBe(false);
});
