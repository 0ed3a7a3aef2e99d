import { appendFile } from "node:fs/promises";
import { detectJob } from "../ci/detect";
import { errorCommand } from "../ci/workflow-commands";
import { renderNote } from "../report/note/note";
import { readCases, readNoteData } from "../run/note-data";
import type { Result } from "../run/result";
import { noteLinks } from "./note-links";

/** GitHub shows no more than ten of a step. */
const mostAnnotations = 10;

/** In a job of GitHub Actions: a summary of the run on the job's page, and an annotation for each failed test. */
export async function tellGithub(result: Result, stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Promise<void> {
  if (detectJob(env)?.system !== "github") return;
  const { tests, failure, verdict, artifacts } = result;
  const failed = (await readCases(artifacts.directory)).filter((test) => test.failed);
  for (const { name, message } of tests.failures.slice(0, mostAnnotations)) {
    const { file, line } = failed.find((test) => test.name === name) ?? {};
    const place = { ...(file ? { file } : {}), ...(line ? { line } : {}) };
    stream.write(`${errorCommand({ title: name, message: message || "failed", ...place })}\n`);
  }
  if (failure) {
    stream.write(
      `${errorCommand({ title: `${verdict} ${failure.resource ?? ""}`.trim(), message: failure.message })}\n`,
    );
  }
  if (!env.GITHUB_STEP_SUMMARY) return;
  const note = renderNote(await readNoteData(artifacts.directory), noteLinks(artifacts.directory, env));
  await appendFile(env.GITHUB_STEP_SUMMARY, note).catch((error: Error) => {
    stream.write(`the job's summary can't be written: ${error.message}\n`);
  });
}
