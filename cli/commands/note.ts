import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { noteLinks } from "../note-links";
import { NoteRefusedError } from "../../ci/notes/api";
import { postToGithub } from "../../ci/notes/github";
import { postToGitlab } from "../../ci/notes/gitlab";
import { noteTarget } from "../../ci/notes/target";
import { UserError } from "../../engine/api";
import { noteMarker, projectOf, renderNote } from "../../report/note/note";
import { readNoteData } from "../../run/note-data";
import { noteFile, writeWhole } from "../../run/note-files";
import { makeScreen } from "../display/screen";
import { definedOnly, type CommonOptions } from "../options";

/**
 * `seatrial note`: makes the note from what a folder holds, which may be anybody's, and posts it where there is a
 * merge request and a token. Runs no program and reads no project.
 *
 * @returns the exit code
 */
export async function noteCommand(common: CommonOptions, given: string | undefined): Promise<number> {
  const folder = resolve(common.cwd, given ?? (process.env.ARTIFACTS_DIR || "build/tests"));
  if (!existsSync(folder)) {
    throw new UserError(
      `there is no folder ${folder}: name the one that seatrial test or preview --base has written to`,
    );
  }
  const stream = common.json ? process.stderr : process.stdout;
  const screen = makeScreen({ stream, env: process.env, ...definedOnly({ color: common.color }) });
  try {
    const data = await readNoteData(folder);
    for (const problem of data.problems) screen.line(`${screen.style.yellow("warning")} left out: ${problem}`);
    if (!data.outcome && !data.comparison) {
      throw new UserError(`${folder} has neither a result.json nor a preview.json that can be read: nothing to tell`);
    }
    const body = renderNote(data, noteLinks(folder, process.env));
    await writeWhole(folder, noteFile, body);
    const target = noteTarget(process.env);
    if (target.kind === "none") {
      screen.line(`The note is in ${folder}/${noteFile}; it is posted nowhere: ${target.why}`);
      return 0;
    }
    const note = { body, marker: noteMarker(projectOf(data)) };
    const posted = target.kind === "gitlab" ? await postToGitlab(target, note) : await postToGithub(target, note);
    screen.line(
      posted
        ? `The note was ${posted.done}`
        : `The note is in ${folder}/${noteFile}; it is posted nowhere: there is no open pull request at this commit`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof NoteRefusedError)) throw error;
    process.stderr.write(`error: the note could not be posted: ${error.message}\n`);
    return 1;
  } finally {
    screen.close();
  }
}
