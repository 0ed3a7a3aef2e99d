import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../../engine/api";
import { findProject } from "../../engine/project/find-project";
import { findCommit } from "../../run/commit";
import type { RunHost } from "../../run/host";
import { runTests } from "../../run/run-tests";
import { connectDocker, loadProviders } from "../../run/parts";
import { startWatchdog } from "../../run/watchdog/start";
import { version } from "../../package.json";
import { loadEngine } from "../context";
import { makeScreen } from "../display/screen";
import { testDisplay } from "../display/test-display";
import { tellGithub } from "../github-job";
import { definedOnly, type CommonOptions } from "../options";
import { pageAssets } from "../report-page";

export interface TestCommandOptions {
  keep?: boolean;
  ifChanged?: boolean;
  artifacts?: string;
  junit?: string;
  /** Seconds. */
  timeout?: number;
  retries?: number;
  history?: string;
  testsCommand?: string[];
  again: boolean;
  /** Shows where the time went. */
  profile?: boolean;
}

/** `seatrial test` and `seatrial rerun`. @returns the exit code */
export async function testCommand(common: CommonOptions, options: TestCommandOptions): Promise<number> {
  if (options.ifChanged && options.keep) {
    throw new UserError(
      "--if-changed and --keep: a run that may be left out leaves no stack to keep; give one of them",
    );
  }
  if (options.ifChanged && common.engine === "pulumi") {
    throw new UserError("--if-changed is not done with --engine pulumi: it needs the embedded engine's own providers");
  }
  const watchdogScript = join(__dirname, "watchdog.js");
  const stream = common.json ? process.stderr : process.stdout;
  const screen = makeScreen({ stream, env: process.env, ...definedOnly({ color: common.color }) });
  const display = testDisplay(screen, { verbose: common.verbose, cwd: process.cwd() });
  const profiler = options.profile ? (await import("../display/profile")).profileRun() : undefined;
  const { openEventLog } = await import("../../run/event-log");
  const log = common.eventLog ? openEventLog(common.eventLog) : undefined;
  try {
    const ahead = askAhead(common);
    const [engine, providers] = await Promise.all([loadEngine(common), loadProviders()]);
    const result = await runTests(
      {
        cwd: common.cwd,
        config: common.config,
        again: options.again,
        isolated: common.isolated,
        ...definedOnly({
          stack: common.stack,
          configFile: common.configFile,
          parallel: common.parallel,
          testsCommand: options.testsCommand,
          keep: options.keep,
          ifChanged: options.ifChanged,
          artifacts: options.artifacts && resolve(options.artifacts),
          junit: options.junit,
          timeout: options.timeout,
          retries: options.retries,
          history: options.history && resolve(options.history),
        }),
      },
      {
        engine,
        ...ahead,
        providers,
        startWatchdog: () => startWatchdog(watchdogScript, process.env),
        watchdogScript,
        cli: [
          ...[process.execPath, join(__dirname, "..", "bin", "seatrial")],
          ...(common.engine ? ["--engine", common.engine] : []),
        ],
        pageAssets,
        // Only what leaves runs out asks for it.
        get version() {
          return versionOfBuild();
        },
        report(event) {
          if (event.kind === "engine") log?.write(event.event);
          profiler?.event(event);
          display.event(event);
          if (event.kind === "result")
            for (const line of profiler?.lines(stream.columns ?? 100) ?? []) screen.line(line);
          if ((event.kind === "result" || event.kind === "unchanged") && common.json) {
            const unchanged = event.kind === "unchanged" ? { unchanged: true } : {};
            process.stdout.write(`${JSON.stringify({ ...event.result, ...unchanged }, undefined, 2)}\n`);
          }
        },
        env: { ...process.env },
      },
    );
    display.close();
    await tellGithub(result, stream, process.env);
    return result.exitCode;
  } finally {
    log?.close();
    display.close();
  }
}

/** Asks the Docker Engine and git at once: they take as long to answer as the engine takes to be loaded. */
function askAhead({ cwd }: CommonOptions): Pick<RunHost, "connectDocker" | "findCommit"> {
  const file = findProject(cwd);
  // Without one there is nothing to run.
  if (!file) return { connectDocker };
  const [docker, commit] = [connectDocker(), findCommit(dirname(file))];
  for (const answer of [docker, commit]) answer.catch(() => undefined);
  return {
    connectDocker: () => docker,
    findCommit: (folder) => (folder === dirname(file) ? commit : findCommit(folder)),
  };
}

/** Two builds of one version, in a checkout of Seatrial's own, are told apart by what they do. */
function versionOfBuild(): string {
  return `${version} ${createHash("sha256").update(readFileSync(__filename)).digest("hex")}`;
}
