import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { local, Provider } from "@pulumi/command";
import type { Program } from "../program";
import { Group, say } from "./say";

const touch =
  (file: string) =>
  (folder: string): void =>
    writeFileSync(join(folder, file), "");

const MISSING_OUTPUTS = "the official provider can't update a command that was imported; ours can";
const WITH_HOST = "what is deleted with a resource is replaced with it, as the CLI does from 3.260 on";

export const options: Program[] = [
  {
    name: "protect",
    moves: true,
    shows: ["options: protect"],
    steps: [
      {
        body: () => {
          say("kept", { triggers: [1] }, { protect: true });
          say("free");
        },
      },
      { body: () => void say("free"), fails: true, run: "preview" },
      { body: () => void say("free"), fails: true },
      {
        body: () => {
          say("kept", { triggers: [2] }, { protect: true });
          say("free");
        },
        run: "preview",
        fails: true,
      },
      { fails: true },
      { run: "destroy", fails: true },
      { run: "destroy", flags: ["--exclude-protected"] },
      { body: () => void say("kept", { triggers: [1] }, { protect: false }) },
      { run: "destroy" },
    ],
  },
  {
    name: "protected-parent",
    shows: ["options: protect, inherited from a parent"],
    steps: [
      {
        body: () => {
          const group = new Group("group", { protect: true }, (self) => {
            say("child", {}, { parent: self });
            say("open", {}, { parent: self, protect: false });
          });
          say("other", {}, { parent: group, protect: undefined });
        },
      },
      { run: "destroy", fails: true },
      { run: "destroy", flags: ["--exclude-protected"] },
    ],
  },
  {
    name: "retain-on-delete",
    moves: true,
    shows: ["options: retainOnDelete"],
    steps: [
      {
        body: () => {
          say("kept", { triggers: [1], delete: "exit 1" }, { retainOnDelete: true });
          new Group("group", { retainOnDelete: true }, (self) => say("child", { delete: "exit 1" }, { parent: self }));
        },
      },
      {
        body: () => void say("kept", { triggers: [2], delete: "exit 1" }, { retainOnDelete: true }),
        run: "preview",
      },
      {},
      { run: "destroy" },
    ],
  },
  {
    name: "deleted-with",
    shows: ["options: deletedWith"],
    steps: [
      {
        body: () => {
          const host = say("host", { triggers: [1] });
          const guest = say("guest", { delete: "exit 1" }, { deletedWith: host });
          say("guest2", { delete: "exit 1" }, { deletedWith: guest, dependsOn: guest });
        },
      },
      {
        differs: WITH_HOST,
        body: () => {
          const host = say("host", { triggers: [2] });
          const guest = say("guest", { delete: "exit 1" }, { deletedWith: host });
          say("guest2", { delete: "exit 1" }, { deletedWith: guest, dependsOn: guest });
        },
        run: "preview",
      },
      { differs: WITH_HOST },
      { run: "destroy" },
    ],
  },
  {
    name: "replace-on-changes",
    shows: ["options: replaceOnChanges"],
    steps: [
      {
        body: () => {
          say("one", { create: "echo 1" }, { replaceOnChanges: ["create"] });
          say("all", { environment: { A: "1", B: "1" } }, { replaceOnChanges: ["*"] });
          say("nested", { environment: { A: "1", B: "1" } }, { replaceOnChanges: ["environment.A"] });
          say("other", { environment: { A: "1", B: "1" } }, { replaceOnChanges: ["environment.A"] });
        },
      },
      {
        body: () => {
          say("one", { create: "echo 2" }, { replaceOnChanges: ["create"] });
          say("all", { environment: { A: "1", B: "2" } }, { replaceOnChanges: ["*"] });
          say("nested", { environment: { A: "2", B: "1" } }, { replaceOnChanges: ["environment.A"] });
          say("other", { environment: { A: "1", B: "2" } }, { replaceOnChanges: ["environment.A"] });
        },
        run: "preview",
      },
      {},
    ],
  },
  {
    name: "ignore-changes",
    shows: ["options: ignoreChanges"],
    steps: [1, 2].flatMap((n) => [
      {
        body: () => {
          const [text, ignoreAll] = [String(n), { ignoreChanges: ["*"] }];
          say("one", { create: `echo ${n}`, environment: { A: text } }, { ignoreChanges: ["create"] });
          say("all", { create: `echo ${n}`, triggers: [n] }, ignoreAll);
          say("nested", { environment: { A: text, B: text } }, { ignoreChanges: ["environment.A"] });
          say("listed", { triggers: [n, "x"] }, { ignoreChanges: ["triggers[0]"] });
          say("added", n === 1 ? {} : { stdin: "x", triggers: [1] }, { ignoreChanges: ["stdin", "triggers"] });
          say("gone", n === 1 ? { stdin: "x", environment: { A: "1" } } : {}, {
            ignoreChanges: ["stdin", "environment.A"],
          });
          say("longer", { triggers: n === 1 ? [1] : [1, 2] }, { ignoreChanges: ["triggers[1]"] });
        },
        run: "preview" as const,
      },
      {},
      {},
    ]),
  },
  {
    name: "hide-diffs",
    shows: ["options: hideDiffs"],
    steps: [1, 2].map((n) => ({
      body: () => void say("a", { create: `echo ${n}`, environment: { A: String(n) } }, { hideDiffs: ["environment"] }),
    })),
  },
  {
    name: "replacement-trigger",
    shows: ["options: replacementTrigger"],
    steps: [undefined, "1", "1", "2", undefined].flatMap((replacementTrigger) => [
      { body: () => void say("a", {}, { replacementTrigger }), run: "preview" as const },
      {},
    ]),
  },
  {
    name: "replace-with",
    shows: ["options: replaceWith"],
    steps: [1, 2].flatMap((n) => [
      {
        body: () => {
          const a = say("a", { triggers: [n] });
          say("b", {}, { replaceWith: [a] });
          say("c", {}, { replaceWith: [a], deleteBeforeReplace: true });
        },
        run: "preview" as const,
      },
      {},
    ]),
  },
  {
    name: "additional-secret-outputs",
    shows: ["options: additionalSecretOutputs"],
    steps: [
      { body: () => ({ out: say("a", {}, { additionalSecretOutputs: ["stdout", "nothing"] }).stdout }) },
      {
        body: () => ({ out: say("a", {}, { additionalSecretOutputs: ["stderr"] }).stdout }),
        run: "preview",
      },
      {},
      { body: () => ({ out: say("a", { create: "echo b" }, { additionalSecretOutputs: ["stderr"] }).stdout }) },
    ],
  },
  {
    name: "aliases",
    shows: ["options: aliases: renamed, moved to another parent, of another type"],
    steps: [
      {
        body: () => {
          const a = say("a");
          say("b", { stdin: a.stdout }, { dependsOn: a });
          say("moved");
          new Group("group", {}, (self) => say("group-child", {}, { parent: self }));
          new Group("typed", { type: "test:index:Old" }, (self) => say("typed-child", {}, { parent: self }));
        },
      },
      {
        body: () => {
          const a = say("a2", { create: "echo a" }, { aliases: [{ name: "a" }] });
          say("b", { stdin: a.stdout }, { dependsOn: a });
          const group = new Group("group2", { aliases: [{ name: "group" }] }, (self) =>
            say("group2-child", { create: "echo group-child" }, { parent: self }),
          );
          say("moved", {}, { parent: group, aliases: [{ parent: pulumi.rootStackResource }] });
          new Group("typed", { type: "test:index:New", aliases: [{ type: "test:index:Old" }] }, (self) =>
            say("typed-child", {}, { parent: self }),
          );
        },
        run: "preview",
      },
      {},
      {
        body: () => {
          const a = say(
            "a3",
            { create: "echo a" },
            { aliases: ["urn:pulumi:trial::aliases::command:local:Command::a2", { name: "nobody" }] },
          );
          say("b", { stdin: a.stdout }, { dependsOn: a });
        },
      },
      { run: "destroy" },
    ],
  },
  {
    name: "alias-replaced",
    shows: ["options: aliases of resources that are replaced or changed"],
    steps: [
      { body: () => void say("b", { stdin: say("a", { triggers: [1] }).stdout }) },
      {
        body: () =>
          void say("b", { stdin: say("z", { create: "echo a", triggers: [2] }, { aliases: [{ name: "a" }] }).stdout }),
        run: "preview",
      },
      {},
      {
        body: () =>
          void say("b", { stdin: say("y", { create: "echo y", triggers: [2] }, { aliases: [{ name: "z" }] }).stdout }),
      },
      { run: "destroy" },
    ],
  },
  {
    name: "no-parent-alias",
    shows: ["options: aliases: taken out of a component"],
    steps: [
      { body: () => void new Group("group", {}, (self) => say("a", {}, { parent: self })) },
      {
        body: () => {
          const group = new Group("group");
          say("a", {}, { aliases: [{ parent: group }] });
        },
      },
      {
        body: () =>
          void new Group("group", {}, (self) =>
            say("a", {}, { parent: self, aliases: [{ parent: pulumi.rootStackResource }] }),
          ),
      },
    ],
  },
  {
    name: "custom-timeouts",
    shows: ["options: customTimeouts"],
    steps: [
      { body: () => void say("a", {}, { customTimeouts: { create: "5m", update: "1h30m", delete: "90s" } }) },
      { body: () => void say("a", {}, { customTimeouts: { create: "1.5s" } }) },
      { body: () => void say("a") },
    ],
  },
  {
    name: "depends-on",
    shows: ["options: dependsOn: arrays, promises, outputs, components"],
    steps: [
      {
        body: () => {
          const a = say("a");
          const b = say("b");
          const group = new Group("group", {}, (self) => {
            const inner = say("inner", {}, { parent: self });
            new Group("nested", { parent: self }, (nested) => say("deep", {}, { parent: nested, dependsOn: inner }));
          });
          say("list", {}, { dependsOn: [a, b] });
          say("promise", {}, { dependsOn: Promise.resolve([a, pulumi.output(b)]) });
          say("component", {}, { dependsOn: group });
          new Group("waiting", { dependsOn: a }, (self) => say("child", { stdin: b.stdout }, { parent: self }));
        },
      },
      { run: "destroy" },
    ],
  },
  {
    name: "providers",
    shows: ["providers: default and explicit ones", "options: provider and providers"],
    steps: [
      {
        body: () => {
          const own = new Provider("own");
          say("default");
          say("explicit", {}, { provider: own });
          new Group("group", { providers: [own] }, (self) => say("inherited", {}, { parent: self }));
          new Group("mapped", { providers: { command: own } }, (self) => say("mapped", {}, { parent: self }));
        },
        run: "preview",
      },
      {},
      {
        body: () => {
          const own = new Provider("own");
          const other = new Provider("other");
          say("default", {}, { provider: other });
          say("explicit");
          new Group("group", { providers: [other] }, (self) => say("inherited", {}, { parent: self }));
          new Group("mapped", { providers: { command: own } }, (self) => say("mapped", {}, { parent: self }));
        },
        run: "preview",
      },
      {},
      { body: () => void say("default") },
      { run: "destroy" },
    ],
  },
  {
    name: "versions",
    shows: ["options: version", "providers: one default provider per version"],
    steps: [
      {
        body: () => {
          say("a");
          say("b", {}, { version: "1.2.1" });
        },
      },
    ],
  },
  {
    name: "transforms",
    shows: ["options: transforms of a resource, a component and the stack"],
    steps: [
      {
        body: () => {
          pulumi.runtime.registerResourceTransform(({ type, props, opts }) =>
            type === "command:local:Command" ? { props: { ...props, environment: { BY: "stack" } }, opts } : undefined,
          );
          say(
            "a",
            {},
            {
              transforms: [
                ({ props, opts }) => ({
                  props: { ...props, create: "echo transformed" },
                  opts: { ...opts, protect: false, retainOnDelete: true },
                }),
              ],
            },
          );
          const b = say("b");
          new Group(
            "group",
            {
              transforms: [
                ({ name, props, opts }) => ({
                  props: name === "c" ? { ...props, stdin: "in" } : props,
                  opts: { ...opts, ignoreChanges: ["stdin"] },
                }),
              ],
            },
            (self) => say("c", { triggers: [b.stdout] }, { parent: self }),
          );
        },
        differs: "events show what a preview doesn't know as null where a transform has seen it and it is in a list",
        run: "preview",
      },
      {},
      {},
      { run: "destroy" },
    ],
  },
  {
    name: "transformations",
    shows: ["options: transformations"],
    steps: [
      {
        body: () => {
          new Group(
            "group",
            {
              transformations: [
                ({ type, props, opts }) =>
                  type === "command:local:Command"
                    ? { props: { ...props, stdin: "in" }, opts: { ...opts, protect: true } }
                    : undefined,
              ],
            },
            (self) => say("a", {}, { parent: self }),
          );
        },
      },
      { run: "destroy", fails: true },
    ],
  },
  {
    name: "hooks",
    shows: ["options: hooks before and after create, update and delete"],
    steps: [
      ...[1, 2, 3].flatMap((n) => [
        {
          body: () => {
            const hook = new pulumi.ResourceHook("note", () => undefined);
            const dry = new pulumi.ResourceHook("dry", () => undefined, { onDryRun: true });
            say(
              "a",
              { create: `echo ${n === 2 ? 2 : 1}`, triggers: [n === 3 ? 3 : 1] },
              {
                hooks: { beforeCreate: [hook], afterCreate: [dry, hook], beforeUpdate: [hook], afterUpdate: [hook] },
              },
            );
          },
          run: "preview" as const,
        },
        {},
      ]),
      { run: "destroy" },
    ],
  },
  {
    name: "hook-fails",
    shows: ["options: hooks that fail"],
    steps: [
      {
        body: () => {
          const hook = new pulumi.ResourceHook("refuse", () => {
            throw new Error("no");
          });
          say("a", {}, { hooks: { beforeCreate: [hook] } });
        },
        fails: true,
      },
      {
        body: () => {
          const hook = new pulumi.ResourceHook("complain", () => {
            throw new Error("no");
          });
          say("a", {}, { hooks: { afterCreate: [hook] } });
        },
        fails: true,
      },
      {
        body: () => {
          const hook = new pulumi.ResourceHook("complain", () => {
            throw new Error("no");
          });
          say("a", { create: "echo 2" }, { hooks: { beforeUpdate: [hook] } });
        },
        fails: true,
      },
    ],
  },
  {
    name: "import",
    shows: ["options: import"],
    steps: [
      {
        body: () => {
          new local.Command("empty", {}, { import: "some-id" });
          say("ignored", {}, { import: "other-id", ignoreChanges: ["create"], protect: true });
        },
        run: "preview",
      },
      {},
      { run: "preview" },
      {
        body: () => {
          new local.Command("empty", {});
          say("ignored", {}, { import: "another-id", ignoreChanges: ["create"], protect: true });
        },
        run: "preview",
      },
    ],
  },
  {
    name: "import-other",
    shows: ["options: import of what isn't yet as the program wants it"],
    steps: [
      { body: () => void say("a", {}, { import: "some-id" }), run: "preview", providerDiffers: MISSING_OUTPUTS },
      { providerDiffers: MISSING_OUTPUTS },
    ],
  },
  {
    name: "get",
    shows: ["operations: read"],
    steps: [
      { body: () => void local.Command.get("a", "some-id"), run: "preview" },
      {},
      {},
      { body: () => void local.Command.get("a", "other-id") },
      { body: () => void say("a"), run: "preview" },
      {},
      { body: () => void local.Command.get("a", "other-id") },
      { run: "refresh" },
      { run: "destroy" },
    ],
  },
  {
    name: "delete-command",
    shows: ["operations: what a resource was made with deletes it"],
    steps: [
      { body: () => void say("a", { delete: "touch deleted-by-1" }) },
      { body: () => void say("a", { delete: "test -f deleted-by-1 || exit 3", triggers: [1] }) },
      { run: "destroy" },
    ],
  },
  {
    name: "wrapper",
    shows: ["operations: a failed deletion is tried again"],
    steps: [
      { body: () => void say("a", { delete: "test -f may-go" }) },
      { run: "destroy", fails: true },
      { run: "preview" },
      { run: "destroy", prepare: touch("may-go") },
    ],
  },
];
