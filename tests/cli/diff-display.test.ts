/** What `--diff` and the rows show of real engine events. */
import { PassThrough } from "node:stream";
import { diffDisplay } from "../../cli/display/diff-display";
import { operationDisplay } from "../../cli/display/operation-display";
import { makeScreen } from "../../cli/display/screen";
import type { OperationResult } from "../../engine";
import { type PropertyMap, Secret } from "../../engine/values";
import { type Options, type Program, World } from "../engine/world";

const shown = { verbose: false, showSames: false, showReplacementSteps: false, showFullOutput: false };

/** The update as both displays show it, without ids and the time. */
async function playAndShow(world: World, program: Program, options?: Options): Promise<{ diff: string; rows: string }> {
  const result = await world.up(program, options);
  const show = (display: typeof diffDisplay): string => linesOf(display, world, result);
  return { diff: show(diffDisplay), rows: show(operationDisplay) };
}

function linesOf(makeDisplay: typeof diffDisplay, world: World, result: OperationResult, preview = false): string {
  const stream = new PassThrough();
  let written = "";
  stream.on("data", (chunk: Buffer) => (written += chunk.toString()));
  const screen = makeScreen({
    stream: Object.assign(stream, { isTTY: false }) as unknown as NodeJS.WriteStream,
    env: {},
  });
  const display = makeDisplay(screen, {
    ...{ kind: "update", stack: "test", preview, showSecrets: false, suppressOutputs: false },
    ...shown,
  });
  for (const event of world.events) display.event(event);
  display.end(result);
  display.close();
  return written;
}

const thing =
  (inputs: PropertyMap, hideDiffs: string[] = []): Program =>
  (stack) =>
    stack.add("a", inputs, { hideDiffs });

test("of what the program hides only the path is shown, in whatever depth; the state has the option", async () => {
  const world = new World();
  const inputs = (value: string): PropertyMap => ({ env: { DATE: value, MODE: value }, note: value, size: value });
  const hidden = ["env.DATE", "note"];
  await world.up(thing(inputs("old"), hidden));
  const { diff, rows } = await playAndShow(world, thing(inputs("new"), hidden));
  expect(diff.match(/^ .*(env|DATE|MODE|note|size|hidden).*$/gm)?.map((line) => line.trimEnd())).toEqual([
    "      ~ env.DATE (hidden)",
    "      ~ note (hidden)",
    "      ~ env : {",
    '          ~ MODE: "old" => "new"',
    '      ~ size: "old" => "new"',
  ]);
  expect(rows).toContain("[diff: ~env~size]");
  expect((await world.state("a"))["hideDiff"]).toEqual(hidden);
});

test("what hides all that differs leaves an update of which nothing is shown", async () => {
  const world = new World();
  await world.up(thing({ note: "old" }));
  const { diff, rows } = await playAndShow(world, thing({ note: "new" }, ["note"]));
  expect(diff).toContain("      ~ note (hidden)\n");
  expect(diff).not.toMatch(/"old"|"new"/);
  expect(rows).toMatch(/a updated \(\d+\.\ds\)\n/);
});

test("a secret that changes is seen to, and not what it was or is", async () => {
  const world = new World();
  const program =
    (value: string): Program =>
    async (stack) => {
      await stack.add("a", { password: new Secret(`first-${value}`), steady: new Secret("third-word") });
      await stack.outputs({ key: new Secret(`second-${value}`), same: new Secret("fourth-word") });
    };
  await world.up(program("old"));
  const { diff, rows } = await playAndShow(world, program("new"));
  expect(diff).toContain("      ~ password: [secret] => [secret]\n");
  expect(diff).not.toContain("~ steady");
  for (const text of [diff, rows]) {
    expect(text).toMatch(/~ key *: \[secret\] => \[secret\]\n/);
    expect(text).not.toMatch(/~ same|first-|second-|third-|fourth-/);
  }
  expect(JSON.stringify(world.events)).not.toMatch(/first-|second-|third-|fourth-|fingerprint/);
});

test("a preview is a tree in columns, of what something is to be done to", async () => {
  const world = new World();
  const program =
    (size: number): Program =>
    async (stack) => {
      const group = await stack.component("group");
      const inner = await stack.component("inner", { parent: group.urn });
      await stack.add("a-long-name", { size }, { parent: inner.urn });
      if (size === 1) await stack.add("old");
      else await stack.component("another");
    };
  await world.up(program(1));
  const result = await world.preview(program(2));
  expect(linesOf(operationDisplay, world, result, true).split("\n").slice(0, 6)).toEqual([
    "Previewing update (test):",
    " ~  fake:index:Thing  a-long-name  update [diff: ~size]",
    " +  test:index:Group  another      create",
    " -  fake:index:Thing  old          delete",
    "",
    "Resources:",
  ]);
  const fresh = new World();
  const first = await fresh.preview(program(1));
  expect(linesOf(operationDisplay, fresh, first, true)).toContain(
    [
      " +  pulumi:pulumi:Stack     trial-test   create",
      " +    test:index:Group      group        create",
      " +      test:index:Group    inner        create",
      " +        fake:index:Thing  a-long-name  create",
      " +    fake:index:Thing      old          create",
      "",
      "Resources:",
    ].join("\n"),
  );
});
