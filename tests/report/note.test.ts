import fc from "fast-check";
import MarkdownIt from "markdown-it";
import type { Comparison } from "../../report/comparison/schema";
import { inlineCode, linkTarget } from "../../report/escape/markdown";
import { mermaidLabel } from "../../report/escape/mermaid";
import { plainLine } from "../../report/escape/plain";
import { mermaidGraph } from "../../report/note/graph";
import { type NoteData, noteMarker, renderNote } from "../../report/note/note";
import type { TestsOutcome } from "../../report/note/outcome";
import { hostileText } from "./hostile";

// As generous as can be: HTML, bare addresses and line breaks all count.
const markdown = new MarkdownIt({ html: true, linkify: true, breaks: true });

interface Piece {
  type: string;
  content: string;
  attributes?: unknown;
}

/** All that a Markdown parser finds in a text, in order; what code holds apart. */
function structure(text: string): { pieces: Piece[]; code: string[] } {
  const code: string[] = [];
  const pieces = markdown
    .parse(text, {})
    .flatMap((token) => token.children ?? [token])
    .map((token): Piece => {
      if (token.type === "code_inline") {
        code.push(token.content);
        return { type: token.type, content: "" };
      }
      const { type, content, attrs, info } = token;
      return { type, content: type === "inline" ? "" : content, attributes: [attrs, info] };
    });
  return { pieces, code };
}

test("any text as code within a line is that code, and nothing else", () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const line = plainLine(text);
      const { pieces, code } = structure(`- before ${inlineCode(text)} after`);
      const types = pieces.map(({ type }) => type);
      if (line === "") return expect(types).toContain("em_open");
      expect(code).toEqual([line]);
      expect(pieces.filter(({ type }) => type === "text").map(({ content }) => content)).toEqual(["before ", " after"]);
      expect(types.join(" ")).toBe(
        "bullet_list_open list_item_open paragraph_open text code_inline text paragraph_close list_item_close bullet_list_close",
      );
    }),
    { numRuns: 300 },
  );
});

test("a plain line has nothing in it that isn't seen, or that turns what follows", () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const line = plainLine(text, 50);
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|\p{Cs}/u);
      expect([...line].length).toBeLessThanOrEqual(50);
    }),
    { numRuns: 300 },
  );
  expect(plainLine("a\x1b[31mb\r\nc\u202e d")).toBe("ab c d");
});

test("a link leads to a web page or nowhere, and ends where it should", () => {
  fc.assert(
    fc.property(
      hostileText,
      fc.constantFrom("https://ci.example/", "http://ci.example/x?", "", "javascript:"),
      (text, start) => {
        const target = linkTarget(start + text);
        if (target === undefined) return;
        expect(target).toMatch(/^https?:\/\//);
        const { pieces } = structure(`[Job](<${target}>) · x`);
        expect(pieces.map(({ type }) => type).join(" ")).toBe(
          "paragraph_open link_open text link_close text paragraph_close",
        );
      },
    ),
    { numRuns: 300 },
  );
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "https://user:pw@ci.example/", "ci.example", ""]) {
    expect(linkTarget(bad)).toBeUndefined();
  }
});

