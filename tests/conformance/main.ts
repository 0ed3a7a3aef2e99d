/** The conformance lane: every program on both engines. `npm run test:conformance -- --help` tells the arguments. */
import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Engines } from "./engines";
import { play } from "./play";
import { programs } from "./programs";
import type { Body } from "./program";

/** A step's body, for the module that seatrial runs. */
export function bodyOf(name: string, step: number): Body {
  const body = programs.find((program) => program.name === name)?.steps[step]?.body;
  if (!body) throw new Error(`there is no program ${name} with a body at step ${step}`);
  return body;
}

export async function main(argv: string[], root: string, bundle: string): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      pulumi: { type: "string" },
      verbose: { type: "boolean" },
      workers: { type: "string" },
      recordings: { type: "string" },
    },
  });
  const pulumi = values.pulumi ? resolve(values.pulumi) : onPath("pulumi");
  if (!pulumi) {
    console.log("skipped: there is no Pulumi CLI to compare with: not on PATH, and none named with --pulumi");
    return 0;
  }
  const engines: Engines = { seatrial: join(root, "bin", "seatrial"), pulumi, plugins: dirname(pulumi), bundle, root };
  const queue = programs.filter(
    ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
  );
  let passed = 0;
  let failed = 0;
  const work = async (): Promise<void> => {
    for (let program = queue.shift(); program; program = queue.shift()) {
      const { name } = program;
      const reports = await play(
        program,
        engines,
        (step) => `bundle.bodyOf(${JSON.stringify(name)}, ${step})`,
        values.recordings,
      ).catch((error: Error) => [
        { step: 0, problems: [error.stack ?? error.message], outputs: { seatrial: "", pulumi: "" } },
      ]);
      for (const { step, problems, outputs } of reports) {
        if (problems.length === 0) passed++;
        else failed++;
        console.log(`${problems.length > 0 ? "FAIL" : "ok  "} ${name} ${step + 1} ${program.steps[step]?.run ?? "up"}`);
        for (const problem of values.verbose ? problems : problems.slice(0, 12))
          console.log(`       ${problem.slice(0, 700)}`);
        if (values.verbose && problems.length > 0) console.log(outputs.seatrial, outputs.pulumi);
      }
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers ?? 2) }, work));
  console.log(`${passed} steps the same, ${failed} not`);
  return failed > 0 ? 1 : 0;
}

function onPath(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}
