import { resolve } from "node:path";
import { UserError } from "../../engine/api";
import { loadProject } from "../../engine/project/project";
import { ReportError } from "../../report/input";
import { makeReport } from "../../report/make-report";
import { resultsTarget } from "../../run/artifacts";
import type { CommonOptions } from "../options";
import { pageAssets } from "../report-page";

export interface ReportCommandOptions {
  /** An artifacts folder; the project's usual one if absent. */
  folder?: string;
  /** A `report.json` to compare with. */
  previous?: string;
}

/** `seatrial report [DIR]`: makes the report of a run again from what it has left. @returns the exit code */
export async function reportCommand(
  common: CommonOptions,
  { folder, previous }: ReportCommandOptions,
): Promise<number> {
  const target = folder === undefined ? usualFolder(common) : resolve(folder);
  try {
    const page = await makeReport(target, {
      assets: await pageAssets(),
      ...(previous === undefined ? {} : { previous: resolve(previous) }),
    });
    process.stdout.write(common.json ? `${JSON.stringify({ page }, undefined, 2)}\n` : `${page}\n`);
    return 0;
  } catch (error) {
    if (error instanceof ReportError) throw new UserError(error.message);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UserError(`the report can't be written into ${target}: ${message}`);
  }
}

function usualFolder({ cwd }: CommonOptions): string {
  if (process.env.ARTIFACTS_DIR) return resultsTarget({ env: process.env, projectRoot: cwd });
  return resultsTarget({ env: {}, projectRoot: loadProject(cwd).root });
}