/** What we write of Mermaid, and no more of it. */
const grammar = [
  /^flowchart LR$/,
  /^ {2}n\d+\["(?=[\p{L}·])[\p{L}\p{N} ._/·-]+(?: \((?:added|removed|changed)\))?"\](?::::(?:added|removed|changed))?$/u,
  /^ {2}n\d+ (?:-->|==>|-\.->) n\d+$/,
  /^ {2}classDef (?:added|removed|changed) [a-z0-9#:,-]+$/,
];

const status = fc.constantFrom("added" as const, "removed" as const, "changed" as const, "same" as const);

test("any graph is drawn with a few words of Mermaid's", () => {
  const name = hostileText;
  const graphs = fc.record({
    nodes: fc.array(fc.record({ name, status }), { maxLength: 8 }),
    edges: fc.array(
      fc.record({
        from: name,
        to: name,
        status: fc.constantFrom("added" as const, "removed" as const, "same" as const),
      }),
      { maxLength: 8 },
    ),
  });
  fc.assert(
    fc.property(graphs, (graph) => {
      const names = graph.nodes.map((node) => node.name);
      const edges = graph.edges.map((edge, n) => ({
        ...edge,
        from: names[n % (names.length || 1)] ?? "",
        to: names[0] ?? "",
      }));
      for (const line of mermaidGraph({ nodes: graph.nodes, edges })?.split("\n") ?? []) {
        expect(grammar.some((rule) => rule.test(line)) ? line : `not in the grammar: ${line}`).toBe(line);
      }
    }),
    { numRuns: 300 },
  );
  // It takes labels for Markdown, in which these are a list, emphasis, an address.
  expect(mermaidLabel('a"]; click "x')).toBe('"a··· click ·x"');
  expect(["- a", "1. a", "_a_", "my_api-2", "www.a.example", ""].map((name) => mermaidLabel(name))).toEqual([
    ...['"·- a"', '"·1. a"', '"·a·"', '"my_api-2"', '"www·a.example"', '"·"'],
  ]);
  expect(mermaidLabel("api", "added")).toBe('"api (added)"');
});

/** A note of everything, with `texts` wherever a text of anybody's goes. */
function data(texts: (n: number) => string): NoteData {
  let n = 0;
  const next = () => texts(n++);
  const change = {
    aspect: "environment" as const,
    key: next(),
    kind: "changed" as const,
    before: next(),
    after: next(),
  };
  const comparison: Comparison = {
    version: 1,
    project: next(),
    base: { ref: next(), commit: "1a2b3c4d" },
    head: { commit: "9f8e7d6c", dirty: true },
    summary: { added: 1, removed: 0, changed: 1, same: 1 },
    resources: [
      { status: "changed", kind: "service", name: next(), role: next(), type: next(), changes: [change] },
      { status: "added", kind: "service", name: next(), type: next(), changes: [{ ...change, kind: "added" }] },
    ],
    graph: { nodes: [{ name: next(), status: "added" }], edges: [] },
  };
  const outcome: TestsOutcome = {
    ...{ verdict: "failed", exitCode: 1, project: next(), commit: "9f8e7d6c", seconds: 75 },
    counts: { total: 3, passed: 1, failed: 2, skipped: 0 },
    failures: [
      { name: next(), message: `m${next()}` },
      { name: next(), message: `m${next()}` },
    ],
    failure: { resource: `r${next()}`, message: next() },
    slowest: [{ name: next(), seconds: 2 }],
    expectations: { compared: 2, changed: [{ name: next(), status: "changed", level: "warning", changes: 2 }] },
    history: { runs: 3, flaky: [next()], newlyFailing: [`new ${next()}`], newlyPassing: [next()] },
  };
  return { comparison, outcome, problems: [next()] };
}

const links = {
  job: "https://ci.example/jobs/1",
  report: "https://ci.example/report",
  artifacts: "https://ci.example/a",
};
const count = 40;

test("a note of hostile data has the structure of one of harmless data, and all of theirs is in its code", () => {
  fc.assert(
    fc.property(fc.array(hostileText, { minLength: count, maxLength: count }), (texts) => {
      // What is empty is told so, and is another structure.
      const harmless = texts.map((text) => (plainLine(text) === "" ? "" : "x"));
      const note = renderNote(
        data((n) => texts[n]!),
        links,
      );
      const calm = renderNote(
        data((n) => harmless[n]!),
        links,
      );
      const [is, expected] = [structure(note), structure(calm)];
      const comparable = (pieces: Piece[]) =>
        pieces.map((piece) =>
          piece.type === "fence" || piece.content.startsWith("<!-- seatrial note: ")
            ? { ...piece, content: "" }
            : piece,
        );
      expect(comparable(is.pieces)).toEqual(comparable(expected.pieces));
      for (const line of note.split("\n"))
        expect(line).toMatch(/^(?:$|[-#*<]|From |What failed|\[Job\]| {2}- |```| {2}n\d|flowchart| {2}classDef)/);
      expect(note.startsWith("<!-- seatrial note: ")).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test("a note tells what there is to tell", () => {
  const note = renderNote(
    data((n) => `text-${n}`),
    links,
  );
  expect(note).toContain("### Seatrial: ❌ tests failed, the stack changes");
  expect(note).toContain("**3 tests**: 1 passed, 2 failed, 0 skipped · exit code 1 · 1 min 15 s");
  expect(note).toMatch(/\*\*Newly failing\*\*\n\n- `new text-\d+`/);
  expect(note).toMatch(/⚠️ `text-\d+`: changed, 2 differences/);
  expect(note).toMatch(/2 s: `text-\d+`/);
  expect(note).toContain("[Job](<https://ci.example/jobs/1>) · [Report](<https://ci.example/report>)");
  expect(note).toContain('```mermaid\nflowchart LR\n  n0["text-');
  const same = renderNote({ problems: [], comparison: { ...data(() => "x").comparison!, resources: [] } });
  expect(same).toContain("### Seatrial: the stack stays the same");
  expect(same).not.toContain("mermaid");
});

test("a newly failing test is marked where the failed ones are listed", () => {
  const { outcome, problems } = data(() => "api › answers");
  const history = { ...outcome!.history!, newlyFailing: ["api › answers"] };
  expect(renderNote({ outcome: { ...outcome!, history }, problems })).toContain(
    "- `api › answers` (**newly failing**)",
  );
});

test("secrets that changed are told of without their values", () => {
  const { comparison } = data(() => "x");
  const changes = [
    { aspect: "environment" as const, key: "TOKEN", kind: "changed" as const, secret: true as const },
    { aspect: "environment" as const, key: "OPEN", kind: "changed" as const, before: "1", secret: true as const },
  ];
  const note = renderNote({
    problems: [],
    comparison: { ...comparison!, resources: [{ ...comparison!.resources[0]!, changes }] },
  });
  expect(note).toContain("environment `TOKEN`: another secret value");
  expect(note).toContain("environment `OPEN`: `1` → a secret");
});

test("a note of any size fits what GitHub takes, and says that there is more", () => {
  const { comparison, outcome, problems } = data((n) => "é".repeat(250) + n);
  const resources = Array.from({ length: 40 }, () => ({
    ...comparison!.resources[0]!,
    changes: Array.from({ length: 100 }, () => comparison!.resources[0]!.changes[0]!),
  }));
  const note = renderNote({ comparison: { ...comparison!, resources, more: 100 }, outcome: outcome!, problems }, links);
  expect(note.length).toBeLessThan(65_536);
  expect(note).toContain("The rest is too long for a note");
  expect(note).toContain("[Job](<");
});

test("the marker is of the project, and closes nothing", () => {
  expect(noteMarker("My Shop")).toBe("<!-- seatrial note: my-shop -->");
  fc.assert(
    fc.property(hostileText, (text) => expect(noteMarker(text)).toMatch(/^<!-- seatrial note: [a-z0-9-]+ -->$/)),
  );
  expect(noteMarker("--")).not.toContain("note: --");
});
