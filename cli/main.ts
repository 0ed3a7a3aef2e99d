import { Command, CommanderError, Option } from "commander";
import { detectJob } from "../ci/detect";
import { withoutCommands } from "../ci/workflow-commands";
import { UserError } from "../engine/api";
import { stripControlCodes } from "../run/control-codes";
import type { Scope } from "../run/scope";
import { addOperationCommands } from "./operation-commands";
import {
  type Act,
  collectValues,
  commonOptions,
  definedOnly,
  durationOption,
  positiveInteger,
  retryCount,
  sizeOption,
  splitCommand,
} from "./options";
import { addStackCommands } from "./stack-commands";
import { version } from "../package.json";

/** The exit code of wrong usage or wrong configuration. */
const wrongUsage = 2;
/** What isn't the tests' doing. */
const stackFailed = 125;

/**
 * Runs one command line (without node and the program's own name). Never rejects: what went wrong has been said on
 * standard error, in one line unless `--debug` asks for more.
 *
 * @returns the exit code
 */
export async function main(argv: string[]): Promise<number> {
  // A reader that has gone, such as `head`, is no reason to leave a stack behind.
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount("error") === 0) stream.on("error", () => undefined);
  }
  const { own, command } = splitCommand(argv);
  if (own.includes("--debug")) process.setSourceMapsEnabled(true);
  let code = 0;
  let testing = false;
  const program = commandLine(command, {
    start: (name) => (testing = name === "test" || name === "rerun"),
    end: (result) => (code = result),
  });
  try {
    refuseVersions(own);
    await program.parseAsync(own, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
    process.stderr.write(`error: ${explain(error, own.includes("--debug"))}\n`);
    if (error instanceof UserError) return wrongUsage;
    return testing ? stackFailed : 1;
  }
}

/** Pulumi's option for an earlier state; `--version` alone would be taken for the question after ours. */
function refuseVersions(own: string[]): void {
  if (own.includes("stack") && own.includes("export") && own.some((word) => /^--version(=|$)/.test(word))) {
    throw new UserError("stack export --version: a file backend keeps no numbered versions, only the present state");
  }
}

/** What a person is told of an error. Names of theirs and of the engine's are in it, whatever these hold. */
export function explain(error: unknown, debug: boolean): string {
  const text = stripControlCodes(described(error, debug));
  return detectJob()?.system === "github" ? withoutCommands(text) : text;
}

function described(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  if (debug) return error.stack ?? error.message;
  const expected =
    error instanceof UserError || ["EngineUnavailableError", "EnvironmentError", "PreviewError"].includes(error.name);
  return expected ? error.message : `${error.message} (--debug shows where)`;
}

/** Told which command runs, and what it has to say to the shell. */
interface CommandObserver {
  start(name: string): void;
  end(exitCode: number): void;
}

