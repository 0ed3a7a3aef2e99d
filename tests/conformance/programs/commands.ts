/** Every input and output of the command package's resource and function. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Program } from "../program";
import { say } from "./say";

const long = "a-folder-with-a-name/of-some-length";

/** A tree with what is hard to pack: links, names that are long, odd, or sorted differently by bytes and by letters. */
function makeTree(folder: string): void {
  const files = {
    "a.txt": "a",
    "B.txt": "b".repeat(1000),
    "deep/er/c.txt": "",
    "deep/secret.txt": "hush",
    "names/grün ☂.txt": "green",
    "names/{x}[y]!.txt": "braces",
    [`${long}/${long}/${long}/${long}/file.txt`]: "split",
    [`x/${"n".repeat(120)}.txt`]: "too long to split",
    ".pulumi/kept.txt": "not packed with its folder",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, "tree", path, ".."), { recursive: true });
    writeFileSync(join(folder, "tree", path), text);
  }
  symlinkSync("a.txt", join(folder, "tree", "link.txt"));
  symlinkSync("deep", join(folder, "tree", "folder-link"));
}

export const commands: Program[] = [
  {
    name: "command-files",
    shows: ["command: assetPaths and archivePaths"],
    steps: [
      {
        prepare: makeTree,
        run: "preview",
        body: () => {
          const all = say("all", { dir: "tree", assetPaths: ["**.txt"] });
          const some = say("some", {
            archivePaths: [
              "tree/{a,B}.txt",
              "tree/names/*",
              "!**{secret,.md}*",
              "tree/deep/*",
              "tree/[!d]*/*",
              "**/file.t?t",
            ],
            delete: "echo gone",
          });
          const none = say("none", { assetPaths: [], archivePaths: ["nothing"] });
          const after = say("after", { triggers: [some.archive, all.assets] });
          return { archive: some.archive, assets: all.assets, none: none.assets, after: after.triggers };
        },
      },
      {},
      {},
      {
        body: () => {
          const all = say("all", { dir: "tree", create: "echo new > a.txt", assetPaths: ["a.txt"] });
          return { all: all.assets };
        },
        run: "preview",
      },
      {},
      { run: "destroy" },
    ],
  },
  {
    name: "command-archive-refreshed",
    shows: ["command: archives, after a refresh"],
    steps: [
      { prepare: makeTree, body: () => void say("a", { archivePaths: ["tree/*.txt"] }) },
      {
        run: "refresh",
        differs: "the CLI forgets what an archive is made of; the embedded engine doesn't",
      },
    ],
  },
  {
    name: "command-lifecycle",
    shows: ["command: create, update, delete, dir, environment, interpreter, stdin, logging, addPreviousOutputInEnv"],
    steps: [
      {
        body: () => {
          const fallsBack = say("falls-back", {
            create: 'echo "$PULUMI_COMMAND_STDOUT+"; echo e >&2',
            environment: { A: "1" },
          });
          const updates = say("updates", { create: "printf 'x\\r\\n\\n'", update: "echo unused", stdin: "one" });
          const only = new local.Command("only-update", { update: "echo updated" });
          const nothing = new local.Command("nothing", { delete: "echo $PULUMI_COMMAND_STDOUT" });
          const alone = say("alone", { create: "echo ${PULUMI_COMMAND_STDOUT-unset}", addPreviousOutputInEnv: false });
          const cat = say("cat", { create: "-", interpreter: ["cat"], stdin: "given", logging: "none" });
          const where = say("where", { create: "pwd; cat", dir: "/usr/bin", interpreter: [], environment: {} });
          return [fallsBack, updates, only, nothing, alone, cat, where].map((command) => command.stdout);
        },
      },
      {
        body: () => {
          const fallsBack = say("falls-back", {
            create: 'echo "$PULUMI_COMMAND_STDOUT+"; echo e >&2',
            environment: { A: "2" },
          });
          const updates = say("updates", {
            create: "printf 'x\\r\\n\\n'",
            update: 'echo "$PULUMI_COMMAND_STDOUT" | od -c',
            stdin: "two",
          });
          const only = new local.Command("only-update", { update: "echo updated $PULUMI_COMMAND_STDOUT", dir: "/" });
          const nothing = new local.Command("nothing", { delete: "echo $PULUMI_COMMAND_STDOUT", dir: "/" });
          const alone = say("alone", {
            create: "echo ${PULUMI_COMMAND_STDOUT-unset}",
            addPreviousOutputInEnv: false,
            stdin: "new",
          });
          const cat = say("cat", { create: "-", interpreter: ["cat"], stdin: "given", logging: "stderr" });
          const where = say("where", { create: "pwd; cat", dir: "/usr/lib", interpreter: [], environment: {} });
          return [fallsBack, updates, only, nothing, alone, cat, where].map((command) => command.stdout);
        },
        run: "preview",
      },
      {},
      {
        body: () => {
          const updates = say("updates", { create: "printf x", update: "echo y" });
          const cat = say("cat", { create: "-", interpreter: ["cat"], environment: { N: updates.stdout } });
          return [updates, cat].map((command) => command.stdout);
        },
        run: "preview",
      },
      {},
      { run: "destroy" },
    ],
  },
  {
    name: "command-triggers",
    shows: ["command: triggers of any kind"],
    steps: [
      [undefined],
      [[]],
      [[1, { a: [true, null] }]],
      [[1, { a: [true, 2] }]],
      [[1, { a: [true, 2] }, pulumi.secret("s")]],
      [[1, { a: [true, 2] }, "s", new pulumi.asset.StringAsset("text")]],
      [[1, { a: [true, 2] }, "s", new pulumi.asset.StringAsset("other")]],
      [undefined],
    ].flatMap(([triggers]) => [
      {
        body: () => ({ out: say("a", { triggers: triggers as unknown[] }).stdout }),
        run: "preview" as const,
      },
      {},
    ]),
  },
  {
    name: "command-secrets",
    shows: ["command: secrets among the inputs"],
    steps: [
      {
        body: () => {
          const secret = pulumi.secret("hidden");
          const a = say("a", { environment: { A: secret }, create: "echo $A | wc -c" });
          const b = say("b", {
            create: pulumi.interpolate`echo ${secret} | wc -c`,
            triggers: [secret],
            archivePaths: [secret],
          });
          const c = say(
            "c",
            { stdin: secret, interpreter: ["test", "-n", secret, "-o", "-e"], create: "-" },
            { ignoreChanges: ["stdin"] },
          );
          return { a: a.stdout, b: b.stdout, c: c.interpreter };
        },
        run: "preview",
      },
      {},
    ],
  },
  {
    name: "command-wrong",
    shows: ["command: inputs of the wrong type are refused"],
    serial: false,
    steps: [
      { create: 5 },
      { create: "true", stdin: true },
      { create: "true", environment: { A: 1 } },
      { create: "true", environment: "A=1" },
      { create: "true", interpreter: "sh" },
      { create: "true", triggers: "t" },
      { create: "true", addPreviousOutputInEnv: "no" },
      { create: "true", assetPaths: "*" },
      { create: "true", archivePaths: [1] },
    ].flatMap((args) => [
      {
        body: () => void new local.Command("a", args as unknown as local.CommandArgs),
        run: "preview" as const,
        fails: true,
      },
    ]),
  },
  {
    name: "command-odd",
    shows: ["command: what goes wrong when it runs"],
    steps: [
      ...[
        { create: "echo out; echo err >&2; exit 3" },
        { create: "kill -9 $$" },
        { create: "true", dir: "/no/such/folder" },
        { create: "true", interpreter: ["/no/such/shell"] },
        { create: "true", assetPaths: ["[z-a]"] },
        { create: "true", archivePaths: ["["] },
        { create: "mkdir -p sub; ln -sf sub link", assetPaths: ["lin?"] },
      ].map((args) => ({ body: () => void new local.Command("a", args), fails: true as const })),
      { body: () => void new local.Command("a", { create: "true", logging: "loud" as "none" }) },
      { body: () => void new local.Command("a", { create: "exit 4", logging: "loud" as "none" }), fails: true },
    ],
  },
  {
    name: "command-run",
    shows: ["command: the function run"],
    steps: [
      {
        prepare: makeTree,
        run: "preview",
        body: async () => {
          const inputs = { dir: "tree", assetPaths: ["*.txt"], archivePaths: ["deep/**"], environment: { A: "a" } };
          const plain = await local.run({ command: "echo $A; cat; echo e >&2", stdin: "in", ...inputs });
          const output = local.runOutput({
            command: "echo $A; echo ${PULUMI_COMMAND_STDOUT-unset}",
            environment: { A: pulumi.secret("hidden") },
            interpreter: ["/bin/sh", "-e", "-c"],
            addPreviousOutputInEnv: false,
            logging: "none",
          });
          return { plain, output };
        },
      },
      {},
      { body: () => ({ failed: local.runOutput({ command: "exit 5" }) }), fails: true },
      { body: () => ({ wrong: local.runOutput({ command: 5 as unknown as string }) }), fails: true },
    ],
  },
];
