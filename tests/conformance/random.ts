/**
 * Random programs: a graph of commands and components that is edited at random from step to step. The same seed makes the
 * same program, in whichever process.
 */
import type { ComponentResource, CustomResourceOptions, Resource } from "@pulumi/pulumi";
import type { local } from "@pulumi/command";
import type { Body, Program, Step } from "./program";
import { Group, say } from "./programs/say";

/** One resource of a random program; other resources are named, and come earlier. */
interface Node {
  name: string;
  component?: true;
  parent?: string;
  dependsOn: string[];
  /** Whose output is an input, which an update changes. */
  reads: string[];
  /** Whose id is a trigger, so that it is replaced with them. */
  follows: string[];
  text: number;
  trigger: number;
  fails?: true;
  protect?: true;
  retainOnDelete?: true;
  deleteBeforeReplace?: boolean;
  replaceWith?: string;
  ignoreChanges?: string[];
  replaceOnChanges?: string[];
  secret?: true;
  alias?: string;
}

const MOST_NODES = 7;
const EDITED_STEPS = 4;

export function randomProgram(seed: number): Program {
  const name = `random-${seed}`;
  const random = generator(seed);
  const nodes: Node[] = [];
  const steps: Step[] = [];
  for (let n = 0; n <= EDITED_STEPS; n++) {
    for (const node of nodes) delete node.alias;
    const edits = n === 0 ? 2 + random.below(MOST_NODES - 2) : 1 + random.below(3);
    for (let i = 0; i < edits; i++) edit(nodes, random, n === 0);
    const body = bodyFor(structuredClone(nodes));
    const flags = n > 0 && random.one(5) ? confined(name, nodes, random) : [];
    steps.push({ body, flags, run: "preview", fails: "maybe" }, { flags, fails: "maybe" });
    if (random.one(5)) steps.push({ run: "refresh", fails: "maybe" });
  }
  steps.push({ run: "destroy", fails: "maybe" });
  return { name, shows: [], steps };
}

function confined(project: string, nodes: Node[], random: Random): string[] {
  const commands = nodes.filter(({ component }) => !component);
  const names = commands.length > 0 ? [random.of(commands).name] : [];
  const flag = random.of(["--target", "--exclude", "--replace"]);
  const dependents = random.one(2) ? [] : flag === "--target" ? ["--target-dependents"] : [];
  return names.flatMap((name) => [flag, `urn:pulumi:trial::${project}::**::${name}`, ...dependents]);
}

/** Adds, changes, moves or takes out one resource; what refers to one that is gone refers to it no more. */
function edit(nodes: Node[], random: Random, adding: boolean): void {
  if (nodes.length === 0 || (nodes.length < MOST_NODES && (adding || random.one(4)))) {
    const at = adding ? nodes.length : random.below(nodes.length + 1);
    const used = new Set(nodes.map(({ name }) => name));
    const name = [..."abcdefghijkl"].find((letter) => !used.has(letter))!;
    nodes.splice(at, 0, newNode(name, nodes.slice(0, at), random));
    return;
  }
  const at = random.below(nodes.length);
  const node = nodes[at]!;
  const kind = random.below(8);
  if (kind === 0) {
    nodes.splice(at, 1);
    for (const other of nodes) unlink(other, node.name);
  } else if (kind === 1 && !node.alias) {
    const name = `${node.name}x`;
    if (nodes.some((other) => other.name === name)) return;
    for (const other of nodes) rename(other, node.name, name);
    Object.assign(node, { name, alias: node.name });
  } else if (kind === 2) node.text++;
  else if (kind === 3 || kind === 4) node.trigger++;
  else if (kind === 5) Object.assign(node, links(nodes.slice(0, at), random));
  else if (kind === 6) options(node, nodes.slice(0, at), random);
  else if (node.fails) delete node.fails;
  else if (!node.component && random.one(2)) node.fails = true;
}

function newNode(name: string, earlier: Node[], random: Random): Node {
  const parent = earlier.length > 0 && random.one(3) ? random.of(earlier).name : undefined;
  const node: Node = {
    name,
    ...(random.one(5) ? { component: true } : {}),
    ...(parent ? { parent } : {}),
    ...links(earlier, random),
    text: 0,
    trigger: 0,
  };
  options(node, earlier, random);
  return node;
}

