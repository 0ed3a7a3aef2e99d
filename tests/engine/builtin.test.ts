/** The package `pulumi`, which is part of the engine: other stacks, stashed values, references to resources. */
import type { Act, Played } from "./play-program";
import { destroy, errorsOf, play, preview, stateOf, update } from "./player";

jest.setTimeout(60_000);

const ofStack = (stack: string, act: Act, config: Record<string, string> = {}): Act => ({ ...act, stack, config });

describe("a reference to another stack", () => {
  const program = `
    const config = new pulumi.Config();
    if (pulumi.getStack() === "base") {
      const a = new Thing("a");
      module.exports = { plain: "hello", sealed: pulumi.secret({ deep: "swordfish" }), list: [1, pulumi.secret("two-two")], ref: a.ref };
    } else {
      const base = new pulumi.StackReference(config.get("ref") ?? "base");
      const b = new Thing("b", { from: base.getOutput("ref"), sealed: base.requireOutput("sealed") });
      module.exports = {
        plain: base.getOutput("plain"),
        sealed: base.getOutput("sealed"),
        list: base.getOutput("list"),
        names: base.secretOutputNames,
        details: base.getOutputDetails("plain"),
        missing: base.getOutput("missing").apply((value) => value === undefined),
        read: pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name: "base" }).then(({ outputs }) => outputs.plain),
        resources: pulumi.runtime
          .invoke("pulumi:pulumi:readStackResourceOutputs", { stackName: "base" })
          .then(({ outputs }) => Object.values(outputs).map(({ type }) => type)),
      };
    }`;

  test("gives its outputs, in previews too; secrets stay secret", async () => {
    const [, plan, up, again, down] = await play(program, [
      ofStack("base", update),
      ofStack("top", preview),
      ofStack("top", update),
      ofStack("top", update),
      ofStack("top", destroy),
    ]);
    expect(plan!.outputs).toMatchObject({ plain: "hello", names: ["list", "sealed"] });
    expect(up!.outputs).toMatchObject({
      plain: "hello",
      sealed: { deep: "swordfish" },
      list: [1, "two-two"],
      details: { value: "hello" },
      missing: true,
      read: "hello",
    });
    expect([...(up!.outputs["resources"] as string[])].sort()).toEqual([
      "fake:index:Thing",
      "pulumi:providers:fake",
      "pulumi:pulumi:Stack",
    ]);
    expect(up!.shown).toMatchObject({ plain: "hello", sealed: "[secret]" });
    expect(JSON.stringify([up!.states, up!.messages])).not.toMatch(/swordfish|two-two/);
    expect(up!.inputs["b"]).toMatchObject({
      from: expect.stringMatching(/^a#/),
      sealed: { element: { deep: "swordfish" } },
    });
    const reference = stateOf(up!, "base");
    expect(reference).toMatchObject({ type: "pulumi:pulumi:StackReference", id: "base", external: true });
    expect(reference["inputs"]).toEqual({ name: "base" });
    const builtin = up!.states.find(({ urn }) => urn.includes("pulumi:providers:pulumi::default"))!;
    expect(builtin).not.toHaveProperty("inputs");
    expect(again).toMatchObject({ result: "succeeded", log: [], changes: { same: 2 } });
    expect(down).toMatchObject({ result: "succeeded", states: [], changes: { delete: 2, discard: 1 } });
  });

  test("takes the CLI's names of stacks, and says which isn't there", async () => {
    const names = [
      "base",
      "organization/base",
      "organization/trial/base",
      "nope",
      "organization/trial/nope",
      "acme/x/base",
    ];
    const named = `
      if (pulumi.getStack() === "base") exports.plain = "hello";
      else exports.plain = new pulumi.StackReference(new pulumi.Config().require("ref")).getOutput("plain");`;
    const [, ...plans] = await play(named, [
      ofStack("base", update),
      ...names.map((ref) => ofStack("top", preview, { ref })),
    ]);
    expect(plans.slice(0, 3).map(({ result }) => result)).toEqual(["succeeded", "succeeded", "succeeded"]);
    expect(plans.slice(3).map((played) => errorsOf(played).split("\n")[0])).toEqual([
      'unknown stack "nope"',
      'unknown stack "organization/trial/nope"',
      "organization name must be 'organization'",
    ]);
  });

  test("has what can't be decrypted here left empty, and says so", async () => {
    const elided = `
      if (pulumi.getStack() === "base") module.exports = { plain: "hello", sealed: pulumi.secret("swordfish") };
      else module.exports = { all: new pulumi.StackReference("base").outputs };`;
    const [, up] = await play(elided, [ofStack("base", { ...update, passphrase: "another" }), ofStack("top", update)]);
    expect(up).toMatchObject({ errors: [], outputs: { all: { plain: "hello", sealed: {} } } });
    expect(up!.messages.map(({ text }) => text).join("")).toMatch(/secrets of the stack 'base' can't be decrypted/);
  });
});

test("a stash keeps its first value", async () => {
  const program = `
    const stash = new pulumi.Stash("stash", { input: new pulumi.Config().require("value") });
    module.exports = { input: stash.input, output: stash.output };`;
  const value = (text: string): Record<string, string> => ({ value: text });
  const [plan, up, changed, again, down] = await play(program, [
    { ...preview, config: value("one") },
    { ...update, config: value("one") },
    { ...update, config: value("two") },
    { ...update, config: value("two") },
    destroy,
  ]);
  expect(plan!.outputs).toEqual({ input: "one", output: "one" });
  expect(up!.outputs).toEqual({ input: "one", output: "one" });
  expect(changed).toMatchObject({ changes: { update: 1, same: 1 }, outputs: { input: "two", output: "one" } });
  expect(again!.changes).toEqual({ same: 2 });
  expect(down!.states).toEqual([]);
});

test("getResource knows what this run has registered, and nothing else", async () => {
  const program = `
    const a = new Thing("a", { size: 1 });
    const get = (urn) => pulumi.runtime.invoke("pulumi:pulumi:getResource", { urn });
    module.exports = async () => ({
      found: a.urn.apply(async (urn) => { const { id, state } = await get(urn); return { id, size: state.size }; }),
      unknown: await get("urn:pulumi:test::trial::fake:index:Thing::nope").catch((error) => error.message),
    });`;
  const [up] = await play(program, [update]);
  expect(up!.outputs).toEqual({
    found: { id: stateOf(up!, "a")["id"], size: 1 },
    unknown: expect.stringContaining("unknown resource urn:pulumi:test::trial::fake:index:Thing::nope"),
  });
});

test("a type that isn't built in is refused by name", async () => {
  const [up] = await play(`new pulumi.CustomResource("pulumi:pulumi:Nonsense", "a", {});`, [update]);
  expect((up as Played).result).toBe("failed");
  expect(errorsOf(up!)).toContain("unrecognized resource type 'pulumi:pulumi:Nonsense'");
});
