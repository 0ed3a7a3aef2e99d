/**
 * The `command` provider in this process: `command:local:Command` and `command:local:run`, as version 1.2.1 of the
 * official one does them. `command:remote:*` and the collection of files as assets are refused by name.
 *
 * Source: `provider/pkg/provider/local` in pulumi/pulumi-command.
 */
import { randomBytes } from "node:crypto";
import {
  changedKeys,
  type CheckFailure,
  containsUnknown,
  type DiffKind,
  diffMaps,
  type PropertyMap,
  type PropertyValue,
  type Provider,
  type ProviderContext,
  UNKNOWN,
  withoutSecrets,
} from "../../engine";
import { makeSemaphore } from "../../engine/deployment/semaphore";
import { type Launcher, makeLauncher } from "./launcher";
import { type CommandLine, type CommandOutput, type Logging, runCommand } from "./run-command";

const VERSION = "1.2.1";
/** The official provider adds this to its own configuration; with it a stack moves between the engines unchanged. */
const FRAMEWORK_VERSION = "v1.5.0";

/** Each command that runs takes three pipes: so many are well below the usual limit of 1,024 open files. */
const AT_ONCE = 128;

const COMMAND = "command:local:Command";
const RUN = "command:local:run";

type Kind = "string" | "strings" | "map" | "boolean" | "any";

/** What every command takes, whether it belongs to a resource or is run once. */
const SHARED_INPUTS: Record<string, Kind> = {
  interpreter: "strings",
  dir: "string",
  environment: "map",
  stdin: "string",
  logging: "string",
  addPreviousOutputInEnv: "boolean",
};
const COMMAND_INPUTS: Record<string, Kind> = {
  create: "string",
  update: "string",
  delete: "string",
  triggers: "any",
  ...SHARED_INPUTS,
};
const RUN_INPUTS: Record<string, Kind> = { command: "string", ...SHARED_INPUTS };
const REFUSED = ["assetPaths", "archivePaths"];
const LOGGING: Logging[] = ["stdout", "stderr", "stdoutAndStderr", "none"];

export function commandProvider(): Provider {
  const launcher = makeLauncher();
  const slots = makeSemaphore(AT_ONCE);
  const run: Run = async (...what) => {
    const release = await slots.acquire();
    try {
      return await runInputs(launcher, ...what);
    } finally {
      release();
    }
  };
  return {
    pkg: "command",
    version: VERSION,
    checkConfig: async ({ news }) => ({ inputs: { ...news, "__pulumi-go-provider-version": FRAMEWORK_VERSION } }),
    diffConfig: async () => ({ changes: "unknown" }),
    configure: async () => ({ acceptSecrets: true, acceptResources: false, supportsPreview: true }),
    check: async ({ type, news }) => {
      if (type !== COMMAND) {
        return {
          inputs: news,
          failures: [
            { property: "", reason: `the type ${type} is not supported by the embedded engine: use the Pulumi CLI` },
          ],
        };
      }
      return { inputs: news, failures: checkInputs(news, COMMAND_INPUTS) };
    },
    diff: async ({ oldInputs, news, ignoreChanges }) => {
      const diffs = changedKeys(oldInputs, news).filter((key) => !ignoreChanges.includes(key));
      if (diffs.length === 0) return { changes: "none" };
      const detailed = Object.entries(diffMaps(oldInputs, news)).filter(
        ([path]) => !ignoreChanges.includes(topKey(path)),
      );
      // The provider itself asks for a replacement only where the whole list comes or goes; else the SDK does.
      const replaces: string[] = detailed.map(([path]) => path).filter((path) => path === "triggers");
      return {
        changes: "some",
        diffs,
        replaces,
        detailedDiff: Object.fromEntries(
          detailed.map(([path, { kind }]) => [
            path,
            { kind: replaces.includes(path) ? (`${kind}-replace` as DiffKind) : kind, inputDiff: false },
          ]),
        ),
      };
    },
    create: async ({ name, properties, preview }, context) => {
      const id = makeId(name);
      if (preview) return { id, properties: { ...properties, stdout: UNKNOWN, stderr: UNKNOWN } };
      const output = await run(properties, "create", undefined, context);
      return { id, properties: { ...properties, ...output } };
    },
    update: async ({ olds, news, preview }, context) => {
      if (preview && (news["update"] ?? news["create"]) !== undefined) {
        return { properties: { ...news, stdout: UNKNOWN, stderr: UNKNOWN } };
      }
      // One whose creation was interrupted has printed nothing yet: it is created now.
      const creates = news["update"] === undefined || olds["stdout"] === undefined;
      const output = await run(news, creates ? "create" : "update", olds, context);
      return { properties: { ...news, ...output } };
    },
    delete: async ({ properties }, context) => {
      if (properties["delete"] !== undefined) await run(properties, "delete", properties, context);
    },
    read: async ({ id, inputs, properties }) => ({ id, inputs, properties }),
    // Nothing tells whether a command that was interrupted has done anything. One that can be undone counts as begun:
    // the next update runs it again, a destroy undoes it. Any other is simply run again.
    find: async ({ name, inputs }) =>
      inputs["delete"] === undefined ? undefined : { id: makeId(name), inputs, properties: inputs },
    invoke: async ({ token, args, preview }, context) => {
      if (token !== RUN)
        throw new Error(`the function ${token} is not supported by the embedded engine: use the Pulumi CLI`);
      const failures = checkInputs(args, RUN_INPUTS, ["command"]);
      if (failures.length > 0) return { result: {}, failures };
      if (preview && containsUnknown(args)) return { result: { ...args, stdout: UNKNOWN, stderr: UNKNOWN } };
      return { result: { ...args, ...(await run(args, "command", undefined, context)) } };
    },
    close: async () => launcher.close(),
  };
}

