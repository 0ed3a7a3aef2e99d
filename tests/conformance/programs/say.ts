import type { CustomResourceOptions } from "@pulumi/pulumi";
import { ComponentResource, type ComponentResourceOptions } from "@pulumi/pulumi";
import { local } from "@pulumi/command";

/** A command that says its own name, unless told otherwise. */
export function say(
  name: string,
  args: Partial<local.CommandArgs> = {},
  options?: CustomResourceOptions,
): local.Command {
  return new local.Command(name, { create: `echo ${name}`, ...args }, options);
}

/** A component with nothing of its own; its children are made by `make`. */
export class Group extends ComponentResource {
  constructor(
    name: string,
    options: ComponentResourceOptions & { type?: string } = {},
    make?: (group: Group) => unknown,
  ) {
    const { type = "test:index:Group", ...others } = options;
    super(type, name, {}, others);
    this.registerOutputs((make?.(this) ?? {}) as Record<string, unknown>);
  }
}
