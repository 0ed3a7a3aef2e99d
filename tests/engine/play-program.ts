/**
 * Plays operations on a program in a process of its own, over a fake cloud that lasts as long as the process: programs
 * reach deep into Node's module loader, where a test's sandbox would be in the way. Bundled by `programs.test.ts`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { readFileSync, writeFileSync } from "node:fs";
import { loadProject, openStack, type OperationOptions, runOperation, type EngineEvent } from "../../engine";
import { Cloud, type Fault } from "./fake-cloud";

export interface Act {
  kind: OperationOptions["kind"];
  /** `test` if absent. */
  stack?: string;
  /** Another than that of the environment. */
  passphrase?: string;
  options?: Partial<OperationOptions>;
  config?: Record<string, string>;
  /** Cancels as soon as the program has written this. */
  cancelAt?: string;
  faults?: Record<string, Fault | "slow">;
  /** Calls that are refused so many times, and then work. */
  refusals?: Record<string, number>;
  /** Names of things that go without anybody being told, before the act. */
  lost?: string[];
}

export interface Played {
  result: string;
  thrown?: string;
  changes: Record<string, number>;
  errors: { urn?: string; message: string }[];
  outputs: Record<string, unknown>;
  /** What `stack output` shows afterwards. */
  shown: Record<string, unknown>;
  log: string[];
  names: string[];
  inputs: Record<string, unknown>;
  /** What the providers of this act were configured with. */
  configured: Record<string, unknown>[];
  states: { urn: string; [field: string]: unknown }[];
  steps: string[];
  messages: { severity: string; text: string; urn?: string }[];
}

const [folder, actsFile, resultFile] = process.argv.slice(2) as [string, string, string];

async function main(): Promise<void> {
  const cloud = new Cloud();
  cloud.functions.set("fake:index:double", (args) => ({ doubled: 2 * (args["n"] as number) }));
  cloud.functions.set("fake:index:fail", (args) => {
    throw new Error(args["message"] as string);
  });
  const played: Played[] = [];
  for (const act of JSON.parse(readFileSync(actsFile, "utf8")) as Act[]) played.push(await play(cloud, act));
  writeFileSync(resultFile, JSON.stringify(played));
}

async function play(
  cloud: Cloud,
  { kind, stack: name = "test", passphrase, options, config, cancelAt, faults, refusals, lost }: Act,
): Promise<Played> {
  cloud.log = [];
  cloud.faults.clear();
  for (const [call, fault] of Object.entries(faults ?? {})) {
    cloud.faults.set(call, fault === "slow" ? () => sleep(3_500) : fault);
  }
  for (const [call, times] of Object.entries(refusals ?? {})) {
    let left = times;
    cloud.faults.set(call, () => (left-- > 0 ? "fail" : undefined));
  }
  for (const name of lost ?? []) cloud.things.delete(cloud.byName(name)!.id);
  cloud.configured.length = 0;
  const events: EngineEvent[] = [];
  const controller = new AbortController();
  const stack = await openStack({
    project: loadProject(folder),
    name,
    create: true,
    ...(passphrase ? { env: { ...process.env, PULUMI_CONFIG_PASSPHRASE: passphrase } } : {}),
    ...(config ? { config } : {}),
  });
  const outcome = await runOperation(stack, {
    kind,
    providers: { fake: cloud.provider },
    signal: controller.signal,
    onEvent(event) {
      events.push(event);
      if (cancelAt !== undefined && event.diagnosticEvent?.message.includes(cancelAt)) controller.abort();
    },
    ...options,
  }).catch((error: Error) => error);
  const { deployment } = await stack.export();
  const result = outcome instanceof Error ? undefined : outcome;
  return {
    result: result?.result ?? "refused",
    ...(outcome instanceof Error ? { thrown: outcome.message } : {}),
    changes: result?.changes ?? {},
    errors: result?.errors ?? [],
    outputs: result?.outputs ?? {},
    shown: await stack.outputs(),
    log: cloud.log,
    names: cloud.names(),
    inputs: Object.fromEntries([...cloud.things.values()].map((thing) => [thing.name, thing.inputs])),
    configured: [...cloud.configured],
    states: (deployment?.["resources"] ?? []) as Played["states"],
    steps: events.flatMap(({ resourcePreEvent }) =>
      resourcePreEvent ? [`${resourcePreEvent.metadata.op} ${resourcePreEvent.metadata.urn.split("::").at(-1)}`] : [],
    ),
    messages: events.flatMap(({ diagnosticEvent }) =>
      diagnosticEvent
        ? [{ severity: diagnosticEvent.severity, text: diagnosticEvent.message, urn: diagnosticEvent.urn }]
        : [],
    ),
  };
}

void main().then(
  () => process.exit(0),
  (error: Error) => {
    console.error(error);
    process.exit(1);
  },
);
