import fc from "fast-check";
import { cleanText, cutMiddle, formatBytes, formatTime, plainText, styledText } from "../../report/text";
import { escapeHtml, inScript } from "../../report/page-file";

test("colours stay, everything else that a terminal would act on goes", () => {
  expect(cleanText("\x1b[31mred\x1b[0m")).toBe("\x1b[31mred\x1b[0m");
  expect(cleanText("\x1b[2J\x1b[Hhome\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1bc\x9b5n\x00\x7f")).toBe("homelink");
  expect(cleanText("10 %\r50 %\rdone\r\nnext")).toBe("done\nnext");
  expect(plainText("\x1b[1;31mred\x1b[m!")).toBe("red!");
});

test("colours become classes of our own", () => {
  expect(styledText("a\x1b[1;31mb\x1b[0mc\x1b[38;5;12md\x1b[92me")).toEqual([
    { text: "a", style: "" },
    { text: "b", style: "t-bold t-red" },
    { text: "c", style: "" },
    { text: "d", style: "" },
    { text: "e", style: "t-green" },
  ]);
});

const nasty = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        "\x1b",
        "[",
        "]",
        "31",
        ";",
        "m",
        "\x07",
        "\\",
        "\x9b",
        "\x9d",
        "\r",
        "\n",
        "a",
        "\x00",
        "P",
        "8;;",
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join("")),
);

test("whatever a text holds, no control code comes through, and cleaning it again changes nothing", () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const clean = cleanText(text);
      expect(clean.replace(/\x1b\[[0-9;:]*m/g, "")).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
      expect(cleanText(clean)).toBe(clean);
      const pieces = styledText(clean);
      expect(pieces.map((piece) => piece.text).join("")).toBe(plainText(text));
      for (const { style } of pieces) expect(style).toMatch(/^(?:t-[a-z]+ ?)*$/);
    }),
    { numRuns: 2000 },
  );
});

test("JSON in the page holds no markup and stays what it was; HTML neither", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom("</script>", "<!--<script>", "]]>", "\u2028", "&lt;", '"'));
  fc.assert(
    fc.property(
      fc.array(text).map((parts) => parts.join("")),
      (value) => {
        const json = inScript(JSON.stringify({ [value]: value }));
        expect(json).not.toMatch(/[<>&\u2028]/);
        expect(JSON.parse(json)).toEqual({ [value]: value });
        expect(escapeHtml(value)).not.toMatch(/[<>"']/);
      },
    ),
  );
});

test("times, sizes and long texts are told shortly", () => {
  expect([0, 0.0123, 1.44, 12.3, 65, 3725].map(formatTime)).toEqual([
    "0 ms",
    "12 ms",
    "1.4 s",
    "12 s",
    "1 m 05 s",
    "1 h 02 m",
  ]);
  expect([0, 999, 1000, 34_567, 128_000_000].map(formatBytes)).toEqual(["0 B", "999 B", "1.0 kB", "35 kB", "128 MB"]);
  expect(cutMiddle("abcdefghij", 4)).toBe("ab\n… 6 characters left out …\nij");
  expect(cutMiddle("abc", 4)).toBe("abc");
});
