/**
 * Recording: what an operation has done so far, as a snapshot in memory and as a journal on disk.
 *
 * A step is recorded before its provider call (as a pending operation) and after it. The journal gets one line each
 * time, so that its cost grows with the steps and not with the stack; at the end it is compacted into the checkpoint.
 * After a crash the checkpoint and the journal together tell what is and what was pending.
 */
import { existsSync } from "node:fs";
import { UserError } from "../api";
import { isComponentStep, type Step } from "../deployment/step";
import type { ResourceState } from "../resource";
import type { SecretsManager } from "../secrets/passphrase";
import {
  deserializeResource,
  type PendingOperation,
  serializeResource,
  type SerializedResource,
  type Snapshot,
} from "./checkpoint";
import { type Entry, type Journal, type Marker, openJournal, readJournal } from "./journal";
import { inOrder, withoutGone, withRenamed } from "./references";

type Body<T> = T extends unknown ? Omit<T, "n"> : never;

export interface Recorder {
  /** Before a step runs. Throws a UserError where it can't be recorded: then it must not run. */
  begin(step: Step): Promise<void>;
  /**
   * After it ran; `kept` tells that the step's new state exists, though the step may have failed. What the journal
   * doesn't take is in the snapshot all the same; no further step begins.
   */
  end(step: Step, kept: boolean): Promise<void>;
  /** A component, the stack among them, got its outputs. */
  outputs(state: ResourceState): Promise<void>;
  /** What an interrupted operation was doing something to, where what became of it can't be seen. */
  readonly unsettled: ResourceState[];
  /** A resource of the last snapshot that no step has replaced by a newer state or taken away. */
  isLeft(state: ResourceState): boolean;
  /** The snapshot as it is now: what was touched, in the order it was, then the rest. */
  snapshot(): Snapshot;
  /** Closes the journal; whoever has saved the snapshot removes it. */
  close(): void;
}

/** A recorder that writes nothing, for previews. */
export function memoryRecorder(base: Snapshot): Recorder {
  return makeRecorder(base, undefined);
}

/** Throws where the journal can't be written: an operation that can't be recorded must not begin. */
export function journalRecorder(base: Snapshot, fingerprint: string, file: string, secrets: SecretsManager): Recorder {
  return makeRecorder(base, openJournal(file, fingerprint, secrets));
}

function makeRecorder(base: Snapshot, journal: Journal | undefined): Recorder {
  const indexes = new Map(base.resources.map((state, index) => [state, index]));
  const done = new Set<ResourceState>();
  /** What a refresh found keeps its place: the order of the old snapshot still holds. */
  const refreshed = new Map<ResourceState, ResourceState>();
  const news: ResourceState[] = [];
  /** Of those that the operation leaves alone: where they were. */
  const places = new Map<ResourceState, number>();
  const lines = new Map<ResourceState, number>();
  const renamed = new Map<string, string>();
  /** What a refresh found gone, by URN, with its parent's. */
  const gone = new Map<string, string>();
  const pending = new Map<Step, { line: number; operation: PendingOperation }>();
  let count = 0;

  const serialize = (state: ResourceState): SerializedResource =>
    serializeResource(state, (plaintext) => journal!.encrypt(plaintext));
  let failure: Error | undefined;
  const append = (body: () => Body<Exclude<Entry, Marker>>): number => {
    const n = ++count;
    try {
      if (journal) journal.append({ n, ...body() } as Entry);
    } catch (error) {
      failure ??= error as Error;
    }
    return n;
  };
  const add = (state: ResourceState, step: Step, old: ResourceState | undefined, condemned?: ResourceState): void => {
    const line = append(() => ({
      add: serialize(state),
      ...ends(step),
      ...(old ? { done: indexes.get(old) } : {}),
      ...(step.untouched ? { untouched: true as const } : {}),
      ...(condemned ? { condemn: indexes.get(condemned) } : {}),
    }));
    lines.set(state, line);
    news.push(state);
    const before = old ?? condemned;
    if (before && before.urn !== state.urn) renamed.set(before.urn, state.urn);
    if (old) done.add(old);
    if (old && step.untouched) places.set(state, indexes.get(old)!);
  };
  const ends = (step: Step): { ends?: number } => {
    const operation = pending.get(step);
    pending.delete(step);
    return operation ? { ends: operation.line } : {};
  };

  return {
    async begin(step) {
      const type = pendingType(step);
      if (!type) return;
      // An update has the new state, as in Pulumi, with the id that it is to be found by.
      const resource =
        type === "deleting" ? step.old! : type === "updating" ? { ...step.new!, id: step.old!.id } : step.new!;
      const line = append(() => ({ begin: type, resource: serialize(resource) }));
      if (failure) throw failure;
      pending.set(step, { line, operation: { type, resource } });
    },
    async end(step, kept) {
      if (!kept) {
        const operation = pending.get(step);
        if (operation) append(() => ({ end: operation.line }));
        pending.delete(step);
        return;
      }
      switch (step.op) {
        case "update": {
          // An update of what this operation has imported.
          const was = lines.get(step.old!);
          if (was === undefined) return add(step.new!, step, step.old);
          append(() => ({ change: serialize(step.new!), was, ...ends(step) }));
          lines.set(step.new!, was);
          news[news.indexOf(step.old!)] = step.new!;
          return;
        }
        case "same":
        case "read":
        case "import":
          add(step.new!, step, step.old);
          return;
        case "refresh":
          if (step.new === undefined) {
            append(() => ({ done: indexes.get(step.old!)!, gone: true, ...ends(step) }));
            done.add(step.old!);
            gone.set(step.old!.urn, step.old!.parent);
          } else {
            append(() => ({ change: serialize(step.new!), old: indexes.get(step.old!)!, ...ends(step) }));
            refreshed.set(step.old!, step.new);
          }
          return;
        case "create":
        case "create-replacement":
        case "read-replacement":
        case "import-replacement": {
          const old = step.old;
          add(step.new!, step, old?.pendingReplacement ? old : undefined, old?.delete ? old : undefined);
          return;
        }
        case "replace":
          return;
        case "delete":
        case "delete-replaced":
        case "discard":
        case "discard-replaced": {
          const old = step.old!;
          if (step.pendingReplace) {
            append(() => ({ change: serialize(old), old: indexes.get(old)!, ...ends(step) }));
          } else {
            const was = lines.get(old);
            append(() =>
              was !== undefined ? { done: -was, ...ends(step) } : { done: indexes.get(old)!, ...ends(step) },
            );
            done.add(old);
          }
          return;
        }
        case "remove-pending-replace":
          append(() => ({ done: indexes.get(step.old!)!, ...ends(step) }));
          done.add(step.old!);
          return;
      }
    },
    async outputs(state) {
      append(() => ({ change: serialize(state), was: lines.get(state) }));
    },
    unsettled: base.pendingOperations.map(({ resource }) => resource),
    isLeft: (state) => indexes.has(state) && !done.has(state),
    snapshot() {
      const present = news.filter((state) => !done.has(state));
      const left = base.resources.filter((state) => !done.has(state));
      return {
        resources: related(
          [...present, ...left.map((state) => refreshed.get(state) ?? state)],
          [...present.map((state) => places.get(state)), ...left.map((state) => indexes.get(state))],
          renamed,
          gone,
        ),
        pendingOperations: [...base.pendingOperations, ...[...pending.values()].map(({ operation }) => operation)],
      };
    },
    close: () => journal?.close(),
  };
}

