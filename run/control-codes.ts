/**
 * Makes text of a container fit for the terminal: it may set colours, if `colors`, and nothing else. No cursor moves,
 * no window titles, no clipboard, no device queries, whether in 7-bit or 8-bit form.
 *
 * Text comes in chunks, and a sequence may lie across two; `push` holds its beginning back, `end` drops it.
 */
export interface ControlCodeFilter {
  push(chunk: string): string;
  end(): string;
}

/** A filter for one stream. */
export function controlCodeFilter(options: { colors: boolean }): ControlCodeFilter {
  let held = "";
  let swallowing = false;
  return {
    push(chunk) {
      let text = held + chunk;
      held = "";
      if (swallowing) {
        const end = endOfString(text, 0);
        if (end < 0) {
          // A terminator may be split: ESC here, backslash in the next chunk.
          held = text.endsWith("\x1b") ? "\x1b" : "";
          return "";
        }
        swallowing = false;
        text = text.slice(end);
      }
      let out = "";
      let from = 0;
      for (const start of introducers(text)) {
        if (start < from) continue;
        out += plain(text.slice(from, start));
        const sequence = readSequence(text, start);
        if (sequence.kind === "incomplete") {
          if (sequence.string) {
            swallowing = true;
            held = text.endsWith("\x1b") && text.length - 1 > start ? "\x1b" : "";
          } else if (text.length - start > longestSequence) {
            // No terminal waits this long for the end of a sequence; neither do we.
            return out;
          } else {
            held = text.slice(start);
          }
          return out;
        }
        // In its 7-bit form, whichever it came in.
        if (sequence.kind === "color" && options.colors) out += `\x1b[${sequence.parameters}m`;
        from = sequence.end;
      }
      const rest = text.slice(from);
      // Whether a carriage return is half a line end, the next chunk tells.
      if (rest.endsWith("\r")) held = "\r";
      return out + plain(held ? rest.slice(0, -1) : rest);
    },
    end() {
      held = "";
      swallowing = false;
      return "";
    },
  };
}

/** A whole text without control codes; colours too are gone, unless asked for. */
export function stripControlCodes(text: string, options: { colors: boolean } = { colors: false }): string {
  const filter = controlCodeFilter(options);
  return filter.push(text) + filter.end();
}

const longestSequence = 256;

type Sequence =
  | { kind: "color"; parameters: string; end: number }
  | { kind: "other"; end: number }
  /** The text ends inside the sequence; `string`: inside one that goes on until a terminator. */
  | { kind: "incomplete"; string: boolean };

function* introducers(text: string): Generator<number> {
  for (const match of text.matchAll(/[\x1b\x80-\x9f]/g)) yield match.index;
}

function readSequence(text: string, start: number): Sequence {
  let at = start;
  let introducer = text[at]!;
  if (introducer === "\x1b") {
    const next = text[++at];
    if (next === undefined) return { kind: "incomplete", string: false };
    introducer = next;
  } else {
    // The 8-bit form of ESC and a letter.
    introducer = String.fromCharCode(introducer.charCodeAt(0) - 0x40);
  }
  at += 1;
  if (introducer === "[") {
    const body = /^[0-?]*[ -/]*/.exec(text.slice(at, at + longestSequence))![0];
    const final = text[at + body.length];
    if (final === undefined) return { kind: "incomplete", string: false };
    // A byte that can't be part of the sequence ends it and is looked at again.
    if (!/[@-~]/.test(final)) return { kind: "other", end: at + body.length };
    const end = at + body.length + 1;
    return final === "m" && /^[0-9;:]*$/.test(body) ? { kind: "color", parameters: body, end } : { kind: "other", end };
  }
  if (/[\]PX^_]/.test(introducer)) {
    const end = endOfString(text, at);
    return end < 0 ? { kind: "incomplete", string: true } : { kind: "other", end };
  }
  if (/[ -/]/.test(introducer)) {
    const rest = /^[ -/]*/.exec(text.slice(at, at + longestSequence))![0];
    const final = text[at + rest.length];
    return final === undefined ? { kind: "incomplete", string: false } : { kind: "other", end: at + rest.length + 1 };
  }
  return { kind: "other", end: at };
}

/** Where a title, a device string or the like ends: after BEL, ESC backslash or the 8-bit terminator. */
function endOfString(text: string, from: number): number {
  const match = /\x07|\x1b\\|\x9c/.exec(text.slice(from));
  return match ? from + match.index + match[0].length : -1;
}

/** Drops single control characters but tab and line feed; a carriage return before a line feed goes with it. */
function plain(text: string): string {
  // A lone carriage return would let a log line overwrite what stands before it.
  return text
    .replace(/\r(?=\n)/g, "")
    .replace(/\r/g, "\n")
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "");
}