/** The commands and their options. */
function commandLine(testsCommand: string[] | undefined, observer: CommandObserver): Command {
  const program = new Command("seatrial")
    .description("Integration tests of a whole container stack, as an ephemeral Pulumi stack per commit.")
    .version(version)
    .option("-C, --cwd <dir>", "the project's folder, or one in it")
    .option("-s, --stack <name>", "the stack")
    .option("-c, --config <key=value>", "one setting; may be given often", collectValues)
    .option("--config-file <file>", "settings instead of Pulumi.<stack>.yaml")
    .option("-y, --yes", "ask nothing")
    .option("--event-log <file>", "write every engine event to the file, as JSON lines")
    .option("-j, --json", "print the result as JSON; all else goes to standard error")
    .option("-v, --verbose", "show everything that is done")
    .option("--debug", "show where errors come from")
    .option("-p, --parallel <n>", "do so many things at once at most", positiveInteger)
    .option("--isolated", "run the program in a process of its own")
    .option("--non-interactive", "ask nothing, whatever the terminal")
    .addOption(new Option("--color <when>", "use colours").choices(["always", "never", "auto"]))
    .addOption(
      new Option("--engine <engine>", "what does the work (default: embedded)").choices(["embedded", "pulumi"]),
    )
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text) });

  /** What a command does, with the common options wherever they stood. */
  const act: Act =
    (work, takesCommand = false) =>
    async (...parameters) => {
      const command = parameters.at(-1) as Command;
      if (testsCommand && !takesCommand) throw new UserError(`seatrial ${command.name()} takes nothing after "--"`);
      if (testsCommand?.length === 0) throw new UserError('"--" is followed by no command');
      observer.start(command.name());
      observer.end(await work(commonOptions(command.optsWithGlobals()), command));
    };

  for (const again of [false, true]) {
    const command = program
      .command(again ? "rerun" : "test")
      .usage("[options] [-- COMMAND…]")
      .description(
        again
          ? "run the tests again in a stack that was kept"
          : "bring the stack up, run its tests, take it down; COMMAND replaces the tests' own",
      )
      .option("--artifacts <dir>", "where the results go (default: $ARTIFACTS_DIR, else build/tests)")
      .option("--junit <glob>", "which of the artifacts are JUnit; there must be one")
      .option("--timeout <duration>", "give up after so long (default: the setting run:deadline, 1h)", durationOption);
    command
      .option(
        "--retries <n>",
        "run failed tests again in the same stack, so often (default: run:retries, 0)",
        retryCount,
      )
      .option("--history <dir>", "past runs (default: $SEATRIAL_HISTORY, else .seatrial/history)");
    command.option("--profile", "show where the time went, and what was waited for");
    if (!again) {
      command.option("--keep", "leave the stack as it is");
      command.option("--if-changed", "run nothing where a run with the same inputs has passed before");
    }
    command.action(
      act(async (common, self) => {
        const { testCommand } = await import("./commands/test");
        const options = self.opts<{
          keep?: boolean;
          ifChanged?: boolean;
          artifacts?: string;
          junit?: string;
          timeout?: number;
          retries?: number;
          history?: string;
          profile?: boolean;
        }>();
        return await testCommand(common, { ...options, ...definedOnly({ testsCommand }), again });
      }, true),
    );
  }

  addOperationCommands(program, act);
  addStackCommands(program, act);

  program
    .command("logs")
    .argument("[service...]", "only of these")
    .description("show what the stack's containers write")
    .option("--follow", "go on as they write")
    .option("-t, --timestamps", "show when")
    .option("-n, --tail <lines>", "only so many of the last lines", positiveInteger)
    .action(
      act(async (common, self) => {
        const { logsCommand } = await import("./commands/logs");
        const { follow, timestamps, tail } = self.opts<{ follow?: boolean; timestamps?: boolean; tail?: number }>();
        const options = { services: self.args, follow: Boolean(follow), timestamps: Boolean(timestamps) };
        return await logsCommand(common, { ...options, ...definedOnly({ tail }) });
      }),
    );

  program
    .command("accept")
    .argument("[results]", "a run's folder of artifacts, a zip of it, or the run's id (default: the last run's folder)")
    .description("make a run's results those that are expected, after showing what changes; nothing is run")
    .action(
      act(async (common, self) => {
        const { acceptCommand } = await import("./commands/accept");
        return await acceptCommand(common, self.args[0]);
      }),
    );

  program
    .command("report")
    .argument("[dir]", "the folder of a run's results (default: $ARTIFACTS_DIR, else build/tests)")
    .description("make the report page of a run again from its results")
    .option("--previous <file>", "compare with the run of this report.json")
    .action(
      act(async (common, self) => {
        const { reportCommand } = await import("./commands/report");
        const { previous } = self.opts<{ previous?: string }>();
        return await reportCommand(common, definedOnly({ folder: self.args[0], previous }));
      }),
    );

  program
    .command("gc")
    .description("remove what runs have left: expired stacks, those whose process is gone, images of older commits")
    .option("--dry-run", "only say what would be removed")
    .option("--commit <sha>", "instead: everything that was made for this commit")
    .option("--branch <name>", "instead: everything of this branch")
    .option("--pipeline <id>", "instead: everything of this CI pipeline, or workflow run")
    .option("--project <name>", "only of this project; needs no checkout of it")
    .option("--keep-images-for <duration>", "images of older commits may stay for so long", durationOption)
    .option("--keep-images-within <size>", "the newest of them may stay, up to so much together", sizeOption)
    .action(
      act(async (common, self) => {
        const { gcCommand } = await import("./commands/gc");
        const { dryRun, keepImagesFor, keepImagesWithin, ...scope } = self.opts<
          Scope & { dryRun?: boolean; keepImagesFor?: number; keepImagesWithin?: number }
        >();
        const keepImages = definedOnly({ age: keepImagesFor, size: keepImagesWithin });
        return await gcCommand(common, { dryRun: Boolean(dryRun), keepImages, scope });
      }),
    );

  program
    .command("note")
    .argument("[dir]", "the results' folder (default: $ARTIFACTS_DIR, else build/tests)")
    .description("make a note for the merge request from results and preview, and post or update it")
    .action(
      act(async (common, self) => {
        const { noteCommand } = await import("./commands/note");
        return await noteCommand(common, self.args[0]);
      }),
    );

  const plugins = program.command("plugins").description("lend the Pulumi CLI the docker and command providers");
  plugins
    .command("install [dir]")
    .description("write them into a folder for PATH (default: into the Pulumi home, where the CLI looks by itself)")
    .action(
      act(async (_, self) => {
        const { installCommand } = await import("./commands/plugins");
        return await installCommand(self.args[0]);
      }),
    );
  plugins.command("serve <name>", { hidden: true }).action(
    act(async (_, self) => {
      const { serveCommand } = await import("./commands/plugins");
      return await serveCommand(self.args[0]!, testsCommand ?? []);
    }, true),
  );

  program
    .command("version")
    .description("show the version")
    .action(
      act(async () => {
        process.stdout.write(`${version}\n`);
        return 0;
      }),
    );
  return program;
}