function links(earlier: Node[], random: Random): Pick<Node, "dependsOn" | "reads" | "follows"> {
  const some = (from: Node[], oneIn: number): string[] => from.filter(() => random.one(oneIn)).map(({ name }) => name);
  const commands = earlier.filter(({ component }) => !component);
  return { dependsOn: some(earlier, 5), reads: some(commands, 4), follows: some(commands, 4) };
}

function options(node: Node, earlier: Node[], random: Random): void {
  const commands = earlier.filter(({ component }) => !component);
  for (const key of OPTIONS) delete node[key];
  if (random.one(12)) node.protect = true;
  if (random.one(8)) node.retainOnDelete = true;
  if (random.one(4)) node.deleteBeforeReplace = random.one(4) ? false : true;
  if (random.one(10) && commands.length > 0) node.replaceWith = random.of(commands).name;
  if (random.one(8)) node.ignoreChanges = [random.of(["create", "environment", "triggers", "*"])];
  if (random.one(8)) node.replaceOnChanges = [random.of(["create", "environment", "*"])];
  if (random.one(6)) node.secret = true;
}

const OPTIONS = [
  "protect",
  "retainOnDelete",
  "deleteBeforeReplace",
  "replaceWith",
  "ignoreChanges",
  "replaceOnChanges",
  "secret",
] as const;

function unlink(node: Node, name: string): void {
  if (node.parent === name) delete node.parent;
  if (node.replaceWith === name) delete node.replaceWith;
  for (const key of LISTS) node[key] = node[key].filter((other) => other !== name);
}

function rename(node: Node, from: string, to: string): void {
  if (node.parent === from) node.parent = to;
  if (node.replaceWith === from) node.replaceWith = to;
  for (const key of LISTS) node[key] = node[key].map((other) => (other === from ? to : other));
}

const LISTS = ["dependsOn", "reads", "follows"] as const;

/** Two children that depend on their whole parent would wait for each other. */
function isAncestor(name: string, { parent }: Node, nodes: Node[]): boolean {
  return (
    parent !== undefined &&
    (parent === name ||
      isAncestor(
        name,
        nodes.find((node) => node.name === parent)!,
        nodes,
      ))
  );
}

function bodyFor(nodes: Node[]): Body {
  return () => {
    const commands = new Map<string, local.Command>();
    const all = new Map<string, Resource>();
    for (const node of nodes) {
      const { name, parent, dependsOn, protect, retainOnDelete, replaceOnChanges, ignoreChanges, alias } = node;
      const common: CustomResourceOptions = {
        dependsOn: dependsOn.filter((other) => !isAncestor(other, node, nodes)).map((other) => all.get(other)!),
        ...(parent ? { parent: all.get(parent)! } : {}),
        ...(protect ? { protect } : {}),
        ...(retainOnDelete ? { retainOnDelete } : {}),
        ...(alias ? { aliases: [{ name: alias }] } : {}),
      };
      if (node.component) {
        const group: ComponentResource = new Group(name, common, () => ({ text: node.text }));
        all.set(name, group);
        continue;
      }
      const { deleteBeforeReplace, replaceWith, secret } = node;
      const command = say(
        name,
        {
          create: node.fails ? "exit 1" : `echo ${node.text}`,
          environment: Object.fromEntries(node.reads.map((other) => [other, commands.get(other)!.stdout])),
          triggers: [node.trigger, ...node.follows.map((other) => commands.get(other)!.id)],
        },
        {
          ...common,
          ...(deleteBeforeReplace === undefined ? {} : { deleteBeforeReplace }),
          ...(replaceWith ? { replaceWith: [all.get(replaceWith)!] } : {}),
          ...(ignoreChanges ? { ignoreChanges } : {}),
          ...(replaceOnChanges ? { replaceOnChanges } : {}),
          ...(secret ? { additionalSecretOutputs: ["stdout"] } : {}),
        },
      );
      commands.set(name, command);
      all.set(name, command);
    }
    return Object.fromEntries([...commands].map(([name, { stdout }]) => [name, stdout]));
  };
}

interface Random {
  below(n: number): number;
  /** True once in `n` times. */
  one(n: number): boolean;
  of<T>(list: T[]): T;
}

/** Mulberry32, which is good enough and short. */
function generator(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { below, one: (n) => below(n) === 0, of: (list) => list[below(list.length)]! };
}
