/**
 * The provider of the package `pulumi`, which is part of the engine: references to other stacks, stashed values, and
 * the functions behind resource references.
 *
 * Source: `pkg/resource/deploy/builtins.go` in pulumi/pulumi.
 */
import { randomUUID } from "node:crypto";
import type { CheckFailure, Provider, ProviderContext, ProviderFactory } from "../provider";
import type { ResourceState } from "../resource";
import { BUILTIN_PACKAGE } from "../urn";
import { containsSecret, equalValues, type PropertyMap, type PropertyValue, withoutSecrets } from "../values";

const STACK_REFERENCE = "pulumi:pulumi:StackReference";
const STASH = "pulumi:index:Stash";

/** The stacks of the backend, this one among them. Both reject for a name that none has. */
export interface OtherStacks {
  /** A stack's outputs; what can't be decrypted here is told and left empty. */
  outputs(name: string, undecryptable: (reason: Error) => void): Promise<PropertyMap>;
  /** Type and outputs of each of its resources, by URN. */
  resourceOutputs(name: string): Promise<PropertyMap>;
}

/** `registered` gives the state of a resource of this deployment, made or read. */
export function builtinProvider(
  stacks: OtherStacks,
  registered: (urn: string) => ResourceState | undefined,
): ProviderFactory {
  const readStack = async (name: string, log: ProviderContext["log"]) => {
    const outputs = await stacks.outputs(name, (reason) => {
      log("info", `secrets of the stack '${name}' can't be decrypted here and are left empty: ${reason.message}`);
    });
    const secretOutputNames = Object.keys(outputs)
      .filter((key) => containsSecret(outputs[key]))
      .sort();
    return { name, outputs, secretOutputNames };
  };
  const getResource = (urn: string): PropertyMap => {
    const state = registered(urn);
    if (!state) throw new Error(`unknown resource ${urn}`);
    return { urn, id: state.id, provider: state.provider, state: state.outputs };
  };
  const provider: Provider = {
    pkg: BUILTIN_PACKAGE,
    version: "",
    checkConfig: async () => ({ inputs: {} }),
    diffConfig: async () => ({ changes: "none" }),
    configure: async () => ({ acceptSecrets: true, acceptResources: true, supportsPreview: true }),
    check: async ({ type, news }) => {
      const failure = misfit(news, inputOf(type));
      return { inputs: news, failures: failure ? [failure] : [] };
    },
    diff: async ({ type, oldInputs, news }) => {
      const key = inputOf(type);
      if (equalValues(oldInputs[key], news[key])) return { changes: "none" };
      return { changes: "some", diffs: [key], replaces: type === STACK_REFERENCE ? [key] : [] };
    },
    create: async ({ type, properties, preview }, context) => {
      const made =
        type === STACK_REFERENCE
          ? await readStack(textOf(properties["name"]), context.log)
          : { input: properties["input"]!, output: properties["input"]! };
      return { id: preview ? "" : randomUUID(), properties: made };
    },
    update: async ({ news, olds }) => ({ properties: { input: news["input"]!, output: olds["output"]! } }),
    read: async ({ type, id, inputs, properties }, context) => {
      inputOf(type);
      if (Object.keys(inputs).length === 0) {
        throw new Error(`${type === STASH ? "stash" : "stack reference"} can not be imported`);
      }
      if (type === STASH) return { id, inputs, properties };
      return { id, inputs, properties: await readStack(textOf(inputs["name"]), context.log) };
    },
    delete: async () => undefined,
    invoke: async ({ token, args }, context) => {
      switch (token) {
        case "pulumi:pulumi:getResource":
          return { result: getResource(textOf(args["urn"])) };
        case "pulumi:pulumi:readStackOutputs":
          return { result: await readStack(textOf(args["name"]), context.log) };
        case "pulumi:pulumi:readStackResourceOutputs": {
          const name = textOf(args["stackName"]);
          return { result: { name, outputs: await stacks.resourceOutputs(name) } };
        }
        default:
          throw new Error(`unrecognized function name: '${token}'`);
      }
    },
    close: async () => undefined,
  };
  return () => provider;
}

/** The one input of a type; throws for a type that isn't built in. */
function inputOf(type: string): string {
  if (type === STACK_REFERENCE) return "name";
  if (type === STASH) return "input";
  throw new Error(`unrecognized resource type '${type}'`);
}

function misfit(news: PropertyMap, key: string): CheckFailure | undefined {
  const other = Object.keys(news).find((name) => name !== key);
  if (other !== undefined) return { property: other, reason: `unknown property "${other}"` };
  if (news[key] === undefined) return { property: key, reason: `missing required property "${key}"` };
  return undefined;
}

function textOf(value: PropertyValue | undefined): string {
  const plain = value === undefined ? undefined : withoutSecrets(value);
  if (typeof plain !== "string") throw new Error("a name is expected to be a text");
  return plain;
}
