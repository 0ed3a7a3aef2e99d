/** Property values: their form on the wire, paths into them, differences, and what is shown of them. */
import { parseDuration } from "../../engine/monitor/registration";
import {
  Archive,
  Asset,
  changedKeys,
  diffMaps,
  equalValues,
  formatPath,
  fromWire,
  fromWireMap,
  OutputValue,
  parsePath,
  pathContains,
  type PropertyMap,
  type PropertyValue,
  resetPath,
  ResourceReference,
  Secret,
  SIGNATURE_KEY,
  toDisplay,
  toPlain,
  toWire,
  UNKNOWN,
  UNKNOWN_SENTINEL,
  withoutOutputs,
} from "../../engine/values";
import { makeMasker } from "../../engine/deployment/masker";

const URN = "urn:pulumi:s::p::fake:index:Thing::a";
const everything = { secrets: true, resources: true, outputs: true };

describe("on the wire", () => {
  const kinds: [string, PropertyValue][] = [
    ["null", null],
    ["booleans", [true, false]],
    ["numbers", [0, -1.5, 1e300]],
    ["texts", ["", "ä\u0000\n", "null"]],
    ["maps", { a: { b: {} }, "": 1, "x.y/z": null }],
    ["lists", [[], [[1], "2"]]],
    ["an unknown", { at: [UNKNOWN] }],
    ["a secret", new Secret({ password: "x", list: [1] })],
    ["an unknown secret", new Secret(UNKNOWN)],
    ["an output", new OutputValue("v", true, true, [URN])],
    ["an unknown output", new OutputValue(undefined, false, false, [URN])],
    ["an asset of text", new Asset({ hash: "abc", text: "hello" })],
    ["an asset of a path", new Asset({ path: "./a" })],
    ["an archive of a path", new Archive({ path: "./a", hash: "abc" })],
    ["an archive of assets", new Archive({ assets: { f: new Asset({ text: "x" }), d: new Archive({ path: "y" }) } })],
    ["a reference", new ResourceReference(URN, "id-1", "1.2.3")],
    ["a reference to a component", new ResourceReference(URN, undefined, "")],
    ["a reference to what isn't there yet", new ResourceReference(URN, UNKNOWN, "")],
  ];
  test.each(kinds)("%s comes back as it was", (_, value) => {
    const sent = JSON.parse(JSON.stringify(toWire(value, everything))) as unknown;
    expect(fromWire(sent)).toStrictEqual(value);
  });

  test("the signatures are Pulumi's", () => {
    expect(toWire(new Secret("x"), everything)).toEqual({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      value: "x",
    });
    expect(toWire(UNKNOWN)).toBe("04da6b54-80e4-46f7-96ec-b56ff0331ba9");
    expect(toWire(new ResourceReference(URN, "i", "1"), everything)).toEqual({
      "4dabf18193072939515e22adb298388d": "5cf8f73096256a8f31e491e813e4eb8e",
      urn: URN,
      id: "i",
      packageVersion: "1",
    });
  });

  test("an entry that is undefined is left out", () => {
    expect(toWire({ a: undefined as unknown as PropertyValue, b: 1 })).toEqual({ b: 1 });
  });

  test("who doesn't take secrets, references or outputs gets them in their plainest form", () => {
    const value = {
      secret: new Secret(1),
      made: new ResourceReference(URN, "id-1", ""),
      component: new ResourceReference(URN, undefined, ""),
      output: new OutputValue("v", true, false, [URN]),
      later: new OutputValue(undefined, false, false, [URN]),
    };
    expect(toWire(value)).toEqual({ secret: 1, made: "id-1", component: URN, output: "v", later: UNKNOWN_SENTINEL });
  });

  test("older, typed forms of the unknown are understood", () => {
    expect(fromWire("3eeb2bf0-c639-47a8-9e75-3b44932eb421")).toBe(UNKNOWN);
  });

  test("a secret is never nested directly in a secret", () => {
    const sealed = { [SIGNATURE_KEY]: "1b47061264138c4ac30d75fd1eb44270", value: "x" };
    expect(fromWire({ ...sealed, value: sealed })).toStrictEqual(new Secret("x"));
  });

  test("a signature that nobody knows is refused and named", () => {
    expect(() => fromWireMap({ a: { [SIGNATURE_KEY]: "f00" } })).toThrow('unknown signature "f00"');
  });

  test("outputs become values, unknowns and secrets for providers and the state", () => {
    expect(
      withoutOutputs({
        a: new OutputValue([new OutputValue(1, true, false, [URN])], true, true, []),
        b: new OutputValue(undefined, false, false, [URN]),
      }),
    ).toStrictEqual({ a: new Secret([1]), b: UNKNOWN });
  });
});

