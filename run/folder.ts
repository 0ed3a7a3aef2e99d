import { existsSync } from "node:fs";
import type { Project } from "../engine";
import { programFolder } from "../engine/program/entry-point";

/**
 * From here on this process works in the program's folder: relative paths mean the same to a provider whether the
 * program is run or not, and from wherever it was asked for.
 */
export function enterProgramFolder(project: Project): void {
  const folder = programFolder(project);
  if (existsSync(folder)) process.chdir(folder);
}
