import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Program } from "../program";
import { Group, say } from "./say";

const touch =
  (file: string) =>
  (folder: string): void =>
    writeFileSync(join(folder, file), "");
const remove =
  (file: string) =>
  (folder: string): void =>
    rmSync(join(folder, file));

const EITHER_FIRST = "which of two resources of one URN is deleted first is chance";

export const failures: Program[] = [
  {
    name: "create-fails",
    shows: ["failures: a resource can't be made, then can"],
    steps: [
      {
        body: () => {
          const a = say("a");
          const b = say("b", { create: "test -f ok", stdin: a.stdout });
          say("c", { stdin: b.stdout });
          return { a: a.stdout, c: b.stdout };
        },
        fails: true,
      },
      { run: "preview" },
      { prepare: touch("ok") },
      { run: "destroy" },
    ],
  },
  {
    name: "update-fails",
    shows: ["failures: an update fails, then succeeds"],
    steps: [
      { body: () => ({ a: say("a").stdout, old: 1 }) },
      {
        body: () => {
          const a = say("a", { create: "test -f ok" });
          return { a: a.stdout, new: 2, b: say("b", { stdin: a.stdout }).stdout };
        },
        fails: true,
      },
      { run: "preview" },
      { prepare: touch("ok") },
    ],
  },
  {
    name: "replace-fails",
    shows: ["failures: a replacement can't be made, then can"],
    steps: [
      { body: () => void say("b", { triggers: [say("a", { triggers: [1] }).id] }) },
      { body: () => void say("b", { triggers: [say("a", { create: "test -f ok", triggers: [2] }).id] }), fails: true },
      { run: "preview" },
      { prepare: touch("ok") },
      { run: "destroy" },
    ],
  },
  {
    name: "delete-first-fails",
    shows: ["failures: between deleting the old one and making its replacement"],
    steps: [
      { body: () => void say("b", { triggers: [say("a", { triggers: [1] }, { deleteBeforeReplace: true }).id] }) },
      {
        body: () =>
          void say("b", {
            triggers: [say("a", { create: "test -f ok", triggers: [2] }, { deleteBeforeReplace: true }).id],
          }),
        fails: true,
      },
      { run: "preview" },
      { fails: true },
      { run: "refresh" },
      { prepare: touch("ok") },
      { run: "destroy" },
    ],
  },
  {
    name: "delete-first-fails-then-dropped",
    shows: ["failures: a resource deleted ahead of a replacement is dropped from the program"],
    steps: [
      { body: () => void say("b", { triggers: [say("a", { triggers: [1] }, { deleteBeforeReplace: true }).id] }) },
      {
        body: () =>
          void say("b", {
            triggers: [say("a", { create: "exit 1", triggers: [2] }, { deleteBeforeReplace: true }).id],
          }),
        fails: true,
      },
      { body: () => ({}), run: "preview" },
      {},
    ],
  },
  {
    name: "leftovers",
    moves: true,
    shows: ["failures: a replaced resource can't be deleted and is deleted later"],
    steps: [
      { body: () => void say("a", { triggers: [1], delete: "test -f may-go" }) },
      { body: () => void say("a", { triggers: [2], delete: "test -f may-go" }), fails: true },
      { run: "preview" },
      { fails: true },
      {
        body: () => void say("a", { triggers: [3], delete: "test -f may-go" }),
        fails: true,
        lenient: EITHER_FIRST,
      },
      { run: "refresh" },
      { prepare: touch("may-go"), lenient: EITHER_FIRST },
      { run: "destroy" },
    ],
  },
  {
    name: "leftovers-destroyed",
    shows: ["failures: destroying a stack with a replaced resource that is still there"],
    steps: [
      { body: () => void say("a", { triggers: [1], delete: "test -f may-go" }) },
      { body: () => void say("a", { triggers: [2], delete: "test -f may-go" }), fails: true },
      { run: "destroy", fails: true, lenient: EITHER_FIRST },
      { run: "destroy", prepare: touch("may-go"), lenient: EITHER_FIRST },
    ],
  },
  {
    name: "delete-fails",
    shows: ["failures: a deletion in the middle of a chain fails"],
    steps: [
      {
        body: () => {
          const a = say("a");
          const b = say("b", { stdin: a.stdout, delete: "test -f may-go" });
          say("c", { stdin: b.stdout });
        },
      },
      { run: "destroy", fails: true },
      {},
      { body: () => ({}), fails: true },
      { prepare: touch("may-go") },
      { prepare: remove("may-go") },
    ],
  },
  {
    name: "throws",
    shows: ["failures: the program throws half way"],
    steps: [
      { body: () => ({ a: say("a").stdout, b: say("b").stdout }) },
      {
        body: () => {
          say("a", { create: "echo a2" });
          say("new");
          throw new Error("half way");
        },
        fails: true,
        lenient: "what was registered before may not have been sent",
      },
      {
        body: async () => {
          const a = say("a", { create: "echo a3" });
          await new Promise((done) => a.stdout.apply(done));
          throw new Error("half way");
        },
        fails: true,
      },
      { body: () => Promise.reject(new Error("rejected")), fails: true },
      { run: "preview", fails: true },
    ],
  },
  {
    name: "throws-in-apply",
    shows: ["failures: an error in what is applied to an output"],
    steps: [
      {
        body: () => {
          const a = say("a");
          return {
            bad: a.stdout.apply(() => {
              throw new Error("in apply");
            }),
          };
        },
        fails: true,
      },
    ],
  },
  {
    name: "duplicate",
    shows: ["failures: two resources of one URN"],
    steps: [
      {
        body: () => {
          const a = say("a");
          say("b");
          a.stdout.apply(() => say("b"));
        },
        fails: true,
      },
      {
        body: () => {
          say("a");
          say("c");
          say("c", { create: "echo other" });
        },
        run: "preview",
        fails: true,
      },
    ],
  },
  {
    name: "bad-inputs",
    shows: ["failures: inputs that the provider refuses"],
    steps: [
      {
        body: () => void say("a", { environment: "text" as unknown as Record<string, string> }),
        run: "preview",
        fails: true,
      },
      { fails: true },
    ],
  },
  {
    name: "failing-siblings",
    serial: false,
    shows: ["failures: what runs beside a failure comes to its end"],
    steps: [
      {
        body: () => {
          say("bad", { create: "sleep 0.5; exit 1" });
          say("good", { create: "sleep 1.5; echo good" });
        },
        fails: true,
      },
    ],
  },
  {
    name: "component-fails",
    shows: ["failures: a component's child can't be made"],
    steps: [
      {
        body: () => {
          const group = new Group("group", {}, (self) => ({
            out: say("a", { create: "test -f ok" }, { parent: self }).stdout,
          }));
          say("b", {}, { dependsOn: group });
          return { x: 1 };
        },
        fails: true,
      },
      { prepare: touch("ok") },
    ],
  },
];
