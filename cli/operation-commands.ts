import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { UserError } from "../engine/api";
import type { OperationCommandOptions } from "./commands/operations";
import { type Act, collectValues, definedOnly } from "./options";

const operations = {
  up: ["update", "bring the stack to what the program says"],
  preview: ["preview", "show what up would do"],
  destroy: ["destroy", "remove everything in the stack"],
  refresh: ["refresh", "bring the state to what is really there"],
} as const;

/** Commander's values of the commands below; each has some of them. */
interface OperationFlags {
  target?: string[];
  targetDependents?: boolean;
  exclude?: string[];
  excludeDependents?: boolean;
  excludeProtected?: boolean;
  replace?: string[];
  targetReplace?: string[];
  continueOnError?: boolean;
  refresh?: boolean;
  runProgram?: boolean;
  expectNoChanges?: boolean;
  message?: string;
  previewOnly?: boolean;
  skipPreview?: boolean;
  remove?: boolean;
  diff?: boolean;
  showSames?: boolean;
  showReplacementSteps?: boolean;
  showFullOutput?: boolean;
  showSecrets?: boolean;
  suppressOutputs?: boolean;
}

/** The operations on a stack, with Pulumi's own options. */
export function addOperationCommands(program: Command, act: Act): void {
  for (const [name, [kind, description]] of Object.entries(operations)) {
    const command = program.command(name).description(description);
    command
      .option("-t, --target <urn>", "only this resource; may be given often", collectValues)
      .option("--target-dependents", "what depends on a target is one too")
      .option("-x, --exclude <urn>", "not this resource; may be given often", collectValues);
    if (name !== "destroy")
      command.option("--exclude-dependents", "what depends on something excluded is excluded too");
    if (name === "up" || name === "preview") {
      command
        .option("--replace <urn>", "make this resource anew; may be given often", collectValues)
        .option("--target-replace <urn>", "--target and --replace of one resource; may be given often", collectValues)
        .option("--show-secrets", "show secret outputs in the clear");
    }
    if (name === "preview") {
      command
        .option("--base <ref>", "compare the stack with that of this commit, branch or folder instead")
        .option("--artifacts <dir>", "with --base: where preview.json and note.md go");
    }
    if (name === "up" || name === "destroy") {
      command.option("--continue-on-error", "go on with what doesn't depend on a resource that failed");
    }
    command.option("--expect-no-changes", "fail if anything would change");
    if (name !== "refresh") command.option("-r, --refresh", "refresh first");
    command.option("--run-program", "run the program to destroy or refresh as it says now");
    if (name === "destroy") command.option("--exclude-protected", "not what is protected, nor what that depends on");
    if (name === "destroy") command.option("--remove", "then remove the stack and its settings file");
    if (name !== "preview") command.option("-f, --skip-preview", "don't show the changes before asking");
    if (name === "destroy" || name === "refresh") command.option("--preview-only", "only show what would be done");
    addDisplayOptions(command)
      .option("--show-sames", "show the resources that stay the same too")
      .option("--show-replacement-steps", "show both the creation and the deletion of a replacement")
      .option("--show-full-output", "show values to their ends, however long");
    command.action(
      act(async (common, self) => {
        const { base, artifacts, ...flags } = self.opts<OperationFlags & { base?: string; artifacts?: string }>();
        if (base !== undefined) {
          const [other] = Object.keys(flags);
          if (other) throw new UserError(`preview --base takes no ${optionOf(command, other)}`);
          const { compareCommand } = await import("./commands/compare");
          return await compareCommand(common, { base, ...definedOnly({ artifacts }) });
        }
        if (artifacts !== undefined) throw new UserError("preview --artifacts goes with --base only");
        const { operationCommand } = await import("./commands/operations");
        return await operationCommand(common, operationOptions(kind, flags));
      }),
    );
  }

  const command = program
    .command("import")
    .description("take existing resources into the stack")
    .argument("[type]", "such as docker:index/network:Network")
    .argument("[name]", "what the program calls it")
    .argument("[id]", "what its provider calls it")
    .option("--file <file>", "take those that this JSON file lists")
    .option("--parent <name=urn>", "the resource's parent")
    .option("--provider <name=urn>", "the resource's provider, instead of the default one")
    .option("--protect [yes]", "protect it from deletion (default: true)", trueOrFalse)
    .option("--generate-code [yes]", "not supported: must be false where it is given", trueOrFalse)
    .option("-o, --out <file>", "not supported: no code is generated")
    .option("--properties <names>", "not supported: every property is imported")
    .option("--from <converter>", "not supported")
    .option("--skip-preview", "don't show the changes before asking")
    .option("--preview-only", "only show what would be done");
  addDisplayOptions(command).action(
    act(async (common, self) => {
      const { importCommand } = await import("./commands/import");
      return await importCommand(common, self.args, self.opts());
    }),
  );
}

function optionOf(command: Command, attribute: string): string {
  return command.options.find((option) => option.attributeName() === attribute)?.long ?? attribute;
}

function addDisplayOptions(command: Command): Command {
  return command
    .option("-m, --message <text>", "say this in the stack's history")
    .option("--diff", "show every property that differs")
    .option("--suppress-outputs", "don't show the stack's outputs");
}

function operationOptions(
  kind: OperationCommandOptions["asked"]["kind"],
  flags: OperationFlags,
): OperationCommandOptions {
  const { showSames, showReplacementSteps, showFullOutput, showSecrets, suppressOutputs } = flags;
  const { diff, skipPreview, remove, targetReplace = [] } = flags;
  const { targetDependents, excludeDependents, continueOnError, refresh, expectNoChanges, message, previewOnly } =
    flags;
  const targets = [...(flags.target ?? []), ...targetReplace];
  const replaces = [...(flags.replace ?? []), ...targetReplace];
  return {
    asked: {
      kind,
      ...(targets.length > 0 ? { targets } : {}),
      ...(replaces.length > 0 ? { replaces } : {}),
      ...definedOnly({ excludes: flags.exclude, targetDependents, excludeDependents, continueOnError }),
      ...definedOnly({ excludeProtected: flags.excludeProtected }),
      ...definedOnly({ refresh, runProgram: flags.runProgram, expectNoChanges, message, previewOnly }),
    },
    shown: definedOnly({ showSames, showReplacementSteps, showFullOutput, showSecrets, suppressOutputs }),
    ...definedOnly({ diff, skipPreview, remove }),
  };
}

function trueOrFalse(value: string): boolean {
  if (value !== "true" && value !== "false") throw new InvalidArgumentError("expected true or false.");
  return value === "true";
}
