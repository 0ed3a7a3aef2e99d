/** The conformance lane: every program on both engines, and what the embedded one refuses. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compatibilityPage } from "./compatibility";
import type { Engines } from "./engines";
import { play, refuse, type StepReport } from "./play";
import type { Body, Program } from "./program";
import { programs, refusals } from "./programs";
import { randomProgram } from "./random";

/** A step's body, for the module that seatrial runs. */
export function bodyOf(name: string, step: number): Body {
  const body = programs.find((program) => program.name === name)?.steps[step]?.body;
  if (!body) throw new Error(`there is no program ${name} with a body at step ${step}`);
  return body;
}

/** The body of a random program's step. */
export function randomBody(seed: number, step: number): Body {
  return randomProgram(seed).steps[step]!.body!;
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
  cli: Pick<Engines, "pulumi" | "plugins" | "lent"> | undefined;
}

/**
 * `[--verbose] [--workers N] [--recordings DIR] [--write-docs] [--random N [--seed S]] [PROGRAM…]`; a program is named by
 * a part of its name. With `--random` N random programs are played instead, from seed S on.
 */
export async function main(argv: string[], { root, bundle, cli }: Setting): Promise<number> {
  const parsed = readArguments(argv);
  if (!parsed) return 2;
  const { values, positionals } = parsed;
  if (values["write-docs"]) {
    writeFileSync(join(root, "docs", "compatibility.md"), compatibilityPage(programs, refusals));
    return 0;
  }
  const seatrial = join(root, "bin", "seatrial");
  const engines: Engines = { seatrial, pulumi: "", plugins: "", lent: false, bundle, root, ...cli };
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

  for (const refusal of values.random ? [] : refusals.filter(isChosen)) {
    const expression = `bundle.refusedBody(${JSON.stringify(refusal.name)})`;
    tell(`${refusal.name}, refused`, await refuse(refusal, engines, expression));
  }
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const chosen: Choice[] = values.random
    ? Array.from({ length: Number(values.random) }, (_, i) => ({ name: `random-${seed + i}`, seed: seed + i }))
    : programs.filter(isChosen).map(({ name }) => ({ name }));
  const queue = cli ? chosen : [];
  const work = async (): Promise<void> => {
    for (let choice = queue.shift(); choice; choice = queue.shift()) {
      const program = programOf(choice);
      const reports = await playApart({ choice, engines, recordings: values.recordings });
      for (const { plan, step, problems, output } of reports) {
        const how = plan === "seatrial" ? "" : ` (${plan})`;
        tell(`${program.name} ${step + 1} ${program.steps[step]?.run ?? "up"}${how}`, problems, output);
      }
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers ?? 2) }, work));
  console.log(`${passed} steps as they should be, ${failed} not`);
  return failed > 0 ? 1 : 0;
}

/** Nothing where they are wrong, which has been told then. */
function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        verbose: { type: "boolean" },
        workers: { type: "string" },
        recordings: { type: "string" },
        "write-docs": { type: "boolean" },
        random: { type: "string" },
        seed: { type: "string" },
      },
    });
  } catch (error) {
    console.error(`error: ${(error as Error).message.split(". ")[0]}; scripts/conformance.mjs lists the options`);
    return undefined;
  }
}

/** Of the lane's own programs by name, of the random ones by seed: so that one alone can be played again. */
interface Choice {
  name: string;
  seed?: number;
}

interface Order {
  choice: Choice;
  engines: Engines;
  recordings: string | undefined;
}

const programOf = ({ name, seed }: Choice): Program =>
  seed === undefined ? programs.find((program) => program.name === name)! : randomProgram(seed);

/**
 * Plays a program in a process of its own. The CLI's side runs in that process, where the SDK takes a rejection that
 * nobody handles, however late, for that of whichever program runs then.
 */
async function playApart(order: Order): Promise<StepReport[]> {
  const code = `require(${JSON.stringify(order.engines.bundle)}).playOrder()`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  child.send(order);
  const ended = once(child, "exit").then(([exitCode]) => [
    { plan: "seatrial", step: 0, problems: [`the process that plays it ended with ${exitCode}`], output: "" },
  ]);
  const reports = await Promise.race([once(child, "message").then(([message]) => message as StepReport[]), ended]);
  child.kill();
  return reports;
}

/** What runs in that process. */
export function playOrder(): void {
  process.once("message", ({ choice, engines, recordings }: Order) => {
    const { name, seed } = choice;
    const bodyCall = seed === undefined ? `bodyOf(${JSON.stringify(name)}` : `randomBody(${seed}`;
    const plan = play(programOf(choice), engines, (step) => `bundle.${bodyCall}, ${step})`, recordings);
    const problemsOf = (error: Error): StepReport[] => [
      { plan: "seatrial", step: 0, problems: [error.stack ?? String(error)], output: "" },
    ];
    void plan.catch(problemsOf).then((reports) => process.send!(reports));
  });
}
