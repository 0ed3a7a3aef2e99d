import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { analyse } from "../../example/worker/analyse";

const fixtures = path.join(__dirname, "../../example/tests/fixtures");
const names = readdirSync(path.join(fixtures, "documents")).map((file) => path.basename(file, ".txt"));

const of = (text: string) => analyse(Buffer.from(text));

describe("the analysis of a document", () => {
  test.each(names)("of the input %s is what the integration tests expect", (name) => {
    const body = readFileSync(path.join(fixtures, "documents", `${name}.txt`));
    expect(analyse(body)).toEqual(JSON.parse(readFileSync(path.join(fixtures, "expected", `${name}.json`), "utf8")));
  });

  test.each([
    ["", 0],
    ["one", 1],
    ["one\n", 1],
    ["one\r\ntwo", 2],
    ["one\n\nthree\n", 3],
    ["\n", 1],
  ])("%j has %i lines", (text, lines) => {
    expect(of(text).lines).toBe(lines);
  });

  test("an apostrophe or a hyphen belongs to a word only inside of it", () => {
    expect(of("'tis the well-known skippers' don't -").frequentWords.map(({ word }) => word)).toEqual([
      "don't",
      "skippers",
      "the",
      "tis",
      "well-known",
    ]);
  });

  test("equally frequent words are in the order of the alphabet, and five are enough", () => {
    expect(of("f e d c b a a").frequentWords).toEqual([
      { word: "a", count: 2 },
      { word: "b", count: 1 },
      { word: "c", count: 1 },
      { word: "d", count: 1 },
      { word: "e", count: 1 },
    ]);
  });

  test("counts never exceed the words, and repeating a text doubles them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const once = of(`${text}\n`);
        const twice = of(`${text}\n${text}\n`);
        const counted = once.frequentWords.reduce((sum, { count }) => sum + count, 0);
        return counted <= once.words && twice.words === 2 * once.words && twice.longestWord === once.longestWord;
      }),
    );
  });
});
