/** Keeps the plain text of secrets out of what people and files get to see. */
import { type PropertyMap, type PropertyValue, Secret, someValue } from "../values";

/** Shorter values are words that occur anyway: masking them would hide more than they tell. */
const SHORTEST = 6;
/** A piece of an encoding, or a line of a longer secret, that is shorter than this may be anything. */
const SHORTEST_PIECE = 8;
/** Characters in a line of base64 as `base64` and PEM files break them. */
const BASE64_LINES = [76, 64];
const MASK = "[secret]";

export interface Masker {
  /** Remembers the texts inside every secret of `value`. */
  learn(value: PropertyValue | undefined): void;
  /**
   * Learns what the program and the provider declare secret. What `additionalSecretOutputs` keeps out of sight, such as
   * a container's log, may be made of words that occur anywhere; once it is another resource's input it is learned.
   */
  learnResource(state: { inputs: PropertyMap; outputs: PropertyMap; additionalSecretOutputs: string[] }): void;
  /** There is nothing to mask, so far. */
  knowsNothing(): boolean;
  /** The text with every secret, as it is or encoded in a usual way, replaced by `[secret]`. */
  mask(text: string): string;
  /** For a text that comes in chunks, which may split a secret. */
  stream(): MaskingStream;
}

export interface MaskingStream {
  /** What can be shown by now; the beginning of what may become a secret is held back. */
  push(chunk: string): string;
  /** The rest. */
  end(): string;
}

export function makeMasker(): Masker {
  const forms = new Set<string>();
  let matcher: Matcher | undefined;
  const remember = (text: string): void => {
    for (const form of formsOf(text)) {
      if (forms.has(form)) continue;
      forms.add(form);
      matcher = undefined;
    }
  };
  const current = (): Matcher | undefined => (forms.size === 0 ? undefined : (matcher ??= makeMatcher(forms)));
  const masker: Masker = {
    learn(value) {
      someValue(value, (inner) => {
        if (!(inner instanceof Secret)) return false;
        // A variable that is secret as a whole, such as TOKEN=abc, will be shown by its value alone.
        const variable =
          typeof inner.element === "string" ? /^[A-Za-z_]\w*=(.*)$/s.exec(inner.element)?.[1] : undefined;
        if (variable !== undefined) remember(variable);
        return someValue(inner.element, (secret) => {
          if (typeof secret === "string") remember(secret);
          return false;
        });
      });
    },
    learnResource({ inputs, outputs, additionalSecretOutputs }) {
      masker.learn(inputs);
      for (const [key, value] of Object.entries(outputs))
        if (!additionalSecretOutputs.includes(key)) masker.learn(value);
    },
    knowsNothing: () => forms.size === 0,
    mask: (text) => current()?.mask(text, false).shown ?? text,
    stream() {
      let held = "";
      return {
        push(chunk) {
          const { shown, rest } = current()?.mask(held + chunk, true) ?? { shown: held + chunk, rest: "" };
          held = rest;
          return shown;
        },
        end() {
          const rest = held;
          held = "";
          return current()?.mask(rest, false).shown ?? rest;
        },
      };
    },
  };
  return masker;
}

/** How a secret may look in the output of a program. */
function formsOf(secret: string): Set<string> {
  const text = secret.trim();
  const forms = new Set<string>();
  if (text.length < SHORTEST) return forms;
  forms.add(text);
  forms.add(JSON.stringify(text).slice(1, -1));
  // By way of a buffer: half a surrogate pair can't be encoded.
  forms.add(encodeURIComponent(Buffer.from(text).toString()));
  for (const encoded of base64Forms(Buffer.from(text))) {
    forms.add(encoded);
    forms.add(encoded.replaceAll("+", "-").replaceAll("/", "_"));
  }
  const lines = text.split(/\r?\n/);
  // A key is printed line by line, each with a time or a name before it.
  if (lines.length > 1) for (const line of lines) if (line.trim().length >= SHORTEST_PIECE) forms.add(line.trim());
  return forms;
}

/**
 * The secret's own part of the base64 of any text that it is in: which characters that are depends on how many bytes
 * come before it, modulo three. Alone it is also broken into lines.
 */
function* base64Forms(secret: Buffer): Generator<string> {
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), secret]).toString("base64");
    const own = encoded.slice(Math.ceil((before * 4) / 3), Math.floor(((before + secret.length) * 4) / 3));
    if (own.length >= SHORTEST_PIECE) yield own;
    if (before > 0) continue;
    if (encoded.length >= SHORTEST_PIECE) yield encoded;
    for (const width of BASE64_LINES) {
      for (let at = 0; own.length > width && at < own.length; at += width) {
        const line = own.slice(at, at + width);
        if (line.length >= SHORTEST_PIECE) yield line;
      }
    }
  }
}

interface Matcher {
  /** `more`: the text goes on; `rest` is its end that may belong to a secret then. */
  mask(text: string, more: boolean): { shown: string; rest: string };
}

function makeMatcher(forms: Set<string>): Matcher {
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g");
  const longest = longestFirst[0]!.length;
  const byFirst = new Map<string, string[]>();
  for (const form of longestFirst) byFirst.set(form[0]!, [...(byFirst.get(form[0]!) ?? []), form]);

  /** Where the text's end begins to look like a secret's beginning. */
  const unfinished = (text: string, from: number): number => {
    for (let at = Math.max(from, text.length - longest + 1); at < text.length; at++) {
      const tail = text.length - at;
      if (byFirst.get(text[at]!)?.some((form) => form.length > tail && text.endsWith(form.slice(0, tail)))) return at;
    }
    return text.length;
  };
  return {
    mask(text, more) {
      let shown = "";
      let from = 0;
      let limit = more ? unfinished(text, 0) : text.length;
      pattern.lastIndex = 0;
      for (let match = pattern.exec(text); match && match.index < limit; match = pattern.exec(text)) {
        shown += text.slice(from, match.index) + MASK;
        from = pattern.lastIndex;
        if (limit < from) limit = unfinished(text, from);
      }
      return { shown: shown + text.slice(from, limit), rest: text.slice(limit) };
    },
  };
}
