import * as pulumi from "@pulumi/pulumi";
import type { Program } from "../program";
import { Group, say } from "./say";

export const values: Program[] = [
  {
    name: "secrets",
    moves: true,
    masked: ["hidden"],
    shows: ["values: secrets in inputs, outputs and stack outputs"],
    steps: [
      {
        body: () => {
          const secret = pulumi.secret("hidden");
          const a = say("a", { environment: { A: secret, B: "open" } });
          const b = say("b", { stdin: a.stdout, triggers: [secret, "x"] });
          return {
            a: a.stdout,
            b: b.environment,
            c: secret,
            d: { nested: [secret, { e: secret }] },
            f: pulumi.secret({ g: 1 }),
          };
        },
        run: "preview",
      },
      {},
      {},
      {
        body: () => {
          const a = say("a", { environment: { A: "hidden", B: "open" } });
          const b = say("b", { stdin: a.stdout, triggers: ["hidden", "x"] });
          return { a: a.stdout, b: b.environment, c: "hidden" };
        },
        run: "preview",
      },
      {},
      {
        body: () => {
          const a = say("a", {
            environment: pulumi.secret({ A: "hidden", B: "changed" }),
            create: pulumi.secret("echo x"),
          });
          return { a: a.stdout, all: a };
        },
        run: "preview",
      },
      {},
      { run: "refresh" },
      { run: "destroy" },
    ],
  },
  {
    name: "stack-outputs",
    shows: ["values: stack outputs of every kind"],
    steps: [
      {
        body: () => {
          const a = say("a");
          const group = new Group("group", {}, () => ({ x: 1 }));
          return {
            text: "text",
            number: 1.5,
            big: 12345678901234,
            yes: true,
            no: null,
            nothing: undefined,
            list: [1, null, "x", undefined, [a.stdout]],
            map: { a: a.stdout, nothing: undefined, no: null, "key with space": 1, "a.b": { c: [] } },
            empty: {},
            emptyList: [],
            promise: Promise.resolve("later"),
            resource: a,
            component: group,
            unicode: "snö ☃ 𝄞",
            multi: "a\nb\n",
          };
        },
        run: "preview",
      },
      {},
      { run: "preview" },
      { body: () => ({ text: "changed", map: { b: 1 } }), run: "preview" },
      {},
      { body: () => undefined },
    ],
  },
  {
    name: "outputs-only",
    shows: ["values: stack outputs that change while nothing else does"],
    steps: [
      { body: () => ({ a: 1 }) },
      { body: () => ({ a: 2, b: pulumi.secret(1) }), run: "preview" },
      {},
      { body: () => ({ b: 1 }) },
    ],
  },
  {
    name: "config",
    shows: ["values: settings: plain, structured, secret, of a provider"],
    steps: [
      {
        config: {
          "config:text": "x",
          "config:secret": { secret: "hidden" },
          "config:number": "12",
          "config:json": '{"a":[1,2]}',
        },
        body: () => {
          const config = new pulumi.Config();
          const a = say("a", {
            environment: { TEXT: config.require("text"), SECRET: config.getSecret("secret") ?? "" },
          });
          return {
            text: config.get("text"),
            json: config.getObject("json"),
            secret: config.getSecret("secret"),
            out: a.stdout,
          };
        },
      },
      { config: { "config:text": "y" }, run: "preview" },
      {},
      { config: { "config:text": "y", "command:some": "setting", "command:hidden": { secret: "s" } }, run: "preview" },
      {},
      { config: { "config:text": "y" } },
      { config: {}, fails: true },
    ],
  },
  {
    name: "unknowns",
    shows: ["values: what a preview can't know yet"],
    steps: [
      { body: () => ({ a: say("a").stdout }) },
      {
        body: () => {
          const a = say("a", { triggers: [1] });
          const b = say("b", {
            triggers: [a.stdout, "known"],
            environment: { X: pulumi.interpolate`${a.stdout}-x`, Y: "y" },
          });
          const c = say("c", { create: b.stdout.apply((text) => `echo ${text}`), stdin: b.stderr });
          new Group("group", {}, () => ({ out: c.stdout }));
          return { a: a.stdout, deep: { b: [b.id, "x"] }, secret: pulumi.secret(c.stdout) };
        },
        run: "preview",
      },
      {},
      { run: "preview" },
    ],
  },
  {
    name: "assets",
    shows: ["values: assets and archives"],
    steps: [
      {
        body: () => ({
          asset: new pulumi.asset.StringAsset("asset"),
          archive: new pulumi.asset.AssetArchive({ "a.txt": new pulumi.asset.StringAsset("in") }),
        }),
      },
    ],
  },
  {
    name: "big",
    shows: ["values: big and odd texts"],
    steps: [
      {
        body: () => {
          // The official provider waits for ever where it's more than a pipe holds.
          const a = say("a", { create: "cat", stdin: "x".repeat(60_000) });
          say("b", { create: 'printf "tab\\there\\nline\\n\\n"; printf "error\\n" >&2' });
          say("c", { create: "cat", stdin: 'quote" back\\slash \u0001 \u2028 snö ☃ 𝄞' });
          return { length: a.stdout.apply((text) => text.length) };
        },
      },
      { run: "preview" },
    ],
  },
  {
    name: "command-inputs",
    shows: ["command: every input"],
    steps: [
      {
        body: () => {
          const a = say("a", { interpreter: ["/bin/sh", "-c"], logging: "none", dir: "/", create: "pwd; echo e >&2" });
          say("b", { logging: "stderr", addPreviousOutputInEnv: false, create: "echo o; echo e >&2" });
          say("c", {
            logging: "stdout",
            create: "echo o; echo e >&2",
            update: "echo updated; env | grep ^PULUMI_COMMAND | sort",
          });
          say("d", {
            logging: "stdoutAndStderr",
            create: "echo o; echo e >&2",
            update: "echo $PULUMI_COMMAND_STDOUT again",
            delete: "echo gone",
          });
          say("e", { create: undefined });
          say("f", { create: undefined, update: "echo u", delete: "true" });
          return { a };
        },
      },
      {
        body: () => {
          const a = say("a", { interpreter: ["/bin/sh", "-c"], logging: "none", dir: "/", create: "pwd; echo f >&2" });
          say("b", {
            logging: "stderr",
            addPreviousOutputInEnv: false,
            create: "env | grep ^PULUMI_COMMAND | sort; true",
          });
          say("c", {
            logging: "stdout",
            create: "echo o; echo e >&2",
            update: "echo updated2; env | grep ^PULUMI_COMMAND | sort",
          });
          say("d", {
            logging: "stdoutAndStderr",
            create: "echo o; echo e >&2",
            update: "echo $PULUMI_COMMAND_STDOUT agains",
            delete: "echo gone",
          });
          say("e", { create: undefined, environment: { A: "1" } });
          say("f", { create: undefined, update: "echo u2", delete: "true" });
          return { a };
        },
        run: "preview",
      },
      {},
      { run: "destroy" },
    ],
  },
  {
    name: "command-json",
    shows: ["command: run as a function"],
    steps: [
      {
        body: async () => {
          const { local } = await import("@pulumi/command");
          const plain = await local.run({ command: "echo hi; echo e >&2", environment: { A: "1" } });
          const later = local.runOutput({ command: pulumi.interpolate`echo ${say("a").stdout}`, stdin: "x" });
          return { plain, later, text: later.stdout };
        },
        run: "preview",
      },
      {},
      { body: async () => (await import("@pulumi/command")).local.run({ command: "exit 3" }), fails: true },
    ],
  },
  {
    name: "odd-inputs",
    shows: ["values: inputs that are null, undefined or empty"],
    steps: [
      {
        body: () => {
          say("a", { triggers: [null, undefined, "", 0, false, [], {}], environment: {} });
          say("b", { triggers: [], stdin: "" });
          say("c", { triggers: undefined, environment: { A: undefined as unknown as string, B: "" } });
          say("d", { triggers: [{ deep: { deeper: [1.25, -0, 1e21] } }] });
        },
      },
      { run: "preview" },
      {
        body: () => {
          say("a", { triggers: [null, null, "", 0, true, [], {}] });
          say("b", { stdin: "" });
          say("c", { triggers: [] });
          say("d", { triggers: [{ deep: { deeper: [1.25, 0, 1e22] } }] });
        },
        run: "preview",
      },
      {},
    ],
  },
  {
    name: "resource-inputs",
    providerDiffers: "the official provider makes {} of a resource in its triggers, ours the resource's id",
    shows: ["values: resources as inputs and outputs"],
    steps: [
      {
        body: () => {
          const a = say("a");
          const group = new Group("group");
          say("b", { triggers: [a, group, { a }] });
          return { a, group, list: [a] };
        },
        run: "preview",
      },
      {},
      { run: "preview" },
    ],
  },
  {
    name: "diffs",
    shows: ["values: differences by their paths"],
    steps: [1, 2].flatMap((n) => [
      {
        body: () => {
          const one = n === 1;
          say("map", { environment: one ? { A: "1", B: "1" } : { B: "2", C: "1" } });
          say("list", { interpreter: one ? ["/bin/sh", "-c"] : ["/bin/bash", "-e", "-c"] });
          say("deep", { triggers: [{ a: { "b.c": [1, n] } }, "same", ...(one ? [] : ["added"])] });
          say("gone", one ? { stdin: "x", environment: { A: "1" } } : {});
          say("came", one ? {} : { stdin: "x", environment: { A: "1" }, triggers: ["t"] });
          say("several", { create: `echo ${n}`, update: `echo u${n}`, delete: `echo d${n}`, dir: one ? "." : "/" });
        },
        run: "preview" as const,
      },
      {},
    ]),
  },
];
