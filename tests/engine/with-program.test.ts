/** Refreshes and destroys that run the program, for its providers as they are wanted now. */
import type { Act } from "./play-program";
import { destroy, play, preview, refresh, stateOf, update } from "./player";

jest.setTimeout(60_000);

const program = `
  const config = new pulumi.Config();
  const provider = new Provider("mine", { key: config.get("key") ?? "first" });
  const group = new Group("group", { provider });
  const a = new Thing("a", { size: Number(config.get("size") ?? 1) }, { parent: group, provider });
  if (!config.get("later")) new Thing("dropped", {}, { provider });
  else {
    new Group("another");
    const made = new Thing("made", { from: a.ref }, { provider });
    new Thing("after", { from: made.ref }, { provider });
  }
  exports.later = config.get("later") ?? "no";`;

const later: Act["config"] = { key: "second", later: "yes", size: "2" };
const withProgram: Act["options"] = { runProgram: true };

test("a refresh reads with the program's providers, and makes components and providers only", async () => {
  const [, refreshed] = await play(program, [update, { ...refresh, config: later, options: withProgram }]);
  expect(refreshed).toMatchObject({ result: "succeeded", names: ["a", "dropped"] });
  expect([...refreshed!.log].sort()).toEqual(["read a", "read dropped"]);
  expect(refreshed!.changes).toMatchObject({ create: 1, update: 1 });
  expect(refreshed!.configured.at(-1)).toMatchObject({ key: "second" });
  expect(stateOf(refreshed!, "a")["inputs"]).toEqual({ size: 1 });
  expect(stateOf(refreshed!, "dropped")["id"]).toMatch(/^dropped#/);
  expect(stateOf(refreshed!, "another")["type"]).toBe("test:index:Group");
  expect(refreshed!.shown).toEqual({ later: "yes" });
});

test("a destroy deletes with the program's providers what there is, and makes nothing else", async () => {
  const [, down] = await play(program, [update, { ...destroy, config: later, options: withProgram }]);
  expect(down).toMatchObject({ result: "succeeded", names: [], states: [] });
  expect([...down!.log].sort()).toEqual(["delete a", "delete dropped"]);
  expect(down!.configured.at(-1)).toMatchObject({ key: "second" });
});

test("an update that refreshes with the program makes again what has gone, in one go", async () => {
  const [, gone, plan, again, up] = await play(program, [
    update,
    { ...update, lost: ["a"] },
    { ...preview, options: { ...withProgram, refresh: true } },
    { ...update, options: { ...withProgram, refresh: true } },
    { ...update, lost: ["dropped"], config: { later: "yes" }, options: { ...withProgram, refresh: true } },
  ]);
  expect(gone!.log).toEqual([]);
  expect(plan).toMatchObject({ result: "succeeded", changes: { create: 1 }, names: ["dropped"] });
  expect(again).toMatchObject({ result: "succeeded", names: ["a", "dropped"] });
  expect([...again!.log].sort()).toEqual(["create a", "read a", "read dropped"]);
  expect(up).toMatchObject({ result: "succeeded", names: ["a", "after", "made"] });
});

test("a preview of such a refresh reads and tells, and changes neither the state nor anything else", async () => {
  const [, plan, after] = await play(program, [
    update,
    { ...refresh, lost: ["dropped"], config: later, options: { ...withProgram, previewOnly: true } },
    { ...preview, options: { expectNoChanges: true } },
  ]);
  expect(plan).toMatchObject({ result: "succeeded", changes: { create: 1, delete: 1 } });
  expect([...plan!.log].sort()).toEqual(["read a", "read dropped"]);
  expect(stateOf(plan!, "dropped")["id"]).toMatch(/^dropped#/);
  expect(after).toMatchObject({ result: "succeeded", log: [] });
});

test("a refresh of a target reads that one alone; one that is out of order is kept as it is, with the reasons", async () => {
  const targets = ["**::a"];
  const [, one, broken, mended] = await play(program, [
    update,
    { ...refresh, options: { ...withProgram, targets } },
    { ...refresh, faults: { "read a": "unwell" }, options: { ...withProgram, targets } },
    update,
  ]);
  expect(one).toMatchObject({ result: "succeeded", log: ["read a"], names: ["a", "dropped"] });
  expect(broken!.result).toBe("succeeded");
  expect(broken!.messages).toContainEqual(
    expect.objectContaining({ severity: "warning", text: "it is there, but out of order: it does not get ready\n" }),
  );
  expect(stateOf(broken!, "a")).toMatchObject({ initErrors: ["it does not get ready"] });
  expect(mended!.log).toEqual(["update a"]);
  expect(stateOf(mended!, "a")).not.toHaveProperty("initErrors");
});
