import { resolve } from "node:path";
import { table } from "../../cli/commands/stack";
import { main } from "../../cli/main";
import { commonOptions, parseConfig, splitCommand } from "../../cli/options";

let errors: string;
beforeEach(() => {
  errors = "";
  jest.spyOn(process.stderr, "write").mockImplementation((text) => {
    errors += String(text);
    return true;
  });
  jest.spyOn(process.stdout, "write").mockImplementation(() => true);
});
afterEach(() => jest.restoreAllMocks());

test.each([
  [[], 2, /Usage/],
  [["bogus"], 2, /unknown command 'bogus'/],
  [["test", "sh"], 2, /too many arguments for 'test'/],
  [["test", "--timeout", "soon"], 2, /expected a duration/],
  [["up", "--parallel", "0"], 2, /expected a whole number/],
  [["up", "--", "sh"], 2, /seatrial up takes nothing after "--"/],
  [["test", "--"], 2, /"--" is followed by no command/],
  [["up", "--config", "novalue"], 2, /--config novalue: expected KEY=VALUE/],
  [["up", "--color", "pink"], 2, /Allowed choices are always, never, auto/],
  [["test", "--cwd", "/nowhere/at/all"], 2, /no Pulumi.yaml in \/nowhere\/at\/all/],
  [["--cwd", "/nowhere/at/all", "stack", "ls"], 2, /no Pulumi.yaml/],
  [["version"], 0, /^$/],
  [["--help"], 0, /^$/],
  [["test", "--help"], 0, /^$/],
])("seatrial %j exits %d", async (argv, code, message) => {
  expect(await main(argv)).toBe(code);
  expect(errors).toMatch(message);
  if (code === 2 && argv.length > 0) expect(errors.trim().split("\n").length).toBeLessThanOrEqual(2);
});

test("everything after -- is the command, options and further dashes included", () => {
  expect(splitCommand(["test", "--keep", "--", "sh", "-c", "exit 7", "--", "--json"])).toEqual({
    own: ["test", "--keep"],
    command: ["sh", "-c", "exit 7", "--", "--json"],
  });
  expect(splitCommand(["up"])).toEqual({ own: ["up"] });
});

test("the last value of a key counts, and a value may hold equals signs", () => {
  expect(parseConfig(["a=1", "b:c=x=y", "a=2", "d="])).toEqual({ a: "2", "b:c": "x=y", d: "" });
  expect(() => parseConfig(["=x"])).toThrow(/expected KEY=VALUE/);
});

test("paths are absolute, whatever folder the program changes to", () => {
  const options = commonOptions({ cwd: "sub", eventLog: "events.jsonl", configFile: "x.yaml", config: ["a=b"] });
  expect(options).toMatchObject({
    cwd: resolve("sub"),
    eventLog: resolve("events.jsonl"),
    configFile: resolve("x.yaml"),
  });
  expect(commonOptions({})).toMatchObject({ cwd: process.cwd(), yes: false, json: false, config: {} });
});

test("columns line up", () => {
  expect(
    table([
      ["A", "B"],
      ["long", "x"],
    ]),
  ).toBe("A     B\nlong  x");
});
