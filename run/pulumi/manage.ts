/** What the Pulumi CLI does about a stack beside operations. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse, stringify } from "yaml";
import type { HistoryEntry, StackManagement } from "../../engine";
import { UserError } from "../../engine/api";
import { told, type CliStack } from "./stack";
import type { CliWorkspace } from "./workspace";

/** An entry of `pulumi stack history --json`. */
interface CliHistoryEntry {
  kind: string;
  message?: string;
  result?: string;
  startTime: string;
  endTime?: string;
  resourceChanges?: HistoryEntry["resourceChanges"];
  environment?: Record<string, string>;
}

/** What of the copy of Pulumi.<stack>.yaml matters here. */
interface Settings {
  encryptionsalt?: string;
  config?: Record<string, { secure: string }>;
}

interface StateSecrets {
  secrets_providers?: { state?: { salt?: string } };
}

/** Under a key of its own, so that nothing of the stack's is touched. */
const scratchKey = "seatrial:to-be-encrypted";

export function manageCliStack({ stack, run }: CliStack, workspace: CliWorkspace): StackManagement {
  const { name, project } = stack;
  const onStack = async (args: string[], input?: string): Promise<string> => {
    try {
      return await run([...args, "--stack", name], input === undefined ? {} : { input });
    } catch (error) {
      throw told(error);
    }
  };

  return {
    async history() {
      const entries = JSON.parse((await onStack(["stack", "history", "--json"])) || "[]") as CliHistoryEntry[];
      return entries.map(({ kind, message, result, startTime, endTime, resourceChanges, environment }) => ({
        kind,
        message: message ?? "",
        result: result ?? "",
        startTime: new Date(startTime),
        endTime: new Date(endTime ?? startTime),
        resourceChanges: resourceChanges ?? {},
        environment: environment ?? {},
      }));
    },
    locks: () => Promise.resolve([]),
    breakLocks: () => Promise.resolve(),
    async cancel() {
      await onStack(["cancel", "--yes"]);
    },
    async rename(other) {
      const settingsTo = join(project.root, `Pulumi.${other}.yaml`);
      const from = stack.settingsFile;
      const hasOwn = from !== undefined && /^Pulumi\.(.*)\.ya?ml$/.exec(basename(from))?.[1] === name;
      if (hasOwn && existsSync(settingsTo)) throw new UserError(`${settingsTo} exists already`);
      await onStack(["stack", "rename", other]);
      if (hasOwn) renameSync(from, settingsTo);
    },
    async encrypt(plaintext) {
      const file = join(workspace.folder, `Pulumi.${name}.yaml`);
      const read = () => parse(readFileSync(file, "utf8")) as Settings;
      // Where the stack's own settings have no salt, the CLI would make a new one up: its state has one already.
      const { deployment } = (await stack.export()) as { deployment?: StateSecrets };
      const stateSalt = deployment?.secrets_providers?.state?.salt;
      if (stateSalt && !read().encryptionsalt) {
        writeFileSync(file, stringify({ ...read(), encryptionsalt: stateSalt }), { mode: 0o600 });
      }
      await onStack(["config", "set", "--secret", scratchKey], plaintext);
      const settings = read();
      await onStack(["config", "rm", scratchKey]);
      const { encryptionsalt: salt } = settings;
      return { ciphertext: settings.config![scratchKey]!.secure, ...(salt ? { salt } : {}) };
    },
  };
}
