import type Docker from "dockerode";
import type {
  OpenStackOptions,
  OperationOptions,
  OperationResult,
  Project,
  ProviderFactory,
  Stack,
  StackLock,
  StackPlace,
  StackSummary,
  StateSetAside,
} from "../engine";
import type { setAsideBrokenState } from "../engine";
import type { RunEvent } from "./events";
import type { Watchdog } from "./watchdog/start";

/** The engine, as far as a run needs it: the embedded one, or the Pulumi CLI. */
export interface Engine {
  /** Its providers are processes of their own: an operation's `providers` aren't used, and events alone tell of them. */
  pluginsOnly?: boolean;
  loadProject(cwd: string): Project;
  openStack(options: OpenStackOptions): Promise<Stack>;
  listStacks(project: Project, env: NodeJS.ProcessEnv): Promise<StackSummary[]>;
  runOperation(stack: Stack, options: OperationOptions): Promise<OperationResult>;
  /** The two below look at files of the embedded engine's; the CLI sees to its own. */
  stackLocks?(place: StackPlace): Promise<StackLock[]>;
  setAsideBrokenState?(
    place: StackPlace,
    options: Parameters<typeof setAsideBrokenState>[1],
  ): Promise<StateSetAside | undefined>;
}

/** What a run is given: the parts that it puts to work, and who listens. */
export interface RunHost {
  engine: Engine;
  /** Rejects with one line that says why there is no Docker Engine to work with. */
  connectDocker(): Promise<Docker>;
  /** The providers by package; what they make carries the labels. */
  providers(labels: Record<string, string>): Record<string, ProviderFactory>;
  /** Starts a process that cleans up where this one is killed. */
  startWatchdog(): Watchdog;
  /** The file of the watchdog's program with all that it needs, for a container. */
  watchdogScript: string;
  /** The command that runs another command line of ours, for the watchdog; empty if there is none. */
  cli: string[];
  /** Of this program, down to its own build. */
  version: string;
  /** Must not throw. */
  report(event: RunEvent): void;
  /** The calling environment. */
  env: NodeJS.ProcessEnv;
}
