import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { UserError } from "../engine/api";
import { parseDuration } from "../run/duration";
import { mostRetries } from "../run/retry-limit";

/** The options that every command takes, before its name or after it. */
export interface CommonOptions {
  /** Absolute. */
  cwd: string;
  stack?: string;
  config: Record<string, string>;
  /** Absolute. */
  configFile?: string;
  yes: boolean;
  /** Absolute. */
  eventLog?: string;
  json: boolean;
  verbose: boolean;
  debug: boolean;
  parallel?: number;
  /** Runs the program in a process of its own. */
  isolated: boolean;
  nonInteractive: boolean;
  color?: "always" | "never" | "auto";
  /** What does the work; the embedded engine if absent. */
  engine?: "embedded" | "pulumi";
}

/** Makes an action of what a command does: `work` gets the common options wherever they stood. */
export type Act = (
  work: (common: CommonOptions, command: Command) => Promise<number>,
  takesCommand?: boolean,
) => (...parameters: unknown[]) => Promise<void>;

/** Commander's values with paths made absolute: a program may change the directory that relative ones mean. */
export function commonOptions(values: Record<string, unknown>): CommonOptions {
  const text = (key: string) => (typeof values[key] === "string" ? (values[key] as string) : undefined);
  const path = (key: string) => (text(key) === undefined ? undefined : resolve(text(key)!));
  return {
    cwd: resolve(text("cwd") ?? "."),
    ...definedOnly({
      stack: text("stack"),
      configFile: path("configFile"),
      eventLog: path("eventLog"),
      parallel: values.parallel as number | undefined,
      color: text("color") as CommonOptions["color"],
      engine: text("engine") as CommonOptions["engine"],
    }),
    config: parseConfig((values.config as string[] | undefined) ?? []),
    yes: Boolean(values.yes),
    json: Boolean(values.json),
    verbose: Boolean(values.verbose),
    debug: Boolean(values.debug),
    isolated: Boolean(values.isolated),
    nonInteractive: Boolean(values.nonInteractive),
  };
}

/** `KEY=VALUE` pairs; the last of a key counts. */
export function parseConfig(pairs: string[]): Record<string, string> {
  const config: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw new UserError(`--config ${pair}: expected KEY=VALUE`);
    config[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return config;
}

export function collectValues(value: string, before: string[] = []): string[] {
  return [...before, value];
}

export function positiveInteger(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError("expected a whole number from 1 up.");
  return Number(value);
}

export function retryCount(value: string): number {
  if (/^\d{1,2}$/.test(value) && Number(value) <= mostRetries) return Number(value);
  throw new InvalidArgumentError(`expected a whole number from 0 to ${mostRetries}.`);
}

export function durationOption(value: string): number {
  try {
    return parseDuration(value, "");
  } catch {
    throw new InvalidArgumentError("expected a duration such as 90s, 5m or 1h30m.");
  }
}

/** Bytes of a size such as 500MB, 2GB or 1.5GiB; a bare number counts bytes. */
export function sizeOption(value: string): number {
  const [, number, unit = "b"] = /^(\d+(?:\.\d+)?) ?(b|[kmgt]i?b)?$/i.exec(value) ?? [];
  if (number === undefined) throw new InvalidArgumentError("expected a size such as 500MB or 2GB.");
  const step = unit.length === 3 ? 1024 : 1000;
  return Number(number) * step ** "bkmgt".indexOf(unit[0]!.toLowerCase());
}

/** Everything after `--` is the tests' command, whatever it looks like. */
export function splitCommand(argv: string[]): { own: string[]; command?: string[] } {
  const at = argv.indexOf("--");
  return at < 0 ? { own: argv } : { own: argv.slice(0, at), command: argv.slice(at + 1) };
}

export function definedOnly<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
