import { makeReport } from "../report/make-report";
import type { RunHost } from "./host";
import { engineMessage } from "./sweep";

/** Seconds that the report may take; a run ends without it then. */
const longestReport = 60;

/**
 * Makes the report of a run that is over. That it can't be made is no verdict.
 *
 * @returns the page's file, or a line that says why there is none
 */
export async function writeReport(folder: string, host: RunHost): Promise<{ page?: string; problem?: string }> {
  if (!host.pageAssets) return {};
  try {
    const assets = await host.pageAssets();
    return { page: await makeReport(folder, { assets, signal: AbortSignal.timeout(longestReport * 1000) }) };
  } catch (error) {
    const why =
      (error as Error).name === "AbortError" || (error as Error).name === "TimeoutError"
        ? `it took longer than ${longestReport} s; seatrial report ${folder} makes it without a limit`
        : engineMessage(error);
    return { problem: `the report can't be made: ${why}` };
  }
}
