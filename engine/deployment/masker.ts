/** Keeps the plain text of secrets out of messages. */
import { type PropertyValue, Secret, someValue } from "../values";

/** Shorter values are words that occur anyway: masking them would hide more than they tell. */
const SHORTEST = 6;
const MASK = "[secret]";

export interface Masker {
  /** Remembers the texts inside every secret of `value`. */
  learn(value: PropertyValue | undefined): void;
  mask(text: string): string;
}

export function makeMasker(): Masker {
  const texts = new Set<string>();
  let longestFirst: string[] | undefined;
  const remember = (value: PropertyValue): false => {
    if (typeof value === "string" && value.trim().length >= SHORTEST && !texts.has(value)) {
      texts.add(value);
      longestFirst = undefined;
    }
    return false;
  };
  return {
    learn(value) {
      someValue(value, (inner) => inner instanceof Secret && someValue(inner.element, remember));
    },
    mask(text) {
      if (texts.size === 0) return text;
      longestFirst ??= [...texts].sort((a, b) => b.length - a.length);
      return longestFirst.reduce(
        (masked, secret) => (masked.includes(secret) ? masked.replaceAll(secret, MASK) : masked),
        text,
      );
    },
  };
}
