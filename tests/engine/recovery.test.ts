/** What is left of an operation that was killed: its journal, and what the next operation makes of it. */
import fs, {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { integrityProblem } from "../../engine/state/integrity";
import { FileBackend } from "../../engine/state/file-backend";
import { replayJournal } from "../../engine/state/recorder";
import { deserializeDeployment, type Snapshot } from "../../engine/state/checkpoint";
import { openPassphraseManager } from "../../engine/secrets/passphrase";
import { type Options, type Program, PROJECT, STACK, urnOf, using, World } from "./world";

const journalOf = (world: World): string => join(world.folder, ".pulumi/seatrial/trial/test.jsonl");
const checkpointOf = (world: World): string => join(world.folder, ".pulumi/stacks/trial/test.json");

/** The files of an operation, and what the cloud held at each length that the journal had. */
interface Recording {
  checkpoint: Buffer;
  journal: Buffer;
  held: { length: number; ids: string[] }[];
}

async function record(world: World, operation: () => Promise<unknown>): Promise<Recording> {
  await world.open();
  const checkpoint = readFileSync(checkpointOf(world));
  const held: Recording["held"] = [];
  const note = (): void => {
    const length = existsSync(journalOf(world)) ? statSync(journalOf(world)).size : 0;
    held.push({ length, ids: [...world.cloud.things.keys()].filter((id) => id !== "x-1") });
  };
  let journal = Buffer.alloc(0);
  note();
  world.cloud.onChange = note;
  // The journal goes when the operation has ended: it is read right before.
  const save = jest.spyOn(FileBackend.prototype, "save").mockImplementation(function (this: FileBackend) {
    journal = readFileSync(journalOf(world));
  });
  try {
    await operation();
  } finally {
    save.mockRestore();
    world.cloud.onChange = () => undefined;
  }
  note();
  held.at(-1)!.length = journal.length;
  return { checkpoint, journal, held };
}

function replay(world: World, { checkpoint }: Recording, journal: Buffer): Snapshot {
  writeFileSync(checkpointOf(world), checkpoint);
  writeFileSync(journalOf(world), journal);
  const secrets = openPassphraseManager("unused", "v1:AAAA:AAAA");
  const { version, checkpoint: content } = JSON.parse(checkpoint.toString()) as {
    version: number;
    checkpoint: { latest: object };
  };
  const base = deserializeDeployment({ version, deployment: content.latest }, secrets);
  const fingerprint = new FileBackend(world.folder, PROJECT).fingerprint(STACK);
  return replayJournal(base, fingerprint, journalOf(world), secrets) ?? base;
}

/** Wherever the journal ends, what the cloud held at that time is in the snapshot or about to be in it. */
function expectNothingForgotten(world: World, recording: Recording, cuts: number[]): void {
  const { journal, held } = recording;
  for (const cut of cuts) {
    const snapshot = replay(world, recording, journal.subarray(0, cut));
    expect([cut, integrityProblem(snapshot)]).toEqual([cut, undefined]);
    const whole = journal.subarray(0, cut).lastIndexOf("\n") + 1;
    const before = held.filter(({ length }) => length < whole).at(-1) ?? held[0]!;
    const during = held.filter(({ length }) => length === whole);
    const known = new Set(snapshot.resources.map(({ id }) => id));
    const making = new Set(
      snapshot.pendingOperations.flatMap(({ type, resource }) =>
        type === "creating" ? [resource.urn.split("::").at(-1)!] : [],
      ),
    );
    for (const { ids } of during.length > 0 ? during : [before]) {
      const forgotten = ids.filter((id) => !known.has(id) && !making.has(id.split("#")[0]!));
      expect([cut, forgotten]).toEqual([cut, []]);
    }
  }
}

const lineEnds = (journal: Buffer): number[] =>
  [...journal.keys()].filter((at) => journal[at] === 10).map((at) => at + 1);

/** Of each kind of step at least one: twice, with what lies between. */
async function deploymentOfManySteps(world: World): Promise<Recording> {
  world.cloud.fixed.add("bound");
  world.cloud.things.set("x-1", { id: "x-1", name: "x", urn: "", type: "", inputs: {} });
  await world.up(async (stack) => {
    const group = await stack.component("group");
    const [same, updated, replaced, alone] = await Promise.all([
      stack.add("same", {}, { parent: group.urn }),
      stack.add("updated", { size: 1 }),
      stack.add("replaced", { fixed: 1 }),
      stack.add("alone", { fixed: 1, alone: true }),
    ]);
    await Promise.all([
      using(stack, "follower", [replaced]),
      stack.add(
        "dependent",
        { bound: alone.id },
        { dependencies: [alone.urn], propertyDependencies: { bound: [alone.urn] } },
      ),
      stack.add("old-name", { size: same.id }),
      using(stack, "dropped", [updated]),
    ]);
  });
  return record(world, () =>
    world.update(
      async (stack) => {
        const group = await stack.component("group");
        const [, , replaced, alone] = await Promise.all([
          stack.add("same", {}, { parent: group.urn }),
          stack.add("updated", { size: 2 }),
          stack.add("replaced", { fixed: 2 }),
          stack.add("alone", { fixed: 2, alone: true }),
          stack.add("added"),
          stack.get("read", "x-1"),
          stack.add("imported", {}, { importId: "x-1" }),
        ]);
        await Promise.all([
          using(stack, "follower", [replaced]),
          stack.add(
            "dependent",
            { bound: alone.id },
            { dependencies: [alone.urn], propertyDependencies: { bound: [alone.urn] } },
          ),
          stack.add("new-name", { size: 5 }, { aliases: [{ name: "old-name" }] }),
        ]);
      },
      { continueOnError: true },
    ),
  );
}

describe("the journal", () => {
  test("of many kinds of steps forgets nothing, whichever line is its last", async () => {
    const world = new World();
    const recording = await deploymentOfManySteps(world);
    const ops = new Set(world.steps().map((step) => step.split(" ")[0]));
    expect([...ops].sort()).toEqual(
      "create create-replacement delete delete-replaced import read replace update".split(" "),
    );
    const cuts = lineEnds(recording.journal);
    expect(cuts.length).toBeGreaterThan(30);
    expectNothingForgotten(world, recording, [0, ...cuts]);
  });

  test("with failures among them forgets nothing either", async () => {
    const world = new World();
    world.cloud.faults.set("create added", "init");
    world.cloud.faults.set("update follower", "fail");
    world.cloud.faults.set("delete replaced", "fail");
    const recording = await deploymentOfManySteps(world);
    expectNothingForgotten(world, recording, lineEnds(recording.journal));
  });

  test("of a destroy and of a refresh likewise", async () => {
    const program: Program = async (stack) => using(stack, "b", [await stack.add("a")]);
    for (const operation of ["destroy", "refresh"] as const) {
      const world = new World();
      await world.up(program);
      const recording = await record(world, () => world[operation]());
      expectNothingForgotten(world, recording, [0, ...lineEnds(recording.journal)]);
    }
  });

  test("of a refresh that finds something gone leaves nothing that refers to it", async () => {
    const world = new World();
    await world.up(async (stack) => using(stack, "b", [await stack.add("a")]));
    world.cloud.drop(world.cloud.byName("a")!.id);
    const recording = await record(world, () => world.refresh());
    expectNothingForgotten(world, recording, [0, ...lineEnds(recording.journal)]);
  });

  test("may end at any byte", async () => {
    const world = new World();
    await world.up(async (stack) => using(stack, "b", [await stack.add("a", { fixed: 1, alone: true })]));
    const recording = await record(world, () =>
      world.up(async (stack) => using(stack, "b", [await stack.add("a", { fixed: 2, alone: true })])),
    );
    expectNothingForgotten(world, recording, [...recording.journal.keys(), recording.journal.length]);
  });

  test("that has become the checkpoint already is not played again", async () => {
    const world = new World();
    const program: Program = (stack) => stack.add("a", { fixed: 1 });
    const replaced: Program = (stack) => stack.add("a", { fixed: 2 });
    await world.up(program);
    const copy = join(world.folder, "journal");
    // The moment between writing the checkpoint and removing the journal.
    const remove = jest
      .spyOn(FileBackend.prototype as unknown as { removeJournal: (stack: string) => void }, "removeJournal")
      .mockImplementation(() => existsSync(journalOf(world)) && copyFileSync(journalOf(world), copy));
    await world.up(replaced);
    remove.mockRestore();
    const states = await world.states();
    copyFileSync(copy, journalOf(world));
    expect(await world.states()).toEqual(states);
    await world.up(replaced);
    expect(world.cloud.log).toEqual([]);
    expect(existsSync(journalOf(world))).toBe(false);
  });

  test("of another state than the stack's is refused, and says what to do", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a"));
    const recording = await record(world, () => world.up((stack) => stack.add("a", { size: 2 })));
    writeFileSync(checkpointOf(world), recording.checkpoint);
    appendFileSync(checkpointOf(world), "\n");
    writeFileSync(journalOf(world), recording.journal);
    await expect(world.up((stack) => stack.add("a"))).rejects.toThrow(/belongs to another state.*remove the journal/);
  });

  test("gives way to an imported state", async () => {
    const world = new World();
    await world.up((stack) => stack.add("a"));
    const exported = await (await world.open()).export();
    const recording = await record(world, () => world.up((stack) => stack.add("b")));
    replay(world, recording, recording.journal);
    await (await world.open()).import(exported);
    expect((await world.states()).map(({ urn }) => urn)).toEqual([urnOf("a")]);
  });

  test("of an operation that broke off is folded in, and the lock given back", async () => {
    const world = new World();
    const broken = world.update(async (stack) => {
      await stack.add("a");
      throw Object.assign(new Error("stop"), {});
    });
    await broken;
    const exploding = world.run("update", async (stack) => stack.add("b"), {
      onEvent: (event) => {
        if (event.summaryEvent) throw new Error("the caller's own error");
      },
    });
    await expect(exploding).rejects.toThrow("the caller's own error");
    expect(existsSync(journalOf(world))).toBe(false);
    expect((await world.states()).map(({ urn }) => urn)).toContain(urnOf("b"));
    await world.up((stack) => stack.add("b"));
  });
});

