import fc from "fast-check";
import { logGroup } from "../../ci/log-groups";
import { commandFilter, errorCommand, withoutCommands } from "../../ci/workflow-commands";
import { hostileText } from "../report/hostile";

/** As the runner looks at a line: `TryParseV2` and `TryParse` of its ActionCommand. */
function commandIn(line: string): { name: string; properties: Record<string, string>; data: string } | undefined {
  const trimmed = line.trimStart();
  if (trimmed.startsWith("::")) {
    const end = trimmed.indexOf("::", 2);
    if (end < 0) return undefined;
    const [name = "", ...rest] = trimmed.slice(2, end).split(" ");
    const decode = (text: string, more: boolean) => {
      const once = text.replace(/%0D/g, "\r").replace(/%0A/g, "\n");
      return (more ? once.replace(/%3A/g, ":").replace(/%2C/g, ",") : once).replace(/%25/g, "%");
    };
    const pairs = rest
      .join(" ")
      .split(",")
      .map((pair) => pair.split("=") as [string, string]);
    const properties = Object.fromEntries(pairs.map(([key, ...value]) => [key, decode(value.join("="), true)]));
    return { name, properties, data: decode(trimmed.slice(end + 2), false) };
  }
  return line.includes("##[") ? { name: "old", properties: {}, data: "" } : undefined;
}

const linesOf = (text: string) => text.split(/\r\n|\n|\r/);
const seen = (text: string) => text.replaceAll("\u200b", "");

test("no line of a log is a workflow command, in whatever pieces it comes, and all of it is still there", () => {
  fc.assert(
    fc.property(fc.array(hostileText, { maxLength: 6 }), (chunks) => {
      const filter = commandFilter();
      const out = chunks.map((chunk) => filter.push(chunk)).join("");
      for (const line of linesOf(out)) {
        expect(commandIn(line)).toBeUndefined();
        expect(line.replace(/^[\s\p{Cc}\p{Cf}]+/u, "").startsWith("::")).toBe(false);
      }
      expect(seen(out)).toBe(seen(chunks.join("")));
    }),
    { numRuns: 800 },
  );
  expect(seen(withoutCommands("a ::b:: #[c]"))).toBe("a ::b:: #[c]");
  expect(withoutCommands("a ::b:: #[c]")).toBe("a ::b:: #[c]");
});

test("an annotation is one command with one title and one message, whatever these hold", () => {
  fc.assert(
    fc.property(hostileText, hostileText, (title, message) => {
      const command = errorCommand({ title, message, file: "tests/a.py", line: 3 });
      expect(linesOf(command)).toHaveLength(1);
      expect(command).not.toContain("##[");
      const read = commandIn(command)!;
      expect(read.name).toBe("error");
      expect(Object.keys(read.properties)).toEqual(["file", "line", "title"]);
      expect(seen(read.properties.title!)).toBe(seen(title));
      expect(seen(read.data)).toBe(seen(message));
    }),
    { numRuns: 500 },
  );
  expect(errorCommand({ title: "a: b, c", message: "50%\nx" })).toBe("::error title=a%3A b%2C c::50%25%0Ax");
});

test("a group's title ends nothing and begins nothing", () => {
  fc.assert(
    fc.property(hostileText, (title) => {
      const github = logGroup(title, { GITHUB_ACTIONS: "true" })!;
      expect(linesOf(github.start.slice(0, -1))).toHaveLength(1);
      expect(commandIn(github.start)?.name).toBe("group");
      const gitlab = logGroup(title, { GITLAB_CI: "true" }, 1_700_000_000_000)!;
      expect(gitlab.start).toMatch(
        /^\x1b\[0Ksection_start:1700000000:seatrial_\d+\[collapsed=true\]\r\x1b\[0K[^\r\n\x1b]*\n$/,
      );
      expect(gitlab.end).toBe(
        gitlab.start
          .replace(/_start/, "_end")
          .replace("[collapsed=true]", "")
          .replace(/0K[^\r\x1b]*\n$/, "0K"),
      );
    }),
    { numRuns: 500 },
  );
  expect(logGroup("x", {})).toBeUndefined();
});
