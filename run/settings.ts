import { z } from "zod";
import { type ConfigValue, UserError } from "../engine/api";
import { type Levels, levels, policies, type PolicyName } from "./policies";
import { mostRetries } from "./retry-limit";
import { durationPattern, parseDuration } from "./duration";

/** The namespace of these settings in a settings file, and of `--config`. */
const namespace = "run";

/** A length of time as text; parsed, it is a number of seconds. */
const duration = z
  .string()
  .regex(durationPattern, { error: ({ input }) => `expected a duration such as 90s, 5m or 1h30m, not "${input}"` })
  .transform((text, context): number => {
    const seconds = parseDuration(text, "");
    if (seconds > 0 && seconds <= longest) return seconds;
    context.addIssue({ code: "custom", message: `expected a duration of more than 0s and at most 7d, not "${text}"` });
    return z.NEVER;
  });

/** A week, in seconds. */
const longest = 7 * 86_400;

/** A number of bytes as text, in Docker's units, which are powers of 1024; parsed, it is a number. */
const size = z
  .string()
  .regex(/^\d+[bkmgt]?$/i, { error: ({ input }) => `expected a size such as 500m or 2g, not "${input}"` })
  .transform((text) => Number.parseInt(text, 10) * 1024 ** Math.max("bkmgt".indexOf(text.at(-1)!.toLowerCase()), 0));

/** A number as text; a settings file has it without quotes. */
const count = z
  .union([z.string(), z.int().min(0).max(999_999)], { error: "expected a number" })
  .transform((text, context): number => {
    if (/^\d{1,6}$/.test(String(text))) return Number(text);
    context.addIssue({ code: "custom", message: `expected a number such as 4, not "${text}"` });
    return z.NEVER;
  });

const level = z.enum(levels, {
  error: ({ input }) => `expected ${levels.slice(0, -1).join(", ")} or ${levels.at(-1)}, not "${String(input)}"`,
});

function policyShape() {
  const entries = Object.entries(policies).map(
    ([name, policy]) => [`policy.${name}`, level.prefault(policy.default).describe(policy.description)] as const,
  );
  return Object.fromEntries(entries) as Record<`policy.${PolicyName}`, z.ZodPrefault<typeof level>>;
}

/**
 * The settings by their keys below the namespace; docs/run-settings.schema.json is made from them. What is asked of a
 * run is written as text here, as a settings file and the command line give it.
 */
const shape = {
  deadline: duration.prefault("1h").describe("The whole run, until its tests have ended; --timeout wins over it."),
  "deadline.setUp": duration.prefault("2m").describe("Until everything is known that the run needs to begin."),
  "deadline.build": duration.prefault("30m").describe("All the time in which images are built or pulled."),
  "deadline.up": duration.prefault("15m").describe("The rest of the time until the tests begin."),
  "deadline.tests": duration.optional().describe("The tests container; without it they have what the run has left."),
  "deadline.collect": duration.prefault("5m").describe("Saving logs and artifacts."),
  "deadline.destroy": duration.prefault("5m").describe("Taking the stack down, and looking for what is left of it."),
  "guard.freeDisk": size.prefault("500m").describe("Room on each disk that a run writes to, or it doesn't begin."),
  "guard.freeNetworks": count.prefault("1").describe("Address ranges free for networks, or a run doesn't begin."),
  retries: count
    .refine((times) => times <= mostRetries, { error: `expected at most ${mostRetries}` })
    .prefault("0")
    .describe("How often tests that failed are run again in the same stack; --retries wins over it."),
  ...policyShape(),
  "watchdog.image": z
    .string()
    .min(1)
    .optional()
    .describe("An image with node: a watchdog on the Engine's machine too."),
  "watchdog.socket": z.string().min(1).prefault("/var/run/docker.sock").describe("The Engine's socket on its machine."),
} satisfies z.core.$ZodLooseShape;

/** Settings of the run itself, as opposed to those of its program. */
export interface RunSettings {
  deadlines: Deadlines;
  guard: GuardSettings;
  policies: Levels;
  retries: number;
  /** A watchdog in a container on the Engine's own machine. */
  watchdog?: { image: string; socket: string };
}

/** What must be there before a run begins. */
export interface GuardSettings {
  /** Bytes. */
  freeDisk: number;
  freeNetworks: number;
}

/** Seconds. */
export interface Deadlines {
  run: number;
  setUp: number;
  build: number;
  up: number;
  /** Absent where the tests have as long as the run. */
  tests?: number;
  collect: number;
  destroy: number;
}

/** Seconds after which a run with these deadlines has ended, however slowly it ends. */
export function longestRun({ run, collect, destroy }: Deadlines): number {
  // The sweep may take as long as the destruction; the rest is for what is told to stop.
  return run + collect + 2 * destroy + 600;
}

/**
 * Takes the settings under `run:` out of a stack's, wherever they come from. Throws a {@link UserError} with one line
 * for each that doesn't fit, or that nobody knows: its key, and what was expected.
 */
export function readRunSettings(config: ReadonlyMap<string, ConfigValue>): RunSettings {
  const given: Record<string, string> = {};
  for (const [key, { value }] of config) {
    if (key.startsWith(`${namespace}:`)) given[key.slice(namespace.length + 1)] = value;
  }
  const known = Object.keys(shape).sort();
  const unknown = Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => `${namespace}:${key}: no such setting; under ${namespace}: there are ${known.join(", ")}`);
  const result = z.object(shape).safeParse(given);
  const wrong = result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${namespace}:${path.map(String).join(".")}: ${message}`);
  if (!result.success || unknown.length > 0) throw new UserError([...unknown, ...wrong].join("\n"));
  const settings = result.data;
  const tests = settings["deadline.tests"];
  return {
    deadlines: {
      run: settings.deadline,
      setUp: settings["deadline.setUp"],
      build: settings["deadline.build"],
      up: settings["deadline.up"],
      ...(tests === undefined ? {} : { tests }),
      collect: settings["deadline.collect"],
      destroy: settings["deadline.destroy"],
    },
    policies: Object.fromEntries(
      Object.keys(policies).map((name) => [name, settings[`policy.${name as PolicyName}`]]),
    ) as Levels,
    retries: settings.retries,
    guard: { freeDisk: settings["guard.freeDisk"], freeNetworks: settings["guard.freeNetworks"] },
    ...(settings["watchdog.image"] === undefined
      ? {}
      : { watchdog: { image: settings["watchdog.image"], socket: settings["watchdog.socket"] } }),
  };
}

/** The JSON Schema of a settings file, as far as it is about the run: other namespaces are others' to describe. */
export function runSettingsJsonSchema(): object {
  const keys = Object.entries(shape).map(([key, schema]) => [`${namespace}:${key}`, schema] as const);
  const { $schema, ...config } = z.toJSONSchema(z.looseObject(Object.fromEntries(keys)), {
    target: "draft-2020-12",
    io: "input",
  });
  const ours = { enum: keys.map(([key]) => key) };
  return {
    $schema,
    title: "Settings of the run in Pulumi.<stack>.yaml",
    type: "object",
    properties: { config: { ...config, propertyNames: { anyOf: [{ not: { pattern: `^${namespace}:` } }, ours] } } },
  };
}
