import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../cli/main";
import { codeSpans, readDocument, root, sections, tableRows } from "./markdown";

/** A command's options as `--help` shows them, and the names of the commands below it. */
interface Help {
  options: string[];
  commands: string[];
}

async function help(words: string[]): Promise<Help> {
  let text = "";
  const write = jest.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    expect(await main([...words, "--help"])).toBe(0);
  } finally {
    write.mockRestore();
  }
  const entries = (title: string) =>
    (new RegExp(`^${title}:\\n((?: .*\\n)*)`, "m").exec(text)?.[1] ?? "")
      .split("\n")
      .map((line) => /^ {2}(\S.*?)(?: {2,}|$)/.exec(line)?.[1])
      .filter((entry) => entry !== undefined);
  return {
    options: entries("Options").filter((option) => option !== "-h, --help"),
    commands: entries("Commands")
      .map((command) => command.split(" ")[0]!)
      .filter((command) => command !== "help"),
  };
}

/** Every command's options, by its words after `seatrial`; the common options by "". */
async function optionsOfCli(words: string[] = []): Promise<Map<string, string[]>> {
  const { options, commands } = await help(words);
  const all = new Map([[words.join(" "), options.sort()]]);
  for (const command of commands) for (const [name, its] of await optionsOfCli([...words, command])) all.set(name, its);
  return all;
}

/** The same, as the document tells it: headings name commands, the rows of their tables options. */
function optionsOfDocument(): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const { title, text } of sections(readDocument("docs/commands.md"))) {
    const named = codeSpans(title).filter((code) => /^seatrial( |$)/.test(code));
    const commands = title === "Common options" ? [""] : named.map((code) => code.replace(/^seatrial ?/, ""));
    for (const command of commands) all.set(command, []);
    if (commands.length === 0) continue;
    for (const row of tableRows(text)) {
      const of = row.commands === undefined ? commands : codeSpans(row.commands);
      for (const command of of) all.get(command)!.push(codeSpans(row.option!)[0]!);
    }
  }
  for (const options of all.values()) options.sort();
  return all;
}

const byName = (all: Map<string, string[]>) => Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));

it("tells of the commands and options that there are, and of no others", async () => {
  const cli = byName(await optionsOfCli());
  expect(Object.keys(cli).length).toBeGreaterThan(15);
  expect(byName(optionsOfDocument())).toEqual(cli);
});

it("tells of every variable that is read from the environment", () => {
  const sources = ["ci", "cli", "components", "engine", "providers", "run"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => join(root, folder, file)),
  );
  const read = new Set<string>();
  for (const file of [...sources, join(root, "index.ts")]) {
    const pattern = /\benv(?:\??\.|\[")([A-Z][A-Z0-9_]+)\b/g;
    for (const [, name] of readFileSync(file, "utf8").matchAll(pattern)) read.add(name!);
  }
  expect(read.size).toBeGreaterThan(20);
  const told = new Set(codeSpans(readDocument("docs/commands.md")));
  expect([...read].filter((name) => !told.has(name))).toEqual([]);
});

it("tells of every exit code that README.md tells of", () => {
  const readme = tableRows(readDocument("README.md")).filter((row) => "exit code" in row);
  const codes = (cells: string[]) => new Set(cells.flatMap((cell) => cell.split(",").map((code) => code.trim())));
  const told = codes(tableRows(readDocument("docs/commands.md")).map((row) => row.code ?? ""));
  expect(readme.length).toBeGreaterThan(3);
  expect([...codes(readme.map((row) => row["exit code"]!))].filter((code) => !told.has(code))).toEqual([]);
});
