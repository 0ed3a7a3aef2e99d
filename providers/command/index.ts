/**
 * The `command` provider in this process: `command:local:Command` and `command:local:run`, as version 1.2.1 of the
 * official one does them. `command:remote:*` is refused by name.
 *
 * Source: `provider/pkg/provider/local` in pulumi/pulumi-command, and `infer` in pulumi/pulumi-go-provider.
 */
import { randomBytes } from "node:crypto";
import {
  Archive,
  Asset,
  changedKeys,
  containsUnknown,
  type DiffKind,
  diffMaps,
  equalValues,
  type PropertyMap,
  type Provider,
  type ProviderContext,
  someValue,
  UNKNOWN,
  withoutSecrets,
} from "../../engine";
import { makeSemaphore } from "../../engine/deployment/semaphore";
import { checkInputs, COMMAND_INPUTS, RUN_INPUTS } from "./inputs";
import { makeLauncher } from "./launcher";
import { outputsOf, runInputs } from "./run-inputs";

const VERSION = "1.2.1";
/** The official provider adds this to its own configuration; with it a stack moves between the engines unchanged. */
const FRAMEWORK_VERSION = "v1.5.0";

/** Each command that runs takes three pipes: so many are well below the usual limit of 1,024 open files. */
const AT_ONCE = 128;

const COMMAND = "command:local:Command";
const RUN = "command:local:run";

export function commandProvider(): Provider {
  const launcher = makeLauncher();
  const slots = makeSemaphore(AT_ONCE);
  /** Where there is no command the outputs stay as they are; at first they are empty. */
  const run = async (
    inputs: PropertyMap,
    which: "create" | "update" | "delete" | "command",
    previous: PropertyMap,
    context: ProviderContext,
  ): Promise<PropertyMap> => {
    const command = withoutSecrets(inputs)[which];
    const outputs = { stdout: "", stderr: "", ...outputsOf(previous) };
    if (typeof command !== "string") return outputs;
    const release = await slots.acquire();
    try {
      return await runInputs(launcher, command, inputs, outputs, context);
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
      const failures = type === COMMAND ? checkInputs(news, COMMAND_INPUTS) : [{ property: "", reason: refusal(type) }];
      return { inputs: news, failures };
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
      if (preview) return { id, properties: { ...withoutFiles(properties), stdout: UNKNOWN, stderr: UNKNOWN } };
      return { id, properties: { ...properties, ...(await run(properties, "create", {}, context)) } };
    },
    update: async ({ olds, news, preview }, context) => {
      if (preview) return { properties: previewedUpdate(olds, news) };
      // One whose creation was interrupted has printed nothing yet: it is created now.
      const creates = news["update"] === undefined || olds["stdout"] === undefined;
      return { properties: { ...news, ...(await run(news, creates ? "create" : "update", olds, context)) } };
    },
    delete: async ({ properties }, context) => {
      await run(properties, "delete", properties, context);
    },
    read: async ({ type, id, inputs, properties }) => {
      if (type !== COMMAND) throw new Error(refusal(type));
      return { id, inputs, properties };
    },
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
      return { result: { ...args, ...(await run(args, "command", {}, context)) } };
    },
    close: async () => launcher.close(),
  };
}

const makeId = (name: string): string => name + randomBytes(4).toString("hex");

const refusal = (type: string): string =>
  `the type ${type} is not supported by the embedded engine: use the Pulumi CLI`;

/** The property that a path such as `environment.A` or `triggers[0]` begins with. */
const topKey = (path: string): string => /^[^.[]*/.exec(path)![0];

/**
 * What comes of an update, as far as that can be said: the outputs that are there may become others where an input is
 * unknown or has another value than it had; an input that wasn't there tells nothing.
 */
function previewedUpdate(olds: PropertyMap, news: PropertyMap): PropertyMap {
  const outputs = outputsOf(olds);
  const mayChange = Object.keys(COMMAND_INPUTS).some(
    (key) => news[key] === UNKNOWN || (olds[key] !== undefined && !equalValues(news[key], olds[key])),
  );
  if (!mayChange) return { ...news, ...outputs };
  return { ...withoutFiles(news), ...Object.fromEntries(Object.keys(outputs).map((key) => [key, UNKNOWN])) };
}

/** The official provider doesn't recognise files among the triggers: in a preview it doesn't know what they will be. */
function withoutFiles(inputs: PropertyMap): PropertyMap {
  const { triggers } = inputs;
  const hasFiles = someValue(triggers, (value) => value instanceof Asset || value instanceof Archive);
  return hasFiles ? { ...inputs, triggers: UNKNOWN } : inputs;
}