function related(
  resources: ResourceState[],
  places: (number | undefined)[],
  renamed: ReadonlyMap<string, string>,
  gone: ReadonlyMap<string, string>,
): ResourceState[] {
  return inOrder(withoutGone(withRenamed(resources, renamed), gone), places);
}

function pendingType(step: Step): PendingOperation["type"] | undefined {
  if (isComponentStep(step)) return undefined;
  switch (step.op) {
    case "create":
    case "create-replacement":
      return "creating";
    case "update":
      return "updating";
    case "delete":
    case "delete-replaced":
      return "deleting";
    case "read":
    case "read-replacement":
      return "reading";
    case "import":
    case "import-replacement":
      return "importing";
    default:
      return undefined;
  }
}

/**
 * What a journal that was never compacted makes of its checkpoint; `undefined` where there is nothing to replay. A last
 * line that was cut off by a crash is left out: its provider call had not begun, or its end is seen as pending.
 *
 * Throws a UserError for a journal of another checkpoint than this one: its indexes would name the wrong resources.
 */
export function replayJournal(
  base: Snapshot,
  fingerprint: string,
  file: string,
  secrets: Pick<SecretsManager, "decrypt">,
): Snapshot | undefined {
  if (!existsSync(file)) return undefined;
  const entries = readJournal(file);
  const [first] = entries;
  // Cut off before its first line was whole: nothing had begun.
  if (!first) return undefined;
  if (!("base" in first) || first.base !== fingerprint) {
    if (entries.some((entry) => "compacted" in entry && entry.compacted === fingerprint)) return undefined;
    throw new UserError(
      `the journal ${file} of an interrupted operation belongs to another state than the stack's: somebody has changed that since; remove the journal to go on with the state as it is`,
    );
  }
  const decrypt = (ciphertext: string): string => secrets.decrypt(ciphertext);
  const olds: (ResourceState | undefined)[] = [...base.resources];
  const news = new Map<number, ResourceState>();
  const places = new Map<number, number>();
  const pending = new Map<number, PendingOperation>();
  const renamed = new Map<string, string>();
  const gone = new Map<string, string>();
  for (const entry of entries) {
    if ("base" in entry || "salt" in entry || "compacted" in entry) continue;
    if ("ends" in entry && entry.ends !== undefined) pending.delete(entry.ends);
    if ("begin" in entry) {
      pending.set(entry.n, { type: entry.begin, resource: deserializeResource(entry.resource, decrypt) });
    } else if ("end" in entry) {
      pending.delete(entry.end);
    } else if ("add" in entry) {
      const state = deserializeResource(entry.add, decrypt);
      news.set(entry.n, state);
      if (entry.untouched) places.set(entry.n, entry.done!);
      const before = olds[entry.done ?? entry.condemn ?? -1];
      if (before && before.urn !== state.urn) renamed.set(before.urn, state.urn);
      const condemned = entry.condemn === undefined ? undefined : olds[entry.condemn];
      if (condemned) olds[entry.condemn!] = { ...condemned, delete: true };
      if (entry.done !== undefined) olds[entry.done] = undefined;
    } else if ("change" in entry) {
      const state = deserializeResource(entry.change, decrypt);
      if (entry.was !== undefined) news.set(entry.was, state);
      else if (entry.old !== undefined) olds[entry.old] = state;
    } else if (entry.done < 0) {
      news.delete(-entry.done);
    } else {
      const old = olds[entry.done];
      if (entry.gone && old) gone.set(old.urn, old.parent);
      olds[entry.done] = undefined;
    }
  }
  const left = [...olds.keys()].filter((index) => olds[index] !== undefined);
  return {
    resources: related(
      [...news.values(), ...left.map((index) => olds[index]!)],
      [...[...news.keys()].map((line) => places.get(line)), ...left],
      renamed,
      gone,
    ),
    pendingOperations: [...base.pendingOperations, ...pending.values()],
  };
}
