import { styledText } from "../text";
import { h } from "./dom";

/** Text with its colours, and what was searched for marked in it. */
export function styled(text: string, wanted = ""): HTMLElement[] {
  const pieces: HTMLElement[] = [];
  for (const { text: piece, style } of styledText(text)) {
    const element = h("span", style);
    element.append(...marked(piece, wanted));
    pieces.push(element);
  }
  return pieces;
}

/** A text with every place marked at which another is in it, in whatever case. */
export function marked(text: string, wanted: string): (Node | string)[] {
  if (wanted === "") return [text];
  const parts: (Node | string)[] = [];
  const lower = text.toLowerCase();
  const sought = wanted.toLowerCase();
  let from = 0;
  // Of some letters the small one is longer: places in one text aren't places in the other then.
  if (lower.length === text.length) {
    for (let at = lower.indexOf(sought); at >= 0; at = lower.indexOf(sought, from)) {
      parts.push(text.slice(from, at), h("mark", {}, text.slice(at, at + sought.length)));
      from = at + sought.length;
    }
  }
  parts.push(text.slice(from));
  return parts;
}
