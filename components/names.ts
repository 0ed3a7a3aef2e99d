import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** Docker takes longer ones, but a container's name is its host name's default and must then fit a DNS label. */
const longest = 63;

/**
 * The name of a Docker object: `<project>-<stack>-<name>`, in lower case, of the characters that Docker takes. A name
 * that is too long is cut, and ends in a digest of the whole so that it stays the only one.
 */
export function dockerName(name: string): string {
  const whole = `${pulumi.getProject()}-${pulumi.getStack()}-${name}`;
  const safe = whole
    .toLowerCase()
    .replace(/[^a-z0-9_.-]+/g, "-")
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  if (safe.length <= longest) {
    return safe;
  }
  const digest = createHash("sha256").update(whole).digest("hex").slice(0, 8);
  return `${safe.slice(0, longest - digest.length - 1).replace(/[^a-z0-9]+$/, "")}-${digest}`;
}
