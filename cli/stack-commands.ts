import type { Command } from "commander";
import { type Act, type CommonOptions, definedOnly, positiveInteger } from "./options";

type StackModule = typeof import("./commands/stack");
type ConfigModule = typeof import("./commands/config");
type Flags = Record<string, unknown>;

/** The commands about stacks, their state and their settings. */
export function addStackCommands(program: Command, act: Act): void {
  const stack = program
    .command("stack")
    .description("show the stack; look at stacks and their state")
    .option("-u, --show-urns", "show the resources' URNs")
    .option("-i, --show-ids", "show the resources' ids")
    .option("--show-name", "show the stack's name only")
    .option("--show-secrets", "show secrets in the clear");
  stack.action(act(async (common, self) => (await import("./commands/stack")).showCommand(common, self.opts())));

  const add = (
    usage: string,
    description: string,
    work: (module: StackModule, common: CommonOptions, args: string[], flags: Flags) => Promise<number>,
  ): Command =>
    stack
      .command(usage)
      .description(description)
      .action(
        act(async (common, self) => {
          // What stands in both is taken for the outer one's.
          const flags = { ...stack.opts(), ...self.opts() };
          return await work(await import("./commands/stack"), common, self.args, flags);
        }),
      );
  add("output [name]", "show the outputs, or one of them", (module, common, [name], { showSecrets, shell }) =>
    module.outputCommand(common, {
      ...definedOnly({ name }),
      showSecrets: Boolean(showSecrets),
      shell: Boolean(shell),
    }),
  )
    .option("--show-secrets", "show secrets in the clear")
    .option("--shell", "as assignments that a shell understands");
  add("export", "write the state", (module, common, _, { file, showSecrets }) =>
    module.exportCommand(common, {
      ...definedOnly({ file: file as string | undefined }),
      showSecrets: Boolean(showSecrets),
    }),
  )
    .option("--file <file>", "to a file, not to standard output")
    .option("--show-secrets", "with secrets in the clear");
  add("import", "replace the state", (module, common, _, { file, force }) =>
    module.importCommand(common, { ...definedOnly({ file: file as string | undefined }), force: Boolean(force) }),
  )
    .option("--file <file>", "from a file, not from standard input")
    .option("-f, --force", "even if it isn't sound, or another stack's");
  add("history", "show what was done to the stack, the last first", (module, common, _, flags) =>
    module.historyCommand(common, { fullDates: Boolean(flags.fullDates), ...pageOf(flags) }),
  )
    .option("--full-dates", "show when in full, not how long ago")
    .option("--page <n>", "which page (default: 1)", positiveInteger)
    .option("--page-size <n>", "so many on a page (default: 10)", positiveInteger);
  add("ls", "list the stacks", (module, common) => module.listCommand(common));
  add("init <name>", "make a stack and select it", (module, common, [name]) => module.initCommand(common, name!));
  add("select <name>", "make it the one that commands mean", (module, common, [name], { create }) =>
    module.selectCommand(common, name!, Boolean(create)),
  ).option("--create", "make it if there is none");
  add("rename <name>", "give the stack another name", (module, common, [name]) => module.renameCommand(common, name!));
  add("rm [name]", "forget a stack that has been destroyed", (module, common, [name], { force }) =>
    module.removeCommand(common, name, Boolean(force)),
  ).option("-f, --force", "even if it still has resources");

  program
    .command("cancel")
    .argument("[stack]", "the stack, if --stack doesn't say")
    .description("take away the lock that an operation which is gone has left on the stack")
    .option("--force", "even if the process that holds it is there")
    .action(
      act(async (common, self) => {
        const { cancelCommand } = await import("./commands/cancel");
        return await cancelCommand(common, self.args[0], Boolean(self.opts<{ force?: boolean }>().force));
      }),
    );

  const config = program
    .command("config")
    .description("show the stack's settings")
    .option("--show-secrets", "show secrets in the clear");
  config.action(act(async (common, self) => (await import("./commands/config")).listCommand(common, self.opts())));
  const addConfig = (
    usage: string,
    description: string,
    work: (module: ConfigModule, common: CommonOptions, args: string[], flags: Flags) => Promise<number>,
  ): Command =>
    config
      .command(usage)
      .description(description)
      .option("--path", "the key is a path into a list or an object: a.b[0]")
      .action(
        act(async (common, self) => await work(await import("./commands/config"), common, self.args, self.opts())),
      );
  addConfig("get <key>", "show one setting, in the clear", (module, common, [key], { path }) =>
    module.getCommand(common, key!, Boolean(path)),
  );
  addConfig(
    "set <key> [value]",
    "write one into the settings file; without VALUE from standard input",
    (module, common, [key, value], flags) =>
      module.setCommand(common, key!, value, { path: Boolean(flags.path), secret: Boolean(flags.secret) }),
  )
    .option("--secret", "encrypted")
    .option("--plaintext", "as it is, which is how it is done without --secret too");
  addConfig("rm <key>", "remove one from the settings file", (module, common, [key], { path }) =>
    module.removeCommand(common, key!, Boolean(path)),
  );
}

function pageOf({ page, pageSize }: Flags): { page: number; pageSize: number } {
  return { page: (page as number | undefined) ?? 1, pageSize: (pageSize as number | undefined) ?? 10 };
}