describe("the next operation settles what was pending", () => {
  /** A world as it was when the engine was killed while the cloud carried out `call`. */
  async function killedAt(call: string, moment: "before" | "after", first: Program, second: Program): Promise<World> {
    const world = new World();
    await world.up(first);
    const checkpoint = readFileSync(checkpointOf(world));
    let journal: Buffer | undefined;
    const killed = new Promise<void>((resolve) => {
      world.cloud.onChange = (when, { kind, name }) => {
        if (when !== moment || `${kind} ${name}` !== call) return;
        journal = readFileSync(journalOf(world));
        world.cloud.cutOff();
        resolve();
        return new Promise<never>(() => undefined);
      };
    });
    void world.update(second);
    await killed;
    world.cloud.onChange = () => undefined;
    const after = new World(world.cloud);
    await after.open();
    writeFileSync(checkpointOf(after), checkpoint);
    mkdirSync(join(after.folder, ".pulumi/seatrial/trial"), { recursive: true });
    writeFileSync(journalOf(after), journal!);
    return after;
  }
  const nothing: Program = async () => undefined;
  const one =
    (inputs = {}): Program =>
    (stack) =>
      stack.add("a", inputs);

  test("a creation that took effect: found, kept and updated", async () => {
    const world = await killedAt("create a", "after", nothing, one());
    expect((await world.deployment()).pending_operations).toMatchObject([{ type: "creating" }]);
    await world.up(one());
    expect(world.cloud.log).toEqual(["find a", "update a"]);
    expect(world.cloud.names()).toEqual(["a"]);
    expect(await world.deployment()).not.toHaveProperty("pending_operations");
  });

  test("a creation that didn't: made anew", async () => {
    const world = await killedAt("create a", "before", nothing, one());
    await world.up(one());
    expect(world.cloud.log).toEqual(["find a", "create a"]);
    expect(world.cloud.names()).toEqual(["a"]);
  });

  test("a creation, by a destroy", async () => {
    const world = await killedAt("create a", "after", nothing, one());
    await world.destroy();
    expect(world.cloud.names()).toEqual([]);
    expect((await world.deployment()).resources).toEqual([]);
  });

  test("a creation that its provider can't look for: forgotten with a warning that names it", async () => {
    const world = await killedAt("create a", "after", nothing, one());
    world.cloud.canFind = false;
    await world.up(nothing);
    expect(world.messages("warning")[0]).toContain(urnOf("a"));
    expect(await world.deployment()).not.toHaveProperty("pending_operations");
    expect(world.cloud.names()).toEqual(["a"]);
  });

  test("a replacement: the new one is kept and the old one deleted", async () => {
    const world = await killedAt("create a", "after", one({ fixed: 1 }), one({ fixed: 2 }));
    await world.up(one({ fixed: 2 }));
    expect(world.cloud.log.sort()).toEqual(["delete a", "find a", "update a"]);
    expect(world.cloud.things.size).toBe(1);
    expect(world.cloud.byName("a")!.inputs).toEqual({ fixed: 2 });
  });

  test.each(["before", "after"] as const)("an update, %s it took effect: made again", async (moment) => {
    const world = await killedAt("update a", moment, one({ size: 1 }), one({ size: 2 }));
    await world.up(one({ size: 2 }));
    expect(world.cloud.log).toEqual(["read a", "update a"]);
    expect(await world.state("a")).toMatchObject({ inputs: { size: 2 } });
    expect(await world.state("a")).not.toHaveProperty("initErrors");
  });

  test("an update that took effect and isn't wanted any more: taken back", async () => {
    const world = await killedAt("update a", "after", one({ size: 1 }), one({ size: 2 }));
    await world.up(one({ size: 1 }));
    expect(world.cloud.byName("a")!.inputs).toEqual({ size: 1 });
  });

  test("a deletion that took effect: forgotten", async () => {
    const world = await killedAt("delete a", "after", one(), nothing);
    await world.up(nothing);
    expect(world.cloud.log).toEqual(["read a"]);
    expect(await world.states()).toEqual([]);
  });

  test("a deletion that didn't: done now", async () => {
    const world = await killedAt("delete a", "before", one(), nothing);
    await world.up(nothing);
    expect(world.cloud.log).toEqual(["read a", "delete a"]);
    expect(world.cloud.names()).toEqual([]);
  });

  test("a deletion ahead of a replacement: the replacement is made", async () => {
    const chain =
      (fixed: number): Program =>
      async (stack) =>
        using(stack, "b", [await stack.add("a", { fixed, alone: true })]);
    const world = await killedAt("delete a", "after", chain(1), chain(2));
    await world.up(chain(2));
    expect(world.cloud.log).toEqual(["read a", "create a", "update b"]);
    expect(world.cloud.names()).toEqual(["a", "b"]);
  });

  test("what can't be looked at stays pending, and is said", async () => {
    const world = await killedAt("update a", "after", one({ size: 1 }), one({ size: 2 }));
    world.cloud.faults.set("read a", "fail");
    await world.update((stack) => stack.add("b"));
    expect(world.messages("warning")[0]).toContain("what became of it can't be seen: read a: refused");
  });

  test("a preview only warns", async () => {
    const world = await killedAt("create a", "after", nothing, one());
    const before = readFileSync(journalOf(world));
    await world.preview(one());
    expect(world.messages("warning")[0]).toContain(`an interrupted operation was creating ${urnOf("a")}`);
    expect(readFileSync(journalOf(world))).toEqual(before);
  });

  test("pending operations that the Pulumi CLI left are settled the same way", async () => {
    const world = new World();
    await world.up(one({ size: 1 }));
    const stack = await world.open();
    const exported = await stack.export();
    const a = await world.state("a");
    exported.deployment!["pending_operations"] = [
      { type: "updating", resource: { ...a, id: undefined, inputs: { size: 2 } } },
    ];
    await stack.import(JSON.parse(JSON.stringify(exported)) as typeof exported);
    world.cloud.things.clear();
    await world.up(one({ size: 1 }));
    expect(world.cloud.log).toEqual(["read a", "create a"]);
  });
});

