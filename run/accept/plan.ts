import { readFileSync } from "node:fs";
import { join, posix, relative, resolve } from "node:path";
import { UserError } from "../../engine/api";
import { pathKind } from "../plain-path";
import type { Results } from "./results";

/** An expected file that would change. */
export interface Acceptance {
  name: string;
  /** Relative to the checkout, with forward slashes. */
  file: string;
  /** What the file holds; absent where there is none yet. */
  before?: string;
  /** What it would hold; absent where it would be removed. */
  after?: string;
}

export interface AcceptancePlan {
  accepted: Acceptance[];
  /** Results that can't be accepted, and why. */
  refused: { name: string; file: string; why: string }[];
  /** How many have been accepted already. */
  same: number;
}

/** Bytes of an expected file: what inputs may have in all. */
const largest = 16 * 1024 * 1024;

/**
 * What accepting a run's results would do to the checkout. Only `.json` files in it are touched, and none through a
 * link, whatever the results say.
 *
 * @param projectRoot what the files in the results are relative to
 * @param checkout the folder that nothing outside of is written to
 */
export async function planAcceptance(
  results: Results,
  { projectRoot, checkout }: { projectRoot: string; checkout: string },
): Promise<AcceptancePlan> {
  const plan: AcceptancePlan = { accepted: [], refused: [], same: 0 };
  const seen = new Map<string, Acceptance>();
  for (const { name, file: given, status, actual } of results.run.expectations?.changed ?? []) {
    const refuse = (why: string) => void plan.refused.push({ name, file: given, why });
    if (given.startsWith("/")) {
      refuse("no declared input of the tests tells which file of the checkout it is");
      continue;
    }
    const file = relative(checkout, resolve(projectRoot, given)).replace(/\\/g, "/");
    const fault = faultOf(checkout, file);
    if (fault) {
      refuse(fault);
      continue;
    }
    const before = pathKind(checkout, file) === "file" ? readFileSync(join(checkout, file), "utf8") : undefined;
    const after = status === "missing" ? undefined : await readAccepted(results, actual, before);
    if (after instanceof UserError) {
      refuse(after.message);
      continue;
    }
    const acceptance = {
      ...{ name, file },
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    };
    const other = seen.get(file);
    seen.set(file, acceptance);
    if (other && other.after !== after) {
      refuse("the run has another result for the same file");
      plan.accepted = plan.accepted.filter((each) => each.file !== file);
    }
    if (other) continue;
    if (isSame(before, after)) plan.same += 1;
    else plan.accepted.push(acceptance);
  }
  return plan;
}

function faultOf(checkout: string, file: string): string | undefined {
  if (file === "" || file.startsWith("../") || file.includes("\0")) return `it lies outside of ${checkout}`;
  if (!file.endsWith(".json")) return "expected results are .json files";
  const kept = file.split("/").find((part) => part.startsWith(".") || part === "node_modules");
  if (kept) return `nothing is written into ${kept}`;
  // They decide what npm and the compiler do.
  if (/^(package(-lock)?|npm-shrinkwrap|[tj]sconfig.*)\.json$/.test(posix.basename(file))) return "it is no expected result"; // prettier-ignore
  const kind = pathKind(checkout, file);
  return kind === "file" || kind === "none" ? undefined : `it is ${kind}`;
}

async function readAccepted(results: Results, path: string | undefined, before: string | undefined) {
  if (path === undefined) return new UserError("the run has not kept it");
  try {
    const content = await results.read(path, largest);
    if (!content) return new UserError(`${path} is not in ${results.place}`);
    return formatted(JSON.parse(content.toString("utf8")), before);
  } catch (error) {
    if (error instanceof UserError) return error;
    return new UserError(`${path} is no JSON: ${(error as Error).message}`);
  }
}

/** As the file has been written so far, so that a diff shows what has changed and nothing else. */
function formatted(value: unknown, before = "{\n  \n}\n"): string {
  const [, indent] = /^[[{]\r?\n([ \t]+)/.exec(before) ?? [];
  const end = /\s*$/.exec(before)![0];
  return `${JSON.stringify(value, undefined, indent ?? (before.includes("\n") ? 2 : undefined))}${end}`;
}

function isSame(before: string | undefined, after: string | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  try {
    return JSON.stringify(JSON.parse(before)) === JSON.stringify(JSON.parse(after));
  } catch {
    return false;
  }
}
