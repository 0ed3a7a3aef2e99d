import { resolve } from "node:path";
import { UserError } from "../../engine/api";
import { renderNote } from "../../report/note/note";
import { resultsTarget } from "../../run/artifacts";
import { compareWithBase } from "../../run/comparison/compare";
import { comparisonFile, noteFile, writeWhole } from "../../run/note-files";
import { loadProviders } from "../../run/parts";
import { interruptCode, onInterrupt } from "../../run/signals";
import { openProject } from "../context";
import { showComparison } from "../display/comparison-display";
import { makeScreen } from "../display/screen";
import { definedOnly, type CommonOptions } from "../options";

export interface CompareCommandOptions {
  base: string;
  /** Where the comparison and its note go. */
  artifacts?: string;
}

/** The stack that is compared where none is named: its settings are those of CI. */
const usualStack = "ci-preview";

/** `seatrial preview --base`. @returns the exit code */
export async function compareCommand(common: CommonOptions, options: CompareCommandOptions): Promise<number> {
  if (common.engine === "pulumi") {
    throw new UserError("preview --base is not done with --engine pulumi: leave that out, nothing is made by it");
  }
  const { engine, project } = await openProject(common);
  const artifacts = options.artifacts && resolve(options.artifacts);
  const folder = resultsTarget({ ...definedOnly({ artifacts }), env: process.env, projectRoot: project.root });
  const stream = common.json ? process.stderr : process.stdout;
  const screen = makeScreen({ stream, env: process.env, ...definedOnly({ color: common.color }) });
  const controller = new AbortController();
  let interrupted: NodeJS.Signals | undefined;
  const release = onInterrupt((signal, count) => {
    interrupted ??= signal;
    controller.abort(new UserError(`${signal}: nothing was compared`));
    if (count > 2) process.exit(interruptCode(signal));
  });
  try {
    screen.status(() => `previewing both programs`);
    const comparison = await compareWithBase(engine, await loadProviders(), {
      ...{
        project,
        base: options.base,
        stack: common.stack ?? usualStack,
        config: common.config,
        isolated: common.isolated,
      },
      ...definedOnly({ configFile: common.configFile, parallel: common.parallel }),
      signal: controller.signal,
      say: (text) => {
        if (common.verbose) screen.line(screen.style.dim(text));
      },
    });
    screen.status(undefined);
    await writeWhole(folder, comparisonFile, `${JSON.stringify(comparison, undefined, 2)}\n`);
    await writeWhole(folder, noteFile, renderNote({ comparison, problems: [] }));
    showComparison(screen, comparison);
    if (common.json) process.stdout.write(`${JSON.stringify(comparison, undefined, 2)}\n`);
    return 0;
  } catch (error) {
    if (!interrupted) throw error;
    screen.line(`${interrupted}: nothing was compared`);
    return interruptCode(interrupted);
  } finally {
    release();
    screen.close();
  }
}
