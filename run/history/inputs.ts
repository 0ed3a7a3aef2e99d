import { createHash } from "node:crypto";
import type { StackResource } from "../../engine";

/** A digest of what was tried: the images of the stack's containers, and the files that were put into them. */
export function digestOfInputs(images: { service: string; imageId?: string }[], resources: StackResource[]): string {
  const used = images.map(({ service, imageId }) => `${service} ${imageId}`).sort();
  const files = resources
    .filter(({ type, delete: gone }) => type === "docker:index/container:Container" && !gone)
    .map(({ urn, inputs }) => `${urn.split("::").at(-1)} ${JSON.stringify(inputs.uploads ?? [])}`)
    .sort();
  return createHash("sha256")
    .update(JSON.stringify([used, files]))
    .digest("hex")
    .slice(0, 32);
}
