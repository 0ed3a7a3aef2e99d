/* eslint-disable @typescript-eslint/no-explicit-any -- what is recorded is of no known type */
import * as pulumi from "@pulumi/pulumi";
import { Network } from "../../components";

/** A resource as the engine would be asked for it. */
export interface Registered {
  type: string;
  name: string;
  /** Secrets in the clear. */
  inputs: Record<string, any>;
  /** Names of the inputs that hold a secret. */
  secrets: string[];
  /** `type name` of its parent. */
  parent?: string;
  /** `type name` of what it depends on, as its component wrote it down. */
  dependsOn: string[];
  ignoreChanges?: string[];
  additionalSecretOutputs?: string[];
  customTimeouts?: pulumi.CustomTimeouts;
}

export interface Ran<T> {
  result: T;
  /** In alphabetical order, without the stack. */
  resources: Registered[];
  invokes: { token: string; inputs: Record<string, any> }[];
  /** Types and names of all resources, `parent > child` where the parent isn't the stack. */
  tree: string[];
  /** The only resource of this type and name. */
  one(type: string, name: string): Registered;
}

export interface World {
  project?: string;
  stack?: string;
  preview?: boolean;
  config?: Record<string, string>;
  env?: Record<string, string>;
  /** What a command prints; a line with its name, if that isn't said. */
  print?: (name: string, command: string) => string | undefined;
}

/** What every program here is told about its run, so that labels are the same each time. */
export const runEnv = {
  SEATRIAL_COMMIT: "1a2b3c4d",
  SEATRIAL_RUN: "run-1",
  SEATRIAL_OWNER: "host:17",
  SEATRIAL_EXPIRES: "2030-01-02T03:00:00.000Z",
};

export const container = "docker:index/container:Container";
export const command = "command:local:Command";

const secretKey = "4dabf18193072939515e22adb298388d";

/** Runs a part of a program with mocks that answer as the providers would, until everything is registered. */
export async function run<T>(program: () => T, world: World = {}): Promise<Ran<T>> {
  const saved = process.env;
  process.env = { PATH: saved.PATH, HOME: saved.HOME, ...runEnv, ...world.env };
  const resources: Registered[] = [];
  const invokes: Ran<T>["invokes"] = [];
  const options = new Map<string, Partial<Registered>>();
  let result: T;
  let failure: unknown;
  try {
    await pulumi.runtime.setMocks(
      {
        newResource: ({ type, name, custom, inputs: given }) => {
          const secrets: string[] = [];
          const inputs = inTheClear(given, [], secrets);
          resources.push({ type, name, inputs, secrets, dependsOn: [] });
          return { id: custom ? `${name}-id` : undefined, state: { ...inputs, ...outputs(type, name, inputs, world) } };
        },
        call: ({ token, inputs }) => {
          invokes.push({ token, inputs });
          return token === "command:local:run" ? { ...inputs, stdout: "", stderr: "" } : inputs;
        },
      },
      world.project ?? "shop",
      world.stack ?? "ci-1a2b3c4",
      world.preview ?? false,
    );
    pulumi.runtime.setAllConfig(world.config ?? {});
    await pulumi.runtime.runInPulumiStack(async () => {
      pulumi.runtime.registerStackTransformation(({ type, name, opts }) => {
        const custom: pulumi.CustomResourceOptions = opts;
        options.set(`${type} ${name}`, {
          parent: custom.parent && described(custom.parent),
          dependsOn: [(custom.dependsOn ?? []) as pulumi.Resource[]].flat().map(described),
          ignoreChanges: custom.ignoreChanges as string[] | undefined,
          additionalSecretOutputs: custom.additionalSecretOutputs,
          customTimeouts: custom.customTimeouts,
        });
        return undefined;
      });
      try {
        result = program();
      } catch (error) {
        // Thrown on, it would also be rejected by the stack resource, whom nobody here can wait for.
        failure = error;
      }
    });
    await pulumi.runtime.disconnect();
    if (failure) {
      throw failure;
    }
  } finally {
    process.env = saved;
  }
  for (const resource of resources) {
    Object.assign(resource, options.get(`${resource.type} ${resource.name}`));
  }
  const own = resources
    .filter(({ type }) => type !== "pulumi:pulumi:Stack")
    .sort((a, b) => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1));
  return {
    result: result!,
    resources: own,
    invokes,
    tree: own.map(({ type, name, parent }) => `${parent ? `${parent} > ` : ""}${type} ${name}`).sort(),
    one: (type, name) => {
      const found = own.filter((resource) => resource.type === type && resource.name === name);
      if (found.length !== 1) {
        throw new Error(`${found.length} of ${type} ${name}; there are ${own.map((r) => `${r.type} ${r.name}`)}`);
      }
      return found[0]!;
    },
  };
}

/** The value of an output and whether it is secret. */
export async function known<T>(output: pulumi.Output<T> | undefined): Promise<{ value: T; secret: boolean }> {
  const pending = output as unknown as { promise(): Promise<T>; isSecret: Promise<boolean> };
  return { value: await pending.promise(), secret: await pending.isSecret };
}

/** A network, and something that needs one. */
export function inNetwork<T>(make: (network: Network) => T): () => T {
  return () => make(new Network("network"));
}

/** A tree without what `inNetwork` adds. */
export function withoutNetwork(tree: string[]): string[] {
  return tree.filter((line) => !line.endsWith("Network network"));
}

/** The labels of `runEnv` as the docker provider takes them. */
export function expectedLabels(more: Record<string, string> = {}): { label: string; value: string }[] {
  const values: Record<string, string> = {
    commit: "1a2b3c4d",
    expires: "2030-01-02T03:00:00.000Z",
    owner: "host:17",
    project: "shop",
    run: "run-1",
    stack: "ci-1a2b3c4",
    ...more,
  };
  return Object.keys(values)
    .sort()
    .map((name) => ({ label: `dev.seatrial.${name}`, value: values[name]! }));
}

function described(resource: pulumi.Resource): string {
  const { __pulumiType: type, __name: name } = resource as unknown as { __pulumiType: string; __name: string };
  return `${type} ${name}`;
}

function inTheClear(value: any, path: string[], secrets: string[]): any {
  if (Array.isArray(value)) {
    return value.map((item) => inTheClear(item, path, secrets));
  }
  if (value && typeof value === "object") {
    if (secretKey in value) {
      secrets.push(path.join("."));
      return inTheClear(value.value, path, secrets);
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, inTheClear(item, [...path, key], secrets)]),
    );
  }
  return value;
}

/** What the real providers add. */
function outputs(type: string, name: string, inputs: any, world: World): Record<string, any> {
  switch (type) {
    case container:
      return {
        exitCode: inputs.attach ? 3 : undefined,
        containerLogs: inputs.logs ? "a line\n" : undefined,
        ports: inputs.ports?.map((port: any) => ({ ...port, external: port.external ?? 49153 })),
      };
    case command:
      return { stdout: world.print?.(name, inputs.create) ?? `made-by-${name}\n`, stderr: "" };
    case "docker:index/image:Image":
      return { repoDigest: `sha256:${name}` };
    default:
      return {};
  }
}
