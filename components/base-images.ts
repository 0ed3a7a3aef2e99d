import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse, text, UsageError } from "./arguments";

const baseImagesArgs = z.strictObject({
  /**
   * A shell command, run in the project's folder with the names of the images that have to be found behind it, which
   * gets them and prints what each is called, one a line and in their order.
   */
  command: z.string().min(1),
  /** For each image, by a name of its own: what it is called, if it is there already, or `undefined`. */
  images: z.record(z.string().regex(/^\w[\w.-]*$/, "expected a word"), text.optional()),
});

export interface BaseImagesArgs<Name extends string = string> extends z.input<typeof baseImagesArgs> {
  images: Record<Name, pulumi.Input<string> | undefined>;
}

/** Images that aren't the stack's own: they are made or pulled if they are missing, and stay when the stack goes. */
export class BaseImages<Name extends string = string> extends pulumi.ComponentResource {
  /** What the images are called, by their names in `images`. */
  readonly references: Record<Name, pulumi.Output<string>>;

  /** @throws {UsageError} if an argument doesn't fit */
  constructor(name: string, args: BaseImagesArgs<Name>, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:BaseImages", name, {}, options);
    const { command: find, images } = parse(baseImagesArgs, args, `BaseImages "${name}"`);
    const missing = Object.keys(images).filter((image) => images[image] === undefined);
    const found = missing.length > 0 ? findAll(name, `${find} ${missing.join(" ")}`, missing, this) : undefined;
    const references = Object.entries(images).map(([image, given]) => [
      image,
      given === undefined ? found!.apply((all) => all[missing.indexOf(image)]!) : pulumi.output(given),
    ]);
    this.references = Object.fromEntries(references) as Record<Name, pulumi.Output<string>>;
    this.registerOutputs({ references: this.references });
  }
}

/** One command for all of them: starting it may take longer than what it does. */
function findAll(name: string, create: string, images: string[], parent: BaseImages): pulumi.Output<string[]> {
  const { stdout } = new command.local.Command(name, { create }, { parent });
  return stdout.apply((text) => namesIn(text, images, `BaseImages "${name}"`));
}

/** @throws {UsageError} if it isn't a name for each of the images */
export function namesIn(stdout: string, images: string[], what: string): string[] {
  const lines = stdout.split("\n").map((line) => line.trim());
  const names = lines.filter((line) => line !== "");
  if (names.length === images.length) return names;
  const printed = names.length > 0 ? `"${names.join(", ")}"` : "nothing";
  throw new UsageError(
    `${what}: its command has to print a line for each of ${images.join(", ")}, and printed ${printed}`,
  );
}
