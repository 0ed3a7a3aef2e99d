/** Hooks: functions of the program that are called around the steps of its resources, and when one fails. */
import type { Act, Played } from "./play-program";
import { destroy, errorsOf, play, preview, stateOf, update } from "./player";

jest.setTimeout(60_000);

const told = ({ messages }: Played): string[] =>
  messages.flatMap(({ severity, text }) => (severity === "info" ? [text.trim()] : []));

test("hooks run around their steps, with the resource's values; a failing one before the step prevents it", async () => {
  const program = `
    const seen = [];
    const config = new pulumi.Config();
    const hook = (name) => new pulumi.ResourceHook(name, (args) => {
      pulumi.log.info(name + " " + args.name + " " + args.id.includes("#") + " " + JSON.stringify(args.newInputs?.size ?? null));
      if (config.get("fail") === name) throw new Error("not now");
    });
    const names = ["beforeCreate", "afterCreate", "beforeUpdate", "afterUpdate", "beforeDelete", "afterDelete"];
    const hooks = Object.fromEntries(names.map((name) => [name, [hook(name)]]));
    const a = new Thing("a", { size: Number(config.get("size") ?? 1) }, { hooks });
    if (config.get("more")) new Thing("more", { size: 7 }, { hooks });`;
  const config = (values: Record<string, string>): Act => ({ ...update, config: values });
  const [created, updated, prevented, kept, removed, dry] = await play(program, [
    update,
    config({ size: "2" }),
    config({ size: "3", fail: "beforeUpdate" }),
    config({ size: "2", more: "yes", fail: "afterCreate" }),
    config({ size: "2" }),
    { ...preview, config: { size: "9" } },
  ]);
  expect(told(created!)).toEqual(["beforeCreate a false 1", "afterCreate a true 1"]);
  expect(told(updated!)).toEqual(["beforeUpdate a true 2", "afterUpdate a true 2"]);
  expect(prevented).toMatchObject({ result: "failed", log: [] });
  expect(prevented!.errors[0]!.message).toContain("not now");
  // It is there: a hook that fails afterwards can't make it undone.
  expect(kept).toMatchObject({ result: "failed", names: ["a", "more"] });
  expect(stateOf(kept!, "more")["id"]).toMatch(/^more#/);
  expect(told(removed!)).toEqual(["beforeDelete more true null", "afterDelete more true null"]);
  expect(told(dry!)).toEqual([]);
});

test("hooks are given what is old and what is new, as far as there is either", async () => {
  const program = `
    const config = new pulumi.Config();
    const hook = (name) => new pulumi.ResourceHook(name, ({ id, newInputs, oldInputs, newOutputs, oldOutputs }) => {
      const has = Object.entries({ id, newInputs, oldInputs, newOutputs, oldOutputs }).filter(([, v]) => v);
      pulumi.log.info([name, ...has.map(([key]) => key)].join(" "));
    });
    const names = ["beforeCreate", "afterCreate", "beforeUpdate", "afterUpdate", "beforeDelete", "afterDelete"];
    const hooks = Object.fromEntries(names.map((name) => [name, [hook(name)]]));
    new Thing("a", { fixed: Number(config.require("fixed")), size: Number(config.require("size")) }, { hooks });`;
  const config = (fixed: string, size: string): Act => ({ ...update, config: { fixed, size } });
  const [created, updated, replaced] = await play(program, [config("1", "1"), config("1", "2"), config("2", "2")]);
  expect(told(created!)).toEqual(["beforeCreate newInputs", "afterCreate id newInputs newOutputs"]);
  expect(told(updated!)).toEqual([
    "beforeUpdate id newInputs oldInputs oldOutputs",
    "afterUpdate id newInputs oldInputs newOutputs oldOutputs",
  ]);
  expect(told(replaced!)).toEqual([
    "beforeCreate newInputs",
    "afterCreate id newInputs newOutputs",
    "beforeDelete id oldInputs oldOutputs",
    "afterDelete id oldInputs oldOutputs",
  ]);
});

test("a failing hook that may be ignored is a warning; one for previews too runs in previews", async () => {
  const program = `
    const hook = (name, opts) => new pulumi.ResourceHook(name, () => { pulumi.log.info(name); throw new Error("not now"); }, opts);
    const hooks = { beforeCreate: [hook("quiet", { ignoreErrors: true }), hook("dry", { ignoreErrors: true, onDryRun: true })] };
    const group = new Group("group", { hooks: { afterCreate: [hook("whole", { ignoreErrors: true })] } });
    group.registerOutputs({});
    new Thing("a", {}, { hooks });`;
  const [plan, up] = await play(program, [preview, update]);
  expect(plan!.result).toBe("succeeded");
  expect(told(plan!)).toEqual(["dry"]);
  expect(up!.result).toBe("succeeded");
  expect(told(up!).sort()).toEqual(["dry", "quiet", "whole"]);
  const warnings = up!.messages.filter(({ severity }) => severity === "warning").map(({ text }) => text);
  expect(warnings.filter((text) => text.includes("not now"))).toHaveLength(3);
});

test("a hook that fails after its step stops nothing else: what is not wanted any more goes", async () => {
  const program = `
    const after = new pulumi.ResourceHook("after", () => { throw new Error("not now"); });
    if (new pulumi.Config().get("first")) new Thing("a");
    else {
      const b = new Thing("b", {}, { hooks: { afterCreate: [after] } });
      new Thing("c", { from: b.ref });
    }`;
  const [, up] = await play(program, [{ ...update, config: { first: "yes" } }, update]);
  expect(up).toMatchObject({ result: "failed", names: ["b", "c"] });
  expect(up!.errors).toHaveLength(1);
});

describe("an error hook", () => {
  const program = `
    const config = new pulumi.Config();
    const again = new pulumi.ErrorHook("again", ({ name, failedOperation, errors, newInputs, oldInputs }) => {
      pulumi.log.info([failedOperation, name, errors.length, errors[0], newInputs?.size, oldInputs?.size].join("|"));
      if (config.get("broken")) throw new Error("no idea");
      return !config.get("tired");
    });
    const size = Number(config.get("size") ?? 1);
    if (!config.get("gone")) new Thing("a", { size }, { hooks: { onError: [again] } });`;

  test("has creations, updates and deletions tried again", async () => {
    const [created, updated, deleted] = await play(program, [
      { ...update, refusals: { "create a": 2 } },
      { ...update, refusals: { "update a": 1 }, config: { size: "2" } },
      { ...update, refusals: { "delete a": 1 }, config: { gone: "yes" } },
    ]);
    expect(told(created!)).toEqual(["create|a|1|create a: refused|1|", "create|a|2|create a: refused|1|"]);
    expect(created).toMatchObject({ result: "succeeded", names: ["a"], log: ["create a", "create a", "create a"] });
    expect(stateOf(created!, "a")).not.toHaveProperty("initErrors");
    expect(told(updated!)).toEqual(["update|a|1|update a: refused|2|1"]);
    expect(updated).toMatchObject({ result: "succeeded", inputs: { a: { size: 2 } } });
    expect(told(deleted!)).toEqual(["delete|a|1|delete a: refused||2"]);
    expect(deleted).toMatchObject({ result: "succeeded", names: [] });
  });

  test("may have enough, fail itself, or want it for ever", async () => {
    const [tired, broken, forever, lost] = await play(
      program,
      [
        { ...update, refusals: { "create a": 1 }, config: { tired: "yes" } },
        { ...update, refusals: { "create a": 1 }, config: { broken: "yes" } },
        { ...update, faults: { "create a": "fail" } },
        update,
        { ...destroy, refusals: { "delete a": 1 } },
      ].filter((_, i) => i !== 3) as Act[],
    );
    expect(tired).toMatchObject({ result: "failed", log: ["create a"] });
    expect(errorsOf(tired!)).toContain("create a: refused");
    expect(errorsOf(broken!)).toMatch(/create a: refused.*"again" failed: no idea/);
    expect(forever!.log).toHaveLength(100);
    expect(errorsOf(forever!)).toContain("100 times");
    expect(lost!.result).toBe("succeeded");
  });
});

test("a destroy without the program refuses what has delete hooks; with it, they run", async () => {
  const program = `
    const config = new pulumi.Config();
    const bye = new pulumi.ResourceHook("bye", ({ name, oldInputs }) => { pulumi.log.info(name + " " + oldInputs.size); });
    const group = new Group("group");
    const a = new Thing("a", { size: Number(config.get("size") ?? 1) }, { parent: group, hooks: { beforeDelete: [bye], afterDelete: [bye] } });
    if (config.get("more")) new Thing("more", { from: a.ref });`;
  const [up, refused, down] = await play(program, [
    update,
    destroy,
    { ...destroy, options: { runProgram: true }, config: { size: "2", more: "yes" } },
  ]);
  expect(up!.names).toEqual(["a"]);
  expect(refused).toMatchObject({ result: "failed", names: ["a"], log: [], steps: [] });
  expect(errorsOf(refused!)).toMatch(/"bye"[^]*--run-program/);
  expect(down).toMatchObject({ result: "succeeded", names: [], states: [], log: ["delete a"] });
  expect(told(down!)).toEqual(["a 1", "a 1"]);
});