describe("paths", () => {
  // Text, what it means, and the text that it is written as.
  const paths: [string, (string | number)[], string?][] = [
    ["root", ["root"]],
    ["root.nested", ["root", "nested"]],
    ['root["nested"]', ["root", "nested"], "root.nested"],
    ["root.array[0]", ["root", "array", 0]],
    ["root.array[100].x", ["root", "array", 100, "x"]],
    [
      'root.array[0]["nested"].other["double"][1]',
      ["root", "array", 0, "nested", "other", "double", 1],
      "root.array[0].nested.other.double[1]",
    ],
    ['root["key with \\"escaped\\" quotes"]', ["root", 'key with "escaped" quotes']],
    ['root["key with a ."]', ["root", "key with a ."]],
    ['["root key with \\"escaped\\" quotes"].nested', ['root key with "escaped" quotes', "nested"]],
    ['labels["dev.seatrial/x"]', ["labels", "dev.seatrial/x"]],
    ['env["MY-NAME"]', ["env", "MY-NAME"]],
    ["env.MY-NAME", ["env", "MY-NAME"], 'env["MY-NAME"]'],
    ["ports.[0]", ["ports", 0], "ports[0]"],
    ["ports[*].internal", ["ports", "*", "internal"], 'ports["*"].internal'],
  ];
  test.each(paths)("%s", (text, path, written = text) => {
    expect(parsePath(text)).toEqual(path);
    expect(formatPath(path)).toBe(written);
    expect(parsePath(written)).toEqual(path);
  });

  test.each(['root["unclosed', "root[x]", "a.", 'root["a"'])("%s is refused", (text) => {
    expect(() => parsePath(text)).toThrow(text);
  });

  test("one path contains another where it names it or what holds it", () => {
    expect(pathContains(["a"], ["a", "b", 0])).toBe(true);
    expect(pathContains(["a", "*", "c"], ["a", 3, "c"])).toBe(true);
    expect(pathContains(["a", "b"], ["a"])).toBe(false);
    expect(pathContains(["a", "x"], ["a", "b"])).toBe(false);
  });
});

describe("putting back what a path names (ignoreChanges)", () => {
  const cases: [string, PropertyMap, PropertyMap, PropertyMap][] = [
    // path, the program's inputs, the old inputs, what the provider gets
    ["a", { a: 2, b: 2 }, { a: 1, b: 1 }, { a: 1, b: 2 }],
    ["a", { b: 2 }, { a: 1, b: 1 }, { a: 1, b: 2 }],
    ["a", { a: 2, b: 2 }, { b: 1 }, { b: 2 }],
    ["a.b", { a: { b: 2, c: 2 } }, { a: { b: 1, c: 1 } }, { a: { b: 1, c: 2 } }],
    ["a.b", { a: { c: 2 } }, { a: { b: 1, c: 1 } }, { a: { b: 1, c: 2 } }],
    ["a.b", { x: 1 }, { a: { b: 1 } }, { x: 1 }],
    ["a.b", { a: { b: 2 } }, {}, { a: {} }],
    ["a.b.c", { a: { b: { c: 2 } } }, {}, { a: { b: { c: 2 } } }],
    ["a[1]", { a: [9, 9] }, { a: [1, 2] }, { a: [9, 2] }],
    ["a[5]", { a: [9, 9] }, { a: [1, 2] }, { a: [9, 9] }],
    [
      "a[*].x",
      {
        a: [
          { x: 9, y: 9 },
          { x: 9, y: 9 },
        ],
      },
      { a: [{ x: 1 }, { x: 2 }] },
      {
        a: [
          { x: 1, y: 9 },
          { x: 2, y: 9 },
        ],
      },
    ],
    ["a[*].x", { a: [{ x: 9 }, { x: 9 }] }, { a: [{ x: 1 }] }, { a: [{ x: 1 }, { x: 9 }] }],
    ["a[*]", { a: { k: 9, n: 9 } }, { a: { k: 1, o: 1 } }, { a: { k: 1, o: 1 } }],
    ["a.b.c", { a: "text" }, { a: { b: { c: 1 } } }, { a: "text" }],
  ];
  test.each(cases)("%s of %j, once %j, gives %j", (path, news, olds, expected) => {
    const before = JSON.stringify(news);
    expect(resetPath(news, olds, parsePath(path))).toEqual(expected);
    expect(JSON.stringify(news)).toBe(before);
  });

  test("a secret is put back as the secret that it was", () => {
    expect(resetPath({ a: "new" }, { a: new Secret("old") }, ["a"])).toStrictEqual({ a: new Secret("old") });
  });

  test("a path leads through secrets, and what leaves one is a secret itself", () => {
    const inside = { a: new Secret({ b: 1, c: 1 }) };
    expect(resetPath({ a: new Secret({ b: 2, c: 2 }) }, inside, ["a", "b"])).toStrictEqual({
      a: new Secret({ b: 1, c: 2 }),
    });
    expect(resetPath({ a: { b: 2, c: 2 } }, inside, ["a", "b"])).toStrictEqual({ a: { b: new Secret(1), c: 2 } });
  });
});

