/** Whether a run can be left out since nothing has changed that decides about it. */
import { runLabels } from "../identity";
import type { Brakes } from "../bring-up";
import type { RunHost } from "../host";
import type { PreparedRun } from "../prepare";
import type { Result } from "../result";
import { digestInputs, recording, UnknownInputs } from "./inputs";
import { findPassed, isGoodEnough, rememberPassed } from "./passed";

/** What is known of a run's inputs before it. */
export interface InputsCheck {
  /** The run that has passed with the same inputs. */
  passed?: Result;
  /** Why the run can't be left out. */
  why: string;
  /** The host to go on with. */
  host: RunHost;
  /** Remembers the run, where what it was made of is what was looked at. */
  remember(result: Result): Promise<void>;
}

/** Looks at the run's inputs by a preview, and for a run that has passed with the same. */
export async function checkInputs(prepared: PreparedRun, host: RunHost, brakes: Brakes): Promise<InputsCheck> {
  const during = recording();
  const hostAfter: RunHost = {
    ...host,
    providers: (labels, docker) => during.providers(host.providers(labels, docker)),
    report: (event) => {
      if (event.kind === "engine") during.event(event.event);
      host.report(event);
    },
  };
  let digest: string;
  try {
    digest = await digestBefore(prepared, host, brakes);
  } catch (error) {
    const why = error instanceof UnknownInputs ? error.message : `the program's preview failed: ${textOf(error)}`;
    return { why, host, remember: () => Promise.resolve() };
  }
  const passed = findPassed(prepared.project.name, digest, host.env);
  const remember = async (result: Result): Promise<void> => {
    if (!isGoodEnough(result)) return;
    try {
      // A file may have been changed while the stack was made.
      if ((await digestInputs(during, prepared, host.version)) !== digest) return;
      rememberPassed(prepared.project.name, digest, result, host.env);
    } catch (error) {
      const text = `that the run has passed can't be remembered: ${textOf(error)}`;
      host.report({ kind: "note", level: "warning", text });
    }
  };
  return { ...(passed ? { passed } : {}), why: "no run with these inputs has passed yet", host: hostAfter, remember };
}

async function digestBefore(prepared: PreparedRun, host: RunHost, brakes: Brakes): Promise<string> {
  const { docker, stack, identity, masker, options } = prepared;
  const before = recording();
  const controller = new AbortController();
  brakes.onStop(() => controller.abort());
  const result = await host.engine.runOperation(stack, {
    kind: "preview",
    providers: before.providers(host.providers(runLabels(identity), docker)),
    onEvent: (event) => before.event(event),
    signal: controller.signal,
    masker,
    parallel: options.parallel,
    isolated: options.isolated,
  });
  if (result.result !== "succeeded") throw new Error(result.errors[0]?.message ?? "it was stopped");
  return await digestInputs(before, prepared, host.version);
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
