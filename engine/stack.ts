/** A stack: its settings, its state in the backend, and the operations on it. */
import { randomUUID } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import {
  type OpenStackOptions,
  type OperationOptions,
  type OperationResult,
  type Project,
  type Stack,
  type StackLock,
  type StackManagement,
  type StackPlace,
  type StackSummary,
  type StateSetAside,
  type UntypedDeployment,
  UserError,
} from "./api";
import type { OtherStacks } from "./deployment/builtin-provider";
import { isPreview, operate, type ProgramRunner, stackOutputsOf } from "./operation";
import { hasSecureValues, loadStackSettings, resolveConfig } from "./project/project";
import { requireVersion } from "./pulumi-version";
import { givenPassphrase, openStackSecrets } from "./secrets/stack-secrets";
import type { SecretsManager } from "./secrets/passphrase";
import {
  DEPLOYMENT_VERSION,
  deserializeDeployment,
  emptySnapshot,
  serializeDeployment,
  type SerializedDeployment,
  type Snapshot,
  UnsupportedStateError,
} from "./state/checkpoint";
import { backendFolder, BrokenStateError, type Checkpoint, FileBackend } from "./state/file-backend";
import { integrityProblem } from "./state/integrity";
import { otherStacks } from "./state/other-stacks";
import { journalSalt } from "./state/journal";
import { journalRecorder, memoryRecorder, replayJournal } from "./state/recorder";
import { digesting } from "./state/step-digest";
import { renameSnapshot } from "./state/rename";
import { toDisplay, toPlain } from "./values";

/** What a stack holds beyond its public face; operations reach it through this map, callers don't. */
interface Internals {
  backend: FileBackend;
  secrets: SecretsManager;
  others: OtherStacks;
}

const internals = new WeakMap<Stack, Internals>();

const STACK_NAME = /^[A-Za-z0-9_.-]{1,100}$/;

export async function openStack(options: OpenStackOptions): Promise<Stack> {
  const { project, name, env = process.env } = options;
  checkName(name);
  const backend = new FileBackend(backendFolder(project, env), project.name);
  if (!options.create && !backend.exists(name)) {
    throw new UserError(`there is no stack "${name}" of ${project.name}: "seatrial stack ls" shows those there are`);
  }
  const settings = loadStackSettings(project, name, options.configFile);
  const checkpoint = backend.load(name);
  // The CLI writes a salt into settings that have no secrets: without its passphrase there is no need for it.
  const usesSettingsSalt = givenPassphrase(env) !== undefined || hasSecureValues(settings);
  const salt =
    checkpointSalt(checkpoint) ??
    journalSalt(backend.journalFile(name)) ??
    (usesSettingsSalt ? settings.encryptionSalt : undefined);
  const secrets = openStackSecrets({ env, ...(salt ? { salt } : {}) });
  const config = resolveConfig(project, settings, options.config ?? {}, secrets);
  if (options.create && !backend.exists(name)) backend.save(name, serializeDeployment(emptySnapshot(), secrets));

  const stack: Stack = {
    project,
    name,
    config,
    ...(settings.file ? { settingsFile: settings.file } : {}),
    async export({ showSecrets = false } = {}) {
      if (showSecrets) {
        const { snapshot } = readSnapshot(backend, name, secrets);
        const deployment = serializeDeployment(snapshot, secrets, { showSecrets });
        return { version: DEPLOYMENT_VERSION, deployment: deployment as unknown as Record<string, unknown> };
      }
      const loaded = backend.load(name);
      const journal = readSnapshot(backend, name, secrets);
      const deployment = journal.replayed
        ? serializeDeployment(journal.snapshot, secrets)
        : (loaded?.checkpoint.latest ?? null);
      return {
        version: journal.replayed ? DEPLOYMENT_VERSION : (loaded?.version ?? DEPLOYMENT_VERSION),
        deployment: deployment as unknown as Record<string, unknown> | null,
        ...(loaded?.features && !journal.replayed ? { features: loaded.features } : {}),
      };
    },
    async import(untyped, { force = false } = {}) {
      const snapshot = deserializeDeployment(
        untyped as { version: number; deployment: unknown },
        importSecrets(untyped, secrets, env),
      );
      const problem = integrityProblem(snapshot) ?? foreignProblem(snapshot, project.name, name);
      if (problem && !force) throw new UserError(`the state can't be imported: ${problem}`);
      const unlock = backend.lock(name, () => undefined);
      try {
        backend.save(name, serializeDeployment(snapshot, secrets));
      } finally {
        unlock();
      }
    },
    async outputs({ showSecrets = false } = {}) {
      const outputs = stackOutputsOf(readSnapshot(backend, name, secrets).snapshot);
      return showSecrets ? toPlain(outputs) : toDisplay(outputs);
    },
    async resources() {
      return readSnapshot(backend, name, secrets).snapshot.resources;
    },
    async remove({ force = false } = {}) {
      const count = readSnapshot(backend, name, secrets).snapshot.resources.length;
      if (count > 0 && !force) {
        throw new UserError(
          `the stack ${name} still has ${count} resources: destroy it first, or remove it with --force and clean up by label`,
        );
      }
      backend.remove(name);
    },
  };
  const others = otherStacks(backendFolder(project, env), project.name, (other) => {
    const otherSalt = checkpointSalt(other);
    return openStackSecrets({ env, ...(otherSalt ? { salt: otherSalt } : {}) });
  });
  internals.set(stack, { backend, secrets, others });
  return stack;
}

