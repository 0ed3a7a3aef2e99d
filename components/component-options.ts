import type * as pulumi from "@pulumi/pulumi";

/**
 * A component's options without `dependsOn`, which goes to its containers. Were the component itself to depend on
 * something, its volumes and images would wait too, and they needn't.
 */
export function withoutDependencies(options: pulumi.ComponentResourceOptions): pulumi.ComponentResourceOptions {
  return { ...options, dependsOn: undefined };
}
