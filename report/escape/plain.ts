/**
 * One line of plain text, whatever it was: without line ends, control characters, halves of characters, and characters
 * that nobody sees or that turn the direction of what follows. Cut to `longest` characters.
 */
export function plainLine(text: string, longest = 300): string {
  const clean = text
    // A text may be of any length: what is cut off need not be cleaned.
    .slice(0, longest * 8 + 64)
    .replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "")
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replace(/\p{Cf}|[\u{e0000}-\u{e0fff}\ufe00-\ufe0f\u034f\u115f\u1160\u3164\uffa0]/gu, "")
    .trim();
  const characters = [...clean];
  return characters.length <= longest ? clean : `${characters.slice(0, longest - 1).join("")}…`;
}
