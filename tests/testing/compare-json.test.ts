import fc from "fast-check";
import { compareJson } from "../../testing/compare-json";
import { rules, type Rule } from "../../testing/rules";

const compare = (expected: unknown, actual: unknown, ...given: Rule[]) =>
  compareJson(expected, actual, rules(given), "warning");
const differences = (expected: unknown, actual: unknown, ...given: Rule[]) =>
  compare(expected, actual, ...given).differences.map(({ level: _, ...change }) => change);

test("tells what was added, removed and changed, and where", () => {
  expect(differences({ a: 1, b: { "c/d": [1, 2] }, e: null }, { a: 2, b: { "c/d": [1] }, f: "x" })).toEqual([
    { path: "/a", kind: "changed", expected: 1, actual: 2 },
    { path: "/b/c~1d/1", kind: "removed", expected: 2 },
    { path: "/e", kind: "removed", expected: null },
    { path: "/f", kind: "added", actual: "x" },
  ]);
});

test.each<[string, unknown, unknown, Rule[]]>([
  ["what is ignored", { at: 1, items: [{ id: 1 }] }, { items: [{ id: 2 }] }, [{ path: "/at", ignore: true }, { path: "/**/id", ignore: true }]], // prettier-ignore
  ["a number within its tolerance", { n: 1 }, { n: 1.05 }, [{ path: "/n", tolerance: 0.1 }]],
  ["text that a pattern matches", { id: "a1" }, { id: "b22" }, [{ path: "/id", pattern: "^[ab]\\d+$" }]],
  ["a value of a type", [{ x: 1 }, { x: null }], [{ x: 7 }, { x: 3 }], [{ path: "/*/x", type: "integer" }]],
  ["the order of a list", [{ id: 1 }, { id: 2 }, { id: 2 }], [{ id: 2 }, { id: 1 }, { id: 2 }], [{ path: "", unordered: "id" }]], // prettier-ignore
  ["the order of whole items", ["a", "b", "a"], ["b", "a", "a"], [{ path: "", unordered: true }]],
  ["what lies in an item of an unordered list", [{ id: "x", t: 1 }, { id: "y", t: 2 }], [{ id: "y", t: 9 }, { id: "x", t: 9 }], [{ path: "", unordered: "id" }, { path: "/*/t", ignore: true }]], // prettier-ignore
])("lets vary %s, and keeps the expected file as it is", (_, expected, actual, given) => {
  expect(compare(expected, actual, ...given)).toEqual({ accepted: expected, differences: [] });
});

test.each<[string, unknown, unknown, Rule[], unknown[]]>([
  ["a number beyond its tolerance", { n: 1 }, { n: 1.2 }, [{ path: "/n", tolerance: 0.1 }], ["/n"]],
  ["text that no pattern matches", { id: "a" }, { id: "B" }, [{ path: "/id", pattern: "^[a-z]$" }], ["/id"]],
  ["a value of another type", { x: 1 }, { x: "1" }, [{ path: "/x", type: "number" }], ["/x"]],
  ["null where an object may be", { x: {} }, { x: null }, [{ path: "/x", type: "object" }], ["/x"]],
  ["an item by its key", [{ id: "a", n: 1 }, { id: "b" }], [{ id: "c" }, { id: "a", n: 2 }], [{ path: "", unordered: "id" }], ["/id=a/n", "/id=b", "/id=c"]], // prettier-ignore
  ["a name of an object's prototype", {}, JSON.parse('{"__proto__": 1, "constructor": 2}'), [], ["/__proto__", "/constructor"]], // prettier-ignore
])("still tells of %s", (_, expected, actual, given, paths) => {
  expect(differences(expected, actual, ...given).map(({ path }) => path).sort()).toEqual(paths); // prettier-ignore
});

test("a rule gives the changes of its place another level", () => {
  const { differences: found } = compare({ a: 1, b: 1 }, { a: 2, b: 2 }, { path: "/a", level: "failure" });
  expect(found.map(({ path, level }) => [path, level])).toEqual([
    ["/a", "failure"],
    ["/b", "warning"],
  ]);
});

test("what was accepted is as expected the next time, by the same rules", () => {
  const given = rules([
    { path: "/**/a", ignore: true },
    { path: "/**/b", tolerance: 1 },
    { path: "/**/c", type: "string" },
    { path: "/**/l", unordered: "id" },
    { path: "/**/s", unordered: true },
  ]);
  const key = fc.constantFrom("a", "b", "c", "l", "s", "id", "__proto__");
  const value = fc.letrec((tie) => ({
    value: fc.oneof(fc.integer({ max: 9 }), fc.string({ maxLength: 3 }), fc.constant(null), tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 4 }),
    object: fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  })).value;
  fc.assert(
    fc.property(value, value, (expected, actual) => {
      const { accepted } = compareJson(expected, actual, given, "warning");
      expect(compareJson(accepted, actual, given, "warning").differences).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test.each<[Rule, string]>([
  [{ path: "items", ignore: true }, 'begins with "/"'],
  [{ path: "/x", pattern: "(" }, "Invalid regular expression"],
])("%j is refused", (rule, message) => {
  expect(() => rules([rule])).toThrow(message);
});
