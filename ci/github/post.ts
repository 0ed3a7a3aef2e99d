/** After the job's steps, whatever became of them: destroys what this job's runs have left. */
import { annotate, run } from "./runner";

void main();

async function main(): Promise<void> {
  const { STATE_seatrial: seatrial, STATE_folder: folder } = process.env;
  // It had not come so far.
  if (!seatrial || !folder) return;
  const code = await run(process.execPath, [seatrial, "destroy", "--yes"], { cwd: folder });
  if (code !== 0)
    annotate("warning", "not everything could be removed: seatrial gc on the same Docker Engine tries again");
}
