import { createHash } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { containerPath, parse, text, UsageError } from "./arguments";
import { duration, goDuration, seconds } from "./duration";
import { environment, type Environment } from "./environment";
import { fileDigests, inputFiles } from "./input-files";
import { labels } from "./labels";
import { runInfo } from "./run-info";
import { seedScript } from "./seed-script";

/** A list of words, or one text for the image's shell. */
const commandLine = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
  error: "expected a command, as text or as a list of words",
});

export const seedStep = z.strictObject({
  /** What it does, `migrate` say, for the message of its failure; its number, if not said. */
  name: z.string().min(1).optional(),
  /** What is run: words, or text for the shell. */
  command: commandLine,
  /**
   * The image of the container that runs it, in which `127.0.0.1` is the server's; without it it runs in the server's
   * own container.
   */
  image: text.optional(),
  /** Its variables. */
  environment: environment.default({}),
  /** Files and folders of the checkout that are copied in first. */
  files: z.array(inputFiles).default([]),
  /**
   * Files and folders of the checkout that alone decide what the step does, in place of its image's id: where the image
   * changes with every commit and the migrations in it don't.
   */
  decidedBy: z.array(z.string().min(1)).min(1).optional(),
});

export type SeedStep = z.input<typeof seedStep>;

const seededImageArgs = z.strictObject({
  /** The server's image, in which there are no data yet. */
  image: text,
  /** What the seeded one is called, without a tag: `shop-database-seeded`. */
  name: z.string().regex(/^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/, {
    error: (issue) => `expected an image's name in small letters and without a tag, got "${issue.input}"`,
  }),
  /** Where the server keeps its data: a folder that is none of the image's volumes, as these aren't kept with it. */
  dataDirectory: containerPath,
  /** Instead of the image's own command. */
  command: z.array(z.string().min(1)).min(1).optional(),
  /** The server's variables while it is seeded. */
  environment: environment.default({}),
  /** Exits with 0, in the server's container, when the server can be seeded. */
  ready: commandLine,
  /** What puts the data in, one after the other. */
  steps: z.array(seedStep).min(1).max(8),
  /** How long all of it may take, `10m` if not said. */
  timeout: duration.prefault("10m"),
});

export type SeededImageArgs = z.input<typeof seededImageArgs>;

/** To be raised when the script makes something else of the same inputs. */
const format = 1;

/**
 * An image of a server with its data already in it, made once of its inputs: the server's image, what it is started
 * with, the steps and their files. It is looked for under a name that says all of these, so that it is found by every
 * later stack, and by none with other inputs.
 */
export class SeededImage extends pulumi.ComponentResource {
  /** The image's id. */
  readonly reference: pulumi.Output<string>;

  /** @throws {UsageError} if an argument doesn't fit, or a file can't be read */
  constructor(name: string, args: SeededImageArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("seatrial:index:SeededImage", name, {}, options);
    const what = `SeededImage "${name}"`;
    const seed = parse(seededImageArgs, args, what);
    const files = fileDigests(
      seed.steps.flatMap((step) => step.files),
      what,
    );
    const steps = seed.steps.map((step, index) => stepVariables(step, index + 1, what));
    const decisive = decisiveInputs(seed, files, what);
    const info = runInfo();
    const serverEnvironment = envFile(seed.environment, what);
    const digest = pulumi
      .all([serverEnvironment, ...steps.map(({ environment }) => environment)])
      // It stands in the image's name, for all to see who can look into the image as well.
      .apply((environments) => digestOf({ ...decisive, environments }));
    const variables: Record<string, pulumi.Input<string>> = {
      IMAGE: seed.image,
      NAME: seed.name,
      DATA: seed.dataDirectory.replace(/\/+$/, ""),
      COMMAND: seed.command ? quoted(seed.command) : "",
      ENVIRONMENT: serverEnvironment,
      READY: shellCommand(seed.ready),
      STEPS: String(steps.length),
      FILES: files,
      DIGEST: pulumi.unsecret(digest),
      TIMEOUT: String(seconds(seed.timeout)),
      COMMIT: info.commit,
      LABELS: labels({ role: "job", service: name }, info)
        .map(({ label, value }) => `${label}=${value}`)
        .join("\n"),
    };
    for (const { environment, ...step } of steps) {
      Object.assign(variables, step.variables, { [`STEP_${step.number}_ENVIRONMENT`]: environment });
    }
    const made = new command.local.Command(
      name,
      { create: seedScript, environment: variables },
      {
        parent: this,
        // They are another run's each time, and make no other image.
        ignoreChanges: ["environment.COMMIT", "environment.LABELS"],
        customTimeouts: { create: goDuration(seed.timeout + 60_000), update: goDuration(seed.timeout + 60_000) },
      },
    );
    this.reference = pulumi.unsecret(made.stdout).apply((stdout) => stdout.trim());
    this.registerOutputs({ reference: this.reference });
  }
}

function stepVariables(step: z.output<typeof seedStep>, number: number, what: string) {
  return {
    number,
    environment: envFile(step.environment, `${what}: steps.${number - 1}`),
    variables: {
      [`STEP_${number}_NAME`]: step.name ?? `step ${number}`,
      [`STEP_${number}_IMAGE`]: step.image ?? "",
      [`STEP_${number}_COUNTED`]: step.decidedBy ? "" : "yes",
      [`STEP_${number}_COMMAND`]: quoted(words(step.command)),
      [`STEP_${number}_FILES`]: step.files
        .map(({ source, target }) => `${source}\t${target.replace(/\/+$/, "")}`)
        .join("\n"),
    },
  };
}

/** What decides what is in the image, beside other images and the variables, whose values may not be known yet. */
function decisiveInputs(
  { dataDirectory, command, ready, steps }: z.output<typeof seededImageArgs>,
  files: string,
  what: string,
) {
  return {
    ...{ format, dataDirectory, command, ready, files },
    steps: steps.map(({ command, image, files, decidedBy }) => ({
      command,
      isElsewhere: image !== undefined,
      targets: files.map(({ target }) => target),
      decidedBy: decidedBy && fileDigests(decidedBy.map(asInput), what),
    })),
  };
}

const digestOf = (inputs: ReturnType<typeof decisiveInputs> & { environments: string[] }): string =>
  createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 20);

const asInput = (source: string) => ({ source, target: `/${source}` });

/** Variables in the form of Docker's `--env-file`: sorted, `NAME=value`, a line each. */
function envFile(variables: Environment, what: string): pulumi.Output<string> {
  const names = Object.keys(variables).sort();
  const line = (name: string, value: unknown): string => {
    if (typeof value === "string" && /[\r\n]/.test(value)) {
      throw new UsageError(`${what}: ${name} has a line break in it, which no variable of a seed may have`);
    }
    return `${name}=${String(value)}`;
  };
  // What is known already is refused at once.
  for (const name of names) line(name, variables[name]);
  return pulumi
    .all(names.map((name) => variables[name]!))
    .apply((values) => names.map((name, index) => line(name, values[index])).join("\n"));
}

const words = (command: z.output<typeof commandLine>): string[] =>
  typeof command === "string" ? ["sh", "-c", command] : command;

const shellCommand = (command: z.output<typeof commandLine>): string =>
  typeof command === "string" ? command : quoted(command);

/** Words as a POSIX shell reads them. */
const quoted = (words: string[]): string => words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
