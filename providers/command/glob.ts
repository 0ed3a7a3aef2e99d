/**
 * The patterns of `assetPaths` and `archivePaths`: those of github.com/gobwas/glob with `/` as the separator.
 *
 * `*` stands for any characters but `/`, `**` for any characters, `?` for one that isn't `/`; `[abc]`, `[a-z]` and
 * `[!abc]` stand for one character, `{a,b}` for one of several patterns, and `\` takes the meaning from what follows.
 */

/** Throws where the pattern isn't one. */
export function compileGlob(pattern: string): RegExp {
  const characters = [...pattern];
  let at = 0;

  const bad = (why: string): Error => new Error(`the pattern ${JSON.stringify(pattern)} is not one: ${why}`);

  /** Up to the end, or to what ends an alternative. */
  const sequence = (inBraces: boolean): string => {
    let source = "";
    while (at < characters.length) {
      const character = characters[at]!;
      if (inBraces && (character === "," || character === "}")) break;
      at++;
      if (character === "*" && characters[at] === "*") {
        at++;
        source += ".*";
      } else if (character === "*") source += "[^/]*";
      else if (character === "?") source += "[^/]";
      else if (character === "[") source += oneOf();
      else if (character === "{") source += alternatives();
      else if (character === "\\") source += at < characters.length ? literal(characters[at++]!) : "";
      else source += literal(character);
    }
    return source;
  };

  const alternatives = (): string => {
    const sources = [sequence(true)];
    while (characters[at] === ",") {
      at++;
      sources.push(sequence(true));
    }
    at++; // a brace that isn't closed ends with the pattern
    return `(?:${sources.join("|")})`;
  };

  /** A range has nothing beside its two ends; in a list a hyphen is a character like any other. */
  const oneOf = (): string => {
    const not = characters[at] === "!" ? "^" : "";
    if (not) at++;
    if (characters[at + 1] === "-") {
      const [low, , high, end] = characters.slice(at, at + 4);
      if (end !== "]") throw bad("a range in brackets is one character, a hyphen and another character");
      if (high! < low!) throw bad(`the range ${low}-${high} is empty`);
      at += 4;
      return `[${not}${literal(low!)}-${literal(high!)}]`;
    }
    let members = "";
    while (at < characters.length && characters[at] !== "]") {
      if (characters[at] === "\\") at++;
      if (at < characters.length) members += literal(characters[at++]!);
    }
    if (at >= characters.length) throw bad("a bracket is not closed");
    at++;
    if (members === "") throw bad("there is nothing between the brackets");
    return `[${not}${members}]`;
  };

  return new RegExp(`^${sequence(false)}$`, "su");
}

/** Written so that it stands for itself wherever in an expression it is. */
const literal = (character: string): string =>
  /[A-Za-z0-9_]/.test(character) ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`;
