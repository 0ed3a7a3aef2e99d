import type { Program } from "../program";
import { Group, say } from "./say";

export const basics: Program[] = [
  {
    name: "create-update-delete",
    moves: true,
    shows: ["operations: create", "operations: same", "operations: update", "operations: delete"],
    steps: [
      {
        run: "preview",
        body: () => {
          const a = say("a");
          const b = say("b", { environment: { A: a.stdout } });
          return { a: a.stdout, b: b.stderr };
        },
      },
      {},
      {},
      {
        body: () => {
          const a = say("a", { create: "echo changed" });
          const b = say("b", { environment: { A: a.stdout } });
          return { a: a.stdout, b: b.stderr, more: [1, "two", { three: 3 }] };
        },
        run: "preview",
      },
      {},
      { body: () => ({ only: say("b").stdout }), run: "preview" },
      {},
      { run: "refresh" },
      { run: "destroy" },
    ],
  },
  {
    name: "replace",
    shows: ["operations: replace, the new one first"],
    steps: [
      {
        body: () => {
          const a = say("a", { triggers: [1] });
          const b = say("b", { triggers: [a.id] });
          say("c", {}, { dependsOn: b });
        },
      },
      {
        body: () => {
          const a = say("a", { triggers: [2] });
          const b = say("b", { triggers: [a.id] });
          say("c", {}, { dependsOn: b });
        },
        run: "preview",
      },
      {},
      { run: "destroy" },
    ],
  },
  {
    name: "diamond",
    shows: ["operations: replacements through a diamond of dependencies"],
    steps: [1, 2].flatMap((n) => [
      {
        body: () => {
          const top = say("top", { triggers: [n] });
          const left = say("left", { environment: { T: top.id } });
          const right = say("right", { triggers: [top.id] });
          say("bottom", { triggers: [left.id, right.id], environment: { L: left.stdout, R: right.stdout } });
        },
        run: "preview" as const,
      },
      {},
    ]),
  },
  {
    name: "delete-before-replace",
    shows: ["operations: replace, the old one first, with its dependents", "options: deleteBeforeReplace"],
    steps: [
      ...[1, 2].flatMap((n) => [
        {
          body: () => {
            const a = say("a", { triggers: [n] }, { deleteBeforeReplace: true });
            const b = say("b", { triggers: [a.id] });
            const c = say("c", { environment: { B: b.stdout } });
            say("d", { triggers: [c.id] });
            say("e", {}, { dependsOn: [a, b] });
          },
          run: "preview" as const,
        },
        {},
      ]),
      {
        body: () => {
          const a = say("a", { triggers: [3] }, { deleteBeforeReplace: true });
          say("b", { triggers: [a.id] });
          say("e", {}, { dependsOn: [a] });
        },
        run: "preview",
      },
      {},
      { run: "destroy" },
    ],
  },
  {
    name: "delete-before-replace-in-the-middle",
    shows: ["operations: replace, the old one first, in a chain of others"],
    steps: [1, 2].flatMap((n) => [
      {
        body: () => {
          const a = say("a", { triggers: [n] });
          const b = say("b", { triggers: [a.id] }, { deleteBeforeReplace: true });
          const c = say("c", { triggers: [b.id] });
          say("d", { triggers: [c.id, a.id] }, { deleteBeforeReplace: false });
          say("x", {}, { dependsOn: c, parent: b });
        },
        run: "preview" as const,
      },
      {},
    ]),
  },
  {
    name: "components",
    shows: ["operations: components and their outputs", "options: parent"],
    steps: [
      {
        body: () => {
          const group = new Group("outer", {}, (outer) => {
            new Group("inner", { parent: outer }, (inner) => ({ out: say("leaf", {}, { parent: inner }).stdout }));
            return { list: [1, 2], nested: { a: null } };
          });
          say("after", {}, { dependsOn: group });
          say("child", {}, { parent: group });
        },
      },
      {},
      {
        body: () => {
          const group = new Group("outer", {}, (outer) => {
            new Group("inner", { parent: outer }, (inner) => ({
              out: say("leaf", { create: "echo new" }, { parent: inner }).stdout,
            }));
            return { list: [1], nested: { a: "b" } };
          });
          say("after", {}, { dependsOn: [group] });
        },
        run: "preview",
      },
      {},
      { body: () => ({}) },
    ],
  },
  {
    name: "dependencies-changed",
    shows: ["state: dependencies that change while nothing else does"],
    steps: [
      {
        body: () => {
          const a = say("a");
          const b = say("b");
          say("c", {}, { dependsOn: a });
          say("d", { stdin: b.stdout });
        },
      },
      {
        body: () => {
          const b = say("b");
          const a = say("a");
          say("c", {}, { dependsOn: [b, a] });
          say("d", { stdin: "b" });
        },
      },
      {
        body: () => {
          say("c");
          say("d", { stdin: "b" });
        },
      },
    ],
  },
  {
    name: "order-swapped",
    shows: ["operations: what a resource depended on now depends on it"],
    steps: [
      {
        body: () => {
          const a = say("a");
          say("b", {}, { dependsOn: a });
        },
      },
      {
        body: () => {
          const b = say("b");
          say("a", {}, { dependsOn: b });
        },
      },
      { run: "destroy" },
    ],
  },
  {
    name: "names",
    shows: ["values: names with ::, spaces, quotes and letters of any script"],
    steps: [
      {
        body: () => {
          for (const name of ["a::b", "with space", "qu'ote\"", "日本語", "é/ü\\x", "$x", "::", "a:b", "UPPER.dot-1"]) {
            say(name, { create: "true" });
          }
          const parent = say("parent::x", { create: "true" });
          say("child$y", { create: "true" }, { parent });
        },
      },
      {},
      { body: () => void say("a::b", { create: "true", triggers: [1] }) },
      { run: "destroy" },
    ],
  },
  {
    name: "deep",
    shows: ["options: parents many levels deep"],
    steps: [
      {
        body: () => {
          let parent = new Group("g0");
          for (let i = 1; i < 6; i++) parent = new Group(`g${i}`, { parent });
          let leaf = say("leaf0", {}, { parent });
          for (let i = 1; i < 4; i++) leaf = say(`leaf${i}`, { stdin: leaf.stdout }, { parent: leaf });
          return { leaf: leaf.urn };
        },
      },
      { run: "preview" },
      { run: "destroy" },
    ],
  },
  {
    name: "many",
    serial: false,
    shows: ["operations: side by side"],
    steps: [
      {
        body: () => {
          const first = Array.from({ length: 12 }, (_, i) => say(`first-${i}`));
          first.forEach(({ stdout }, i) => say(`second-${i}`, { stdin: stdout, triggers: [i] }, { dependsOn: first }));
        },
      },
      { run: "preview" },
      {
        body: () => {
          const first = Array.from({ length: 12 }, (_, i) => say(`first-${i}`, i % 3 ? {} : { triggers: [2] }));
          first.forEach(({ stdout, id }, i) =>
            say(`second-${i}`, { stdin: stdout, triggers: [i, i % 2 ? "" : id] }, { dependsOn: first }),
          );
        },
      },
      { run: "destroy", flags: ["--parallel", "3"] },
    ],
  },
  {
    name: "empty",
    shows: ["operations: a program without resources"],
    steps: [
      { body: () => undefined, run: "preview" },
      {},
      {},
      { run: "refresh" },
      { run: "destroy" },
      { run: "destroy" },
    ],
  },
  {
    name: "expect-no-changes",
    shows: ["flags: --expect-no-changes"],
    steps: [
      { body: () => void say("a"), run: "preview", flags: ["--expect-no-changes"], fails: true },
      {},
      { run: "preview", flags: ["--expect-no-changes"] },
      { flags: ["--expect-no-changes"] },
      { run: "refresh", flags: ["--expect-no-changes"] },
      {
        body: () => void say("a", { triggers: [1] }),
        run: "preview",
        flags: ["--expect-no-changes"],
        fails: true,
      },
    ],
  },
];
