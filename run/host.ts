import type Docker from "dockerode";
import type {
  OpenStackOptions,
  OperationOptions,
  OperationResult,
  Project,
  ProviderFactory,
  Stack,
  StackLock,
  StackManagement,
  StackPlace,
  StackSummary,
  StateSetAside,
} from "../engine";
import type { setAsideBrokenState } from "../engine";
import type { PageAssets } from "../report/page-file";
import type { Commit } from "./commit";
import type { RunEvent } from "./events";
import type { Watchdog } from "./watchdog/start";

/** The engine, as far as a run needs it: the embedded one, or the Pulumi CLI. */
export interface Engine {
  /** Its providers are processes of their own: an operation's `providers` aren't used, and events alone tell of them. */
  pluginsOnly?: boolean;
  loadProject(cwd: string): Project;
  /** Does at leisure what an operation would have to do at its start. */
  preloadSdk?(project: Project): Promise<void>;
  openStack(options: OpenStackOptions): Promise<Stack>;
  listStacks(project: Project, env: NodeJS.ProcessEnv): Promise<StackSummary[]>;
  runOperation(stack: Stack, options: OperationOptions): Promise<OperationResult>;
  manageStack(stack: Stack): StackManagement;
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
  /** The commit of the checkout at `folder`; asked of git if absent. */
  findCommit?(folder: string): Promise<Commit | undefined>;
  /** The providers by package; what they make carries the labels, on the Docker Engine that the run is connected to. */
  providers(labels: Record<string, string>, docker: Docker): Record<string, ProviderFactory>;
  /** Starts a process that cleans up where this one is killed. */
  startWatchdog(): Watchdog;
  /** The file of the watchdog's program with all that it needs, for a container. */
  watchdogScript: string;
  /** The command that runs another command line of ours, for the watchdog; empty if there is none. */
  cli: string[];
  /** The program and the style of the report page; where there are none, a run makes no report. */
  pageAssets?(): Promise<PageAssets>;
  /** Of this program, down to its own build. */
  version: string;
  /** Must not throw. */
  report(event: RunEvent): void;
  /** The calling environment. */
  env: NodeJS.ProcessEnv;
}
