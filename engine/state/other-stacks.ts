/** Outputs of the other stacks in a backend, for references to them. */
import type { OtherStacks } from "../deployment/builtin-provider";
import type { SecretsManager } from "../secrets/passphrase";
import { ROOT_STACK_TYPE } from "../urn";
import type { PropertyMap } from "../values";
import { type Checkpoint, FileBackend } from "./file-backend";
import { deserializeResource, type SerializedResource } from "./checkpoint";

/**
 * `secretsOf` opens the secrets manager that a checkpoint was encrypted by. The names are those of the CLI's file
 * backend: `stack` of this project, `organization/stack`, `organization/project/stack`.
 */
export function otherStacks(
  folder: string,
  project: string,
  secretsOf: (checkpoint: Checkpoint) => SecretsManager,
): OtherStacks {
  const load = (name: string): { resources: SerializedResource[]; secrets: () => SecretsManager } => {
    const [stack, owner] = parse(name, project);
    const backend = new FileBackend(folder, owner);
    const checkpoint = backend.exists(stack) ? backend.load(stack) : undefined;
    if (!checkpoint) throw new Error(`unknown stack "${name}"`);
    const resources = (checkpoint.checkpoint.latest?.resources ?? []).filter((resource) => !resource["delete"]);
    return { resources, secrets: () => secretsOf(checkpoint) };
  };
  return {
    async outputs(name, undecryptable) {
      const { resources, secrets } = load(name);
      const root = resources.find(({ type }) => type === ROOT_STACK_TYPE);
      if (!root) return {};
      const failures: Error[] = [];
      const { outputs } = deserializeResource(root, (ciphertext) => {
        try {
          return secrets().decrypt(ciphertext);
        } catch (error) {
          failures.push(error as Error);
          return "{}";
        }
      });
      if (failures[0]) undecryptable(failures[0]);
      return outputs;
    },
    async resourceOutputs(name) {
      const { resources, secrets } = load(name);
      const manager = secrets();
      return Object.fromEntries(
        resources.map((resource): [string, PropertyMap] => {
          const { urn, type, outputs } = deserializeResource(resource, (ciphertext) => manager.decrypt(ciphertext));
          return [urn, { type, outputs }];
        }),
      );
    },
  };
}

/** The stack's name and its project's. */
function parse(reference: string, project: string): [string, string] {
  const parts = reference.split("/");
  const stack = parts.length > 3 ? "" : parts[parts.length - 1]!;
  if (parts.length > 1 && parts[0] !== "organization") throw new Error("organization name must be 'organization'");
  if (stack === "") throw new Error("a stack name may not be empty");
  if (!/^[A-Za-z0-9_.-]+$/.test(stack)) {
    throw new Error("a stack name may only contain alphanumeric, hyphens, underscores, or periods");
  }
  return [stack, parts.length === 3 ? parts[1]! : project];
}
