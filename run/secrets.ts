import type { Stack, StackResource } from "../engine";
import type { Masker } from "../engine/deployment/masker";
import { Secret } from "../engine/values";

/** Tells the masker every secret of the stack's settings and of its state, which the caller may have read already. */
export async function learnSecrets(
  masker: Masker,
  stack: Stack,
  resources: Promise<StackResource[]> = stack.resources(),
): Promise<void> {
  for (const { value, secret } of stack.config.values()) if (secret) masker.learn(new Secret(value));
  for (const resource of await resources) masker.learnResource(resource);
}
