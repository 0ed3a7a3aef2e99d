import { plainLine } from "./plain";

/**
 * A name as the label of a node in a Mermaid flowchart, quotes included. Mermaid makes HTML of labels and takes them for
 * Markdown, and knows several escapes: all but letters, digits, blanks and `.`, `/`, `-`, and `_` within a word, become
 * `·`, and so does what would begin a list or an address.
 *
 * @param remark words of ours after the name
 */
export function mermaidLabel(text: string, remark = "", longest = 40): string {
  const name = plainLine(text, longest)
    .replace(/[^\p{L}\p{N} ._/-]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "·")
    .replace(/www\./giu, "www·")
    .replace(/^(?![\p{L}·])/u, "·");
  return `"${name}${remark && ` (${remark})`}"`;
}
