import { readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(__dirname, "../..");

export function readDocument(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** A heading and what stands below it, down to the next heading of any level. */
export interface Section {
  level: number;
  title: string;
  text: string;
}

/** The document's sections; what looks like a heading inside of a block of code is none. */
export function sections(markdown: string): Section[] {
  const found: Section[] = [];
  let fenced = false;
  for (const line of markdown.split("\n")) {
    if (/^\s*```/.test(line)) fenced = !fenced;
    const heading = fenced ? undefined : /^(#+) (.*)$/.exec(line);
    if (heading) found.push({ level: heading[1]!.length, title: heading[2]!, text: "" });
    else if (found.length > 0) found.at(-1)!.text += `${line}\n`;
  }
  return found;
}

/** The rows of the tables in the text, by the table's column heads. */
export function tableRows(text: string): Record<string, string>[] {
  const rows: Record<string, string>[] = [];
  let heads: string[] | undefined;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) {
      heads = undefined;
      continue;
    }
    const cells = line
      .slice(1, line.lastIndexOf("|"))
      .split("|")
      .map((cell) => cell.trim());
    if (!heads) heads = cells;
    else if (!cells.every((cell) => /^:?-+:?$/.test(cell)))
      rows.push(Object.fromEntries(heads.map((head, i) => [head, cells[i] ?? ""])));
  }
  return rows;
}

/** The pieces of code in a line of text. */
export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

/** The anchor that a heading gets where the document is shown. */
export function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}
