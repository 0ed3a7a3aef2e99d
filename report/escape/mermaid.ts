import { plainLine } from "./plain";

/**
 * A name as the label of a node in a Mermaid flowchart, quotes included. Mermaid makes HTML and Markdown of labels and
 * knows several escapes: all but letters, digits, blanks and a few signs that mean nothing in it become `_`.
 */
export function mermaidLabel(text: string, longest = 40): string {
  const label = plainLine(text, longest).replace(/[^\p{L}\p{N} ._/+~=-]/gu, "_");
  return `"${label || "_"}"`;
}
