/** The conformance lane: every program on both engines, and what the embedded one refuses. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compatibilityPage } from "./compatibility";
import type { Engines } from "./engines";
import { play, refuse, type StepReport } from "./play";
import type { Body, Program } from "./program";
import { programs, refusals } from "./programs";

/** A step's body, for the module that seatrial runs. */
export function bodyOf(name: string, step: number): Body {
  const body = programs.find((program) => program.name === name)?.steps[step]?.body;
  if (!body) throw new Error(`there is no program ${name} with a body at step ${step}`);
  return body;
}

/** The program of a refusal; most need none. */
export function refusedBody(name: string): Body {
  return refusals.find((refusal) => refusal.name === name)?.body ?? (() => undefined);
}

/** Where the lane finds what it runs. */
export interface Setting {
  root: string;
  /** The bundle that this code runs from. */
  bundle: string;
  /** The CLI and the folder of its plugins; without it only what seatrial refuses is tried. */
  cli: { pulumi: string; plugins: string } | undefined;
}

/** `[--verbose] [--workers N] [--recordings DIR] [--write-docs] [PROGRAM…]`; a program is named by a part of its name. */
export async function main(argv: string[], { root, bundle, cli }: Setting): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      verbose: { type: "boolean" },
      workers: { type: "string" },
      recordings: { type: "string" },
      "write-docs": { type: "boolean" },
    },
  });
  if (values["write-docs"]) {
    writeFileSync(join(root, "docs", "compatibility.md"), compatibilityPage(programs, refusals));
    return 0;
  }
  const engines: Engines = { seatrial: join(root, "bin", "seatrial"), pulumi: "", plugins: "", bundle, root, ...cli };
  const isChosen = ({ name }: { name: string }): boolean =>
    positionals.length === 0 || positionals.some((word) => name.includes(word));
  let passed = 0;
  let failed = 0;
  const tell = (what: string, problems: string[], output = ""): void => {
    if (problems.length === 0) passed++;
    else failed++;
    console.log(`${problems.length > 0 ? "FAIL" : "ok  "} ${what}`);
    for (const problem of values.verbose ? problems : problems.slice(0, 12)) {
      console.log(`       ${problem.slice(0, 700)}`);
    }
    if (values.verbose && problems.length > 0) console.log(output);
  };

  for (const refusal of refusals.filter(isChosen)) {
    const expression = `bundle.refusedBody(${JSON.stringify(refusal.name)})`;
    tell(`${refusal.name}, refused`, await refuse(refusal, engines, expression));
  }
  const queue = cli ? programs.filter(isChosen) : [];
  const work = async (): Promise<void> => {
    for (let program = queue.shift(); program; program = queue.shift()) {
      for (const { plan, step, problems, output } of await playSafely(program, engines, values.recordings)) {
        const how = plan === "seatrial" ? "" : ` (${plan})`;
        tell(`${program.name} ${step + 1} ${program.steps[step]?.run ?? "up"}${how}`, problems, output);
      }
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers ?? 2) }, work));
  console.log(`${passed} steps as they should be, ${failed} not`);
  return failed > 0 ? 1 : 0;
}

async function playSafely(program: Program, engines: Engines, recordings: string | undefined): Promise<StepReport[]> {
  try {
    const expressionOf = (step: number): string => `bundle.bodyOf(${JSON.stringify(program.name)}, ${step})`;
    return await play(program, engines, expressionOf, recordings);
  } catch (error) {
    return [{ plan: "seatrial", step: 0, problems: [(error as Error).stack ?? String(error)], output: "" }];
  }
}