describe("differences", () => {
  test("each by its path, with what happened to it", () => {
    const olds = { same: 1, gone: 1, list: [1, 2, 3], map: { x: 1, "k.y": 1 }, secret: new Secret({ p: 1 }) };
    const news = { same: 1, added: 1, list: [1, 9], map: { x: 2, "k.y": 1 }, secret: new Secret({ p: 2 }) };
    expect(diffMaps(olds, news)).toEqual({
      gone: { kind: "delete", inputDiff: true },
      added: { kind: "add", inputDiff: true },
      "list[1]": { kind: "update", inputDiff: true },
      "list[2]": { kind: "delete", inputDiff: true },
      "map.x": { kind: "update", inputDiff: true },
      secret: { kind: "update", inputDiff: true },
    });
    expect(changedKeys(olds, news)).toEqual(["added", "gone", "list", "map", "secret"]);
  });

  test("properties for the engine's or the provider's own use don't count", () => {
    expect(diffMaps({ __defaults: [1] }, { __defaults: [2] })).toEqual({});
    expect(changedKeys({ __defaults: [1] }, {})).toEqual([]);
  });

  test("equality", () => {
    expect(equalValues({ a: 1 }, { a: 1, b: undefined as unknown as PropertyValue })).toBe(true);
    expect(equalValues(new Secret("x"), "x")).toBe(false);
    expect(equalValues([UNKNOWN], [UNKNOWN])).toBe(true);
    expect(equalValues([1], { 0: 1 })).toBe(false);
    expect(equalValues(new Asset({ hash: "h", path: "here" }), new Asset({ hash: "h", text: "there" }))).toBe(true);
    expect(equalValues(new Asset({ hash: "h", text: "x" }), new Asset({ hash: "i", text: "x" }))).toBe(false);
    expect(equalValues(new ResourceReference(URN, "1", ""), new ResourceReference(URN, "2", ""))).toBe(false);
  });
});

describe("what is shown", () => {
  test("masks secrets wherever they are", () => {
    const shown = toDisplay({
      plain: "visible",
      secret: new Secret("hunter22"),
      deep: { list: [1, new Secret({ a: "hunter22" })] },
    });
    expect(shown).toEqual({ plain: "visible", secret: "[secret]", deep: { list: [1, "[secret]"] } });
  });

  test("in the clear only where that is asked for", () => {
    expect(toPlain({ secret: new Secret({ a: ["x"] }) })).toEqual({ secret: { a: ["x"] } });
  });

  test("messages lose the texts of secrets, the longest first", () => {
    const masker = makeMasker();
    masker.learn({ a: new Secret({ short: "no", user: "hunter22", url: "db://hunter22@host" }) });
    expect(masker.mask("no: db://hunter22@host and hunter22!")).toBe("no: [secret] and [secret]!");
  });
});

describe("durations", () => {
  test.each([
    ["90s", 90],
    ["1h30m", 5400],
    ["1.5s", 1.5],
    ["250ms", 0.25],
    ["20m0s", 1200],
    ["0", 0],
  ])("%s is %d seconds", (text, seconds) => expect(parseDuration(text)).toBeCloseTo(seconds, 9));

  test.each(["", "5", "abc", "5m garbage", "m"])('"%s" is refused with an example', (text) => {
    expect(() => parseDuration(text)).toThrow("write it like 90s, 5m or 1h30m");
  });
});
