/**
 * Text of anybody's in Markdown, as GitLab and GitHub show it. There is one way for it to get there: as code within a
 * line, where neither does anything with mentions, references, links, HTML, formulas or quick actions.
 */
import { plainLine } from "./plain";

/** The text as code within a line: between more backticks than it has in a row. Must not stand at a line's start. */
export function inlineCode(text: string, longest?: number): string {
  const line = plainLine(text, longest);
  if (line === "") return "_(empty)_";
  const runs = line.match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(0, ...runs.map((run) => run.length)) + 1);
  // Beside a fence a backtick would make it longer; of these blanks nothing is shown, and of others neither.
  const pad = /^[` ]|[` ]$/.test(line) ? " " : "";
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** The address of a link: `undefined` of what isn't one of a web page. */
export function linkTarget(address: string | undefined): string | undefined {
  if (address === undefined || address.length > 2000) return undefined;
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return undefined;
  }
  if (!["https:", "http:"].includes(url.protocol) || url.username || url.password) return undefined;
  return url.href.replace(/[()<>[\]\\`*_~|!"'$@^{}\s]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0");
    return `%${code}`;
  });
}