/** Throws a UserError for a stack that another engine has opened. */
export function manageStack(stack: Stack): StackManagement {
  const { project, name, settingsFile } = stack;
  const inside = internals.get(stack);
  if (!inside) throw new Error("the stack was not opened by this engine");
  const { backend, secrets } = inside;
  return {
    history: async () => backend.history(name),
    locks: async () => backend.locks(name),
    async breakLocks(locks) {
      // Without its lock nothing would tell the CLI that the journal knows more than the checkpoint.
      foldJournal(backend, name, secrets);
      for (const { file } of locks) rmSync(file, { force: true });
    },
    async rename(other) {
      checkName(other);
      if (backend.exists(other)) throw new UserError(`the stack ${other} of ${project.name} exists already`);
      const settingsTo = join(project.root, `Pulumi.${other}.yaml`);
      const ownSettings =
        settingsFile !== undefined && /^Pulumi\.(.*)\.ya?ml$/.exec(basename(settingsFile))?.[1] === name;
      if (ownSettings && existsSync(settingsTo)) throw new UserError(`${settingsTo} exists already`);
      const unlock = backend.lock(name, () => undefined);
      try {
        const { snapshot } = readSnapshot(backend, name, secrets);
        const renamed = renameSnapshot(snapshot, project.name, name, other);
        backend.rename(name, other, serializeDeployment(renamed, secrets));
      } finally {
        unlock();
      }
      if (ownSettings) renameSync(settingsFile!, settingsTo);
    },
    encrypt: (plaintext) => Promise.resolve({ ciphertext: secrets.encrypt(plaintext), salt: secrets.state.salt }),
  };
}

function checkName(name: string): void {
  if (!STACK_NAME.test(name)) {
    throw new UserError(
      `"${name}" can't be a stack's name: letters, digits, "-", "_" and "." are allowed, at most 100`,
    );
  }
}

function refuseOtherVersions({ root, requiredPulumiVersion = "" }: Project): void {
  try {
    requireVersion(requiredPulumiVersion);
  } catch (error) {
    throw new UserError(`${join(root, "Pulumi.yaml")}: requiredPulumiVersion: ${(error as Error).message}`);
  }
}

/** Every stack of the project in its backend, sorted by name. */
export async function listStacks(project: Project, env: NodeJS.ProcessEnv = process.env): Promise<StackSummary[]> {
  const backend = new FileBackend(backendFolder(project, env), project.name);
  return backend.list().map(({ name, modified }) => ({
    project: project.name,
    name,
    lastUpdate: modified,
    ...resourceCount(backend, name),
  }));
}

function resourceCount(backend: FileBackend, name: string): Pick<StackSummary, "resourceCount"> {
  try {
    return { resourceCount: backend.load(name)?.checkpoint.latest?.resources?.length ?? 0 };
  } catch (error) {
    // One stack's broken state is no reason to hide the others.
    if (error instanceof UserError) return {};
    throw error;
  }
}

/** Who holds the stack's lock; its state isn't looked at. */
export async function stackLocks({ project, name, env = process.env }: StackPlace): Promise<StackLock[]> {
  return new FileBackend(backendFolder(project, env), project.name).locks(name);
}

/**
 * Puts a state aside that is cut off, not JSON, not a checkpoint or not sound, so that the stack can be cleaned up by
 * other means; nothing is removed. `undefined` where there is no such stack or nothing is wrong with it. Neither the
 * passphrase nor the settings are needed. A lock whose owner is dead is broken, with a word to `warn`; `agrees`
 * is asked before anything is done. Throws a StackLockedError where a live process holds the lock.
 */
export async function setAsideBrokenState(
  { project, name, env = process.env }: StackPlace,
  { warn, agrees }: { warn(message: string): void; agrees(problem: string): Promise<boolean> },
): Promise<StateSetAside | undefined> {
  checkName(name);
  const backend = new FileBackend(backendFolder(project, env), project.name);
  const found = brokenState(backend, name);
  if (found === undefined || !(await agrees(found))) return undefined;
  const unlock = backend.lock(name, warn);
  try {
    // Whoever held the lock may have mended it.
    const problem = brokenState(backend, name);
    return problem === undefined ? undefined : { problem, files: backend.setAside(name) };
  } finally {
    unlock();
  }
}

/** What is wrong with the stack's state, in one line; its secrets aren't looked at. */
function brokenState(backend: FileBackend, name: string): string | undefined {
  try {
    return integrityProblem(readSnapshot(backend, name, unreadSecrets).snapshot);
  } catch (error) {
    if (error instanceof UnsupportedStateError) return undefined;
    if (error instanceof BrokenStateError) return error.problem;
    const { message } = error as Error;
    return error instanceof UserError ? message : `it holds what no engine writes: ${message}`;
  }
}

