import type { Program } from "../program";
import { Group, say } from "./say";

const urn = (project: string, name: string): string => `urn:pulumi:trial::${project}::command:local:Command::${name}`;

export const flags: Program[] = [
  {
    name: "target",
    shows: ["flags: --target", "flags: --target-dependents"],
    steps: [
      {
        body: () => {
          const a = say("a");
          const b = say("b", { stdin: a.stdout });
          say("c", { stdin: b.stdout });
          say("d");
        },
      },
      ...["preview", "up"].map((run) => ({
        run: run as "preview" | "up",
        body: () => {
          const a = say("a", { create: "echo a2" });
          const b = say("b", { stdin: a.stdout, triggers: [1] });
          say("c", { stdin: b.stdout });
          say("new");
        },
        flags: ["--target", urn("target", "a")],
      })),
      { flags: ["--target", urn("target", "b"), "--target-dependents"] },
      { flags: ["--target", "**::new"], run: "preview" },
      { flags: ["--target", "**::new"] },
      { flags: ["--target", urn("target", "d")] },
      { run: "refresh", flags: ["--target", urn("target", "a")] },
      { run: "destroy", flags: ["--target", urn("target", "a")], fails: true },
      { run: "destroy", flags: ["--target", urn("target", "c")] },
      { run: "destroy", flags: ["--target", urn("target", "a"), "--target-dependents"] },
      { run: "destroy" },
    ],
  },
  {
    name: "target-new",
    shows: ["flags: --target of resources that are new or not there"],
    steps: [
      {
        body: () => {
          const a = say("a");
          say("b", { stdin: a.stdout });
        },
        flags: ["--target", urn("target-new", "a")],
      },
      { flags: ["--target", urn("target-new", "nobody")], fails: true },
      {
        body: () => {
          const a = say("a");
          const x = say("x");
          say("b", { stdin: x.stdout }, { dependsOn: a });
        },
        flags: ["--target", urn("target-new", "b")],
      },
      { flags: ["--target", urn("target-new", "x"), "--target", urn("target-new", "b")] },
    ],
  },
  {
    name: "exclude",
    shows: ["flags: --exclude", "flags: --exclude-dependents"],
    steps: [
      {
        body: () => {
          const a = say("a");
          say("b", { stdin: a.stdout });
          say("c");
        },
        flags: ["--exclude", urn("exclude", "c")],
      },
      {
        body: () => {
          const a = say("a", { create: "echo a2" });
          say("b", { stdin: a.stdout });
          say("c");
        },
        flags: ["--exclude", urn("exclude", "a")],
      },
      { flags: ["--exclude", urn("exclude", "a"), "--exclude-dependents"], run: "preview" },
      { flags: ["--exclude", urn("exclude", "a"), "--exclude-dependents"] },
      { run: "refresh", flags: ["--exclude", urn("exclude", "a")] },
      { run: "destroy", flags: ["--exclude", urn("exclude", "b")] },
      { run: "destroy" },
    ],
  },
  {
    name: "replace-flag",
    shows: ["flags: --replace", "flags: --target-replace"],
    steps: [
      {
        body: () => {
          const a = say("a");
          say("b", { triggers: [a.id] });
          say("c");
        },
      },
      { run: "preview", flags: ["--replace", urn("replace-flag", "a")] },
      { flags: ["--replace", urn("replace-flag", "a")] },
      { flags: ["--target-replace", urn("replace-flag", "c")] },
    ],
  },
  {
    name: "refresh-flag",
    shows: ["flags: --refresh"],
    steps: [
      { body: () => ({ a: say("a").stdout }) },
      { run: "preview", flags: ["--refresh"] },
      { flags: ["--refresh"] },
      { body: () => ({ b: say("b").stdout }), flags: ["--refresh"] },
      { run: "destroy", flags: ["--refresh"] },
    ],
  },
  {
    name: "target-components",
    shows: ["flags: --target of a component and of what is in it"],
    steps: [
      {
        body: () => void new Group("group", {}, (self) => say("child", {}, { parent: self })),
        flags: ["--target", "**::child"],
        fails: true,
      },
      {
        body: () => {
          new Group("group", {}, (self) => say("child", { create: "echo 2" }, { parent: self }));
          new Group("other", {}, (self) => say("second", {}, { parent: self }));
        },
        flags: ["--target", "**::group"],
      },
      { flags: ["--target", "**::group", "--target-dependents"] },
      { run: "destroy", flags: ["--target", "**::group", "--target-dependents"] },
    ],
  },
  {
    name: "continue-on-error",
    shows: ["flags: --continue-on-error"],
    steps: [
      {
        differs: "a component that is skipped isn't an error of its own",
        body: () => {
          const a = say("a", { create: "exit 1" });
          say("b", { stdin: a.stdout });
          const c = say("c");
          say("d", { stdin: c.stdout });
          new Group("group", { dependsOn: a }, (self) => say("e", {}, { parent: self }));
          return { c: c.stdout };
        },
        flags: ["--continue-on-error"],
        fails: true,
      },
      {
        body: () => {
          const a = say("a");
          say("b", { stdin: a.stdout });
          const c = say("c", { delete: "exit 1" });
          say("d", { stdin: c.stdout, delete: "exit 1" });
          return { c: c.stdout };
        },
        flags: ["--continue-on-error"],
      },
      { run: "destroy", flags: ["--continue-on-error"], fails: true },
    ],
  },
];