describe("a disk that is full", () => {
  afterEach(() => jest.restoreAllMocks());

  /** From the `from`th line of a journal on, half of a line is taken and no more; checkpoints likewise. */
  function fillDisk(from: number): () => void {
    const write = fs.writeFileSync;
    let lines = 0;
    const spy = jest.spyOn(fs, "writeFileSync").mockImplementation((file, data, options) => {
      const isFull =
        typeof file === "number" ? ++lines >= from : lines >= from - 1 && String(file).includes("/stacks/");
      if (!isFull) return write(file, data, options);
      write(file, (data as string).slice(0, (data as string).length / 2), options);
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    });
    return () => spy.mockRestore();
  }

  const program: Program = async (stack) => {
    const a = await stack.add("a");
    await using(stack, "b", [a]);
    await stack.add("c", { size: 1 });
  };

  test.each(Array.from({ length: 10 }, (_, n) => n + 1))(
    "at line %i of the journal, or at the checkpoint after that: says so, begins nothing that it can't record, forgets nothing",
    async (line) => {
      const world = new World();
      await world.up((stack) => stack.add("c"));
      const makeRoom = fillDisk(line);
      const outcome = await world.update(program).then(
        ({ errors }) => errors[0]!.message,
        (error: Error) => error.message,
      );
      makeRoom();
      expect(outcome).toMatch(/can't be written \(ENOSPC: no space left on device, write\): make room/);
      // What the process held dies with it; so does its lock, which the test's own process would go on holding.
      const after = new World(world.cloud);
      fs.cpSync(world.folder, after.folder, { recursive: true });
      fs.rmSync(join(after.folder, ".pulumi/locks"), { recursive: true, force: true });
      await after.up(program);
      expect(world.cloud.names()).toEqual(["a", "b", "c"]);
      await after.destroy();
      expect(world.cloud.names()).toEqual([]);
      expect((await after.deployment()).resources).toEqual([]);
    },
  );

  test("that has room again by the end costs nothing but the operation", async () => {
    const world = new World();
    const makeRoom = fillDisk(5);
    const onEvent: Options["onEvent"] = ({ resOpFailedEvent }) => resOpFailedEvent && makeRoom();
    const result = await world.update(program, { onEvent });
    expect(result.errors[0]!.message).toContain("ENOSPC");
    expect(existsSync(journalOf(world))).toBe(false);
    await world.up(program);
    expect(world.cloud.names()).toEqual(["a", "b", "c"]);
  });
});
