import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse, text } from "./arguments";

export const baseImageArgs = z.strictObject({
  /** The image's name, if it is there already; nothing is run then. */
  image: text.optional(),
  /** Otherwise: a shell command, run in the project's folder, that gets the image and prints its name. */
  command: z.string().min(1),
});

export type BaseImageArgs = z.input<typeof baseImageArgs>;

/** An image that isn't the stack's own: it is made or pulled if it is missing, and stays when the stack goes. */
export class BaseImage extends pulumi.ComponentResource {
  /** The image's name. */
  readonly reference: pulumi.Output<string>;

  /** @throws {UsageError} if an argument doesn't fit */
  constructor(name: string, args: BaseImageArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:BaseImage", name, {}, options);
    const { image, command: create } = parse(baseImageArgs, args, `BaseImage "${name}"`);
    this.reference = pulumi.output(
      image ?? new command.local.Command(name, { create }, { parent: this }).stdout.apply((stdout) => stdout.trim()),
    );
    this.registerOutputs({ reference: this.reference });
  }
}
