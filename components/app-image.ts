import { posix } from "node:path";
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parse, text } from "./arguments";

const appImageArgs = z.strictObject({
  /** An image that is built already; nothing is built then. */
  image: text.optional(),
  /** The name to build it under, `repository:tag`. */
  name: text,
  /** The folder with its Dockerfile, relative to the project. */
  context: z.string().min(1),
  /** The image it is built from: its Dockerfile's argument BASE_IMAGE. */
  base: text.optional(),
  /** Other build arguments. */
  args: z.record(z.string(), text).default({}),
  /**
   * A shell command, run in the project's folder, that makes what the context lacks, a bundle say. It is run whenever
   * the program is, in previews too, since the provider reads the context to tell whether the image has to be built.
   */
  prepare: z.string().min(1).optional(),
});

export type AppImageArgs = z.input<typeof appImageArgs>;

/** An image of what is being tried, built from the checkout, not pushed. */
export class AppImage extends pulumi.ComponentResource {
  /**
   * What to run: the id of the image that was built, so that containers are replaced when it changes, or the name of
   * the one that was given.
   */
  readonly reference: pulumi.Output<string>;

  /** @throws {UsageError} if an argument doesn't fit */
  constructor(name: string, args: AppImageArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:AppImage", name, {}, options);
    const { image, ...build } = parse(appImageArgs, args, `AppImage "${name}"`);
    this.reference = pulumi.output(image ?? built(name, build, this));
    this.registerOutputs({ reference: this.reference });
  }
}

function built(
  name: string,
  { name: imageName, context, base, args, prepare }: Omit<z.output<typeof appImageArgs>, "image">,
  parent: pulumi.Resource,
): pulumi.Output<string> {
  const prepared = prepare ? command.local.runOutput({ command: prepare }, { parent }).stdout : pulumi.output("");
  const image = new docker.Image(
    name,
    {
      imageName,
      build: {
        context: prepared.apply(() => context),
        // The provider looks for the Dockerfile as soon as it knows its name, which must not be before the context's.
        dockerfile: prepared.apply(() => posix.join(context, "Dockerfile")),
        args: { ...args, ...(base ? { BASE_IMAGE: base } : {}) },
        // The one that any engine has.
        builderVersion: "BuilderV1",
      },
      skipPush: true,
    },
    { parent },
  );
  return image.repoDigest;
}