/** Takes every secret for null. */
const unreadSecrets: Pick<SecretsManager, "decrypt"> = { decrypt: () => "null" };

/**
 * Runs one operation: takes the lock, works, saves the state, gives the lock back. What goes wrong in the deployment is
 * told in the result; it throws a UserError where the operation can't begin. `run` is another source of registrations
 * than the project's program.
 */
export async function runOperation(
  stack: Stack,
  options: OperationOptions,
  run?: ProgramRunner,
): Promise<OperationResult> {
  const { backend, secrets, others } = internals.get(stack)!;
  refuseOtherVersions(stack.project);
  const preview = isPreview(options);
  const warnings: string[] = [];
  const unlock = preview ? () => undefined : backend.lock(stack.name, (message) => warnings.push(message));
  let unsaved = false;
  try {
    const { snapshot, replayed } = readSnapshot(backend, stack.name, secrets);
    const problem = integrityProblem(snapshot);
    if (problem)
      throw new UserError(
        `the state of ${stack.name} is not sound: ${problem}; restore it with "seatrial stack import"`,
      );
    if (replayed && !preview) backend.save(stack.name, serializeDeployment(snapshot, secrets));
    const startTime = Date.now();
    unsaved = !preview;
    const { result, snapshot: after } = await operate(
      {
        project: stack.project,
        stack: stack.name,
        config: stack.config,
        secrets,
        otherStacks: others,
        snapshot,
        warnings,
        save: (middle) => backend.save(stack.name, serializeDeployment(middle, secrets)),
        recorder: (base) => {
          const recorder = preview
            ? memoryRecorder(base)
            : journalRecorder(base, backend.fingerprint(stack.name), backend.journalFile(stack.name), secrets);
          return options.onStep ? digesting(recorder, options.onStep) : recorder;
        },
      },
      options,
      run,
    );
    if (!preview) {
      backend.save(stack.name, serializeDeployment(after, secrets));
      unsaved = false;
      backend.addHistory(stack.name, historyEntry(options, result, startTime));
    }
    return result;
  } catch (error) {
    if (unsaved) unsaved = !foldJournal(backend, stack.name, secrets);
    throw error;
  } finally {
    // With the lock on it nobody takes the checkpoint for the whole truth while the journal knows more.
    if (!unsaved) unlock();
  }
}

/** Saves what an operation that broke off had recorded; false where even that can't be done. */
function foldJournal(backend: FileBackend, name: string, secrets: SecretsManager): boolean {
  try {
    const { snapshot, replayed } = readSnapshot(backend, name, secrets);
    if (replayed) backend.save(name, serializeDeployment(snapshot, secrets));
    return true;
  } catch {
    return false;
  }
}

function historyEntry(options: OperationOptions, result: OperationResult, startTime: number): Record<string, unknown> {
  return {
    version: 1,
    kind: options.kind === "import" ? "resource-import" : options.kind,
    startTime: Math.floor(startTime / 1000),
    message: options.message ?? "",
    environment: {},
    config: {},
    result: result.result,
    endTime: Math.floor(Date.now() / 1000),
    resourceChanges: result.changes,
    updateId: randomUUID(),
  };
}

function readSnapshot(
  backend: FileBackend,
  name: string,
  secrets: Pick<SecretsManager, "decrypt">,
): { snapshot: Snapshot; replayed: boolean } {
  const checkpoint = backend.load(name);
  const base = checkpoint?.checkpoint.latest
    ? deserializeDeployment(
        {
          version: checkpoint.version,
          deployment: checkpoint.checkpoint.latest,
          ...(checkpoint.features ? { features: checkpoint.features } : {}),
        },
        secrets,
      )
    : emptySnapshot();
  const replayed = existsSync(backend.journalFile(name))
    ? replayJournal(base, backend.fingerprint(name), backend.journalFile(name), secrets)
    : undefined;
  return { snapshot: replayed ?? base, replayed: replayed !== undefined };
}

function checkpointSalt(checkpoint: Checkpoint | undefined): string | undefined {
  return checkpoint?.checkpoint.latest?.secrets_providers?.state?.salt;
}

/** Another stack's resources would be taken for this one's. */
function foreignProblem(snapshot: Snapshot, project: string, name: string): string | undefined {
  const own = `urn:pulumi:${name}::${project}::`;
  const foreign = snapshot.resources.find(({ urn }) => !urn.startsWith(own));
  return foreign && `${foreign.urn} is of another stack than ${project}/${name} (--force takes it all the same)`;
}

/** An export of another stack was encrypted with that one's salt. */
function importSecrets(untyped: UntypedDeployment, own: SecretsManager, env: NodeJS.ProcessEnv): SecretsManager {
  const providers = (untyped.deployment as Partial<SerializedDeployment> | null)?.secrets_providers;
  if (!providers) return own;
  if (providers.type !== "passphrase") {
    throw new UserError(
      `the state was encrypted by "${providers.type}", which the embedded engine doesn't support, only "passphrase"`,
    );
  }
  return openStackSecrets({ env, ...(providers.state ? { salt: providers.state.salt } : {}) });
}