const makeId = (name: string): string => name + randomBytes(4).toString("hex");

type Run = (
  inputs: PropertyMap,
  which: "create" | "update" | "delete" | "command",
  previous: PropertyMap | undefined,
  context: ProviderContext,
) => Promise<PropertyMap & Partial<CommandOutput>>;

async function runInputs(
  launcher: Launcher,
  inputs: PropertyMap,
  which: "create" | "update" | "delete" | "command",
  previous: PropertyMap | undefined,
  context: ProviderContext,
): Promise<PropertyMap & Partial<CommandOutput>> {
  const plain = withoutSecrets(inputs);
  const command = plain[which];
  // An update command alone is a resource that does nothing at first.
  if (command === undefined) return { stdout: "", stderr: "" };
  const line: CommandLine = {
    command: String(command),
    ...(plain["interpreter"] ? { interpreter: plain["interpreter"] as string[] } : {}),
    ...(plain["dir"] ? { dir: String(plain["dir"]) } : {}),
    environment: {
      ...(plain["environment"] as Record<string, string> | undefined),
      ...previousOutput(plain, previous),
    },
    ...(plain["stdin"] === undefined ? {} : { stdin: String(plain["stdin"]) }),
  };
  const logging = (plain["logging"] as Logging | undefined) ?? "stdoutAndStderr";
  const { stdout, stderr } = await runCommand(launcher, line, context.signal, (text, stream) => {
    if (logging === stream || logging === "stdoutAndStderr") context.log("info", text, { ephemeral: true });
  });
  return { stdout, stderr };
}

/** The property that a path such as `environment.A` or `triggers[0]` begins with. */
const topKey = (path: string): string => /^[^.[]*/.exec(path)![0];

function previousOutput(inputs: PropertyMap, previous: PropertyMap | undefined): Record<string, string> {
  if (!previous || inputs["addPreviousOutputInEnv"] === false) return {};
  const { stdout, stderr } = withoutSecrets(previous);
  return { PULUMI_COMMAND_STDOUT: String(stdout ?? ""), PULUMI_COMMAND_STDERR: String(stderr ?? "") };
}

function checkInputs(inputs: PropertyMap, known: Record<string, Kind>, required: string[] = []): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const plain = withoutSecrets(inputs);
  for (const [key, value] of Object.entries(plain)) {
    const kind = known[key];
    if (REFUSED.includes(key)) {
      failures.push({ property: key, reason: "is not supported by the embedded engine: use the Pulumi CLI" });
    } else if (!kind) {
      failures.push({ property: key, reason: `is not an input (these are: ${Object.keys(known).sort().join(", ")})` });
    } else if (!fits(value, kind)) {
      failures.push({ property: key, reason: `must be ${DESCRIPTIONS[kind]}` });
    } else if (key === "logging" && !containsUnknown(value) && !LOGGING.includes(value as Logging)) {
      failures.push({ property: key, reason: `must be one of ${LOGGING.join(", ")}` });
    }
  }
  for (const key of required) if (plain[key] === undefined) failures.push({ property: key, reason: "is missing" });
  return failures;
}

const DESCRIPTIONS: Record<Kind, string> = {
  string: "a string",
  strings: "a list of strings",
  map: "a map of strings",
  boolean: "true or false",
  any: "any value",
};

function fits(value: PropertyValue, kind: Kind): boolean {
  if (value === null || kind === "any" || value === UNKNOWN) return true;
  switch (kind) {
    case "string":
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    case "boolean":
      return typeof value === "boolean";
    case "strings":
      return Array.isArray(value) && value.every((element) => element === UNKNOWN || typeof element === "string");
    case "map":
      return (
        typeof value === "object" &&
        !Array.isArray(value) &&
        Object.values(value).every((element) => element === UNKNOWN || element === null || typeof element !== "object")
      );
  }
}
