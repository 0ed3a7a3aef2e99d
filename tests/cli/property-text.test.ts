import { mapDifference, toldDifference } from "../../cli/display/property-diff";
import { differenceLines, mapLines } from "../../cli/display/property-text";
import { makeStyle } from "../../cli/display/style";
import { Archive, Asset, type PropertyMap, Secret, UNKNOWN } from "../../engine/values";

const plain = { style: makeStyle(false), full: false };
const show = (old: PropertyMap, now: PropertyMap) => differenceLines(mapDifference(old, now), 1, plain).join("\n");

test("a map is shown with what it holds, and without what says nothing", () => {
  const map = {
    name: "api",
    password: new Secret("hunter22"),
    id: UNKNOWN,
    empty: "",
    none: null,
    labels: {},
    __defaults: [],
    ports: [{ internal: 80 }],
    asset: new Asset({ hash: "0123456789", path: "./x" }),
  };
  expect(mapLines(map, 1, "+", plain).join("\n")).toBe(
    [
      "  + asset   : asset(file:0123456) { ./x }",
      "  + id      : [unknown]",
      '  + name    : "api"',
      "  + password: [secret]",
      "  + ports   : [",
      "      + [0]: {",
      "          + internal: 80",
      "        }",
      "    ]",
    ].join("\n"),
  );
});

test("lists and maps are compared inside, and what is the same stays without a sign", () => {
  expect(show({ list: [1, { a: "b" }], gone: true }, { list: [1, { a: "c" }, "new"], here: [] })).toBe(
    [
      "  - gone: true",
      "  + here: []",
      "  ~ list: [",
      "        [0]: 1",
      "      ~ [1]: {",
      '          ~ a: "b" => "c"',
      "        }",
      '      + [2]: "new"',
      "    ]",
    ].join("\n"),
  );
});

test("texts of several lines are compared by line, JSON by what it holds", () => {
  const lines = ["1", "2", "3", "4", "5", "6", "7"];
  const changed = lines.map((line) => (line === "6" ? "six" : line));
  const old = { text: lines.join("\n"), json: '{"x":1,"y":[2]}' };
  expect(show(old, { text: changed.join("\n"), json: '{"x":1,"y":[3]}' })).toBe(
    [
      "  ~ json: (json) {",
      "        x: 1",
      "      ~ y: [",
      "          ~ [0]: 2 => 3",
      "        ]",
      "    }",
      "  ~ text: ",
      "        …",
      "        4",
      "        5",
      "      - 6",
      "      + six",
      "        7",
    ].join("\n"),
  );
});

test("assets and archives show what became of them", () => {
  const text = (hash: string, content: string) => new Asset({ hash, text: content });
  const old = {
    code: new Archive({ hash: "aaaaaaaa", assets: { "a.txt": text("1111111x", "old"), b: text("2", "b") } }),
  };
  const now = {
    code: new Archive({ hash: "bbbbbbbb", assets: { "a.txt": text("3333333x", "new"), b: text("2", "b") } }),
  };
  expect(show(old, now)).toBe(
    [
      "  ~ code: archive(assets:aaaaaaa => bbbbbbb) {",
      "      ~ a.txt: asset(text:1111111 => 3333333) {",
      "          - old",
      "          + new",
      "        }",
      "        b    : asset(text:2) {",
      "            b",
      "        }",
      "    }",
    ].join("\n"),
  );
});

test("what the provider tells counts, and a secret is never looked into", () => {
  const told = toldDifference(
    {
      "env.PASSWORD": { diffKind: "update", inputDiff: false },
      'labels["dev.x/y"]': { diffKind: "add-replace", inputDiff: false },
      "sealed.inner": { diffKind: "update", inputDiff: false },
      image: { diffKind: "update-replace", inputDiff: true },
    },
    { image: "old" },
    { env: { PASSWORD: new Secret("[secret]"), A: "1" }, image: "resolved", sealed: new Secret("[secret]") },
    {
      env: { PASSWORD: new Secret("[secret]"), A: "1" },
      image: "new",
      labels: { "dev.x/y": "z" },
      sealed: new Secret("[secret]"),
    },
  );
  expect(differenceLines(told!, 1, plain).join("\n")).toBe(
    [
      "  ~ env   : {",
      "      ~ PASSWORD: [secret] => [secret]",
      "    }",
      '  ~ image : "old" => "new"',
      "  + labels: {",
      '      + dev.x/y: "z"',
      "    }",
      "  ~ sealed: [secret] => [secret]",
    ].join("\n"),
  );
});
