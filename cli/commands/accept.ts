import { execFile } from "node:child_process";
import { realpathSync, statSync } from "node:fs";
import { relative } from "node:path";
import { promisify } from "node:util";
import { structuredPatch } from "diff";
import { UserError } from "../../engine/api";
import { planAcceptance, type Acceptance, type AcceptancePlan } from "../../run/accept/plan";
import { openResults, type Results } from "../../run/accept/results";
import { writeAcceptances } from "../../run/accept/write";
import { resultsTarget } from "../../run/artifacts";
import { shortSha } from "../../run/commit";
import { stripControlCodes } from "../../run/control-codes";
import { asks, confirmed } from "../confirm";
import { openProject } from "../context";
import { makeStyle, wantsColor, type Style } from "../display/style";
import type { CommonOptions } from "../options";
import { table } from "./stack";

/** Lines of each file's diff, and of all together, that are shown. */
const shown = { file: 60, all: 2000 };

/**
 * `seatrial accept`: makes a run's results those that are expected, without running anything.
 *
 * @param given a folder of artifacts, a zip with one, the id of the last run, or nothing for the last run's folder
 * @returns 0 if all are accepted, 1 if not
 */
export async function acceptCommand(common: CommonOptions, given: string | undefined): Promise<number> {
  const { project } = await openProject(common);
  const results = await openGiven(given, project.root);
  try {
    if (results.run.project !== project.name) {
      throw new UserError(
        `${results.place} is of the project ${printable(results.run.project)}, this is ${project.name}`,
      );
    }
    const projectRoot = realpathSync(project.root);
    const checkout = await checkoutOf(projectRoot);
    const plan = await planAcceptance(results, { projectRoot, checkout });
    return await carryOut(common, results, plan, checkout);
  } finally {
    results.close();
  }
}

async function openGiven(given: string | undefined, projectRoot: string): Promise<Results> {
  const isThere = given !== undefined && statSync(given, { throwIfNoEntry: false });
  if (given === undefined || (!isThere && /^[a-z2-7]{12}$/.test(given))) {
    const results = await openResults(resultsTarget({ env: process.env, projectRoot }));
    if (given === undefined || results.run.run === given) return results;
    results.close();
    throw new UserError(
      `${results.place} holds the run ${results.run.run}, not ${given}: later runs replace earlier ones`,
    );
  }
  if (!isThere) throw new UserError(`there is no folder and no zip ${given}`);
  // What a CI system's zip holds lies where the job had it.
  return await openResults(given, ["", "build/tests"]);
}

async function carryOut(
  common: CommonOptions,
  { run, place }: Results,
  plan: AcceptancePlan,
  checkout: string,
): Promise<number> {
  const { accepted, refused } = plan;
  const print = (text: string) => void (common.json ? process.stderr : process.stdout).write(`${text}\n`);
  const style = makeStyle(wantsColor(common.color, process.env, Boolean(process.stdout.isTTY)));
  const commit = run.commit ? ` of commit ${shortSha(run.commit)}` : "";
  print(style.dim(printable(`results of ${run.finishedAt}${commit} in ${place}`)));
  if (!run.expectations) {
    throw new UserError(
      `the tests of this run have compared no results: there is no expectations.json in ${place} (docs/testing.md)`,
    );
  }
  let room = shown.all;
  for (const acceptance of accepted) {
    const lines = describeDiff(acceptance, style).slice(0, Math.max(room, 0));
    room -= lines.length;
    for (const line of lines) print(line);
  }
  if (room <= 0) print(style.dim("… more differences are not shown"));
  for (const { name, file, why } of refused) print(`${style.red("refused")} ${printable(name)} (${printable(file)}): ${printable(why)}`); // prettier-ignore
  const more = run.expectations.more ?? 0;
  if (more > 0) print(`${style.yellow("warning")} ${more} more have changed than the run tells of: accept these, then run again`); // prettier-ignore

  const files = accepted.length === 1 ? "this result" : `these ${accepted.length} results`;
  const agreed =
    accepted.length > 0 && (common.yes || (asks(common) && (await confirmed(`Expect ${files} from now on?`))));
  const failed = agreed ? writeAcceptances(checkout, accepted) : [];
  const done = agreed ? accepted.filter(({ file }) => !failed.some((each) => each.file === file)) : [];
  if (done.length > 0) {
    const rows = done.map((each) => [change(each), printable(each.name), printable(relative(process.cwd(), `${checkout}/${each.file}`))]); // prettier-ignore
    print(table([["ACCEPTED", "RESULT", "FILE"], ...rows]));
  }
  for (const { file, why } of failed) print(`${style.red("failed")} ${printable(file)}: ${printable(why)}`);
  if (accepted.length === 0 && refused.length === 0) print("Nothing to accept: every result is as expected.");
  else if (accepted.length > 0 && !agreed)
    print(`Nothing was written${common.yes || asks(common) ? "" : ": --yes does it"}.`);
  if (common.json) {
    const told = done.map((each) => ({ name: each.name, file: each.file, change: change(each) }));
    const left = [...refused, ...failed.map(({ file, why }) => ({ name: file, file, why }))];
    process.stdout.write(`${JSON.stringify({ run: run.run, accepted: told, refused: left }, undefined, 2)}\n`);
  }
  return done.length === accepted.length && refused.length === 0 && more === 0 ? 0 : 1;
}

function change({ before, after }: Acceptance): "new" | "changed" | "removed" {
  return before === undefined ? "new" : after === undefined ? "removed" : "changed";
}

function describeDiff({ name, file, before = "", after = "" }: Acceptance, style: Style): string[] {
  const title = style.bold(printable(name === file ? file : `${name} · ${file}`));
  // Very different large files take a comparison longer than anybody would wait.
  const patch = structuredPatch("", "", before, after, "", "", { context: 2, timeout: 2000 });
  if (!patch) return [title, style.dim("  (too different to be compared line by line)")];
  const lines = patch.hunks.flatMap((hunk) => hunk.lines).map((line) => `  ${painted(printable(line), style)}`);
  const rest = lines.length - shown.file;
  return [title, ...lines.slice(0, shown.file), ...(rest > 0 ? [style.dim(`  … and ${rest} more lines`)] : [])];
}

function painted(line: string, style: Style): string {
  return line.startsWith("+") ? style.green(line) : line.startsWith("-") ? style.red(line) : line;
}

function printable(text: string): string {
  const plain = stripControlCodes(text).replace(/[\r\n]/g, " ");
  return plain.length > 300 ? `${plain.slice(0, 300)}…` : plain;
}

/** All of the repository, as inputs may come from beside the project's folder; without git, that folder. */
async function checkoutOf(projectRoot: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("git", ["-C", projectRoot, "rev-parse", "--show-toplevel"]);
    return stdout.trim() || projectRoot;
  } catch {
    return projectRoot;
  }
}
