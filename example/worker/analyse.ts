import { createHash } from "node:crypto";

/** What the worker finds out about a document. */
export interface Analysis {
  readonly words: number;
  readonly lines: number;
  /** Unicode code points, so that an emoji is one. */
  readonly characters: number;
  /** Of the bytes, in hexadecimal. */
  readonly sha256: string;
  readonly longestWord: string;
  /** The five words used most, most often first; equally frequent ones by the alphabet. */
  readonly frequentWords: { word: string; count: number }[];
  /** At 240 words a minute, rounded up. */
  readonly readingSeconds: number;
}

const wordsPerMinute = 240;

// Letters and digits of any script; an apostrophe or hyphen inside a word belongs to it ("don't", "well-known").
const wordPattern = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:['’-][\p{L}\p{N}\p{M}]+)*/gu;

export function analyse(body: Buffer): Analysis {
  const text = body.toString("utf8");
  const words = (text.match(wordPattern) ?? []).map((word) => word.toLowerCase().replace(/’/g, "'"));
  return {
    words: words.length,
    lines: countLines(text),
    characters: [...text].length,
    sha256: createHash("sha256").update(body).digest("hex"),
    longestWord: longestOf(words),
    frequentWords: mostFrequent(words, 5),
    readingSeconds: Math.ceil((words.length / wordsPerMinute) * 60),
  };
}

// As people count them: the line break at the end of the last line begins no other.
function countLines(text: string): number {
  if (text === "") return 0;
  return text.replace(/\r?\n$/, "").split(/\r?\n/).length;
}

function longestOf(words: string[]): string {
  return words.reduce((longest, word) => ([...word].length > [...longest].length ? word : longest), "");
}

function mostFrequent(words: string[], howMany: number): { word: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .map(([word, count]) => ({ word, count }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
    .slice(0, howMany);
}
