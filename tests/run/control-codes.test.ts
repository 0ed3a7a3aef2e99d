import fc from "fast-check";
import { controlCodeFilter, stripControlCodes } from "../../run/control-codes";

test.each([
  ["plain text\tand lines\n", "plain text\tand lines\n"],
  ["\x1b[31mred\x1b[0m", "red"],
  ["\x1b]0;a title\x07after", "after"],
  ["\x1b]52;c;ZXZpbA==\x1b\\after", "after"],
  ["\x9d0;8-bit\x9cafter", "after"],
  ["\x9b2Jcleared", "cleared"],
  ["\x1b[2J\x1b[Hscreen", "screen"],
  ["\x1b[6nreport", "report"],
  ["\x1bPdevice\x1b\\after", "after"],
  ["\x1b(0charset", "charset"],
  ["\x1bcreset", "reset"],
  ["one\rtwo\r\nthree", "one\ntwo\nthree"],
  ["bell\x07 back\b null\0 del\x7f", "bell back null del"],
  ["\x1b[31", ""],
  ["ends with escape\x1b", "ends with escape"],
])("%j is shown as %j", (text, shown) => {
  expect(stripControlCodes(text)).toBe(shown);
});

test("colours stay where they are wanted, and nothing else does", () => {
  const text = "\x1b[1;31mred\x1b[0m\x1b[38;2;1;2;3m\x1b[2J\x1b[?25l\x1b[>4;2mx\x1b[0 q";
  expect(stripControlCodes(text, { colors: true })).toBe("\x1b[1;31mred\x1b[0m\x1b[38;2;1;2;3mx");
});

test("a sequence split anywhere is the same sequence", () => {
  const text = "a\x1b[31mb\x1b]0;title\x1b\\c\x9b2Jd\r\ne\x1b]8;;http://x\x07f";
  for (let at = 0; at <= text.length; at++) {
    const filter = controlCodeFilter({ colors: true });
    expect(filter.push(text.slice(0, at)) + filter.push(text.slice(at)) + filter.end()).toBe("a\x1b[31mbcd\nef");
  }
});

test("whatever comes, in whatever pieces, only colours get through", () => {
  const byte = fc.constantFrom(..."\x1b[]PX^_\\;:0123456789?mHJKcnqh \x07\x9b\x9c\x9d\r\n\bax(#".split(""));
  fc.assert(
    fc.property(fc.array(fc.array(byte, { maxLength: 12 })), (pieces) => {
      const filter = controlCodeFilter({ colors: true });
      const shown = pieces.map((piece) => filter.push(piece.join(""))).join("") + filter.end();
      expect(shown.replace(/\x1b\[[0-9;:]*m/g, "")).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }),
    { numRuns: 2000 },
  );
});

test("a title without an end doesn't grow in memory", () => {
  const filter = controlCodeFilter({ colors: false });
  expect(filter.push("\x1b]0;")).toBe("");
  for (let i = 0; i < 1000; i++) expect(filter.push("x".repeat(1000))).toBe("");
  expect(filter.push("\x07seen")).toBe("seen");
});
