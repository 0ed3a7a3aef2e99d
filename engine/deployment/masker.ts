/** Keeps the plain text of secrets out of what people and files get to see. */
import { type PropertyMap, type PropertyValue, Secret, someValue } from "../values";
import { pushTo } from "./lists";

/** Shorter values are words that occur anyway: masking them would hide more than they tell. */
const SHORTEST = 6;
/** A piece of an encoding, or a line of a longer secret, that is shorter than this may be anything. */
const SHORTEST_PIECE = 8;
/** Characters in a line of base64 as `base64` and PEM files break them. */
const BASE64_LINES = [76, 64];
const MASK = "[secret]";

/** What a resource has that may be secret. */
export interface Learnable {
  custom: boolean;
  inputs: PropertyMap;
  outputs: PropertyMap;
  additionalSecretOutputs: string[];
}

export interface Masker {
  /** Remembers the texts inside every secret of `value`. */
  learn(value: PropertyValue | undefined): void;
  /**
   * Learns what the program and the provider declare secret. What `additionalSecretOutputs` keeps out of sight, such as
   * a container's log, may be made of words that occur anywhere; once it is another resource's input it is learned.
   */
  learnResource(state: Learnable): void;
  /**
   * Learns what a component or the stack gives back. A text of several lines is no secret of its own there but, for all
   * that is known, such a log handed on: it is learned once it is a resource's input.
   */
  learnOutputs(outputs: PropertyMap): void;
  /** Learns a stack as it is: its settings' secrets and those of its state. */
  learnStack(config: Iterable<{ value: string; secret: boolean }>, states?: Iterable<Learnable>): void;
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
  /** What is kept out of sight without being learned. */
  const kept = new Set<string>();
  const learn = (value: PropertyValue | undefined, isSecret: (text: string) => boolean): void => {
    eachSecretText(value, (text, whole) => {
      if (!isSecret(text)) return;
      // A variable that is secret as a whole, such as TOKEN=abc, will be shown by its value alone.
      const variable = whole ? /^[A-Za-z_]\w*=(.*)$/s.exec(text)?.[1] : undefined;
      if (variable !== undefined) remember(variable);
      remember(text);
    });
  };
  const masker: Masker = {
    learn: (value) => learn(value, () => true),
    learnResource({ custom, inputs, outputs, additionalSecretOutputs }) {
      masker.learn(inputs);
      if (!custom) return masker.learnOutputs(outputs);
      for (const [key, value] of Object.entries(outputs)) {
        if (!additionalSecretOutputs.includes(key)) masker.learn(value);
        else eachSecretText(value, (text) => kept.add(text.trim()));
      }
    },
    learnStack(config, states = []) {
      for (const { value, secret } of config) if (secret) masker.learn(new Secret(value));
      // A component hands on what its resources keep out of sight.
      for (const state of [...states].sort((a, b) => Number(b.custom) - Number(a.custom))) masker.learnResource(state);
    },
    learnOutputs: (outputs) => learn(outputs, (text) => !kept.has(text.trim()) && !text.trim().includes("\n")),
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

/** `whole`: the text is a secret of its own, not a part of one. */
function eachSecretText(value: PropertyValue | undefined, use: (text: string, whole: boolean) => void): void {
  someValue(value, (inner) => {
    if (!(inner instanceof Secret)) return false;
    const { element } = inner;
    return someValue(element, (text) => {
      if (typeof text === "string") use(text, text === element);
      return false;
    });
  });
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

/** Every form is at least this long, so that all are found by their beginnings of this length. */
const BEGINNING = SHORTEST;
/** Hashes of a form's first three characters, of which most texts hold few. */
const HASHES = 1 << 16;
const hashAt = (text: string, at: number): number =>
  (text.charCodeAt(at) * 961 + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2)) & (HASHES - 1);

/** Forms may be many, and as long as a log: a regular expression of all of them would not compile. */
function makeMatcher(forms: Set<string>): Matcher {
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const longest = longestFirst[0]!.length;
  const byBeginning = new Map<string, string[]>();
  const byFirst = new Map<string, string[]>();
  const begins = new Uint8Array(HASHES);
  for (const form of longestFirst) {
    pushTo(byBeginning, form.slice(0, BEGINNING), form);
    pushTo(byFirst, form[0]!, form);
    begins[hashAt(form, 0)] = 1;
  }
  const beginningAt = (text: string, at: number): string[] | undefined =>
    begins[hashAt(text, at)] ? byBeginning.get(text.slice(at, at + BEGINNING)) : undefined;

  /** Where the text's end begins to look like a secret's beginning. */
  const unfinished = (text: string, from: number): number => {
    for (let at = Math.max(from, text.length - longest + 1); at < text.length; at++) {
      const tail = text.length - at;
      const candidates = tail < BEGINNING ? byFirst.get(text[at]!) : beginningAt(text, at);
      if (candidates?.some((form) => form.length > tail && text.endsWith(form.slice(0, tail)))) return at;
    }
    return text.length;
  };
  return {
    mask(text, more) {
      let shown = "";
      let from = 0;
      let limit = more ? unfinished(text, 0) : text.length;
      for (let at = 0; at < limit && at + BEGINNING <= text.length;) {
        const form = beginningAt(text, at)?.find((candidate) => text.startsWith(candidate, at));
        if (form === undefined) {
          at++;
          continue;
        }
        shown += text.slice(from, at) + MASK;
        from = at += form.length;
        if (limit < from) limit = unfinished(text, from);
      }
      return { shown: shown + text.slice(from, limit), rest: text.slice(limit) };
    },
  };
}
