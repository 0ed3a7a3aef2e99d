/**
 * Text of containers and tests, made fit to be shown. The page and what makes it share these, so they use nothing of
 * Node's.
 */

/**
 * Drops every terminal sequence but those that set colours and styles, and every control character but tab and line
 * feed. What follows a carriage return is taken for the new content of its line, as a terminal shows it.
 */
export function cleanText(text: string): string {
  // Nearly all text holds none of these.
  if (!/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(text)) return text;
  return text
    .replace(sequences, (_, parameters: string | undefined) => (parameters === undefined ? "" : `\x1b[${parameters}m`))
    .replace(/\r+(?=\n|$)/g, "")
    .replace(/[^\n]*\r/g, "")
    .replace(/[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[[0-9;:]*m)/g, "");
}

/** Colours, which keep their parameters; other CSI sequences; strings up to their end; two- and three-byte ones. */
const sequences =
  /(?:\x1b\[|\x9b)([0-9;:]{0,64})m|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)|\x1b(?:[ -/]+[0-~]?|[0-OQ-WYZ\\`-~])/g;

/** The text without colours too. */
export function plainText(text: string): string {
  return cleanText(text).replace(/\x1b\[[0-9;:]*m/g, "");
}

/** A piece of text and the classes of its style; `style` is empty for plain text. */
export interface StyledText {
  text: string;
  style: string;
}

const colours = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** Takes text of {@link cleanText} apart by its colours. Only names of our own classes come out of it. */
export function styledText(text: string): StyledText[] {
  if (!text.includes("\x1b")) return text === "" ? [] : [{ text, style: "" }];
  const pieces: StyledText[] = [];
  let state = { bold: false, dim: false, italic: false, underline: false, colour: "" };
  let from = 0;
  const push = (to: number): void => {
    if (to <= from) return;
    const style = [
      ...(["bold", "dim", "italic", "underline"] as const).filter((name) => state[name]).map((name) => `t-${name}`),
      ...(state.colour ? [`t-${state.colour}`] : []),
    ].join(" ");
    pieces.push({ text: text.slice(from, to).replaceAll("\x1b", ""), style });
  };
  for (const match of text.matchAll(/\x1b\[([0-9;:]*)m/g)) {
    push(match.index);
    from = match.index + match[0].length;
    const codes = match[1]!.split(/[;:]/).map(Number);
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i]!;
      if (code === 0) state = { bold: false, dim: false, italic: false, underline: false, colour: "" };
      else if (code === 1) state.bold = true;
      else if (code === 2) state.dim = true;
      else if (code === 3) state.italic = true;
      else if (code === 4) state.underline = true;
      else if (code === 22) state.bold = state.dim = false;
      else if (code === 23) state.italic = false;
      else if (code === 24) state.underline = false;
      else if (code === 39) state.colour = "";
      else if (code >= 30 && code <= 37) state.colour = colours[code - 30]!;
      else if (code >= 90 && code <= 97) state.colour = colours[code - 90]!;
      // Colours by number are left out, with their parameters.
      else if (code === 38 || code === 48) i += codes[i + 1] === 2 ? 4 : 2;
    }
  }
  push(text.length);
  return pieces;
}

/** The text, or its beginning and its end with a line between that says how much is left out. */
export function cutMiddle(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const half = Math.floor(longest / 2);
  const left = text.length - 2 * half;
  return `${text.slice(0, half)}\n… ${left.toLocaleString("en")} characters left out …\n${text.slice(-half)}`;
}

/** A span of time as a person reads it: `80 ms`, `1.4 s`, `3 m 05 s`, `1 h 02 m`. */
export function formatTime(seconds: number): string {
  if (seconds < 0.0995) return `${Math.max(Math.round(seconds * 1000), 0)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} m`;
}

/** A size as a person reads it: `12 B`, `3.4 kB`, `120 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
